//! Tests of changes that ElastiCache makes in the maintenance window.

use contract::error::ErrorName;
use replay::Answer;
use serde_json::{Value, json};

use super::change::{failing_over, two_nodes};
use super::{
    Aws, accepted, described, member, message, owned, rejected, same, waiting, with, with_observed,
};

const NODE_TYPE: &str = "<CacheNodeType>cache.t3.small</CacheNodeType>";
const VERSION: &str = "<EngineVersion>8.1.0</EngineVersion>";

/// Returns the message with `apply: window`.
fn deferring(cache: &Value) -> Value {
    let mut message = message(cache);
    message["spec"]["options"] = json!({ "apply": "window" });
    message
}

/// Returns a member with pending values, in the format of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_PendingModifiedValues.html>.
fn pending(values: &str) -> Answer {
    let values = format!("<PendingModifiedValues>{values}</PendingModifiedValues><Engine>");
    member(move |body| body.replace("<Engine>", &values))
}

/// Returns ElastiCache's answers for a cache with one member.
fn cache_with(member: Answer) -> Vec<Answer> {
    vec![described("available", same), owned(), member]
}

/// Returns the AWS of a round that makes a call.
fn accepting(mut answers: Vec<Answer>, operation: &str) -> Aws {
    answers.push(accepted(operation));
    Aws::new(answers)
}

async fn ensured(aws: &Aws, message: Value) -> Value {
    let found = aws.ensure(message).await.expect("a round");
    serde_json::to_value(found).expect("JSON")
}

async fn planned(member: Answer, message: Value) -> Value {
    let aws = Aws::new(cache_with(member));
    ensured(&aws, with(message, &json!({ "plan": true }))).await
}

/// Returns the fields that the round recorded as changed immediately, for each write to the record.
fn recorded(aws: &Aws) -> Vec<Value> {
    let observed = aws.observed().into_iter();
    observed
        .map(|observed| observed["immediate"].clone())
        .collect()
}

#[tokio::test]
async fn defers_node_type_and_version() {
    let cases = [
        ("nodeType", "cache.t3.small", "CacheNodeType"),
        ("engineVersion", "8.1", "EngineVersion"),
    ];
    for (field, value, parameter) in cases {
        let aws = accepting(cache_with(member(same)), "ModifyReplicationGroup");

        let found = aws.ensure(deferring(&json!({ field: value }))).await;

        let outcome = format!("deferring cache.{field} to the maintenance window");
        assert_eq!(found.expect("a round"), waiting(&outcome, 30));
        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["ApplyImmediately"], "false", "{field}");
        assert_eq!(request[parameter], value);
        assert!(recorded(&aws).is_empty(), "{field}");
    }
}

#[tokio::test]
async fn makes_other_changes_immediately_and_records_it() {
    let (modify, increase) = ("ModifyReplicationGroup", "IncreaseReplicaCount");
    let cases = [
        // ElastiCache doesn't defer it, so nothing that is pending has to be applied with it.
        (
            described("available", same),
            json!({ "description": "cache", "nodeType": "cache.t3.small" }),
            (modify, "false"),
            json!(["cache.description"]),
        ),
        (
            described("available", same),
            json!({ "replicas": 1, "nodeType": "cache.t3.small" }),
            (increase, "true"),
            json!(["cache.replicas"]),
        ),
        (
            described("available", two_nodes),
            json!({ "replicas": 1, "nodeType": "cache.t3.small" }),
            (modify, "true"),
            json!(["automatic failover", "cache.multiAz"]),
        ),
    ];
    for (group, cache, (operation, apply_immediately), fields) in cases {
        let aws = accepting(vec![group, owned(), member(same)], operation);

        ensured(&aws, deferring(&cache)).await;

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["Action"], operation, "{cache}");
        assert_eq!(request["ApplyImmediately"], apply_immediately, "{cache}");
        assert_eq!(request.get("CacheNodeType"), None, "{cache}");
        assert_eq!(recorded(&aws), [fields]);
    }
}

