//! Tests of the plan.

use contract::error::{ErrorName, StepResult};
use record::Creation;
use replay::Answer;
use serde_json::{Value, json};

use super::{
    Aws, OTHER_RUN, absent, adopting, creation, described, events, held, member, message,
    no_cluster, owned, rejected, rejections, same, unowned, with, writing_rounds,
};

/// Runs `PlanReplicationGroup` with these answers.
async fn planned(aws: &Aws, message: Value) -> StepResult<Value> {
    let found = aws.ensure(with(message, &json!({ "plan": true }))).await?;
    Ok(serde_json::to_value(found).expect("JSON"))
}

fn operations(plan: &Value) -> Vec<Value> {
    let actions = plan["actions"].as_array().into_iter().flatten();
    actions.map(|action| action["operation"].clone()).collect()
}

fn failed() -> Vec<Answer> {
    vec![described("create-failed", same), events(&[]), events(&[])]
}

#[tokio::test]
async fn plan_writes_nothing() {
    for round in writing_rounds() {
        let write = round.write;
        let mut answers = round.elasticache;
        if write == "CreateReplicationGroup" {
            answers.insert(1, no_cluster());
        }
        let aws = Aws::new(answers);

        let found = planned(&aws, round.message).await.expect(write);

        assert_eq!(found["status"], "planned", "{write}: {found}");
        assert_eq!(operations(&found)[0], write, "{found}");
        assert!(aws.elasticache_writes().is_empty(), "{write}");
        assert!(aws.record_writes().is_empty(), "{write}");
    }
}

#[tokio::test]
async fn plans_when_this_run_does_not_hold_environment() {
    for record in [json!({}), json!({ "holder": OTHER_RUN })] {
        let aws = Aws::with_record(&record, [absent(), no_cluster()]);

        let found = planned(&aws, message(&json!({}))).await.expect("a plan");

        assert_eq!(operations(&found), ["CreateReplicationGroup"], "{record}");
    }
}

#[tokio::test]
async fn lists_all_changes_in_order_with_both_values() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);
    let cache = json!({ "replicas": 1, "nodeType": "cache.t4g.small", "engineVersion": "8.1" });

    let found = planned(&aws, message(&cache)).await.expect("a plan");

    let action = |operation: &str, field: &str, found: &str, wanted: &str| {
        json!({
            "operation": operation,
            "resource": "bandup-redis",
            "changes": [{ "field": field, "found": found, "wanted": wanted }],
        })
    };
    let modify = "ModifyReplicationGroup";
    assert_eq!(
        found["actions"],
        json!([
            action("IncreaseReplicaCount", "cache.replicas", "0", "1"),
            json!({
                "operation": modify,
                "resource": "bandup-redis",
                "changes": [
                    { "field": "automatic failover", "found": "off", "wanted": "on" },
                    { "field": "cache.multiAz", "found": "false", "wanted": "true" },
                ],
            }),
            action(modify, "cache.engineVersion", "8.0.1", "8.1"),
            action(
                modify,
                "cache.nodeType",
                "cache.t3.micro",
                "cache.t4g.small"
            ),
        ])
    );
    assert_eq!(found["endpoints"]["primary"]["port"], 6379, "{found}");
}

#[tokio::test]
async fn lists_every_setting_of_a_creation() {
    let aws = Aws::new([absent(), no_cluster()]);

    let found = planned(&aws, message(&json!({}))).await.expect("a plan");

    let set =
        |field: &str, wanted: &str| json!({ "field": field, "found": null, "wanted": wanted });
    assert_eq!(
        found["actions"][0]["changes"],
        json!([
            set("cache.description", "in memory db for bandup"),
            set("cache.nodeType", "cache.t3.micro"),
            set("cache.replicas", "0"),
            set("cache.subnetGroupName", "bandup-cached-subnet-group"),
            set("cache.port", "6379"),
            set("cache.snapshotRetentionDays", "1"),
            set("cache.multiAz", "false"),
            set("cache.autoMinorVersionUpgrade", "true"),
            set("cache.engineVersion", "8.2"),
        ])
    );
}

#[tokio::test]
async fn lists_adoption_before_changes() {
    let aws = Aws::new([described("available", same), unowned(), member(same)]);
    let differing = message(&json!({ "description": "cache" }));

    let found = planned(&aws, adopting(differing)).await.expect("a plan");

    assert_eq!(
        operations(&found),
        ["AddTagsToResource", "ModifyReplicationGroup"]
    );
}

#[tokio::test]
async fn lists_nothing_when_group_is_up_to_date() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);

    let found = planned(&aws, message(&json!({}))).await.expect("a plan");

    assert_eq!(found["outcome"], "compared");
    assert!(operations(&found).is_empty(), "{found}");
}

