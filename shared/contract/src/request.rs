//! A request for a cache: the `detail` of an event, or the input of a manual execution.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::cache::CacheRequest;
use crate::checked::{QUOTED, shortened};
use crate::error::{ErrorName, StepError};
use crate::network::Network;
#[cfg(feature = "schema")]
use crate::network::NetworkFields;
use crate::spec::{Apply, EventStamp, OnFailure, RunOptions, Spec};
use crate::tags::Tags;
use crate::value::{EnvironmentName, ParameterPrefix};

/// A request before defaults are filled in. Only `environment` and `network` are required; any other field may be null,
/// which means that it is omitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The name of the environment that the cache serves.
    environment: EnvironmentName,
    /// Where the cache is placed, and the backend that may connect to it.
    #[cfg_attr(feature = "schema", schemars(with = "NetworkFields"))]
    network: Network,
    /// The cache's settings. An omitted field has its default, except `engineVersion`, `kmsKey`, and the windows, which stay
    /// as they are. `restoreFrom` only has an effect when the cache is created.
    #[serde(default, deserialize_with = "null_as_default")]
    cache: CacheRequest,
    /// The path that the endpoint is published below.
    parameter_prefix: Option<ParameterPrefix>,
    /// The tags of every resource of the environment, by their keys: the cache with its nodes, the security group, the subnet
    /// group unless it is shared, the parameter group, the log groups, and the endpoint's parameters. A tag that only earlier
    /// requests named is removed; tags that envcache didn't add stay.
    #[serde(default, deserialize_with = "null_as_default")]
    tags: Tags,
    /// `true`: later removals fail with `Protected`; `false`: they are allowed again. If omitted, this stays unchanged; at
    /// first, they are allowed.
    protect: Option<bool>,
    /// Adopt resources that have a requested name and no owner tags. Not together with `event`, unless the stack's parameter
    /// `Adoption` is `always`.
    #[serde(default, deserialize_with = "null_as_default")]
    adopt: bool,
    /// With `adopt`: upgrade a cache of the engine Redis OSS to Valkey, once. ElastiCache doesn't change it back.
    #[serde(default, deserialize_with = "null_as_default")]
    upgrade_engine: bool,
    /// List what a run would do, and change nothing.
    #[serde(default, deserialize_with = "null_as_default")]
    dry_run: bool,
    /// `rollback`: delete what a failed first creation created.
    #[serde(default, deserialize_with = "null_as_default")]
    on_failure: OnFailure,
    /// `window`: ElastiCache upgrades the engine and changes the node type in the cache's maintenance window; `now`:
    /// immediately. Other changes are always immediate.
    #[serde(default, deserialize_with = "null_as_default")]
    apply: Apply,
    /// The event that the request is from. `StartWorkflow` adds it; a manual execution omits it.
    event: Option<EventStamp>,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// Returns `InvalidSpec` if a field breaks a rule. The message names both.
    pub fn from_json(input: Value) -> Result<Self, StepError> {
        read(input)
    }

    /// Returns the specification: this request with every default filled in.
    ///
    /// # Errors
    /// Returns `InvalidSpec` if a default that is derived from the environment's name breaks a rule of AWS, or if the
    /// request names two subnet groups.
    pub fn into_spec(self) -> Result<Spec, StepError> {
        let environment = &self.environment;
        let mut cache = self.cache;
        let omitted = if self.adopt {
            cache.omitted()
        } else {
            Vec::new()
        };
        if self.upgrade_engine && !self.adopt {
            return Err(invalid(
                "upgradeEngine",
                "`true` needs `adopt`: envcache creates only Valkey caches, so it upgrades only one that it adopts",
            ));
        }
        if let Some(shared) = self.network.shared_subnet_group() {
            if cache.subnet_group_name.is_some() {
                return Err(invalid(
                    "cache.subnetGroupName",
                    "is the name of a subnet group that envcache creates, but network.subnetGroup names an existing \
                     one: remove one of the two fields",
                ));
            }
            cache.subnet_group_name = Some(shared.clone());
        }
        Ok(Spec {
            cache: cache.into_cache(environment)?,
            parameter_prefix: match self.parameter_prefix {
                Some(prefix) => prefix,
                None => default_of("parameterPrefix", default_parameter_prefix(environment))?,
            },
            environment: self.environment,
            network: self.network,
            tags: self.tags,
            protect: self.protect,
            options: RunOptions {
                adopt: self.adopt,
                upgrade_engine: self.upgrade_engine,
                dry_run: self.dry_run,
                on_failure: self.on_failure,
                apply: self.apply,
            },
            omitted,
            event: self.event,
        })
    }
}

