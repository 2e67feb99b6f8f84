//! The tags that say which stack and environment own a resource.

use crate::error::{ErrorName, StepError, StepResult};
use crate::tag_changes::TagDifference;
use crate::tags::Tags;
use crate::value::EnvironmentName;

/// The environment and the stack that own the resources that a run creates.
///
/// envcache never changes or deletes a resource without these tags, unless a request adopts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The environment that the resource serves.
    pub environment: String,
    /// The name of the CloudFormation stack that envcache was deployed as.
    pub stack: String,
}

/// Whether a run may adopt a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Whether the request adopts resources without owner tags.
    pub requested: bool,
    /// Whether the records show that the resource belongs to the environment, so that it may lack one of the tags.
    pub belongs_here: bool,
}

/// Why a run may use an existing resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It has this owner's tags.
    Owned,
    /// It has no owner tags, or lacks one and belongs to the environment, and the request adopts it.
    Adoptable,
}

impl Owner {
    /// Returns the owner of the resources that a stack's runs create for an environment.
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
    /// The tag that names the execution that created the resource. Only a run that may be rolled back sets it.
    pub const EXECUTION_TAG: &str = "envcache:execution";

    /// Returns the keys and values of the owner tags.
    #[must_use]
    pub fn tags(&self) -> [(&'static str, &str); 2] {
        [
            (Self::ENVIRONMENT_TAG, &self.environment),
            (Self::STACK_TAG, &self.stack),
        ]
    }

    /// Returns the keys and values of a new resource's tags: the owner tags and the requested ones. `created_by` is the
    /// execution whose rollback would delete the resource.
    #[must_use]
    pub fn creation_tags<'a>(
        &'a self,
        created_by: Option<&'a str>,
        requested: &'a Tags,
    ) -> Vec<(&'a str, &'a str)> {
        let created_by = created_by.map(|execution| (Self::EXECUTION_TAG, execution));
        let own = self.tags().into_iter().chain(created_by);
        own.chain(requested.iter()).collect()
    }

