//! Plans the changes to the security group. Pure functions; no AWS calls.

use aws_sdk_ec2::types::IpPermission;
use contract::{Action, Ownership, TagChanges, TagDifference, Tags};

use crate::rule;

/// An existing group.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: String,
    pub ownership: Ownership,
    /// How its tags differ from the requested ones.
    pub tags: TagChanges,
    /// Its inbound rules.
    pub rules: Vec<IpPermission>,
}

/// A call that writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Create,
    Adopt,
    RemoveTags(Vec<TagDifference>),
    AddTags(Vec<TagDifference>),
    Authorize(IpPermission),
    Revoke(Vec<IpPermission>),
}

/// Returns the changes, in order, that give the group the requested tags and rule, or create it if there is none.
pub fn plan_changes(found: Option<&Found>, requested: &IpPermission) -> Vec<Change> {
    let Some(found) = found else {
        return vec![Change::Create, Change::Authorize(requested.clone())];
    };
    let mut changes = Vec::new();
    if found.ownership == Ownership::Adoptable {
        changes.push(Change::Adopt);
    }
    let TagChanges { remove, add } = found.tags.clone();
    if !remove.is_empty() {
        changes.push(Change::RemoveTags(remove));
    }
    if !add.is_empty() {
        changes.push(Change::AddTags(add));
    }
    if !found.rules.iter().any(|rule| rule::covers(rule, requested)) {
        changes.push(Change::Authorize(requested.clone()));
    }
    let outdated = rule::outdated(&found.rules, requested);
    if !outdated.is_empty() {
        changes.push(Change::Revoke(outdated));
    }
    changes
}

impl Change {
    /// Returns the change as a plan lists it. `name` is the group's, and `tags` are those of a new group.
    pub fn to_action(&self, name: &str, tags: &Tags) -> Action {
        let words = |rules: &[IpPermission]| rules.iter().flat_map(rule::words).collect::<Vec<_>>();
        match self {
            Self::Create => Action::new("CreateSecurityGroup", name).sets_tags(tags),
            Self::Adopt => Action::new("CreateTags", name),
            Self::RemoveTags(removed) => Action::new("DeleteTags", name).changes_tags(removed),
            Self::AddTags(added) => Action::new("CreateTags", name).changes_tags(added),
            Self::Authorize(rule) => words(std::slice::from_ref(rule)).into_iter().fold(
                Action::new("AuthorizeSecurityGroupIngress", name),
                |action, rule| action.sets("inbound rule", &rule),
            ),
            Self::Revoke(rules) => words(rules).into_iter().fold(
                Action::new("RevokeSecurityGroupIngress", name),
                |action, rule| action.change("inbound rule", Some(rule), None),
            ),
        }
    }
}
