//! What is to be done to the security group. Pure: no call is made here.

use aws_sdk_ec2::types::IpPermission;
use contract::{Action, Ownership};

use crate::rule;

/// A group that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: String,
    pub ownership: Ownership,
    /// Its inbound rules.
    pub rules: Vec<IpPermission>,
}

/// One call that writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Create,
    Adopt,
    Authorize(IpPermission),
    Revoke(Vec<IpPermission>),
}

/// What leads from the found group, if there is one, to one with the wanted rule, in its order.
pub fn plan_changes(found: Option<&Found>, wanted: &IpPermission) -> Vec<Change> {
    let Some(found) = found else {
        return vec![Change::Create, Change::Authorize(wanted.clone())];
    };
    let mut changes = Vec::new();
    if found.ownership == Ownership::Adoptable {
        changes.push(Change::Adopt);
    }
    if !found.rules.iter().any(|rule| rule::covers(rule, wanted)) {
        changes.push(Change::Authorize(wanted.clone()));
    }
    let outdated = rule::outdated(&found.rules, wanted);
    if !outdated.is_empty() {
        changes.push(Change::Revoke(outdated));
    }
    changes
}

impl Change {
    /// For the person who reads a plan. `name` is the group's.
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
