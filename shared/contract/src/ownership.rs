//! The tags that say which stack and environment a resource belongs to.

use crate::error::{ErrorName, StepError, StepResult};
use crate::value::EnvironmentName;

/// The environment and the stack that own what a run creates.
///
/// A resource that lacks these tags is not ours: it is never changed and never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The environment that the resource serves.
    pub environment: String,
    /// The CloudFormation stack that this envcache was deployed as.
    pub stack: String,
}

/// Whose a resource is that a run may go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Its tags say that it is this owner's.
    Owned,
    /// Nobody's tags claim it, and it is to be taken over.
    Adoptable,
}

impl Owner {
    /// The owner of what a stack's runs create for an environment.
    #[must_use]
    pub fn new(environment: &EnvironmentName, stack: &str) -> Self {
        Self {
            environment: environment.to_string(),
            stack: stack.to_owned(),
        }
    }

    /// The tag that names the environment.
    pub const ENVIRONMENT_TAG: &str = "envcache:environment";
    /// The tag that names the stack.
    pub const STACK_TAG: &str = "envcache:stack";
    /// The tag that names the execution that made it, where that may have to take it away again.
    pub const EXECUTION_TAG: &str = "envcache:execution";

    /// The tags, key and value, of everything that is created for this owner.
    #[must_use]
    pub fn tags(&self) -> [(&'static str, &str); 2] {
        [
            (Self::ENVIRONMENT_TAG, &self.environment),
            (Self::STACK_TAG, &self.stack),
        ]
    }

    /// The tags, key and value, of what is created now. `maker` is the execution that takes it away again if it fails.
    #[must_use]
    pub fn creation_tags<'a>(
        &'a self,
        created_by: Option<&'a str>,
    ) -> Vec<(&'static str, &'a str)> {
        let created_by = created_by.map(|execution| (Self::EXECUTION_TAG, execution));
        self.tags().into_iter().chain(created_by).collect()
    }

    /// Whether a resource with these tags is ours, and, where a maker is named, made by that execution.
    #[must_use]
    pub fn owns_created_by<'a>(
        &self,
        created_by: Option<&str>,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> bool {
        let tags: Vec<_> = tags.into_iter().collect();
        let is_its_makers = created_by
            .is_none_or(|created_by| tags.contains(&(Some(Self::EXECUTION_TAG), Some(created_by))));
        self.owns(tags) && is_its_makers
    }

    /// Goes on only with what is ours, or, where `adopt` is asked for, with what nobody's tags claim. `resource` says
    /// what it is, such as ``security group `redis-sg` (sg-0a1b2c3d)``.
    ///
    /// # Errors
    /// `NotOwned` where the tags do not say that the resource belongs to this owner, and it is not to be adopted.
    pub fn classify<'a>(
        &self,
        resource: &str,
        adopt: bool,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> StepResult<Ownership> {
        let tags: Vec<_> = tags.into_iter().collect();
        if self.owns(tags.iter().copied()) {
            return Ok(Ownership::Owned);
        }
        let claim = |key: &str| {
            let tag = tags.iter().find(|(found, _)| *found == Some(key))?;
            Some(format!("{key}={}", tag.1.unwrap_or_default()))
        };
        let claims: Vec<_> = [Self::ENVIRONMENT_TAG, Self::STACK_TAG]
            .into_iter()
            .filter_map(claim)
            .collect();
        let why = match (claims.is_empty(), adopt) {
            (true, true) => return Ok(Ownership::Adoptable),
            (true, false) => {
                "nobody's tags claim it. It was left as it is. If it is to be this environment's, take it over with \
                 \"adopt\": true in the input; else choose another name in the input, or remove it if nothing uses it"
                    .to_owned()
            }
            (false, _) => format!(
                "its tags say {}. It was left as it is. Choose another name in the input",
                claims.join(" and ")
            ),
        };
        Err(StepError::new(
            ErrorName::NotOwned,
            format!(
                "{resource} exists, but its tags do not say that it belongs to this environment ({}={} and {}={}): {why}",
                Self::ENVIRONMENT_TAG,
                self.environment,
                Self::STACK_TAG,
                self.stack
            ),
        ))
    }

