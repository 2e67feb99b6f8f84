//! How a cache lives: which status it is in, at which moment. Pure: time comes in from outside.

/// How long a cache takes for what, in AWS's seconds, and how its creation ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
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
    Unheard {
        status: String,
    },
}

impl Default for Life {
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
    Unheard(String),
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
    pub fn at(life: &Life, times: Times, now: f64) -> Self {
        if let Some(deleted) = times.deleted {
            return if now < deleted + life.deleting {
                Self::Deleting
            } else {
                Self::Gone
            };
        }
        let since = now - times.created - life.creating;
        if since < 0.0 {
            return Self::Creating;
        }
        match &life.outcome {
            Outcome::Failed { .. } => return Self::CreateFailed,
            Outcome::Unheard { status } => return Self::Unheard(status.clone()),
            Outcome::Available => {}
        }
        if since < life.snapshotting {
            return Self::Snapshotting;
        }
        if since < life.snapshotting + life.without_endpoint {
            return Self::WithoutEndpoint;
        }
        match times.changed {
            Some(changed) if now < changed + life.modifying => Self::Modifying,
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
            Self::Unheard(status) => status,
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
    use super::{Life, Outcome, Phase, Times};

    #[test]
    fn a_cache_is_created_changed_and_deleted_in_its_time() {
        let life = Life {
            without_endpoint: 5.0,
            ..Life::default()
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
                Phase::at(&life, times, now),
                expected,
                "at {now}: {times:?}"
            );
        }
    }

    #[test]
    fn a_creation_ends_as_it_was_told_to() {
        let end = |life: &Life| Phase::at(life, Times::default(), 46.0);
        let ending = |outcome| Life {
            outcome,
            ..Life::default()
        };

        let failed = ending(Outcome::Failed {
            reason: "no capacity".to_owned(),
        });
        let unheard = ending(Outcome::Unheard {
            status: "pondering".to_owned(),
        });
        let snapshotting = Life {
            snapshotting: 10.0,
            ..Life::default()
        };

        assert_eq!(end(&failed).status(), "create-failed");
        assert_eq!(end(&unheard).status(), "pondering");
        assert_eq!(end(&snapshotting).status(), "snapshotting");
    }
}
