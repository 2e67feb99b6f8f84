//! Tests of the cache's own parameter group.

use replay::Answer;
use serde_json::{Value, json};

use super::{Aws, absent, accepted, described, member, message, no_cluster, owned, same, with};

const OWN: &str = "bandup-redis-valkey8";

/// Returns ElastiCache's answers for a cache of this version with this parameter group.
fn using(version: &str, group: &str) -> Vec<Answer> {
    let member = member(|body| {
        body.replace(">8.0.1<", &format!(">{version}<"))
            .replace(">default.valkey8<", &format!(">{group}<"))
    });
    vec![described("available", same), owned(), member]
}

/// Returns the message with `EnsureParameterGroup`'s results.
fn requesting(own: Option<&str>, former: &[&str], cache: &Value) -> Value {
    let results = json!({ "parameterGroup": own, "formerParameterGroups": former });
    with(message(cache), &results)
}

async fn ensured(answers: Vec<Answer>, message: Value) -> (Value, Aws) {
    let aws = Aws::new(answers);
    let found = aws.ensure(message).await.expect("a round");
    (serde_json::to_value(found).expect("JSON"), aws)
}

/// Returns the operations and the resources of a plan's actions.
fn operations(plan: &Value) -> Vec<String> {
    let actions = plan["actions"].as_array().into_iter().flatten();
    actions
        .map(|action| {
            let text = |field: &str| action[field].as_str().unwrap_or_default();
            format!("{} {}", text("operation"), text("resource"))
        })
        .collect()
}

#[tokio::test]
async fn creates_with_own_group_also_when_it_restores_data() {
    let source = json!({ "restoreFrom": { "files": ["arn:aws:s3:::backups/sessions.rdb"] } });
    for (cache, own, expected) in [
        (json!({}), Some(OWN), Some(OWN)),
        (source.clone(), Some(OWN), Some(OWN)),
        (source, None, Some("default.valkey8")),
        (json!({}), None, None),
    ] {
        let answers = vec![absent(), accepted("CreateReplicationGroup")];

        let (_, aws) = ensured(answers, requesting(own, &[], &cache)).await;

        let request = &aws.elasticache.forms()[1];
        let group = request.get("CacheParameterGroupName").map(String::as_str);
        assert_eq!(group, expected, "{cache}");
    }
}

#[tokio::test]
async fn changes_group_of_the_same_family_immediately() {
    let window = |mut message: Value| {
        message["spec"]["options"] = json!({ "apply": "window" });
        message
    };
    let none = json!({});
    let cases = [
        ("default.valkey8", requesting(Some(OWN), &[], &none), OWN),
        // The group of an adopted cache.
        ("sessions", requesting(Some(OWN), &[], &none), OWN),
        (OWN, requesting(None, &[OWN], &none), "default.valkey8"),
        (
            "default.valkey8",
            window(requesting(Some(OWN), &[], &none)),
            OWN,
        ),
    ];
    for (group, message, expected) in cases {
        let mut answers = using("8.0.1", group);
        answers.push(accepted("ModifyReplicationGroup"));

        let (_, aws) = ensured(answers, message).await;

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["Action"], "ModifyReplicationGroup", "{group}");
        assert_eq!(request["CacheParameterGroupName"], expected, "{group}");
        assert_eq!(request["ApplyImmediately"], "true", "{group}");
        assert_eq!(request.get("EngineVersion"), None, "{group}");
    }
}

#[tokio::test]
async fn keeps_group_that_is_own_or_not_replaced_by_the_request() {
    let cases = [
        (OWN, Some(OWN), vec!["bandup-redis-valkey7"]),
        ("default.valkey8", None, vec![OWN]),
        // The group of an adopted cache.
        ("sessions", None, vec![]),
    ];
    for (group, own, former) in cases {
        let message = requesting(own, &former, &json!({}));

        let (found, _) = ensured(using("8.0.1", group), message).await;

        assert_eq!(found["status"], "upToDate", "{group}: {found}");
        assert_eq!(found["unusedParameterGroups"], json!(former), "{group}");
    }
}

#[tokio::test]
async fn major_upgrade_requests_version_and_group_with_one_call() {
    let former = ["bandup-redis-valkey7"];
    let cases: [(&str, Option<&str>, &[&str], &str); 4] = [
        (former[0], Some(OWN), &former, OWN),
        ("default.valkey7", Some(OWN), &[], OWN),
        ("sessions", Some(OWN), &[], OWN),
        (former[0], None, &former, "default.valkey8"),
    ];
    for (group, own, former, expected) in cases {
        let mut answers = using("7.2.6", group);
        answers.push(accepted("ModifyReplicationGroup"));
        let upgrade = json!({ "engineVersion": "8.0" });

        let (_, aws) = ensured(answers, requesting(own, former, &upgrade)).await;

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["EngineVersion"], "8.0", "{group}");
        assert_eq!(request["CacheParameterGroupName"], expected, "{group}");
    }
}

