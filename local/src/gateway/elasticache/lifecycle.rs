//! How a cache lives: which status it is in, at which moment. Pure: time comes in from outside.

/// How long a cache takes for what, in AWS's seconds, and how its creation ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    pub creating: f64,
    /// How its creation ends.
    pub outcome: Outcome,
    /// How long it takes a backup once it is created.
    pub snapshotting: f64,
    /// How long, from then on, it is *available* and its endpoint still missing.
    pub without_endpoint: f64,
    pub modifying: f64,
    pub deleting: f64,
    /// How long its network interfaces stay after it has gone.
    pub lingering: f64,
    /// Whether somebody answers at its endpoint, where a real Valkey is to stand there.
    pub answers: bool,
}

/// How a creation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Available,
    /// *create-failed*; the reason stands in `DescribeEvents` alone.
    Failed {
        reason: String,
    },
    /// A status that AWS does not document.
    Undocumented {
        status: String,
    },
}

impl Default for Lifecycle {
    /// A short life, but one that a run has to wait for: AWS takes minutes for a creation.
    fn default() -> Self {
        Self {
            creating: 45.0,
            outcome: Outcome::Available,
            snapshotting: 0.0,
            without_endpoint: 0.0,
            modifying: 20.0,
            deleting: 30.0,
            lingering: 30.0,
            answers: true,
        }
    }
}

/// When what happened to a cache, in AWS's seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    pub created: f64,
    /// The last change.
    pub changed: Option<f64>,
    pub deleted: Option<f64>,
}

/// Where in its life a cache is.
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
    Gone,
}

impl Phase {
    /// The phase at a moment.
    #[must_use]
    pub fn at(lifecycle: &Lifecycle, times: Times, now: f64) -> Self {
        if let Some(deleted) = times.deleted {
            return if now < deleted + lifecycle.deleting {
                Self::Deleting
            } else {
                Self::Gone
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

    /// The status that ElastiCache shows
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
            Self::Deleting | Self::Gone => "deleting",
        }
    }

    /// Whether the endpoint is shown.
    #[must_use]
    pub const fn shows_endpoint(&self) -> bool {
        matches!(self, Self::Available | Self::Modifying | Self::Snapshotting)
    }

    /// Whether its tags can be read and changes are taken.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        matches!(self, Self::Available | Self::WithoutEndpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lifecycle, Outcome, Phase, Times};

    #[test]
    fn a_cache_is_created_changed_and_deleted_in_its_time() {
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
            (deleted, 331.0, Phase::Gone),
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
    fn a_creation_ends_as_it_was_told_to() {
        let end = |lifecycle: &Lifecycle| Phase::at(lifecycle, Times::default(), 46.0);
        let ending = |outcome| Lifecycle {
            outcome,
            ..Lifecycle::default()
        };

        let failed = ending(Outcome::Failed {
            reason: "no capacity".to_owned(),
        });
        let unheard = ending(Outcome::Undocumented {
            status: "pondering".to_owned(),
        });
        let snapshotting = Lifecycle {
            snapshotting: 10.0,
            ..Lifecycle::default()
        };

        assert_eq!(end(&failed).status(), "create-failed");
        assert_eq!(end(&unheard).status(), "pondering");
        assert_eq!(end(&snapshotting).status(), "snapshotting");
    }
}