#[tokio::test]
async fn change_that_was_not_accepted_is_not_recorded_as_immediate() {
    let mut answers = cache_with(member(same));
    answers.push(rejected("InvalidReplicationGroupState"));
    let aws = Aws::new(answers);

    let found = aws.ensure(deferring(&json!({ "replicas": 1 }))).await;

    assert_eq!(found.expect("a round"), waiting("found changing", 30));
    assert_eq!(recorded(&aws), [json!(["cache.replicas"]), json!([])]);
}

#[tokio::test]
async fn returns_what_the_execution_changed_immediately() {
    for (execution, expected) in [
        ("run-1", json!({ "immediate": ["cache.replicas"] })),
        ("run-0", json!({})),
    ] {
        let observed = json!({ "execution": execution, "immediate": ["cache.replicas"] });
        let aws = Aws::with_record(&with_observed(&observed), cache_with(member(same)));

        let found = ensured(&aws, deferring(&json!({}))).await;

        assert_eq!(found["timing"], expected, "{execution}: {found}");
    }
}

#[tokio::test]
async fn pending_values_that_satisfy_the_request_are_up_to_date_and_listed() {
    let node_type = json!({ "field": "cache.nodeType", "value": "cache.t3.small" });
    let version = |value: &str| json!({ "field": "cache.engineVersion", "value": value });
    let cases = [
        (
            NODE_TYPE.to_owned(),
            json!({ "nodeType": "cache.t3.small" }),
            json!([node_type]),
        ),
        (
            VERSION.to_owned(),
            json!({ "engineVersion": "8.1" }),
            json!([version("8.1.0")]),
        ),
        (
            "<EngineVersion>8.2</EngineVersion>".to_owned(),
            json!({ "engineVersion": "8.1" }),
            json!([version("8.2")]),
        ),
        // ElastiCache doesn't show the parameter group, which is pending too.
        (
            "<EngineVersion>9.0.0</EngineVersion>".to_owned(),
            json!({ "engineVersion": "9.0" }),
            json!([version("9.0.0")]),
        ),
        (
            [VERSION, NODE_TYPE].concat(),
            json!({ "nodeType": "cache.t3.small", "engineVersion": "8.1" }),
            json!([version("8.1.0"), node_type]),
        ),
        // The request doesn't contain it.
        (NODE_TYPE.to_owned(), json!({}), json!([node_type])),
    ];
    for (values, cache, listed) in cases {
        let aws = Aws::new(cache_with(pending(&values)));

        let found = ensured(&aws, deferring(&cache)).await;
        let plan = planned(pending(&values), deferring(&cache)).await;

        assert_eq!(found["status"], "upToDate", "{cache}: {found}");
        assert_eq!(found["timing"], json!({ "pending": listed }));
        assert_eq!(plan["actions"], json!([]), "{cache}: {plan}");
        assert_eq!(plan["timing"], json!({ "pending": listed }));
    }
}

#[tokio::test]
async fn pending_value_that_does_not_satisfy_the_request_is_replaced() {
    let cases = [
        (
            NODE_TYPE,
            json!({ "nodeType": "cache.r7g.large" }),
            "CacheNodeType",
        ),
        (VERSION, json!({ "engineVersion": "8.2" }), "EngineVersion"),
    ];
    for (values, cache, parameter) in cases {
        let aws = accepting(cache_with(pending(values)), "ModifyReplicationGroup");

        ensured(&aws, deferring(&cache)).await;

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["ApplyImmediately"], "false", "{cache}");
        assert!(cache.to_string().contains(&request[parameter]), "{cache}");
    }
}