#[tokio::test]
async fn upgrade_from_redis_requests_own_group() {
    let member = member(|body| {
        body.replace("<Engine>valkey", "<Engine>redis")
            .replace(">8.0.1<", ">7.1.0<")
            .replace(">default.valkey8<", ">sessions<")
    });
    let answers = vec![
        described("available", same),
        owned(),
        member,
        accepted("ModifyReplicationGroup"),
    ];
    let mut message = requesting(Some(OWN), &[], &json!({}));
    message["spec"]["options"] = json!({ "adopt": true, "upgradeEngine": true });

    let (_, aws) = ensured(answers, message).await;

    let request = &aws.elasticache.forms()[3];
    assert_eq!(request["Engine"], "valkey");
    assert_eq!(request["EngineVersion"], "8.2");
    assert_eq!(request["CacheParameterGroupName"], OWN);
}

#[tokio::test]
async fn plan_deletes_groups_that_the_cache_does_not_use_afterwards() {
    let modify = "ModifyReplicationGroup bandup-redis";
    let delete = |name: &str| format!("DeleteCacheParameterGroup {name}");
    let upgrade = json!({ "engineVersion": "8.0" });
    let plan = |message: Value| with(message, &json!({ "plan": true }));
    let former = "bandup-redis-valkey7";
    let mut deferred = plan(requesting(Some(OWN), &[former], &upgrade));
    deferred["spec"]["options"] = json!({ "apply": "window" });
    let cases = [
        (
            using("8.0.1", OWN),
            plan(requesting(None, &[OWN], &json!({}))),
            vec![modify.to_owned(), delete(OWN)],
        ),
        (
            using("7.2.6", former),
            plan(requesting(Some(OWN), &[former], &upgrade)),
            vec![modify.to_owned(), delete(former)],
        ),
        // The cache uses it until the maintenance window.
        (using("7.2.6", former), deferred, vec![modify.to_owned()]),
        (
            using("8.0.1", OWN),
            plan(requesting(Some(OWN), &[former], &json!({}))),
            vec![delete(former)],
        ),
        (
            vec![absent(), no_cluster()],
            plan(requesting(Some(OWN), &[former], &json!({}))),
            vec![
                "CreateReplicationGroup bandup-redis".to_owned(),
                delete(former),
            ],
        ),
        (
            using("8.0.1", OWN),
            plan(requesting(Some(OWN), &[], &json!({}))),
            vec![],
        ),
    ];
    for (answers, message, expected) in cases {
        let (found, aws) = ensured(answers, message).await;

        assert_eq!(operations(&found), expected);
        assert!(aws.elasticache_writes().is_empty());
    }
}

#[tokio::test]
async fn no_group_is_unused_while_an_upgrade_is_pending() {
    let pending = "<PendingModifiedValues><EngineVersion>8.0.1</EngineVersion></PendingModifiedValues><Engine>";
    let member = member(|body| {
        body.replace(">8.0.1<", ">7.2.6<")
            .replace(">default.valkey8<", ">bandup-redis-valkey7<")
            .replace("<Engine>", pending)
    });
    let mut message = requesting(
        Some(OWN),
        &["bandup-redis-valkey7", "earlier-valkey7"],
        &json!({ "engineVersion": "8.0" }),
    );
    message["spec"]["options"] = json!({ "apply": "window" });

    let (found, _) = ensured(vec![described("available", same), owned(), member], message).await;

    assert_eq!(found["status"], "upToDate", "{found}");
    assert_eq!(found["unusedParameterGroups"], json!([]));
    assert_eq!(
        found["timing"]["pending"],
        json!([
            { "field": "cache.engineVersion", "value": "8.0.1" },
            { "field": "cache.parameters", "value": OWN }
        ])
    );
}

#[tokio::test]
async fn parameters_are_pending_with_a_deferred_major_upgrade() {
    let former = "bandup-redis-valkey7";
    let upgrade = json!({ "engineVersion": "8.0" });
    let group = |name: &str| json!([{ "field": "cache.parameters", "value": name }]);
    let cases = [
        ("default.valkey7", Some(OWN), vec![], "window", group(OWN)),
        (former, Some(OWN), vec![former], "window", group(OWN)),
        (
            former,
            None,
            vec![former],
            "window",
            group("default.valkey8"),
        ),
        ("default.valkey7", None, vec![], "window", Value::Null),
        (former, Some(OWN), vec![former], "now", Value::Null),
    ];
    for (in_use, own, former, apply, expected) in cases {
        let mut message = with(requesting(own, &former, &upgrade), &json!({ "plan": true }));
        message["spec"]["options"] = json!({ "apply": apply });

        let (found, _) = ensured(using("7.2.6", in_use), message).await;

        assert_eq!(found["timing"]["pending"], expected, "{in_use} {apply}");
    }
}

/// The status is that of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheParameterGroupStatus.html>, as in
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.html>.
#[tokio::test]
async fn parameters_that_need_a_reboot_are_pending() {
    let rebooting = || {
        let member = member(|body| body.replace(">in-sync<", ">pending-reboot<"));
        vec![described("available", same), owned(), member]
    };
    let named = json!([{ "field": "cache.parameters.databases", "value": "32" }]);
    let unnamed = json!([{ "field": "cache.parameters", "value": null }]);
    for (parameters, expected) in [(named.clone(), named), (json!([]), unnamed)] {
        for plan in [false, true] {
            let changes = json!({ "pendingParameters": parameters, "plan": plan });
            let message = with(message(&json!({})), &changes);

            let (found, _) = ensured(rebooting(), message).await;

            assert_eq!(found["timing"], json!({ "pending": expected }), "{found}");
        }
    }
}
