//! The write calls that a run makes, as plans and results list them.

use serde::{Deserialize, Serialize};

use crate::tag_changes::field;
use crate::{TagDifference, Tags};

/// A call that writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// The AWS operation, such as `ModifyReplicationGroup`.
    pub operation: String,
    /// The name or ID of the resource.
    pub resource: String,
    /// The fields that it changes.
    pub changes: Vec<Difference>,
}

/// The current and the requested value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Difference {
    /// The field's name, as in the request if it is part of that.
    pub field: String,
    /// The current value; none if there is none yet.
    pub found: Option<String>,
    /// The requested value; none if the current one is removed.
    pub wanted: Option<String>,
}

impl Action {
    /// Creates an action without changes.
    #[must_use]
    pub fn new(operation: &str, resource: impl Into<String>) -> Self {
        Self {
            operation: operation.to_owned(),
            resource: resource.into(),
            changes: Vec::new(),
        }
    }

    /// Returns the changes in words: each field with the current value and the requested one.
    #[must_use]
    pub fn differences(&self) -> String {
        let shown = |value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(|| "none".to_owned(), |value| format!("`{value}`"))
        };
        let differences: Vec<_> = self
            .changes
            .iter()
            .map(|change| {
                let (found, wanted) = (shown(&change.found), shown(&change.wanted));
                format!("{} is {found}, requested {wanted}", change.field)
            })
            .collect();
        differences.join("; ")
    }

    /// Adds a field that the call sets.
    #[must_use]
    pub fn sets(self, field: &str, wanted: &impl ToString) -> Self {
        self.change(field, None, Some(wanted.to_string()))
    }

    /// Adds a field that the call changes.
    #[must_use]
    pub fn change(mut self, field: &str, found: Option<String>, wanted: Option<String>) -> Self {
        self.changes.push(Difference {
            field: field.to_owned(),
            found,
            wanted,
        });
        self
    }

    /// Adds the tags that the call gives to a new resource.
    #[must_use]
    pub fn sets_tags(self, tags: &Tags) -> Self {
        tags.iter().fold(self, |action, (key, value)| {
            action.sets(&field(key), &value)
        })
    }

    /// Adds the tags that the call adds, changes, or removes.
    #[must_use]
    pub fn changes_tags(self, differences: &[TagDifference]) -> Self {
        differences.iter().fold(self, |action, difference| {
            action.change(
                &field(&difference.key),
                difference.found.clone(),
                difference.wanted.clone(),
            )
        })
    }
}