#[tokio::test]
async fn lists_creation_or_nothing_when_not_comparable() {
    let changing = vec![
        described("available", same),
        rejected("InvalidReplicationGroupState"),
    ];
    let cases = [
        (
            vec![absent(), no_cluster()],
            "not there",
            vec!["CreateReplicationGroup"],
        ),
        (
            failed(),
            "found create-failed",
            vec!["DeleteReplicationGroup", "CreateReplicationGroup"],
        ),
        (vec![described("creating", same)], "found creating", vec![]),
        (vec![described("deleting", same)], "found deleting", vec![]),
        (changing, "found changing", vec![]),
    ];
    for (answers, outcome, expected) in cases {
        let aws = Aws::new(answers);

        let found = planned(&aws, message(&json!({}))).await.expect(outcome);

        assert_eq!(found["status"], "planned", "{found}");
        assert_eq!(found["outcome"], outcome);
        assert_eq!(found["endpoints"], Value::Null, "{found}");
        assert_eq!(operations(&found), expected, "{found}");
    }
}

#[tokio::test]
async fn lists_replacement_despite_attempts_of_last_run() {
    let exhausted = Creation {
        execution: "run-0".to_owned(),
        rejections: rejections("none", &[&[], &["ap-southeast-1a"], &["ap-southeast-1b"]]),
        replaced: true,
        ..creation()
    };
    let aws = Aws::with_record(&held(Some(&exhausted)), failed());

    let found = planned(&aws, message(&json!({}))).await.expect("a plan");

    assert_eq!(
        operations(&found),
        ["DeleteReplicationGroup", "CreateReplicationGroup"]
    );
}

#[tokio::test]
async fn rejects_unrecorded_failed_creation() {
    let event = ("bandup-redis-001", "no room", "2026-11-23T10:05:00.000Z");
    let answers = [
        described("create-failed", same),
        events(&[event]),
        events(&[]),
    ];
    let aws = Aws::with_record(&held(None), answers);

    let error = planned(&aws, message(&json!({})))
        .await
        .expect_err("not recorded");

    assert_eq!(error.name(), ErrorName::CreateFailed);
    let expected = "ElastiCache's events: bandup-redis-001: no room. The environment's record doesn't say that \
                    envcache requested it";
    assert!(error.to_string().contains(expected), "{error}");
    assert!(aws.elasticache_writes().is_empty());
    assert!(aws.record_writes().is_empty());
}

#[tokio::test]
async fn rejects_what_a_run_would_reject() {
    let available = || described("available", same);
    let cases = [
        (
            vec![described("hibernating", same)],
            json!({}),
            ErrorName::UnexpectedStatus,
        ),
        (vec![available(), unowned()], json!({}), ErrorName::NotOwned),
        (
            vec![available(), owned(), member(same)],
            json!({ "port": 7000 }),
            ErrorName::Immutable,
        ),
    ];
    for (answers, cache, expected) in cases {
        let aws = Aws::new(answers);

        let error = planned(&aws, message(&cache))
            .await
            .expect_err(expected.as_str());

        assert_eq!(error.name(), expected, "{error}");
        assert!(aws.record_writes().is_empty(), "{expected}");
    }
}

#[tokio::test]
async fn shows_placeholder_for_unknown_security_group() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);
    let before = with(message(&json!({})), &json!({ "securityGroupId": "" }));

    let found = planned(&aws, before).await.expect("a plan");

    assert_eq!(
        found["actions"][0]["changes"][0]["wanted"],
        "(known once the security group is created)"
    );
}

#[tokio::test]
async fn plan_rejects_name_of_standalone_cache_cluster() {
    let standalone = member(|body| {
        body.replace("bandup-redis-001", "bandup-redis")
            .replace("<ReplicationGroupId>bandup-redis</ReplicationGroupId>", "")
            .replace("<Engine>valkey", "<Engine>memcached")
    });
    let aws = Aws::new([absent(), standalone]);

    let error = planned(&aws, message(&json!({})))
        .await
        .expect_err("not owned");

    assert_eq!(error.name(), ErrorName::NotOwned);
    let expected =
        "CreateReplicationGroup bandup-redis: a memcached cache cluster of this name exists";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[tokio::test]
async fn plan_ignores_member_of_another_group() {
    let aws = Aws::new([
        absent(),
        member(|body| body.replace(">bandup-redis<", ">other<")),
    ]);

    let found = planned(&aws, message(&json!({}))).await.expect("a plan");

    assert_eq!(found["status"], "planned", "{found}");
}
