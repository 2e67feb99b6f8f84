//! What a run does to AWS, for the person who reads it before or after it is done.

use serde::{Deserialize, Serialize};

/// One call that writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Action {
    /// AWS's name of the call, such as `ModifyReplicationGroup`.
    pub operation: String,
    /// What it is about, by its name or id.
    pub resource: String,
    /// What it changes, field by field.
    pub changes: Vec<Difference>,
}

/// What a field is and should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Difference {
    /// The field, by its name in the request where it has one.
    pub field: String,
    /// None where there is nothing yet.
    pub found: Option<String>,
    /// None where it goes.
    pub wanted: Option<String>,
}

impl Action {
    /// A call without a change told yet.
    #[must_use]
    pub fn new(operation: &str, resource: impl Into<String>) -> Self {
        Self {
            operation: operation.to_owned(),
            resource: resource.into(),
            changes: Vec::new(),
        }
    }

    /// What it changes, in words: each field with the value found and the one requested.
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

    /// The same call, with one more field that it sets.
    #[must_use]
    pub fn sets(self, field: &str, wanted: &impl ToString) -> Self {
        self.change(field, None, Some(wanted.to_string()))
    }

    /// The same call, with one more field that it changes.
    #[must_use]
    pub fn change(mut self, field: &str, found: Option<String>, wanted: Option<String>) -> Self {
        self.changes.push(Difference {
            field: field.to_owned(),
            found,
            wanted,
        });
        self
    }
}