    /// Whether a resource with these tags, key and value, is ours.
    #[must_use]
    pub fn owns<'a>(
        &self,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> bool {
        let found: Vec<_> = tags.into_iter().collect();
        self.tags()
            .iter()
            .all(|(key, value)| found.contains(&(Some(*key), Some(*value))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Owner, Ownership};
    use crate::ErrorName;

    #[test]
    fn only_a_resource_with_both_tags_is_ours() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let environment = (Some("envcache:environment"), Some("bandup"));
        let stack = (Some("envcache:stack"), Some("envcache"));
        let cases: [(&[_], bool, &str); 5] = [
            (&[environment, stack], true, "both tags"),
            (
                &[(Some("team"), Some("web")), stack, environment],
                true,
                "other tags beside",
            ),
            (&[environment], false, "another tool's tag of the same name"),
            (
                &[environment, (Some("envcache:stack"), Some("other"))],
                false,
                "another stack",
            ),
            (&[], false, "no tags: made by hand"),
        ];
        for (tags, expected, why) in cases {
            assert_eq!(owner.owns(tags.iter().copied()), expected, "{why}");
        }
    }
    #[test]
    fn only_what_nobody_claims_is_adopted_and_only_where_that_is_asked_for() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let team = (Some("team"), Some("web"));
        let ours = [
            (Some("envcache:environment"), Some("bandup")),
            (Some("envcache:stack"), Some("envcache")),
        ];
        let other_stack = [
            (Some("envcache:environment"), Some("bandup")),
            (Some("envcache:stack"), Some("other")),
        ];
        let other_environment = [
            (Some("envcache:environment"), Some("web")),
            (Some("envcache:stack"), Some("envcache")),
        ];
        let adopt_it = "\"adopt\": true";
        let cases: [(&[_], bool, Result<Ownership, &str>); 7] = [
            (&ours, false, Ok(Ownership::Owned)),
            (&ours, true, Ok(Ownership::Owned)),
            (&[team], true, Ok(Ownership::Adoptable)),
            (&[team], false, Err(adopt_it)),
            (&other_stack, true, Err("envcache:stack=other")),
            (&other_environment, true, Err("envcache:environment=web")),
            (&[ours[0]], true, Err("envcache:environment=bandup")),
        ];
        for (tags, adopt, expected) in cases {
            let found = owner.classify("it", adopt, tags.iter().copied());
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{tags:?}"),
                (Err(error), Err(expected)) => {
                    assert_eq!(error.name(), ErrorName::NotOwned);
                    assert!(error.to_string().contains(expected), "{error}");
                }
                (found, expected) => panic!("{tags:?}: expected {expected:?}, found {found:?}"),
            }
        }
    }
    #[test]
    fn a_rollback_takes_away_what_its_execution_made_and_a_removal_all_that_is_ours() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let tags = |created_by| {
            let tags = owner.creation_tags(created_by).into_iter();
            tags.map(|(key, value)| (Some(key), Some(value)))
                .collect::<Vec<_>>()
        };
        let cases = [
            (None, tags(None), true),
            (None, tags(Some("run-1")), true),
            (Some("run-1"), tags(Some("run-1")), true),
            (Some("run-1"), tags(Some("run-2")), false),
            (Some("run-1"), tags(None), false),
            (
                Some("run-1"),
                vec![(Some(Owner::EXECUTION_TAG), Some("run-1"))],
                false,
            ),
        ];
        for (created_by, tags, expected) in cases {
            let found = owner.owns_created_by(created_by, tags.iter().copied());
            assert_eq!(found, expected, "{created_by:?}: {tags:?}");
        }
    }
}
