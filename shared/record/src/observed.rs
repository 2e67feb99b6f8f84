//! What a run remembers about an existing cache between its rounds.

use serde::{Deserialize, Serialize};

/// What an execution has observed about a cache that doesn't become what it requests. Stored as JSON in the attribute
/// `observed` until the cache's endpoint is about to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Observed {
    /// The name of the execution that wrote it. Another execution starts over.
    pub execution: String,
    /// The differences that ElastiCache last refused to change, because it found nothing to modify.
    pub nothing_to_modify: Option<String>,
    /// How often the execution has requested more replicas.
    pub replica_requests: u32,
    /// The member that doesn't recover.
    pub failed_member: Option<FailedMember>,
}

/// A member in a status from which ElastiCache doesn't recover it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailedMember {
    /// The member's ID.
    pub id: String,
    /// Its status.
    pub status: String,
    /// In how many rounds it was found so.
    pub checks: u32,
}

#[cfg(test)]
mod tests {
    use super::{FailedMember, Observed};

    #[test]
    fn observations_survive_being_written_and_read() {
        let observed = Observed {
            execution: "run-1".to_owned(),
            nothing_to_modify: Some("cache.description".to_owned()),
            replica_requests: 1,
            failed_member: Some(FailedMember {
                id: "bandup-redis-002".to_owned(),
                status: "restore-failed".to_owned(),
                checks: 2,
            }),
        };

        let text = serde_json::to_string(&observed).expect("JSON");

        assert_eq!(
            serde_json::from_str::<Observed>(&text).expect("observations"),
            observed
        );
    }
}