#[tokio::test]
async fn value_that_is_pending_for_one_of_two_members_is_requested() {
    let group = described("available", |body| {
        let (one, two) = (
            "<ClusterId>bandup-redis-001</ClusterId>",
            "<ClusterId>bandup-redis-002</ClusterId>",
        );
        failing_over(body).replace(one, &format!("{one}{two}"))
    });
    let answers = vec![group, owned(), pending(NODE_TYPE), member(same)];
    let aws = accepting(answers, "ModifyReplicationGroup");
    let cache = json!({ "replicas": 1, "nodeType": "cache.t3.small" });

    ensured(&aws, deferring(&cache)).await;

    assert_eq!(aws.elasticache_writes(), ["ModifyReplicationGroup"]);
}

#[tokio::test]
async fn rejects_change_that_would_apply_what_is_pending() {
    let failover =
        "automatic failover is `off`, requested `on`; cache.multiAz is `false`, requested `true`";
    let replicas = format!("cache.replicas is `0`, requested `1`; {failover}");
    let cases = [
        (described("available", same), replicas.as_str()),
        (described("available", two_nodes), failover),
    ];
    for (group, applying) in cases {
        for plan in [true, false] {
            let aws = Aws::new([group.clone(), owned(), pending(NODE_TYPE)]);
            let message = deferring(&json!({ "replicas": 1 }));

            let error = aws
                .ensure(with(message, &json!({ "plan": plan })))
                .await
                .expect_err(applying);

            assert_eq!(error.name(), ErrorName::Immutable);
            let expected = format!(
                "replication group `bandup-redis` has changes that are pending for its maintenance window \
                 (sun:05:00-sun:06:00): cache.nodeType cache.t3.small. ElastiCache would apply them now, together with \
                 changes that it can't defer: {applying}. The cache was not changed."
            );
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(aws.elasticache_writes().is_empty(), "{applying}");
        }
    }
}

#[tokio::test]
async fn changes_description_without_applying_what_is_pending() {
    let aws = accepting(cache_with(pending(NODE_TYPE)), "ModifyReplicationGroup");

    ensured(&aws, deferring(&json!({ "description": "cache" }))).await;

    assert_eq!(aws.elasticache.forms()[3]["ApplyImmediately"], "false");
}

#[tokio::test]
async fn plan_lists_what_an_immediate_change_applies() {
    let listed = json!([{ "field": "cache.engineVersion", "value": "8.1.0" }]);
    let changing = message(&json!({ "description": "cache" }));

    let of_change = planned(pending(VERSION), changing.clone()).await;
    let unchanged = planned(pending(VERSION), message(&json!({}))).await;
    let aws = accepting(cache_with(pending(VERSION)), "ModifyReplicationGroup");
    ensured(&aws, changing).await;

    assert_eq!(
        of_change["timing"],
        json!({ "immediate": ["cache.engineVersion"], "pending": listed })
    );
    assert_eq!(unchanged["timing"], json!({ "pending": listed }));
    assert_eq!(aws.elasticache.forms()[3]["ApplyImmediately"], "true");
    assert_eq!(recorded(&aws), [json!(["cache.engineVersion"])]);
}

/// The request has another node type than the pending one, so a change with `ApplyImmediately` would apply the pending one, and
/// the next round would change it back.
#[tokio::test]
async fn pending_value_that_the_request_contradicts_is_not_applied() {
    let described = message(&json!({ "description": "cache" }));
    let aws = accepting(cache_with(pending(NODE_TYPE)), "ModifyReplicationGroup");

    ensured(&aws, described.clone()).await;

    assert_eq!(aws.elasticache.forms()[3]["ApplyImmediately"], "false");
    let plan = planned(pending(NODE_TYPE), described).await;
    assert_eq!(plan["timing"]["immediate"], Value::Null, "{plan}");
}

