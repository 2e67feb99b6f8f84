//! A request to remove an environment's cache: the `detail` of `Environment Deleted`, or the input of a manual
//! execution.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::cache::CacheRequest;
use crate::error::StepError;
use crate::message::{ResolvedRemoval, ResourceNames, Rollback};
use crate::request::{invalid, null_as_default, read};
use crate::spec::EventStamp;
use crate::value::{EnvironmentName, ParameterPrefix, SubnetGroupName};

/// A request before defaults are filled in. Only `environment` is required; any other field may be null.
///
/// Fields of a request for a cache are accepted too, so that both events can have the same `detail`. Of these, only the
/// names count (those of `cache`, `network.subnetGroup`, and `parameterPrefix`), but `cache` and `parameterPrefix` must be
/// valid.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovalRequest {
    environment: EnvironmentName,
    #[serde(default, deserialize_with = "null_as_default")]
    final_snapshot: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    cache: CacheRequest,
    parameter_prefix: Option<ParameterPrefix>,
    event: Option<EventStamp>,
    rollback: Option<Rollback>,
    dry_run: Option<IgnoredAny>,
    network: Option<Value>,
    #[serde(rename = "adopt")]
    _adopt: Option<IgnoredAny>,
    #[serde(rename = "upgradeEngine")]
    _upgrade_engine: Option<IgnoredAny>,
    #[serde(rename = "onFailure")]
    _on_failure: Option<IgnoredAny>,
    #[serde(rename = "apply")]
    _apply: Option<IgnoredAny>,
    #[serde(rename = "protect")]
    _protect: Option<IgnoredAny>,
    #[serde(rename = "tags")]
    _tags: Option<IgnoredAny>,
}

impl RemovalRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// Returns `InvalidSpec` if a field breaks a rule, if the request contains `dryRun`, or if that of an event contains
    /// `rollback`.
    pub fn from_json(input: Value) -> Result<Self, StepError> {
        let request: Self = read(input)?;
        if request.dry_run.is_some() {
            return Err(invalid("dryRun", "a removal has no dry run"));
        }
        if request.rollback.is_some() && request.event.is_some() {
            return Err(invalid(
                "rollback",
                "an event can't request a rollback: only the provisioning state machine starts one",
            ));
        }
        Ok(request)
    }

    /// Returns the removal with every default filled in.
    #[must_use]
    pub fn into_removal(self) -> ResolvedRemoval {
        let environment = self.environment;
        // The rest of `network` may have any form, so an invalid name counts as missing.
        let shared_subnet_group: Option<SubnetGroupName> = self
            .network
            .and_then(|network| serde_json::from_value(network.get("subnetGroup")?.clone()).ok());
        let derived = ResourceNames::derived(&environment);
        let cache = self.cache;
        let names = ResourceNames {
            cache_name: cache.name.map_or(derived.cache_name, Into::into),
            security_group_name: cache
                .security_group_name
                .map_or(derived.security_group_name, Into::into),
            shares_subnet_group: shared_subnet_group.is_some(),
            subnet_group_name: shared_subnet_group
                .or(cache.subnet_group_name)
                .map_or(derived.subnet_group_name, Into::into),
            parameter_prefix: self
                .parameter_prefix
                .map_or(derived.parameter_prefix, Into::into),
        };
        ResolvedRemoval {
            names,
            final_snapshot: self.final_snapshot,
            requested_at: self.event.map(|event| event.time.milliseconds()),
            rollback: self.rollback,
            environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::RemovalRequest;
    use crate::error::ErrorName;

    fn removal(input: Value) -> Value {
        let request = RemovalRequest::from_json(input).expect("a valid request");
        serde_json::to_value(request.into_removal()).expect("JSON")
    }

    #[test]
    fn fills_in_defaults_when_only_environment_is_given() {
        assert_eq!(
            removal(json!({ "environment": "staging" })),
            json!({
                "environment": "staging",
                "names": {
                    "cacheName": "staging-redis",
                    "securityGroupName": "staging-redis-sg",
                    "subnetGroupName": "staging-cached-subnet-group",
                    "parameterPrefix": "/staging/cache"
                },
                "finalSnapshot": false
            })
        );
    }

    #[test]
    fn null_is_an_omitted_field() {
        let found = removal(json!({
            "environment": "staging",
            "network": null,
            "cache": null,
            "parameterPrefix": null,
            "finalSnapshot": null,
            "dryRun": null,
            "adopt": null,
            "upgradeEngine": null,
            "onFailure": null,
            "apply": null,
            "protect": null,
            "tags": null,
            "event": null,
            "rollback": null
        }));

        assert_eq!(found, removal(json!({ "environment": "staging" })));
    }

    #[test]
    fn accepts_the_detail_that_created_the_cache() {
        let found = removal(json!({
            "environment": "bandup",
            "network": { "vpc": "band-up-vpc" },
            "cache": { "name": "sessions", "subnetGroupName": "data", "replicas": 2 },
            "parameterPrefix": "/elsewhere",
            "finalSnapshot": true,
            "adopt": true,
            "upgradeEngine": true,
            "onFailure": "rollback",
            "apply": "window",
            "protect": true,
            "tags": { "team": "web" },
            "event": { "id": "7bf73129", "time": "2026-11-22T10:00:00Z" }
        }));

        assert_eq!(
            found,
            json!({
                "environment": "bandup",
                "names": {
                    "cacheName": "sessions",
                    "securityGroupName": "bandup-redis-sg",
                    "subnetGroupName": "data",
                    "parameterPrefix": "/elsewhere"
                },
                "finalSnapshot": true,
                "requestedAt": 1_795_341_600_000_i64
            })
        );
    }

    #[test]
    fn keeps_the_subnet_group_that_the_network_names() {
        let names = |network: Value| {
            let mut removal = removal(json!({ "environment": "staging", "network": network }));
            removal["names"].take()
        };

        let found = names(json!({ "vpc": "band-up-vpc", "subnetGroup": "vpc-caches" }));

        assert_eq!(found["subnetGroupName"], "vpc-caches");
        assert_eq!(found["sharesSubnetGroup"], true);
        for network in [json!("text"), json!({ "subnetGroup": "Not a name" })] {
            let found = names(network);
            assert_eq!(found["subnetGroupName"], "staging-cached-subnet-group");
            assert_eq!(found["sharesSubnetGroup"], Value::Null);
        }
    }

    #[test]
    fn rejects_invalid_requests() {
        let cases = [
            (json!({}), "the input: missing field `environment`"),
            (
                json!({ "environment": "Staging" }),
                "environment: `Staging`",
            ),
            (
                json!({ "environment": "staging", "dryRun": true }),
                "dryRun: a removal has no dry run",
            ),
            (
                json!({ "environment": "staging", "finalSnapshot": "yes" }),
                "finalSnapshot: invalid type",
            ),
            (
                json!({
                    "environment": "staging",
                    "rollback": { "execution": "run-1" },
                    "event": { "id": "7bf73129", "time": "2026-11-22T10:00:00Z" }
                }),
                "rollback: an event can't request a rollback",
            ),
            (
                json!({ "environment": "staging", "rollback": { "execution": "run:1" } }),
                "rollback.execution: `run:1` must not contain",
            ),
            (
                json!({ "environment": "staging", "rollback": { "execution": "run-1", "requestedAt": 253_402_300_799_000_i64 } }),
                "rollback.requestedAt: unknown field",
            ),
        ];
        for (input, expected) in cases {
            let error = RemovalRequest::from_json(input).expect_err(expected);
            assert_eq!(error.name(), ErrorName::InvalidSpec);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
