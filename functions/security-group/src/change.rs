//! Plans the changes to the security group. Pure functions; no AWS calls.

use aws_sdk_ec2::types::IpPermission;
use contract::{Action, Ownership};

use crate::rule;

/// An existing group.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: String,
    pub ownership: Ownership,
    /// Its inbound rules.
    pub rules: Vec<IpPermission>,
}

/// A call that writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Create,
    Adopt,
    Authorize(IpPermission),
    Revoke(Vec<IpPermission>),
}

/// Returns the changes, in order, that give the group the requested rule, or create it if there is none.
pub fn plan_changes(found: Option<&Found>, requested: &IpPermission) -> Vec<Change> {
    let Some(found) = found else {
        return vec![Change::Create, Change::Authorize(requested.clone())];
    };
    let mut changes = Vec::new();
    if found.ownership == Ownership::Adoptable {
        changes.push(Change::Adopt);
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
    /// Returns the change as a plan lists it. `name` is the group's.
    pub fn to_action(&self, name: &str) -> Action {
        let words = |rules: &[IpPermission]| rules.iter().flat_map(rule::words).collect::<Vec<_>>();
        match self {
            Self::Create => Action::new("CreateSecurityGroup", name),
            Self::Adopt => Action::new("CreateTags", name),
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
