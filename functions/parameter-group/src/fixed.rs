//! The parameters that a cache gets when it is created and keeps. Pure functions; no AWS calls.
//!
//! ElastiCache allows changing such a parameter "if the parameter group is not associated with any clusters", and another
//! parameter group for a cache "as long as the values of conditionally modifiable parameters are the same in both parameter
//! groups" ([parameters](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html)). The defaults of a
//! family show it as not modifiable, and a group that a user created as modifiable
//! ([describe-cache-parameters](https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-cache-parameters.html)).

use aws_sdk_elasticache::types::Parameter;
use contract::error::{ErrorName, StepError, StepResult};
use contract::setting::Parameters;

use crate::compare::{field, value};
use crate::find::Defaults;

/// The parameters that a request can set only for a new cache.
const AT_CREATION: [&str; 1] = ["databases"];
/// The parameters of cluster mode. ElastiCache applies them when it creates a cache, too, but no cache of envcache has cluster
/// mode.
const OF_CLUSTER_MODE: [&str; 2] = ["cluster-databases", "cluster-enabled"];

/// Returns whether a request can set a parameter only for a new cache. Its default isn't modifiable.
pub fn is_set_at_creation(name: &str) -> bool {
    AT_CREATION.contains(&name)
}

/// Returns whether a parameter belongs to cluster mode.
pub fn is_of_cluster_mode(name: &str) -> bool {
    OF_CLUSTER_MODE.contains(&name)
}

/// Checks that a cache may use a group with the requested parameters. `found` are the parameters of the group that the cache
/// uses.
///
/// # Errors
/// Returns `Immutable` with every parameter that the cache keeps and that has another value than requested. One that isn't
/// requested must have its default.
pub fn check(found: &[Parameter], requested: &Parameters, defaults: &Defaults) -> StepResult<()> {
    let problems: Vec<_> = found
        .iter()
        .filter_map(|parameter| problem(parameter, requested, defaults))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "{}. ElastiCache sets such a parameter when it creates a cache, and doesn't allow changing it afterwards. Nothing \
             was changed. Request the current value, or create the cache under another environment name",
            problems.join("; ")
        ),
    ))
}

/// Returns how a parameter differs, if the cache keeps it.
fn problem(parameter: &Parameter, requested: &Parameters, defaults: &Defaults) -> Option<String> {
    let name = parameter.parameter_name()?;
    let default = defaults.parameter(name)?;
    // `maxclients`, for example, is modifiable in no group.
    let is_conditional = default.is_modifiable() == Some(false)
        && (is_set_at_creation(name) || parameter.is_modifiable() == Some(true));
    if !is_conditional || is_of_cluster_mode(name) {
        return None;
    }
    let shown = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let found = value(parameter);
    let (wanted, suffix) = match requested.get(name) {
        Some(wanted) => (Some(wanted), ""),
        None => (
            value(default),
            ", the default, because the request doesn't name it",
        ),
    };
    (found != wanted).then(|| {
        format!(
            "{} is `{}`, requested `{}`{suffix}",
            field(name),
            shown(found),
            shown(wanted)
        )
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::Parameter;
    use contract::ErrorName;
    use contract::setting::Parameters;
    use serde_json::{Value, json};

    use super::check;
    use crate::find::Defaults;

    fn parameter(name: &str, value: &str, is_modifiable: bool) -> Parameter {
        Parameter::builder()
            .parameter_name(name)
            .parameter_value(value)
            .is_modifiable(is_modifiable)
            .build()
    }

    fn defaults() -> Defaults {
        Defaults {
            parameters: vec![
                parameter("cluster-enabled", "no", false),
                parameter("databases", "16", false),
                parameter("maxclients", "65000", false),
                parameter("new-conditional", "1", false),
                parameter("timeout", "0", true),
            ],
            of_node_types: Vec::new(),
        }
    }

    #[test]
    fn cache_keeps_what_was_set_at_its_creation() {
        let none = json!({});
        let cases = [
            (parameter("databases", "16", true), none.clone(), ""),
            (
                parameter("databases", "32", true),
                json!({ "databases": 32 }),
                "",
            ),
            (
                parameter("databases", "32", true),
                json!({ "databases": 16 }),
                "cache.parameters.databases is `32`, requested `16`. ElastiCache sets",
            ),
            (
                parameter("databases", "32", true),
                none.clone(),
                "cache.parameters.databases is `32`, requested `16`, the default, because the request doesn't name it. ",
            ),
            // A default group shows it as not modifiable.
            (
                parameter("databases", "16", false),
                json!({ "databases": 32 }),
                "cache.parameters.databases is `16`, requested `32`. ",
            ),
            (
                parameter("new-conditional", "2", true),
                none.clone(),
                "cache.parameters.new-conditional is `2`, requested `1`",
            ),
            (parameter("timeout", "20", true), none.clone(), ""),
            (parameter("maxclients", "10", false), none.clone(), ""),
            // The comparison of the cache rejects cluster mode.
            (parameter("cluster-enabled", "yes", true), none.clone(), ""),
            // Of an earlier major version.
            (parameter("unknown", "1", true), none, ""),
        ];
        for (found, requested, expected) in cases {
            let parameters = |value: &Value| -> Parameters {
                serde_json::from_value(value.clone()).expect("parameters")
            };

            let result = check(
                std::slice::from_ref(&found),
                &parameters(&requested),
                &defaults(),
            );

            match (result, expected) {
                (Ok(()), "") => {}
                (Err(error), expected) if !expected.is_empty() => {
                    assert_eq!(error.name(), ErrorName::Immutable);
                    assert!(error.to_string().starts_with(expected), "{error}");
                }
                (result, _) => panic!("{found:?} {requested}: {result:?}"),
            }
        }
    }
}