pub(crate) fn default_parameter_prefix(environment: &EnvironmentName) -> String {
    format!("/{environment}/cache")
}

/// The fields of a request whose values are objects.
const OBJECTS: [&str; 5] = ["cache", "event", "network", "rollback", "tags"];
/// The fields of `cache` whose values are objects, as JSON pointers.
const OBJECTS_OF_CACHE: [&str; 5] = [
    "logs",
    "logs/engine",
    "logs/slow",
    "parameters",
    "restoreFrom",
];
const NOT_AN_OBJECT: &str = "must be a JSON object";

/// Reads an optional field: null has the same meaning as an omitted field.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads the input of a state machine.
pub(crate) fn read<T: DeserializeOwned>(input: Value) -> Result<T, StepError> {
    if !input.is_object() {
        return Err(invalid("the input", NOT_AN_OBJECT));
    }
    // serde would accept a list of the object's values.
    if let Some(list) = OBJECTS.into_iter().find(|field| input[field].is_array()) {
        return Err(invalid(list, NOT_AN_OBJECT));
    }
    let mut of_cache = OBJECTS_OF_CACHE.into_iter();
    let value_of = |field: &str| input.pointer(&format!("/cache/{field}"));
    if let Some(list) = of_cache.find(|field| value_of(field).is_some_and(Value::is_array)) {
        let field = format!("cache.{}", list.replace('/', "."));
        return Err(invalid(&field, NOT_AN_OBJECT));
    }
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            "the input"
        } else {
            path.as_str()
        };
        invalid(field, &error.inner().to_string())
    })
}

/// Returns a default that derives from the environment's name. It must satisfy the rules of a requested value.
pub(crate) fn default_of<T: TryFrom<String, Error = String>>(
    field: &str,
    default: String,
) -> Result<T, StepError> {
    T::try_from(default).map_err(|problem| invalid(field, &format!("the default {problem}")))
}

/// The length of a message of serde, which quotes an unknown field or value in full.
const MESSAGE: usize = 400;