    /// Returns the keys and values of tags to add, with the owner tags: the roles may add tags only together with these.
    #[must_use]
    pub fn with_tags<'a>(&'a self, added: &'a [TagDifference]) -> Vec<(&'a str, &'a str)> {
        let added = added.iter().filter_map(|difference| {
            Some((difference.key.as_str(), difference.wanted.as_deref()?))
        });
        self.tags().into_iter().chain(added).collect()
    }

    /// Returns whether a resource with these tags is owned and, if `created_by` is given, was created by that
    /// execution.
    #[must_use]
    pub fn owns_created_by<'a>(
        &self,
        created_by: Option<&str>,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> bool {
        let tags: Vec<_> = tags.into_iter().collect();
        let is_created_by = created_by
            .is_none_or(|execution| tags.contains(&(Some(Self::EXECUTION_TAG), Some(execution))));
        self.owns(tags) && is_created_by
    }

    /// Returns whether a resource with these tags is owned or, if the request adopts resources, adoptable. `resource`
    /// names it in the error, such as ``security group `redis-sg` (sg-0a1b2c3d)``.
    ///
    /// # Errors
    /// Returns `NotOwned` if the resource has other owner tags, if it has none and the request doesn't adopt, or if it has
    /// one of this owner's and doesn't belong to the environment.
    pub fn classify<'a>(
        &self,
        resource: &str,
        adoption: Adoption,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> StepResult<Ownership> {
        self.classify_or(resource, None, adoption, tags)
    }

    /// Returns the same as [`Owner::classify`]. For a resource that the request doesn't name itself, the error suggests
    /// `alternative`, which completes a sentence that begins with "otherwise".
    ///
    /// # Errors
    /// Returns the same errors as [`Owner::classify`].
    pub fn classify_or<'a>(
        &self,
        resource: &str,
        alternative: Option<&str>,
        adoption: Adoption,
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> StepResult<Ownership> {
        let tags: Vec<_> = tags.into_iter().collect();
        if self.owns(tags.iter().copied()) {
            return Ok(Ownership::Owned);
        }
        let owner_tag = |key: &str| {
            let tag = tags.iter().find(|(found, _)| *found == Some(key))?;
            Some(format!("{key}={}", tag.1.unwrap_or_default()))
        };
        let owner_tags: Vec<_> = [Self::ENVIRONMENT_TAG, Self::STACK_TAG]
            .into_iter()
            .filter_map(owner_tag)
            .collect();
        let missing = self.missing_tag(&tags);
        let or_other = alternative.unwrap_or("choose another name in the input");
        let why = match (owner_tags.is_empty(), adoption.requested) {
            (true, true) => return Ok(Ownership::Adoptable),
            (true, false) => {
                let or_other =
                    alternative.unwrap_or("choose another name, or delete it if nothing uses it");
                format!(
                    "it has no envcache owner tags. It was not changed. To use it for this environment, set \"adopt\": \
                     true in the input; otherwise {or_other}"
                )
            }
            (false, true) if missing.is_some() && adoption.belongs_here => {
                return Ok(Ownership::Adoptable);
            }
            (false, requested) => match missing {
                Some((key, value)) => {
                    let (evidence, or_adopt) = if requested {
                        (
                            ", and neither the environment's record nor its name shows that it belongs to this \
                             environment, or another environment's record names it",
                            "",
                        )
                    } else {
                        ("", ", or set \"adopt\": true in a manual execution")
                    };
                    format!(
                        "its tag {key} is missing{evidence}. It was not changed. If it belongs to this environment, \
                         restore the tag {key}={value}, which a tagging tool may have removed{or_adopt}, then start \
                         again; otherwise {or_other}"
                    )
                }
                None => format!(
                    "its owner tags are {}. It was not changed. Instead, {or_other}",
                    owner_tags.join(" and ")
                ),
            },
        };
        Err(StepError::new(
            ErrorName::NotOwned,
            format!(
                "{resource} exists, but isn't owned by this environment (owner tags {}={} and {}={}): {why}",
                Self::ENVIRONMENT_TAG,
                self.environment,
                Self::STACK_TAG,
                self.stack
            ),
        ))
    }

    /// Returns the owner tag that a resource lacks if it has the other one, with this owner's value.
    fn missing_tag(&self, tags: &[(Option<&str>, Option<&str>)]) -> Option<(&'static str, &str)> {
        let [environment, stack] = self.tags();
        let is_missing = |key: &str| !tags.iter().any(|(found, _)| *found == Some(key));
        let is_set = |(key, value)| tags.contains(&(Some(key), Some(value)));
        if is_set(environment) && is_missing(stack.0) {
            Some(stack)
        } else if is_set(stack) && is_missing(environment.0) {
            Some(environment)
        } else {
            None
        }
    }

    /// Returns whether a resource with these tags is owned.
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
    use super::{Adoption, Owner, Ownership};
    use crate::{ErrorName, TagDifference, Tags};

    #[test]
    fn owns_resource_only_with_both_tags() {
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
                "other tags in addition",
            ),
            (&[environment], false, "another tool's tag of the same name"),
            (
                &[environment, (Some("envcache:stack"), Some("other"))],
                false,
                "another stack",
            ),
            (&[], false, "no tags"),
        ];
        for (tags, expected, why) in cases {
            assert_eq!(owner.owns(tags.iter().copied()), expected, "{why}");
        }
    }

    #[test]
    fn adopts_resource_only_when_requested_and_unowned() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let team = (Some("team"), Some("web"));
        let both_tags = [
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
        let no = Adoption {
            requested: false,
            belongs_here: false,
        };
        let requested = Adoption {
            requested: true,
            ..no
        };
        let belongs_here = Adoption {
            belongs_here: true,
            ..requested
        };
        let remedy = "\"adopt\": true";
        let no_stack = "its tag envcache:stack is missing, and neither the environment's record nor its name shows that it \
                        belongs to this environment, or another environment's record names it. It was not changed. If it \
                        belongs to this environment, restore the tag envcache:stack=envcache, which";
        let cases: [(&[_], Adoption, Result<Ownership, &str>); 14] = [
            (&both_tags, no, Ok(Ownership::Owned)),
            (&both_tags, requested, Ok(Ownership::Owned)),
            (&[team], requested, Ok(Ownership::Adoptable)),
            (&[team], no, Err(remedy)),
            (&other_stack, belongs_here, Err("envcache:stack=other")),
            (
                &other_environment,
                belongs_here,
                Err("envcache:environment=web"),
            ),
            (&[both_tags[0]], requested, Err(no_stack)),
            (&[both_tags[0]], belongs_here, Ok(Ownership::Adoptable)),
            (
                &[both_tags[1], team],
                belongs_here,
                Ok(Ownership::Adoptable),
            ),
            (
                &[both_tags[1], team],
                requested,
                Err("restore the tag envcache:environment=bandup, which"),
            ),
            (&[both_tags[1], team], no, Err(remedy)),
            (
                &[both_tags[0]],
                Adoption {
                    belongs_here: true,
                    ..no
                },
                Err("its tag envcache:stack is missing. It was not changed."),
            ),
            // Another owner's tag, and the other one is missing.
            (
                &[other_stack[1]],
                belongs_here,
                Err("its owner tags are envcache:stack=other."),
            ),
            (
                &[other_environment[0]],
                belongs_here,
                Err("its owner tags are envcache:environment=web."),
            ),
        ];
        for (tags, adoption, expected) in cases {
            let found = owner.classify("it", adoption, tags.iter().copied());
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
    fn error_suggests_the_alternative_when_it_is_given() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let adoption = Adoption {
            requested: false,
            belongs_here: false,
        };
        let stack = (Some("envcache:stack"), Some("envcache"));
        let other_stack = (Some("envcache:stack"), Some("other"));
        let cases: [&[_]; 3] = [&[], &[stack], &[other_stack]];
        for tags in cases {
            let suggested = |alternative| {
                let tags = tags.iter().copied();
                let found = owner.classify_or("it", alternative, adoption, tags);
                found.expect_err("not owned").to_string()
            };

            let (given, none) = (suggested(Some("delete it")), suggested(None));

            assert!(given.ends_with(" delete it"), "{given}");
            assert!(!given.contains("another name"), "{given}");
            assert!(none.contains("choose another name"), "{none}");
        }
    }

    #[test]
    fn owns_only_resources_of_execution_when_it_is_given() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let no_tags = Tags::default();
        let tags = |created_by| {
            let tags = owner.creation_tags(created_by, &no_tags).into_iter();
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

    #[test]
    fn owner_tags_precede_requested_ones() {
        let owner = Owner {
            environment: "bandup".into(),
            stack: "envcache".into(),
        };
        let own = [
            ("envcache:environment", "bandup"),
            ("envcache:stack", "envcache"),
        ];
        let requested: Tags =
            serde_json::from_value(serde_json::json!({ "team": "web" })).expect("tags");
        let added = [TagDifference {
            key: "team".to_owned(),
            found: None,
            wanted: Some("web".to_owned()),
        }];

        let created = owner.creation_tags(Some("run-1"), &requested);

        let execution = ("envcache:execution", "run-1");
        assert_eq!(created, [own[0], own[1], execution, ("team", "web")]);
        assert_eq!(owner.with_tags(&added), [own[0], own[1], ("team", "web")]);
    }
}
