//! Tests of the engine version of new and existing caches.

use contract::error::ErrorName;
use contract::message::EnsureReplicationGroupOutput;
use replay::Answer;
use serde_json::{Value, json};

use super::{
    Aws, absent, accepted, creation, described, held, member, message, no_cluster, owned, same,
    with,
};

/// Returns a member with this version and this parameter group.
fn running(version: &str, parameter_group: &str) -> Answer {
    member(|body| {
        body.replace(">8.0.1<", &format!(">{version}<"))
            .replace(">default.valkey8<", &format!(">{parameter_group}<"))
    })
}

#[tokio::test]
async fn major_upgrade_requests_default_parameter_group() {
    let cases = [
        ("7.2.6", "default.valkey7", "8.0", Some("default.valkey8")),
        ("8.1.0", "default.valkey8", "9.0", Some("default.valkey9")),
        ("8.0.1", "default.valkey8", "8.2", None),
        ("8.0.1", "sessions-8", "8.2", None),
    ];
    for (found, group, requested, expected) in cases {
        let aws = Aws::new([
            described("available", same),
            owned(),
            running(found, group),
            accepted("ModifyReplicationGroup"),
        ]);

        aws.ensure(message(&json!({ "engineVersion": requested })))
            .await
            .expect("an upgrade");

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["EngineVersion"], requested, "from {found}");
        let named = request.get("CacheParameterGroupName").map(String::as_str);
        assert_eq!(named, expected, "from {found} to {requested}");
    }
}

#[tokio::test]
async fn rejects_major_upgrade_with_custom_parameter_group() {
    for plan in [true, false] {
        let aws = Aws::new([
            described("available", same),
            owned(),
            running("7.2.6", "sessions-7"),
        ]);
        let message = message(&json!({ "engineVersion": "8.0", "description": "cache" }));

        let error = aws
            .ensure(with(message, &json!({ "plan": plan })))
            .await
            .expect_err("a custom group");

        assert_eq!(error.name(), ErrorName::Immutable);
        let expected = "cache.engineVersion is `7.2.6`, requested `8.0` (the cache uses the parameter group `sessions-7`";
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("family valkey8"), "{error}");
        assert!(aws.elasticache_writes().is_empty());
    }
}

/// Returns a member with the engine Redis OSS and this parameter group.
fn redis(parameter_group: &'static str) -> Answer {
    member(move |body| {
        body.replace("<Engine>valkey", "<Engine>redis")
            .replace(">8.0.1<", ">7.1.0<")
            .replace(">default.valkey8<", &format!(">{parameter_group}<"))
    })
}

/// Returns the message with `upgradeEngine` set.
fn upgrading(cache: &Value) -> Value {
    let mut message = message(cache);
    message["spec"]["options"] = json!({ "adopt": true, "upgradeEngine": true });
    message
}

/// The parameters are those of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/VersionManagement.HowTo.html>: of a cache with a default
/// parameter group, only engine and version.
#[tokio::test]
async fn upgrades_redis_to_valkey_when_requested() {
    for (cache, version) in [
        (json!({}), "8.2"),
        (json!({ "engineVersion": "7.2" }), "7.2"),
    ] {
        let aws = Aws::new([
            described("available", same),
            owned(),
            redis("default.redis7"),
            accepted("ModifyReplicationGroup"),
        ]);

        aws.ensure(upgrading(&cache)).await.expect("an upgrade");

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["Engine"], "valkey");
        assert_eq!(request["EngineVersion"], version);
        assert_eq!(request.get("CacheParameterGroupName"), None);
    }
}

#[tokio::test]
async fn rejects_upgrade_from_redis_that_was_not_requested_or_has_a_custom_parameter_group() {
    let cases = [
        (
            message(&json!({})),
            "default.redis7",
            "engine is `redis`, requested `valkey` (upgrade it: adopt it with `upgradeEngine`)",
        ),
        (
            upgrading(&json!({})),
            "sessions",
            "cache.engineVersion is `7.1.0`, requested `8.2` (the cache uses the parameter group `sessions`",
        ),
    ];
    for (message, parameter_group, expected) in cases {
        let aws = Aws::new([
            described("available", same),
            owned(),
            redis(parameter_group),
        ]);

        let error = aws.ensure(message).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::Immutable);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(aws.elasticache_writes().is_empty());
    }
}

#[tokio::test]
async fn accepts_and_returns_newer_minor_version() {
    let answers = || {
        [
            described("available", same),
            owned(),
            running("8.1.0", "default.valkey8"),
        ]
    };
    let request = || message(&json!({ "engineVersion": "8.0" }));
    let versions = json!({ "found": "8.1.0", "requested": "8.0" });

    let found = Aws::new(answers()).ensure(request()).await.expect("a run");
    let planned = Aws::new(answers())
        .ensure(with(request(), &json!({ "plan": true })))
        .await
        .expect("a plan");

    for output in [found, planned] {
        let output = serde_json::to_value(output).expect("JSON");
        assert_eq!(output["engineVersion"], versions, "{output}");
        assert!(
            output["actions"].as_array().is_none_or(Vec::is_empty),
            "{output}"
        );
    }
}

#[tokio::test]
async fn rejects_downgrade_from_newer_major_version() {
    let aws = Aws::new([
        described("available", same),
        owned(),
        running("9.0.0", "default.valkey9"),
    ]);

    let error = aws
        .ensure(message(&json!({ "engineVersion": "8.2" })))
        .await
        .expect_err("a downgrade");

    assert_eq!(error.name(), ErrorName::Immutable);
    let expected = "cache.engineVersion is `9.0.0`, requested `8.2`";
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn ignores_default_version_for_existing_cache() {
    for running_version in ["7.2.6", "8.0.1", "9.1.0"] {
        let aws = Aws::new([
            described("available", same),
            owned(),
            running(running_version, "sessions"),
        ]);

        let found = aws.ensure(message(&json!({}))).await.expect("up to date");

        assert!(
            matches!(found, EnsureReplicationGroupOutput::UpToDate { .. }),
            "{found:?}"
        );
        assert!(aws.elasticache_writes().is_empty(), "{running_version}");
    }
}

/// Returns a record with this engine version.
fn recorded(version: &str) -> Value {
    let mut record = held(Some(&creation()));
    record["engineVersion"] = json!(version);
    record
}

#[tokio::test]
async fn creates_with_requested_or_recorded_or_default_version() {
    let cases = [
        (held(None), json!({}), "8.2"),
        (held(None), json!({ "engineVersion": "7.2" }), "7.2"),
        (recorded("7.2.6"), json!({}), "7.2"),
        (recorded("8.1.0"), json!({ "engineVersion": "8.0" }), "8.1"),
    ];
    for (record, cache, expected) in cases {
        let created = Aws::with_record(&record, [absent(), accepted("CreateReplicationGroup")]);
        let planned = Aws::with_record(&record, [absent(), no_cluster()]);

        created.ensure(message(&cache)).await.expect("created");
        let plan = planned
            .ensure(with(message(&cache), &json!({ "plan": true })))
            .await
            .expect("a plan");

        let request = &created.elasticache.forms()[1];
        assert_eq!(request["EngineVersion"], expected, "{record}");
        let written = created.record_writes()[0].to_string();
        assert!(
            !written.contains("engineVersion"),
            "AWS may reject it: {written}"
        );
        let plan = serde_json::to_value(plan).expect("JSON");
        let changes = plan["actions"][0]["changes"].as_array().expect("changes");
        let version = json!({ "field": "cache.engineVersion", "found": null, "wanted": expected });
        assert!(changes.contains(&version), "{plan}");
    }
}
