//! Checks the requested parameters with ElastiCache's description of their family. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::Parameter;
use contract::error::{ErrorName, StepError, StepResult};
use contract::setting::Parameters;
use contract::value::shortened;
use contract::version::Version;

use crate::allowed::{in_words, is_allowed};
use crate::compare::field;
use crate::family;
use crate::find::Defaults;
use crate::fixed;

/// The length of a value in a message.
const QUOTED: usize = 80;

/// Checks that a cache of this version may have the requested parameters.
///
/// # Errors
/// Returns `InvalidSpec` with every parameter that it may not have, each with the reason.
pub fn check(parameters: &Parameters, defaults: &Defaults, version: Version) -> StepResult<()> {
    let problems: Vec<_> = parameters
        .iter()
        .filter_map(|(name, value)| {
            let problem = problem(name, value, defaults, version)?;
            Some(format!("{}: {problem}", field(name)))
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "{}. Nothing was changed. Correct the input, then start again",
            problems.join("; ")
        ),
    ))
}

/// Returns why a cache may not have a value of a parameter; none if it may.
fn problem(name: &str, value: &str, defaults: &Defaults, version: Version) -> Option<String> {
    if fixed::is_of_cluster_mode(name) {
        return Some("it belongs to cluster mode, which is off: remove it".to_owned());
    }
    let Some(parameter) = defaults.parameter(name) else {
        return Some(
            if defaults.of_node_types.iter().any(|known| known == name) {
                "ElastiCache derives it from the node type: remove it".to_owned()
            } else {
                format!(
                    "the parameter group family {} has no such parameter",
                    family::of_version(version)
                )
            },
        );
    };
    if parameter.is_modifiable() == Some(false) && !fixed::is_set_at_creation(name) {
        return Some(format!(
            "ElastiCache doesn't allow changing it, and its value is `{}`: remove it",
            parameter.parameter_value().unwrap_or_default()
        ));
    }
    if let Some(minimum) = minimum_version(parameter).filter(|minimum| version < *minimum) {
        return Some(format!(
            "it needs engine version {minimum}, and the cache would have {version}: request cache.engineVersion {minimum}, \
             or remove the parameter"
        ));
    }
    (!is_allowed(parameter, value)).then(|| {
        format!(
            "`{}` is not allowed. Allowed values: {}",
            shortened(value, QUOTED),
            in_words(parameter)
        )
    })
}

/// Returns the first version that has the parameter.
fn minimum_version(parameter: &Parameter) -> Option<Version> {
    Version::read(parameter.minimum_engine_version()?)
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::Parameter;
    use contract::ErrorName;
    use contract::setting::Parameters;
    use contract::version::Version;
    use serde_json::{Value, json};

    use super::check;
    use crate::find::Defaults;

    /// Returns parameters with the properties of
    /// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html>.
    fn defaults() -> Defaults {
        let parameter = |name: &str, value: &str, allowed: &str, minimum: &str| {
            Parameter::builder()
                .parameter_name(name)
                .parameter_value(value)
                .data_type("integer")
                .allowed_values(allowed)
                .is_modifiable(true)
                .minimum_engine_version(minimum)
        };
        Defaults {
            parameters: vec![
                parameter("timeout", "0", "0,20-", "8.0.1").build(),
                parameter("search-default-timeout-ms", "50000", "1-60000", "8.2.0").build(),
                parameter("databases", "16", "1-1200000", "8.0.1")
                    .is_modifiable(false)
                    .build(),
                parameter("maxclients", "65000", "1-65000", "8.0.1")
                    .is_modifiable(false)
                    .build(),
            ],
            of_node_types: vec!["maxmemory".to_owned()],
        }
    }

    fn parameters(value: Value) -> Parameters {
        serde_json::from_value(value).expect("parameters")
    }

    #[test]
    fn names_the_parameter_and_the_reason() {
        let cases = [
            (json!({ "timeout": 20 }), "8.0", ""),
            (json!({ "search-default-timeout-ms": 100 }), "8.2", ""),
            (
                json!({ "timeout": 5 }),
                "8.0",
                "cache.parameters.timeout: `5` is not allowed. Allowed values: 0, 20 or more. Nothing was changed",
            ),
            (
                json!({ "search-default-timeout-ms": 100 }),
                "8.1",
                "cache.parameters.search-default-timeout-ms: it needs engine version 8.2, and the cache would have 8.1",
            ),
            (
                json!({ "maxclients": 32 }),
                "8.0",
                "cache.parameters.maxclients: ElastiCache doesn't allow changing it, and its value is `65000`",
            ),
            // It isn't modifiable, but settable for a new cache.
            (json!({ "databases": 32 }), "8.0", ""),
            (
                json!({ "databases": 0 }),
                "8.0",
                "cache.parameters.databases: `0` is not allowed. Allowed values: 1 to 1200000",
            ),
            (
                json!({ "maxmemory": 1000 }),
                "8.0",
                "cache.parameters.maxmemory: ElastiCache derives it from the node type",
            ),
            (
                json!({ "cluster-enabled": "yes" }),
                "8.0",
                "cache.parameters.cluster-enabled: it belongs to cluster mode",
            ),
            (
                json!({ "lazyfree-lazy-expire": "yes", "timeout": 5 }),
                "8.0",
                "cache.parameters.lazyfree-lazy-expire: the parameter group family valkey8 has no such parameter; \
                 cache.parameters.timeout: `5` is not allowed",
            ),
        ];
        for (requested, version, expected) in cases {
            let version = Version::read(version).expect("a version");

            let found = check(&parameters(requested.clone()), &defaults(), version);

            match (found, expected) {
                (Ok(()), "") => {}
                (Err(error), expected) if !expected.is_empty() => {
                    assert_eq!(error.name(), ErrorName::InvalidSpec);
                    assert!(error.to_string().starts_with(expected), "{error}");
                }
                (found, _) => panic!("{requested}: {found:?}"),
            }
        }
    }
}
