//! What a run stores about an existing cache between its rounds.

use serde::{Deserialize, Serialize};

/// What an execution has observed about a cache that doesn't reach the requested configuration, and what it changed
/// immediately. Stored as JSON in the attribute `observed` until the cache's endpoint is about to be published.
///
/// Each observation has the seconds that the execution had waited for the cache by then. A retried invocation has the same
/// ones as the invocation before it, so it doesn't count as another round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Observed {
    /// The name of the execution that wrote it. Another execution starts over.
    pub execution: String,
    /// The change that ElastiCache last rejected because it found nothing to modify.
    pub nothing_to_modify: Option<NothingToModify>,
    /// When the execution requested more replicas, in seconds waited.
    pub replica_requests: Vec<u32>,
    /// When the execution set the notification topic, in seconds waited.
    pub topic_requests: Vec<u32>,
    /// The member that doesn't recover.
    pub failed_member: Option<FailedMember>,
    /// The fields that the execution changed immediately instead of in the maintenance window, for its output.
    pub immediate: Vec<String>,
}

/// A change for which ElastiCache found nothing to modify.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NothingToModify {
    /// The fields, with the values found and requested.
    pub differences: String,
    /// When, in seconds waited.
    pub at: u32,
}

/// A member in a status from which ElastiCache doesn't recover it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailedMember {
    /// The member's ID.
    pub id: String,
    /// Its status.
    pub status: String,
    /// When a run found it in that status, in seconds waited.
    pub checks: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::{FailedMember, NothingToModify, Observed};

    #[test]
    fn observations_survive_being_written_and_read() {
        let observed = Observed {
            execution: "run-1".to_owned(),
            nothing_to_modify: Some(NothingToModify {
                differences: "cache.description".to_owned(),
                at: 30,
            }),
            replica_requests: vec![0, 120],
            topic_requests: vec![0, 30],
            failed_member: Some(FailedMember {
                id: "bandup-redis-002".to_owned(),
                status: "restore-failed".to_owned(),
                checks: vec![0, 30],
            }),
            immediate: vec!["cache.replicas".to_owned()],
        };

        let text = serde_json::to_string(&observed).expect("JSON");

        assert_eq!(
            serde_json::from_str::<Observed>(&text).expect("observations"),
            observed
        );
    }
}
