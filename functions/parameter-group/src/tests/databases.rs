//! Tests of `databases`, which a cache gets when it is created and keeps: "Yes if the parameter group is not associated with any
//! clusters. Otherwise, no."
//! (<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html>).

use contract::error::ErrorName;
use replay::elasticache::{accepted, no_cache, owned_by};
use replay::{Answer, Replay, form};
use serde_json::{Value, json};

use super::{DESCRIPTION, cache, defaults, ensured, groups, member, message, own, values, writes};

const OWN: &str = "bandup-redis-valkey8";

/// Returns an answer that also has the parameter. A custom group shows it as modifiable:
/// <https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-cache-parameters.html>.
fn with_databases(answer: Answer, value: &str, is_modifiable: bool) -> Answer {
    let parameter = format!(
        "<Parameters><Parameter><ParameterName>databases</ParameterName><ParameterValue>{value}</ParameterValue>\
         <Source>system</Source><DataType>integer</DataType><AllowedValues>1-1200000</AllowedValues>\
         <IsModifiable>{is_modifiable}</IsModifiable><MinimumEngineVersion>7.2.6</MinimumEngineVersion>\
         <ChangeType>requires-reboot</ChangeType></Parameter>"
    );
    answer.replaced("<Parameters>", &parameter)
}

fn family() -> Answer {
    with_databases(defaults(), "16", false)
}

fn group_with(value: &str) -> Answer {
    with_databases(values(&[]), value, true)
}

/// Returns a member that uses this parameter group.
fn using(group: &str) -> Answer {
    let name = format!(
        "<CacheParameterGroup><CacheParameterGroupName>{group}</CacheParameterGroupName></CacheParameterGroup></CacheCluster>"
    );
    member("valkey", "8.0.1").replaced("</CacheCluster>", &name)
}

/// Returns the answers up to the parameters of the own group.
fn with_own(group_in_use: &str, value: &str) -> Vec<Answer> {
    vec![
        own(),
        cache("available"),
        using(group_in_use),
        family(),
        owned_by("envcache"),
        group_with(value),
    ]
}

/// Returns the answers for a cache with this group, without an own one.
fn without_own(group_in_use: &str) -> Vec<Answer> {
    vec![
        groups(&[]),
        cache("available"),
        using(group_in_use),
        family(),
    ]
}

#[tokio::test]
async fn new_cache_gets_the_requested_number() {
    let replay = Replay::new([
        groups(&[]),
        no_cache(),
        family(),
        accepted("CreateCacheParameterGroup"),
        accepted("ModifyCacheParameterGroup"),
    ]);

    let output = ensured(&replay, message(&json!({ "databases": 32 }))).await;

    assert!(output.expect("created").pending.is_empty());
    let pair = "ParameterNameValues.ParameterNameValue.1";
    assert_eq!(
        replay.forms()[4],
        form([
            ("Action", "ModifyCacheParameterGroup"),
            ("CacheParameterGroupName", OWN),
            (&format!("{pair}.ParameterName"), "databases"),
            (&format!("{pair}.ParameterValue"), "32"),
        ])
    );
}

#[tokio::test]
async fn group_that_no_cache_uses_yet_is_changed_and_reset() {
    let without_cache = vec![
        own(),
        no_cache(),
        family(),
        owned_by("envcache"),
        group_with("32"),
    ];
    let cases = [
        (
            without_cache.clone(),
            json!({ "timeout": 0 }),
            "ResetCacheParameterGroup",
        ),
        (
            without_cache,
            json!({ "databases": 8 }),
            "ModifyCacheParameterGroup",
        ),
        (
            with_own("default.valkey8", "32"),
            json!({ "timeout": 0 }),
            "ResetCacheParameterGroup",
        ),
    ];
    for (mut answers, parameters, expected) in cases {
        answers.push(accepted(expected));
        let replay = Replay::new(answers);

        let output = ensured(&replay, message(&parameters))
            .await
            .expect("changed");

        assert_eq!(writes(&replay), [expected], "{parameters}");
        assert!(output.pending.is_empty(), "{parameters}");
    }
}

#[tokio::test]
async fn existing_cache_keeps_its_number() {
    let foreign = |value: &str| [without_own("sessions"), vec![group_with(value)]].concat();
    let cases = [
        (with_own(OWN, "32"), json!({ "databases": 32 }), None),
        (
            with_own(OWN, "32"),
            json!({ "databases": 8 }),
            Some("is `32`, requested `8`. "),
        ),
        (
            with_own(OWN, "32"),
            json!({ "timeout": 0 }),
            Some("is `32`, requested `16`, the default"),
        ),
        (
            without_own("default.valkey8"),
            json!({ "databases": 32 }),
            Some("is `16`, requested `32`. "),
        ),
        (
            without_own("default.valkey8"),
            json!({ "timeout": 0 }),
            None,
        ),
        // The group of an adopted cache.
        (
            foreign("32"),
            json!({ "timeout": 0 }),
            Some("is `32`, requested `16`, the default"),
        ),
        (foreign("32"), json!({ "databases": 32 }), None),
        (foreign("16"), json!({ "timeout": 0 }), None),
    ];
    for (answers, parameters, expected) in cases {
        for plan in [false, true] {
            let answers = [
                answers.clone(),
                vec![
                    accepted("CreateCacheParameterGroup"),
                    accepted("ModifyCacheParameterGroup"),
                ],
            ];
            let replay = Replay::new(answers.concat());
            let mut message = message(&parameters);
            message["plan"] = json!(plan);

            let found = ensured(&replay, message).await;

            let Some(expected) = expected else {
                assert!(found.expect("accepted").pending.is_empty(), "{parameters}");
                continue;
            };
            let error = found.expect_err("another value");
            assert_eq!(error.name(), ErrorName::Immutable);
            let expected = format!("cache.parameters.databases {expected}");
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(writes(&replay).is_empty());
        }
    }
}

#[tokio::test]
async fn cache_returns_to_the_default_group_only_with_its_number() {
    let answers = |value: &str| {
        [
            groups(&[(OWN, DESCRIPTION)]),
            owned_by("envcache"),
            cache("available"),
            using(OWN),
            group_with(value),
            family(),
        ]
    };

    let same = ensured(&Replay::new(answers("16")), message(&Value::Null)).await;
    let different = ensured(&Replay::new(answers("32")), message(&Value::Null)).await;

    assert_eq!(same.expect("accepted").former_parameter_groups, [OWN]);
    let error = different.expect_err("another value");
    assert_eq!(error.name(), ErrorName::Immutable);
    let expected = "cache.parameters.databases is `32`, requested `16`, the default";
    assert!(error.to_string().starts_with(expected), "{error}");
}
