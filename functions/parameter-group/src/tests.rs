//! Tests with replayed answers of ElastiCache.

mod databases;
mod delete;
mod plan;

use aws_sdk_elasticache::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::EnsureParameterGroupOutput;
use replay::elasticache::{accepted, list_tags_for_resource, no_cache, owned_by};
use replay::{Answer, Replay, form, owner_tags, reference};
use serde_json::{Value, json};

use crate::ensure;

const ARN: &str =
    "arn:aws:elasticache:ap-southeast-1:123456789012:parametergroup:bandup-redis-valkey8";
const DESCRIPTION: &str = "Parameters of the cache of environment bandup";

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameterGroups.html>, with the name and
/// the description of each group, and with a default one.
fn groups(groups: &[(&str, &str)]) -> Answer {
    let default = ("default.valkey8", "Default parameter group for valkey8");
    let groups: String = groups
        .iter()
        .chain([&default])
        .map(|(name, description)| {
            format!(
                "<CacheParameterGroup><CacheParameterGroupName>{name}</CacheParameterGroupName>\
                 <CacheParameterGroupFamily>valkey8</CacheParameterGroupFamily><Description>{description}</Description>\
                 <IsGlobal>false</IsGlobal>\
                 <ARN>arn:aws:elasticache:ap-southeast-1:123456789012:parametergroup:{name}</ARN></CacheParameterGroup>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeCacheParameterGroupsResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\">\
         <DescribeCacheParameterGroupsResult><CacheParameterGroups>{groups}</CacheParameterGroups><Marker/>\
         </DescribeCacheParameterGroupsResult></DescribeCacheParameterGroupsResponse>"
    ))
}

/// Returns the cache's group for its current version.
fn own() -> Answer {
    groups(&[("bandup-redis-valkey8", DESCRIPTION)])
}

/// Returns a cache, in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html>.
fn cache(status: &str) -> Answer {
    Answer::ok(format!(
        "<DescribeReplicationGroupsResponse><DescribeReplicationGroupsResult><ReplicationGroups><ReplicationGroup>\
         <ReplicationGroupId>bandup-redis</ReplicationGroupId><Status>{status}</Status>\
         <MemberClusters><ClusterId>bandup-redis-001</ClusterId></MemberClusters>\
         </ReplicationGroup></ReplicationGroups></DescribeReplicationGroupsResult></DescribeReplicationGroupsResponse>"
    ))
}

/// Returns the cache's member, in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html>.
fn member(engine: &str, version: &str) -> Answer {
    Answer::ok(format!(
        "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters><CacheCluster>\
         <CacheClusterId>bandup-redis-001</CacheClusterId><CacheClusterStatus>available</CacheClusterStatus>\
         <Engine>{engine}</Engine><EngineVersion>{version}</EngineVersion>\
         </CacheCluster></CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>"
    ))
}

/// Returns parameters in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_Parameter.html>. Those in `changed` have other values
/// than the defaults.
fn parameters(changed: &[(&str, &str)]) -> String {
    let integers = (0..25).map(|number| (format!("integer-{number}"), "0", "integer", "-"));
    let policies = "volatile-lru,allkeys-lru,noeviction";
    let known = [
        ("maxmemory-policy", "volatile-lru", "string", policies),
        ("timeout", "0", "integer", "0,20-"),
    ];
    let known = known.map(|(name, value, kind, allowed)| (name.to_owned(), value, kind, allowed));
    let all = known.into_iter().chain(integers);
    all.map(|(name, default, kind, allowed)| {
        let changed = changed.iter().find(|(changed, _)| *changed == name);
        let value = changed.map_or(default, |(_, value)| *value);
        format!(
            "<Parameter><ParameterName>{name}</ParameterName><ParameterValue>{value}</ParameterValue>\
             <Source>system</Source><DataType>{kind}</DataType><AllowedValues>{allowed}</AllowedValues>\
             <IsModifiable>true</IsModifiable><MinimumEngineVersion>7.2.6</MinimumEngineVersion>\
             <ChangeType>immediate</ChangeType></Parameter>"
        )
    })
    .collect()
}

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEngineDefaultParameters.html>.
fn defaults() -> Answer {
    Answer::ok(format!(
        "<DescribeEngineDefaultParametersResponse><DescribeEngineDefaultParametersResult><EngineDefaults>\
         <CacheNodeTypeSpecificParameters><CacheNodeTypeSpecificParameter><ParameterName>maxmemory</ParameterName>\
         </CacheNodeTypeSpecificParameter></CacheNodeTypeSpecificParameters>\
         <Parameters>{}</Parameters></EngineDefaults></DescribeEngineDefaultParametersResult>\
         </DescribeEngineDefaultParametersResponse>",
        parameters(&[])
    ))
}

/// Returns a response in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameters.html>.
fn values(changed: &[(&str, &str)]) -> Answer {
    Answer::ok(format!(
        "<DescribeCacheParametersResponse><DescribeCacheParametersResult><Parameters>{}</Parameters>\
         </DescribeCacheParametersResult></DescribeCacheParametersResponse>",
        parameters(changed)
    ))
}

/// Returns the answers up to the group's parameters, of an available cache with its own group.
fn found(changed: &[(&str, &str)]) -> Vec<Answer> {
    vec![
        own(),
        cache("available"),
        member("valkey", "8.0.1"),
        defaults(),
        owned_by("envcache"),
        values(changed),
    ]
}

/// Returns `EnsureParameterGroup`'s message for a request with these parameters.
fn message(parameters: &Value) -> Value {
    let mut message = reference(json!({
        "recordedEngineVersion": null,
        "defaultEngineVersion": "8.2",
    }));
    if let Some(fields) = message.as_object_mut() {
        fields.remove("belongsHere");
    }
    if !parameters.is_null() {
        message["spec"]["cache"]["parameters"] = parameters.clone();
    }
    message
}

async fn ensured(replay: &Replay, message: Value) -> StepResult<EnsureParameterGroupOutput> {
    let client = Client::new(&replay.config());
    let message = serde_json::from_value(message).expect("the state's message");
    ensure(&client, "envcache", message).await
}

fn writes(replay: &Replay) -> Vec<String> {
    let mut actions = replay.actions();
    actions.retain(|action| !action.starts_with("Describe") && !action.starts_with("List"));
    actions
}

#[tokio::test]
async fn request_without_parameters_has_no_group() {
    let replay = Replay::new([groups(&[])]);

    let output = ensured(&replay, message(&Value::Null)).await;

    let output = serde_json::to_value(output.expect("no group")).expect("JSON");
    assert_eq!(
        output,
        json!({ "parameterGroup": null, "formerParameterGroups": [], "pending": [], "actions": [] })
    );
    assert_eq!(
        replay.forms(),
        [form([
            ("Action", "DescribeCacheParameterGroups"),
            ("MaxRecords", "100"),
        ])]
    );
}

#[tokio::test]
async fn creates_group_with_parameters_and_tags_for_new_cache() {
    let mut message = message(&json!({ "timeout": 300, "maxmemory-policy": "volatile-lru" }));
    message["spec"]["tags"] = json!({ "team": "web" });
    let replay = Replay::new([
        groups(&[]),
        no_cache(),
        defaults(),
        accepted("CreateCacheParameterGroup"),
        accepted("ModifyCacheParameterGroup"),
    ]);

    let output = ensured(&replay, message).await.expect("created");

    assert_eq!(
        output.parameter_group.as_deref(),
        Some("bandup-redis-valkey8")
    );
    assert_eq!(
        replay.forms()[2..],
        [
            form([
                ("Action", "DescribeEngineDefaultParameters"),
                ("CacheParameterGroupFamily", "valkey8"),
                ("MaxRecords", "100"),
            ]),
            form([
                ("Action", "CreateCacheParameterGroup"),
                ("CacheParameterGroupName", "bandup-redis-valkey8"),
                ("CacheParameterGroupFamily", "valkey8"),
                ("Description", DESCRIPTION),
                ("Tags.Tag.1.Key", "envcache:environment"),
                ("Tags.Tag.1.Value", "bandup"),
                ("Tags.Tag.2.Key", "envcache:stack"),
                ("Tags.Tag.2.Value", "envcache"),
                ("Tags.Tag.3.Key", "team"),
                ("Tags.Tag.3.Value", "web"),
            ]),
            // The policy has its default.
            form([
                ("Action", "ModifyCacheParameterGroup"),
                ("CacheParameterGroupName", "bandup-redis-valkey8"),
                (
                    "ParameterNameValues.ParameterNameValue.1.ParameterName",
                    "timeout"
                ),
                (
                    "ParameterNameValues.ParameterNameValue.1.ParameterValue",
                    "300"
                ),
            ]),
        ]
    );
}

#[tokio::test]
async fn changes_nothing_when_group_is_up_to_date() {
    let replay = Replay::new(found(&[("timeout", "300")]));

    let output = ensured(&replay, message(&json!({ "timeout": 300 }))).await;

    assert!(output.expect("an existing group").actions.is_empty());
    assert_eq!(
        replay.actions(),
        [
            "DescribeCacheParameterGroups",
            "DescribeReplicationGroups",
            "DescribeCacheClusters",
            "DescribeEngineDefaultParameters",
            "ListTagsForResource",
            "DescribeCacheParameters",
        ]
    );
}

#[tokio::test]
async fn resets_former_parameters_before_it_modifies_others() {
    let mut answers = found(&[("maxmemory-policy", "noeviction"), ("integer-1", "7")]);
    answers.push(accepted("ResetCacheParameterGroup"));
    answers.push(accepted("ModifyCacheParameterGroup"));
    let replay = Replay::new(answers);

    let output = ensured(&replay, message(&json!({ "timeout": 300 }))).await;

    output.expect("changed");
    let name = ("CacheParameterGroupName", "bandup-redis-valkey8");
    assert_eq!(
        replay.forms()[6..],
        [
            form([
                ("Action", "ResetCacheParameterGroup"),
                name,
                (
                    "ParameterNameValues.ParameterNameValue.1.ParameterName",
                    "maxmemory-policy"
                ),
                (
                    "ParameterNameValues.ParameterNameValue.2.ParameterName",
                    "integer-1"
                ),
            ]),
            form([
                ("Action", "ModifyCacheParameterGroup"),
                name,
                (
                    "ParameterNameValues.ParameterNameValue.1.ParameterName",
                    "timeout"
                ),
                (
                    "ParameterNameValues.ParameterNameValue.1.ParameterValue",
                    "300"
                ),
            ]),
        ]
    );
}

/// "A maximum of 20 parameters may be modified per request":
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html>.
#[tokio::test]
async fn changes_at_most_20_parameters_with_one_call() {
    let requested: Value = (0..25)
        .map(|number| (format!("integer-{number}"), json!(1)))
        .collect();
    let modify = || accepted("ModifyCacheParameterGroup");
    let replay = Replay::new([found(&[]), vec![modify(), modify()]].concat());

    let output = ensured(&replay, message(&requested)).await;

    let changes = output.expect("changed").actions;
    let counts: Vec<_> = changes.iter().map(|action| action.changes.len()).collect();
    assert_eq!(counts, [20, 5]);
    let counts: Vec<_> = replay.forms()[6..]
        .iter()
        .map(|form| form.keys().filter(|key| key.ends_with("Value")).count())
        .collect();
    assert_eq!(counts, [20, 5]);
}

#[tokio::test]
async fn group_is_of_the_version_after_the_run() {
    let with = |field: &str, value: Value| {
        let mut message = message(&json!({ "timeout": 300 }));
        message[field] = value;
        message
    };
    let upgraded = |options: Value, version: &str| {
        let mut message = message(&json!({ "timeout": 300 }));
        message["spec"]["options"] = options;
        message["spec"]["cache"]["engineVersion"] = json!(version);
        message
    };
    let running = |engine, version| vec![cache("available"), member(engine, version)];
    let cases = [
        (
            vec![no_cache()],
            with("recordedEngineVersion", json!("7.2.6")),
            "valkey7",
        ),
        (
            vec![no_cache()],
            with("defaultEngineVersion", json!("9.0")),
            "valkey9",
        ),
        (
            vec![cache("create-failed")],
            with("defaultEngineVersion", json!("9.0")),
            "valkey9",
        ),
        (
            running("valkey", "7.2.6"),
            with("defaultEngineVersion", json!("9.0")),
            "valkey7",
        ),
        (
            running("valkey", "7.2.6"),
            upgraded(json!({}), "8.0"),
            "valkey8",
        ),
        (
            running("redis", "7.1.0"),
            upgraded(json!({ "adopt": true, "upgradeEngine": true }), "8.0"),
            "valkey8",
        ),
    ];
    for (answers, message, family) in cases {
        let answers = [
            vec![groups(&[])],
            answers,
            vec![
                defaults(),
                accepted("CreateCacheParameterGroup"),
                accepted("ModifyCacheParameterGroup"),
            ],
        ];
        let replay = Replay::new(answers.concat());

        let output = ensured(&replay, message).await.expect("created");

        let expected = format!("bandup-redis-{family}");
        assert_eq!(output.parameter_group, Some(expected), "{family}");
    }
}

#[tokio::test]
async fn invalid_parameter_is_rejected_before_any_write() {
    let replay = Replay::new([groups(&[]), no_cache(), defaults()]);

    let error = ensured(&replay, message(&json!({ "timeout": 5 })))
        .await
        .expect_err("not allowed");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    let expected = "cache.parameters.timeout: `5` is not allowed. Allowed values: 0, 20 or more. Nothing was changed.";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(writes(&replay).is_empty());
}

#[tokio::test]
async fn changes_nothing_when_group_is_unowned() {
    let mut answers = found(&[]);
    answers[4] = owned_by("another-stack");
    let replay = Replay::new(answers);

    let error = ensured(&replay, message(&json!({ "timeout": 300 })))
        .await
        .expect_err("another stack's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(
        error.to_string().contains("`bandup-redis-valkey8` exists"),
        "{error}"
    );
    assert!(writes(&replay).is_empty());
}

#[tokio::test]
async fn former_groups_are_those_that_are_owned_and_not_requested() {
    let all = groups(&[
        ("bandup-redis-valkey7", DESCRIPTION),
        ("bandup-redis-valkey8", DESCRIPTION),
        ("earlier-valkey8", DESCRIPTION),
        ("bandup-redis-valkey9", "created manually"),
    ]);
    let gone = Answer::query_fault(404, "CacheParameterGroupNotFound", "not found");
    let mut answers = found(&[]);
    answers[0] = all.clone();
    answers.extend([
        owned_by("envcache"),
        owned_by("envcache"),
        owned_by("other"),
    ]);
    let replay = Replay::new(answers);
    let without = Replay::new([
        all,
        owned_by("envcache"),
        owned_by("envcache"),
        gone,
        owned_by("other"),
        no_cache(),
    ]);

    let with_parameters = ensured(&replay, message(&json!({ "timeout": 0 }))).await;
    let without_parameters = ensured(&without, message(&Value::Null)).await;

    let former = ["bandup-redis-valkey7", "earlier-valkey8"];
    assert_eq!(
        with_parameters.expect("a group").former_parameter_groups,
        former
    );
    let former = ["bandup-redis-valkey7", "bandup-redis-valkey8"];
    assert_eq!(
        without_parameters.expect("none").former_parameter_groups,
        former
    );
}

#[tokio::test]
async fn updates_tags_of_the_group() {
    let mut message = message(&json!({ "timeout": 0 }));
    message["formerTags"] = json!(["stage"]);
    message["spec"]["tags"] = json!({ "team": "web" });
    let mut answers = found(&[]);
    answers[4] = list_tags_for_resource(&owner_tags("envcache", &[("stage", "test")]));
    answers.extend([
        accepted("RemoveTagsFromResource"),
        accepted("AddTagsToResource"),
    ]);
    let replay = Replay::new(answers);

    ensured(&replay, message).await.expect("tagged");

    assert_eq!(
        replay.forms()[6..],
        [
            form([
                ("Action", "RemoveTagsFromResource"),
                ("ResourceName", ARN),
                ("TagKeys.member.1", "stage"),
            ]),
            form([
                ("Action", "AddTagsToResource"),
                ("ResourceName", ARN),
                ("Tags.Tag.1.Key", "envcache:environment"),
                ("Tags.Tag.1.Value", "bandup"),
                ("Tags.Tag.2.Key", "envcache:stack"),
                ("Tags.Tag.2.Value", "envcache"),
                ("Tags.Tag.3.Key", "team"),
                ("Tags.Tag.3.Value", "web"),
            ]),
        ]
    );
}

#[tokio::test]
async fn keeps_the_error_name_when_elasticache_rejects_a_write() {
    let request = json!({ "timeout": 300 });
    let creating = || vec![groups(&[]), no_cache(), defaults()];
    let pending =
        "Cannot reset the parameter group because the parameter integer-1 has pending changes.";
    let cases = [
        // Another run created it, or ElastiCache doesn't show it yet.
        (
            creating(),
            "CacheParameterGroupAlreadyExists",
            "",
            ErrorName::NotFound,
        ),
        (
            creating(),
            "CacheParameterGroupQuotaExceeded",
            "",
            ErrorName::QuotaExceeded,
        ),
        // https://github.com/hashicorp/terraform-provider-aws/pull/1821
        (
            found(&[("integer-1", "7")]),
            "InvalidCacheParameterGroupState",
            pending,
            ErrorName::InUse,
        ),
        // Another run or a user deleted it after it was described.
        (
            found(&[]),
            "CacheParameterGroupNotFound",
            "",
            ErrorName::NotFound,
        ),
        (
            found(&[]),
            "InvalidParameterValue",
            "",
            ErrorName::InvalidSpec,
        ),
    ];
    for (mut answers, code, message, expected) in cases {
        answers.push(Answer::query_fault(400, code, message));

        let error = ensured(&Replay::new(answers), self::message(&request)).await;

        assert_eq!(error.expect_err(code).name(), expected, "{code}");
    }
}
