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

    /// The tags, key and value, of everything that is created for this owner.
    #[must_use]
    pub fn tags(&self) -> [(&'static str, &str); 2] {
        [
            (Self::ENVIRONMENT_TAG, &self.environment),
            (Self::STACK_TAG, &self.stack),
        ]
    }

    /// Goes on only with what is ours. `resource` says what it is, such as
    /// ``security group `redis-sg` (sg-0a1b2c3d)``.
    ///
    /// # Errors
    /// `NotOwned` where the tags do not say that the resource belongs to this owner.
    pub fn require<'a>(
        &self,
        resource: &str,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> StepResult<()> {
        if self.owns(tags) {
            return Ok(());
        }
        Err(StepError::new(
            ErrorName::NotOwned,
            format!(
                "{resource} exists, but its tags do not say that it belongs to this environment: {}={} and {}={} \
                 are wanted. It was left as it is. Choose another name in the event, or remove it if nothing uses it",
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
    use super::Owner;

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
}
