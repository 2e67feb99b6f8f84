//! What a run stores about the cache's creation between its rounds.

use serde::{Deserialize, Serialize};

/// The creation of a cache that envcache has requested from ElastiCache, or is about to request. Stored as JSON in the
/// attribute `creation` until the cache's endpoint is about to be published.
///
/// While the record has it, a `create-failed` replication group of the environment belongs to envcache: its tags can't be
/// read in that status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Creation {
    /// The name of the execution that wrote it. Another execution starts over with the placements.
    pub execution: String,
    /// The zones of the current request, one for each node; empty if ElastiCache chooses them.
    pub placement: Vec<String>,
    /// The placements in which AWS didn't create the cache in this execution, in order.
    pub rejections: Vec<Rejection>,
    /// Whether the execution has deleted a failed creation and requested the cache again.
    pub replaced: bool,
    /// Whether the execution has requested the deletion of the failed creation.
    pub deletion_requested: bool,
}

/// A placement in which AWS didn't create the cache, because of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rejection {
    /// The requested zones, one for each node; empty if ElastiCache chose them.
    pub placement: Vec<String>,
    /// The error code with AWS's message, or ElastiCache's events; at most about 200 characters.
    pub reason: String,
}

impl Creation {
    /// Reads a creation from JSON. Invalid text counts as a creation by an unknown execution.
    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Creation, Rejection};

    #[test]
    fn creation_survives_being_written_and_read() {
        let creation = Creation {
            execution: "run-1".to_owned(),
            placement: vec!["a".to_owned(), "b".to_owned()],
            rejections: vec![
                Rejection {
                    placement: vec!["c".to_owned()],
                    reason: "no capacity".to_owned(),
                },
                Rejection::default(),
            ],
            replaced: true,
            deletion_requested: true,
        };

        let text = serde_json::to_string(&creation).expect("JSON");

        assert_eq!(Creation::from_json(&text), creation);
    }

    #[test]
    fn missing_fields_are_empty_when_creation_is_read() {
        let text = json!({ "execution": "run-1", "ofALaterVersion": 1 }).to_string();

        let found = Creation::from_json(&text);

        let expected = Creation {
            execution: "run-1".to_owned(),
            ..Creation::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn execution_is_unknown_when_text_is_invalid() {
        for text in ["", "bandup-redis", "null", "1", "{\"execution\": 1}"] {
            assert_eq!(Creation::from_json(text), Creation::default(), "{text}");
        }
    }
}