pub(crate) fn invalid(field: &str, problem: &str) -> StepError {
    StepError::new(
        ErrorName::InvalidSpec,
        format!(
            "{}: {}. Nothing was changed. Correct the input, then start again",
            shortened(field, QUOTED),
            shortened(problem, MESSAGE)
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Request;
    use crate::error::ErrorName;
    use crate::spec::Spec;

    fn smallest() -> Value {
        json!({
            "environment": "staging",
            "network": {
                "vpc": "band-up-vpc",
                "subnets": ["private-database-subnet-1", "private-database-subnet-2"],
                "backendSecurityGroup": "ecs-backend-sg"
            }
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut request = smallest();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
        let parent = request.pointer_mut(parent).expect("the parent exists");
        parent[field] = value;
        request
    }

    fn spec(input: Value) -> Spec {
        Request::from_json(input)
            .and_then(Request::into_spec)
            .expect("a valid request")
    }

    #[test]
    fn fills_in_every_default_when_settings_are_missing() {
        let found = serde_json::to_value(spec(smallest())).expect("a spec is JSON");

        let expected = json!({
            "environment": "staging",
            "network": smallest()["network"],
            "cache": {
                "name": "staging-redis",
                "description": "in memory db for staging",
                "securityGroupName": "staging-redis-sg",
                "subnetGroupName": "staging-cached-subnet-group",
                "nodeType": "cache.t3.micro",
                "replicas": 0,
                "autoMinorVersionUpgrade": true,
                "port": 6379,
                "snapshotRetentionDays": 1
            },
            "parameterPrefix": "/staging/cache"
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn null_is_an_omitted_field() {
        for pointer in [
            "/cache",
            "/parameterPrefix",
            "/tags",
            "/protect",
            "/adopt",
            "/upgradeEngine",
            "/dryRun",
            "/onFailure",
            "/apply",
            "/event",
        ] {
            assert_eq!(
                spec(with(pointer, Value::Null)),
                spec(smallest()),
                "{pointer}"
            );
        }
        // Every field as null.
        let settings = serde_json::to_value(super::CacheRequest::default()).expect("JSON");
        assert_eq!(spec(with("/cache", settings)), spec(smallest()));
    }

    #[test]
    fn required_field_must_not_be_null() {
        for pointer in ["/environment", "/network", "/network/vpc"] {
            let error = Request::from_json(with(pointer, Value::Null)).expect_err(pointer);

            let field = pointer[1..].replace('/', ".");
            assert!(error.to_string().starts_with(&field), "{error}");
        }
    }

    #[test]
    fn spec_survives_being_written_and_read() {
        let mut request = smallest();
        request["cache"] = json!({ "replicas": 2, "engineVersion": "8.0", "port": 7000 });
        request["tags"] = json!({ "team": "web", "cost center": "" });
        request["adopt"] = json!(true);
        request["event"] = json!({ "id": "7bf73129", "time": "2026-11-22T10:00:00Z" });
        let spec = spec(request);

        let json = serde_json::to_value(&spec).expect("a spec is JSON");

        assert_eq!(
            serde_json::from_value::<Spec>(json).expect("it is read back"),
            spec
        );
    }

    #[test]
    fn empty_parameters_are_omitted() {
        assert_eq!(
            spec(with("/cache", json!({ "parameters": {} }))),
            spec(smallest())
        );
    }

    #[test]
    fn names_the_parameter_when_its_value_is_invalid() {
        let cases = [
            (
                json!(["timeout"]),
                "cache.parameters: must be a JSON object",
            ),
            (
                json!({ "activedefrag": true }),
                "cache.parameters.activedefrag: `true` is a boolean",
            ),
            (
                json!({ "Timeout": 1 }),
                "cache.parameters: the name `Timeout` may only contain lowercase",
            ),
        ];
        for (parameters, expected) in cases {
            let request = with("/cache", json!({ "parameters": parameters }));

            let error = Request::from_json(request).expect_err(expected);

            assert_eq!(error.name(), ErrorName::InvalidSpec);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn names_the_field_when_source_is_invalid() {
        let cases = [
            (
                json!(["sessions"]),
                "cache.restoreFrom: must be a JSON object",
            ),
            (
                json!({}),
                "cache.restoreFrom: missing field `snapshot` or `files`",
            ),
            (
                json!({ "snapshot": "1" }),
                "cache.restoreFrom.snapshot: `1` is not the name of a snapshot",
            ),
        ];
        for (source, expected) in cases {
            let request = with("/cache", json!({ "restoreFrom": source }));

            let error = Request::from_json(request).expect_err(expected);

            assert_eq!(error.name(), ErrorName::InvalidSpec);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn names_the_field_when_logs_are_invalid() {
        let cases = [
            (json!(["slow"]), "cache.logs: must be a JSON object"),
            (
                json!({ "slow": ["json"] }),
                "cache.logs.slow: must be a JSON object",
            ),
            (
                json!({ "engine": ["json"] }),
                "cache.logs.engine: must be a JSON object",
            ),
            (json!({}), "cache.logs: missing field `slow` or `engine`"),
            (
                json!({ "slow": { "format": "xml" } }),
                "cache.logs.slow.format: unknown variant `xml`",
            ),
            (
                json!({ "slow": {}, "retentionDays": 31 }),
                "cache.logs.retentionDays: 31 is not one of the numbers of days",
            ),
        ];
        for (logs, expected) in cases {
            assert_invalid(with("/cache", json!({ "logs": logs })), expected);
        }
    }

    #[test]
    fn names_the_field_when_request_is_invalid() {
        let cases = [
            (json!("bandup"), "the input: must be a JSON object"),
            (
                with("/cache", json!(["bandup-redis"])),
                "cache: must be a JSON object",
            ),
            (
                with("/network", json!(["v", ["a", "b"], "g"])),
                "network: must be a JSON object",
            ),
            (
                with("/tags", json!(["team"])),
                "tags: must be a JSON object",
            ),
            (
                with("/tags", json!({ "team": 1 })),
                "tags.team: invalid type: integer `1`",
            ),
            (
                with("/tags", json!({ "envcache:stack": "x" })),
                "tags: the key `envcache:stack` begins with `envcache:`",
            ),
            (
                with("/tags", json!({ "team": "a\tb" })),
                "tags: the value of `team` may only contain ASCII letters",
            ),
            (json!({}), "the input: missing field `environment`"),
            (
                json!({ "environment": "staging" }),
                "the input: missing field `network`",
            ),
            (
                with("/environment", json!("Staging")),
                "environment: `Staging` may only contain lowercase",
            ),
            (
                with("/environment", json!(7)),
                "environment: invalid type: integer `7`",
            ),
            (
                with("/onFailure", json!("delete")),
                "onFailure: unknown variant `delete`, expected `keep` or `rollback`",
            ),
            (
                with("/apply", json!("later")),
                "apply: unknown variant `later`, expected `now` or `window`",
            ),
            (with("/chache", json!({})), "chache: unknown field `chache`"),
            (
                with("/cache", json!({ "nodeTyp": "x" })),
                "cache.nodeTyp: unknown field `nodeTyp`",
            ),
            (
                with("/cache", json!({ "replicas": 9 })),
                "cache.replicas: 9 is out of range: 0 to 5",
            ),
            (
                with("/cache", json!({ "replicas": "two" })),
                "cache.replicas: invalid type: string",
            ),
            (
                with("/cache", json!({ "snapshotRetentionDays": 36 })),
                "cache.snapshotRetentionDays: 36 is out of range",
            ),
            (
                with("/cache", json!({ "name": "band--up" })),
                "cache.name: `band--up` must not contain two",
            ),
            (
                with("/cache", json!({ "securityGroupName": "sg-x" })),
                "cache.securityGroupName: `sg-x` must not begin with `sg-`",
            ),
            (
                with("/network/subnets", json!(["one"])),
                "network.subnets: 1 given",
            ),
            (
                with("/network/subnets", json!(["one", "one"])),
                "network.subnets: `one` is listed twice",
            ),
            (
                with("/network/vpc", json!("")),
                "network.vpc: `` must have 1 to 255",
            ),
            (
                with("/parameterPrefix", json!("cache")),
                "parameterPrefix: `cache` must begin with `/`",
            ),
            (
                with("/environment", json!("aws-tools")),
                "parameterPrefix: the default `/aws-tools/cache` begins with `aws`",
            ),
            (
                with("/environment", json!("sg-web")),
                "cache.securityGroupName: the default `sg-web-redis-sg` must not begin",
            ),
        ];
        for (input, expected) in cases {
            assert_invalid(input, expected);
        }
    }

    /// Checks that a request is invalid, for a reason that begins with this text.
    fn assert_invalid(input: Value, expected: &str) {
        let text = input.to_string();
        let error = Request::from_json(input)
            .and_then(Request::into_spec)
            .expect_err("an invalid request");
        assert_eq!(error.name(), ErrorName::InvalidSpec, "{text}");
        assert!(
            error.to_string().starts_with(expected),
            "{text}\n  expected {expected}…\n  found    {error}"
        );
    }

    #[test]
    fn network_names_either_subnets_or_a_subnet_group() {
        let cases = [
            (
                with("/network/subnets", Value::Null),
                "network: missing field `subnets` or `subnetGroup`",
            ),
            (
                with("/network/subnetGroup", json!("vpc-caches")),
                "network: `subnets` and `subnetGroup` exclude each other",
            ),
            (
                with_shared_subnet_group(json!("vpc--caches")),
                "network.subnetGroup: `vpc--caches` must not contain two",
            ),
            (
                {
                    let mut request = with_shared_subnet_group(json!("vpc-caches"));
                    request["cache"] = json!({ "subnetGroupName": "vpc-caches" });
                    request
                },
                "cache.subnetGroupName: is the name of a subnet group that envcache creates",
            ),
        ];
        for (input, expected) in cases {
            assert_invalid(input, expected);
        }
    }

    /// Returns the smallest request with a shared subnet group instead of subnets.
    fn with_shared_subnet_group(name: Value) -> Value {
        let mut request = with("/network/subnets", Value::Null);
        request["network"]["subnetGroup"] = name;
        request
    }

    #[test]
    fn shared_subnet_group_is_the_cache_subnet_group() {
        let spec = spec(with_shared_subnet_group(json!("vpc-caches")));

        assert_eq!(spec.cache.subnet_group_name.as_str(), "vpc-caches");
        let again = serde_json::to_value(&spec.network).expect("JSON");
        assert_eq!(
            again,
            json!({ "vpc": "band-up-vpc", "subnetGroup": "vpc-caches", "backendSecurityGroup": "ecs-backend-sg" })
        );
    }

    #[test]
    fn omitted_settings_are_listed_only_when_adopting() {
        let mut request = with(
            "/cache",
            json!({ "nodeType": "cache.r7g.large", "replicas": null }),
        );
        assert!(spec(request.clone()).omitted.is_empty());
        request["adopt"] = json!(true);

        let found = spec(request).omitted;

        assert_eq!(
            found,
            [
                "name",
                "description",
                "securityGroupName",
                "subnetGroupName",
                "replicas",
                "multiAz",
                "engineVersion",
                "autoMinorVersionUpgrade",
                "port",
                "snapshotRetentionDays",
                "snapshotWindow",
                "maintenanceWindow",
                "notificationTopic",
                "kmsKey",
                "restoreFrom",
                "logs",
                "parameters",
            ]
        );
    }

    #[test]
    fn settings_that_exclude_each_other_are_rejected() {
        let windows = |snapshot: Value, maintenance: Value| {
            let cache = json!({ "snapshotWindow": snapshot, "maintenanceWindow": maintenance });
            with("/cache", cache)
        };
        let tiered = |policy: &str| {
            let parameters = json!({ "maxmemory-policy": policy });
            let cache = json!({ "nodeType": "cache.r6gd.xlarge", "parameters": parameters });
            with("/cache", cache)
        };
        let cases = [
            (
                with("/upgradeEngine", json!(true)),
                "upgradeEngine: `true` needs `adopt`",
            ),
            // "Automatic failover requires 2 or more cache clusters", and Multi-AZ requires failover:
            // https://github.com/badmintoncryer/cdk-preflight, which tested it on AWS in September 2026
            (
                with("/cache", json!({ "multiAz": true })),
                "cache.multiAz: `true` needs a replica: request `cache.replicas` of 1 or more",
            ),
            // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html
            (
                tiered("volatile-ttl"),
                "cache.parameters.maxmemory-policy: `volatile-ttl` is not allowed with `cache.nodeType` \
                 `cache.r6gd.xlarge`, which has data tiering. Allowed values: `volatile-lru`, `allkeys-lru`, `noeviction`",
            ),
            // ElastiCache chooses a window that a request omits. "The snapshot window and maintenance window must not overlap.":
            // https://github.com/hashicorp/terraform/issues/17247
            (
                windows(json!("05:00-06:00"), Value::Null),
                "cache.maintenanceWindow: is missing: request both windows or neither",
            ),
            (
                windows(Value::Null, json!("sun:05:00-sun:06:00")),
                "cache.snapshotWindow: is missing: request both windows or neither",
            ),
            (
                windows(json!("05:00-06:00"), json!("sun:05:30-sun:06:30")),
                "cache.snapshotWindow: `05:00-06:00` overlaps `cache.maintenanceWindow`, which is `sun:05:30-sun:06:30`",
            ),
        ];
        for (input, expected) in cases {
            assert_invalid(input, expected);
        }
    }

    #[test]
    fn multi_az_is_on_from_one_replica_up_unless_it_is_turned_off() {
        let cases = [
            (json!({}), false),
            (json!({ "multiAz": false }), false),
            (json!({ "replicas": 1 }), true),
            (json!({ "replicas": 1, "multiAz": true }), true),
            (json!({ "replicas": 1, "multiAz": false }), false),
        ];
        for (cache, expected) in cases {
            let found = spec(with("/cache", cache.clone())).cache;

            assert_eq!(found.is_multi_az(), expected, "{cache}");
        }
    }

    #[test]
    fn accepts_own_prefix_when_default_prefix_is_reserved() {
        let mut request = with("/environment", json!("aws-tools"));
        request["parameterPrefix"] = json!("/tools/cache");

        assert_eq!(spec(request).parameter_prefix.as_str(), "/tools/cache");
    }

    #[test]
    fn shortens_message_when_input_is_huge() {
        let error = Request::from_json(with("/environment", json!("x".repeat(1 << 20))))
            .expect_err("too long a name");

        assert!(
            error.to_string().len() < 1000,
            "the message fits on a screen"
        );
    }
}
