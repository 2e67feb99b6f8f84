//! Answers of Systems Manager that the tests of several crates need.

use serde_json::json;

use crate::Answer;

/// Returns the answer to
/// [ListTagsForResource](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html), with
/// these tags.
#[must_use]
pub fn list_tags_for_resource(tags: &[(&str, &str)]) -> Answer {
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    Answer::ok(json!({ "TagList": tags }).to_string())
}
