//! A cache's phase, as a pure function of its lifecycle and the time.

/// The durations of a cache's phases, in simulated seconds, and the outcome of its creation.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    pub creating: f64,
    pub outcome: Outcome,
    /// The duration of the first snapshot, after the creation.
    pub snapshotting: f64,
    /// How long the cache is then *available* without an endpoint.
    pub without_endpoint: f64,
    pub modifying: f64,
    /// How long the delivery of logs is still changing after the creation or the modification.
    pub delivering: f64,
    pub deleting: f64,
    /// How long the network interfaces remain after the deletion.
    pub lingering: f64,
    /// Whether a server listens at the endpoint, if Valkey is installed.
    pub answers: bool,
}

/// The outcome of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Available,
    /// *create-failed*; only `DescribeEvents` returns the reason.
    Failed {
        reason: String,
    },
    /// A status that AWS doesn't document.
    Undocumented {
        status: String,
    },
}

impl Default for Lifecycle {
    /// Returns durations that are shorter than AWS's, but long enough that a run must wait.
    fn default() -> Self {
        Self {
            creating: 45.0,
            outcome: Outcome::Available,
            snapshotting: 0.0,
            without_endpoint: 0.0,
            modifying: 20.0,
            delivering: 5.0,
            deleting: 30.0,
            lingering: 30.0,
            answers: true,
        }
    }
}

/// The times of a cache's operations, in simulated seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    pub created: f64,
    /// The time of the last modification.
    pub changed: Option<f64>,
    pub deleted: Option<f64>,
}

/// A phase of a cache's lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    Creating,
    CreateFailed,
    Undocumented(String),
    Snapshotting,
    WithoutEndpoint,
    Available,
    Modifying,
    Deleting,
    Deleted,
}

impl Phase {
    /// Returns the phase at a time.
    #[must_use]
    pub fn at(lifecycle: &Lifecycle, times: Times, now: f64) -> Self {
        if let Some(deleted) = times.deleted {
            return if now < deleted + lifecycle.deleting {
                Self::Deleting
            } else {
                Self::Deleted
            };
        }
        let since = now - times.created - lifecycle.creating;
        if since < 0.0 {
            return Self::Creating;
        }
        match &lifecycle.outcome {
            Outcome::Failed { .. } => return Self::CreateFailed,
            Outcome::Undocumented { status } => return Self::Undocumented(status.clone()),
            Outcome::Available => {}
        }
        if since < lifecycle.snapshotting {
            return Self::Snapshotting;
        }
        if since < lifecycle.snapshotting + lifecycle.without_endpoint {
            return Self::WithoutEndpoint;
        }
        match times.changed {
            Some(changed) if now < changed + lifecycle.modifying => Self::Modifying,
            _ => Self::Available,
        }
    }

    /// Returns the status that ElastiCache shows
    /// ([ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html)).
    #[must_use]
    pub fn status(&self) -> &str {
        match self {
            Self::Creating => "creating",
            Self::CreateFailed => "create-failed",
            Self::Undocumented(status) => status,
            Self::Snapshotting => "snapshotting",
            Self::WithoutEndpoint | Self::Available => "available",
            Self::Modifying => "modifying",
            Self::Deleting | Self::Deleted => "deleting",
        }
    }

    /// Returns whether ElastiCache shows the endpoint.
    #[must_use]
    pub const fn shows_endpoint(&self) -> bool {
        matches!(self, Self::Available | Self::Modifying | Self::Snapshotting)
    }

    /// Returns whether tags can be read and modifications are accepted.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        matches!(self, Self::Available | Self::WithoutEndpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lifecycle, Outcome, Phase, Times};

    #[test]
    fn phase_follows_creation_modification_and_deletion() {
        let lifecycle = Lifecycle {
            without_endpoint: 5.0,
            ..Lifecycle::default()
        };
        let created = Times {
            created: 100.0,
            ..Times::default()
        };
        let changed = Times {
            changed: Some(200.0),
            ..created
        };
        let deleted = Times {
            deleted: Some(300.0),
            ..changed
        };
        let cases = [
            (created, 100.0, Phase::Creating),
            (created, 144.9, Phase::Creating),
            (created, 146.0, Phase::WithoutEndpoint),
            (created, 151.0, Phase::Available),
            (changed, 200.0, Phase::Modifying),
            (changed, 221.0, Phase::Available),
            (deleted, 300.0, Phase::Deleting),
            (deleted, 331.0, Phase::Deleted),
        ];
        for (times, now, expected) in cases {
            assert_eq!(
                Phase::at(&lifecycle, times, now),
                expected,
                "at {now}: {times:?}"
            );
        }
    }

    #[test]
    fn creation_ends_with_the_lifecycles_outcome() {
        let phase = |lifecycle: &Lifecycle| Phase::at(lifecycle, Times::default(), 46.0);
        let with_outcome = |outcome| Lifecycle {
            outcome,
            ..Lifecycle::default()
        };
        let failed = with_outcome(Outcome::Failed {
            reason: "no capacity".to_owned(),
        });
        let undocumented = with_outcome(Outcome::Undocumented {
            status: "pondering".to_owned(),
        });
        let snapshotting = Lifecycle {
            snapshotting: 10.0,
            ..Lifecycle::default()
        };

        assert_eq!(phase(&failed).status(), "create-failed");
        assert_eq!(phase(&undocumented).status(), "pondering");
        assert_eq!(phase(&snapshotting).status(), "snapshotting");
    }
}
