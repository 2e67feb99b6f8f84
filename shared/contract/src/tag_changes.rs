//! Compares the tags of a resource with the requested ones. Pure functions; no AWS calls.

use std::collections::BTreeMap;

use crate::ownership::Ownership;
use crate::tags::Tags;

/// What a plan shows in place of the value of a tag that may not be envcache's.
const ANOTHER_VALUE: &str = "another value";

/// A tag that differs from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagDifference {
    /// The tag's key.
    pub key: String,
    /// The value that a plan shows as the current one; none if the resource doesn't have the tag.
    pub found: Option<String>,
    /// The requested value; none if the tag is removed.
    pub wanted: Option<String>,
}

/// The changes to a resource's tags, in the order in which a run makes them: a resource has at most 50 tags, so new ones may
/// need the room of removed ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// The tags to remove: earlier requests named them, and this one doesn't.
    pub remove: Vec<TagDifference>,
    /// The requested tags that are missing or have another value.
    pub add: Vec<TagDifference>,
}

impl TagChanges {
    /// Returns the changes to a resource that has the tags `found`. `former` are the keys that only earlier requests named. All
    /// other tags stay.
    #[must_use]
    pub fn new<'a>(
        requested: &Tags,
        former: &[String],
        ownership: Ownership,
        found: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Self {
        // ElastiCache has tags without a value.
        let found: BTreeMap<_, _> = found
            .into_iter()
            .filter_map(|(key, value)| Some((key?, value.unwrap_or_default())))
            .collect();
        let difference = |key: &str, wanted: Option<&str>| {
            let found = found.get(key).copied();
            (found != wanted).then(|| TagDifference {
                key: key.to_owned(),
                found: found.map(|value| match ownership {
                    Ownership::Owned => value.to_owned(),
                    // Whoever reads the plan may not be allowed to read the tags of a resource that isn't envcache's.
                    Ownership::Adoptable => ANOTHER_VALUE.to_owned(),
                }),
                wanted: wanted.map(str::to_owned),
            })
        };
        let former = former.iter().filter(|key| !requested.contains(key));
        Self {
            remove: former.filter_map(|key| difference(key, None)).collect(),
            add: requested
                .iter()
                .filter_map(|(key, value)| difference(key, Some(value)))
                .collect(),
        }
    }
}

/// Returns the name of a tag's field in a plan, such as `tags.team`.
#[must_use]
pub fn field(key: &str) -> String {
    format!("tags.{key}")
}

/// Returns the keys of tags.
#[must_use]
pub fn keys(differences: &[TagDifference]) -> Vec<String> {
    let keys = differences.iter().map(|difference| &difference.key);
    keys.cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{TagChanges, TagDifference};
    use crate::ownership::Ownership;
    use crate::tags::Tags;

    fn tags(tags: Value) -> Tags {
        serde_json::from_value(tags).expect("tags")
    }

    fn difference(key: &str, found: Option<&str>, wanted: Option<&str>) -> TagDifference {
        TagDifference {
            key: key.to_owned(),
            found: found.map(str::to_owned),
            wanted: wanted.map(str::to_owned),
        }
    }

    /// Returns the changes to a resource that has owner tags, a tag of another tool, and the tags `team` and `stage`.
    fn changes(requested: Value, former: &[&str], ownership: Ownership) -> TagChanges {
        let former: Vec<_> = former.iter().map(|key| (*key).to_owned()).collect();
        let found = [
            ("envcache:environment", "bandup"),
            ("envcache:stack", "envcache"),
            ("backup", "daily"),
            ("team", "web"),
            ("stage", "test"),
        ];
        let found = found.map(|(key, value)| (Some(key), Some(value)));
        TagChanges::new(&tags(requested), &former, ownership, found)
    }

    #[test]
    fn adds_changes_and_removes_only_tags_of_requests() {
        let found = changes(
            json!({ "team": "core", "stage": "test", "owner": "" }),
            &["cost center", "stage"],
            Ownership::Owned,
        );

        // `cost center` isn't on the resource, and `stage` is requested again.
        assert!(found.remove.is_empty(), "{found:?}");
        assert_eq!(
            found.add,
            [
                difference("owner", None, Some("")),
                difference("team", Some("web"), Some("core")),
            ]
        );
    }

    #[test]
    fn removes_former_tags_and_keeps_others() {
        let found = changes(json!({}), &["stage", "team"], Ownership::Owned);

        let removed = [
            difference("stage", Some("test"), None),
            difference("team", Some("web"), None),
        ];
        assert_eq!(found.remove, removed);
        assert!(found.add.is_empty(), "{found:?}");
    }

    #[test]
    fn hides_values_of_resources_that_are_adopted() {
        let found = changes(json!({ "backup": "none" }), &["team"], Ownership::Adoptable);

        assert_eq!(
            found,
            TagChanges {
                remove: vec![difference("team", Some("another value"), None)],
                add: vec![difference("backup", Some("another value"), Some("none"))],
            }
        );
    }

    #[test]
    fn tag_without_a_value_has_an_empty_one() {
        let found = [(Some("owner"), None)];

        let found = TagChanges::new(&tags(json!({ "owner": "" })), &[], Ownership::Owned, found);

        assert_eq!(found, TagChanges::default());
    }
}
