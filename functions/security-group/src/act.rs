//! What is to be done to the security group. Pure: no call is made here.

use aws_sdk_ec2::types::IpPermission;
use contract::{Action, Possession};

use crate::rule;

/// A group that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub id: String,
    pub possession: Possession,
    /// Its inbound rules.
    pub rules: Vec<IpPermission>,
}

/// One call that writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Create,
    Adopt,
    Authorize(IpPermission),
    Revoke(Vec<IpPermission>),
}

/// What leads from the found group, if there is one, to one with the wanted rule, in its order.
pub fn decide(found: Option<&Found>, wanted: &IpPermission) -> Vec<Act> {
    let Some(found) = found else {
        return vec![Act::Create, Act::Authorize(wanted.clone())];
    };
    let mut acts = Vec::new();
    if found.possession == Possession::Adoptable {
        acts.push(Act::Adopt);
    }
    if !found.rules.iter().any(|rule| rule::covers(rule, wanted)) {
        acts.push(Act::Authorize(wanted.clone()));
    }
    let outdated = rule::outdated(&found.rules, wanted);
    if !outdated.is_empty() {
        acts.push(Act::Revoke(outdated));
    }
    acts
}

impl Act {
    /// For the person who reads a plan. `name` is the group's.
    pub fn told(&self, name: &str) -> Action {
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