#[tokio::test]
async fn immediate_change_that_elasticache_would_block_or_revert_is_rejected() {
    let cases = [
        (
            NODE_TYPE,
            json!({ "replicas": 1 }),
            "cache.replicas is `0`, requested `1`",
        ),
        (
            NODE_TYPE,
            json!({ "engineVersion": "8.1" }),
            "cache.engineVersion is `8.0.1`, requested `8.1`",
        ),
        (
            VERSION,
            json!({ "nodeType": "cache.t3.small" }),
            "cache.nodeType is `cache.t3.micro`, requested `cache.t3.small`",
        ),
        (
            "<EngineVersion>9.0.0</EngineVersion>",
            json!({ "engineVersion": "8.0", "replicas": 1 }),
            "cache.replicas is `0`, requested `1`",
        ),
    ];
    for (values, cache, applying) in cases {
        let aws = Aws::new(cache_with(pending(values)));

        let error = aws.ensure(message(&cache)).await.expect_err(applying);

        assert_eq!(error.name(), ErrorName::Immutable, "{cache}");
        assert!(error.to_string().contains(applying), "{error}");
        let remedy = "Request the pending values, or `\"apply\": \"window\"`, or start again";
        assert!(error.to_string().contains(remedy), "{error}");
        assert!(aws.elasticache_writes().is_empty(), "{cache}");
    }
}

#[tokio::test]
async fn lists_pending_changes_of_the_group_with_and_without_a_value() {
    let group = described("available", |body| {
        let pending = "<PendingModifiedValues><AutomaticFailoverStatus>enabled</AutomaticFailoverStatus><UserGroups>\
                       <UserGroupIdsToAdd><member>clients</member></UserGroupIdsToAdd></UserGroups></PendingModifiedValues>\
                       <CacheNodeType>";
        body.replace("<CacheNodeType>", pending)
    });
    let aws = Aws::new([group, owned(), member(same)]);

    let found = ensured(&aws, message(&json!({}))).await;

    assert_eq!(
        found["timing"]["pending"],
        json!([
            { "field": "automatic failover", "value": "on" },
            { "field": "user groups", "value": null },
        ])
    );
}

/// ElastiCache blocks an immediate upgrade while another node type is pending, and the reverse:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Scaling.RedisReplGrps.ScaleUp.html>.
#[tokio::test]
async fn applies_pending_upgrade_and_node_type_with_one_call() {
    let cache = json!({ "nodeType": "cache.t3.small", "engineVersion": "8.1" });
    for values in [NODE_TYPE, VERSION] {
        let aws = accepting(cache_with(pending(values)), "ModifyReplicationGroup");

        ensured(&aws, message(&cache)).await;

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["ApplyImmediately"], "true", "{values}");
        assert_eq!(request["CacheNodeType"], "cache.t3.small", "{values}");
        assert_eq!(request["EngineVersion"], "8.1", "{values}");
    }
    let plan = planned(member(same), message(&cache)).await;
    assert_eq!(plan["actions"].as_array().map(Vec::len), Some(2), "{plan}");
}

#[tokio::test]
async fn pending_upgrade_from_redis_is_up_to_date() {
    let redis = |pending: &'static str| {
        member(move |body| {
            let values =
                format!("<PendingModifiedValues>{pending}</PendingModifiedValues><Engine>redis");
            body.replace("<Engine>valkey", &values)
                .replace("<EngineVersion>8.0.1<", "<EngineVersion>7.1.0<")
                .replace(">default.valkey8<", ">default.redis7<")
        })
    };
    let upgrading = |mut message: Value| {
        message["spec"]["options"]["adopt"] = json!(true);
        message["spec"]["options"]["upgradeEngine"] = json!(true);
        message
    };
    let pending = "<EngineVersion>8.2.0</EngineVersion>";
    for message in [upgrading(deferring(&json!({}))), deferring(&json!({}))] {
        let aws = Aws::new(cache_with(redis(pending)));

        let found = ensured(&aws, message).await;

        assert_eq!(found["status"], "upToDate", "{found}");
    }
    for (pending, message) in [
        (pending, message(&json!({}))),
        (
            "<EngineVersion>7.1.1</EngineVersion>",
            deferring(&json!({})),
        ),
    ] {
        let aws = Aws::new(cache_with(redis(pending)));

        let error = aws.ensure(message).await.expect_err("the engine Redis OSS");

        assert_eq!(error.name(), ErrorName::Immutable, "{pending}");
    }
}
