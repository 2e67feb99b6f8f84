//! Tests with an available group.

use contract::error::ErrorName;
use contract::message::EnsureReplicationGroupOutput;
use replay::Answer;
use serde_json::{Value, json};

use super::{
    Aws, accepted, adopting, described, member, message, owned, owned_by, rejected, same, unowned,
    waiting, with, with_observed,
};

/// Returns the group with a replica added.
pub(super) fn two_nodes(mut body: String) -> String {
    let end = body.find("</NodeGroupMembers>").expect("it has members");
    body.insert_str(
        end,
        "<NodeGroupMember><CacheClusterId>bandup-redis-002</CacheClusterId></NodeGroupMember>",
    );
    body
}

fn creating_member() -> Answer {
    member(|body| {
        body.replace(
            "<CacheClusterStatus>available",
            "<CacheClusterStatus>creating",
        )
    })
}

pub(super) fn failing_over(body: String) -> String {
    two_nodes(body)
        .replace("<AutomaticFailover>disabled", "<AutomaticFailover>enabled")
        .replace("<MultiAZ>disabled", "<MultiAZ>enabled")
}

#[tokio::test]
async fn returns_unchanged_endpoint_when_up_to_date() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);

    let found = aws
        .ensure(message(&json!({ "engineVersion": "8.0" })))
        .await
        .expect("up to date");

    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        json!({
            "status": "upToDate",
            "unusedParameterGroups": [],
            "outcome": "up to date",
            "endpoints": {
                "primary": { "host": "master.bandup-redis.q68zge.apse1.cache.amazonaws.com", "port": 6379 }
            },
            "engineVersion": { "found": "8.0.1", "requested": "8.0" },
            "timing": {}
        }),
        "a single node has no reader"
    );
    assert_eq!(
        aws.elasticache.actions(),
        [
            "DescribeReplicationGroups",
            "ListTagsForResource",
            "DescribeCacheClusters"
        ]
    );
}

#[tokio::test]
async fn returns_reader_endpoint_when_group_has_replicas() {
    let aws = Aws::new([described("available", failing_over), owned(), member(same)]);

    let found = aws
        .ensure(message(&json!({ "replicas": 1 })))
        .await
        .expect("up to date");

    assert_eq!(
        serde_json::to_value(found).expect("JSON")["endpoints"]["reader"]["host"],
        "replica.bandup-redis.q68zge.apse1.cache.amazonaws.com"
    );
}

#[tokio::test]
async fn waits_when_endpoint_is_missing() {
    let without_endpoint = |body: String| {
        let begin = body.find("<PrimaryEndpoint>").expect("it has one");
        let end = body.find("<ReaderEndpoint>").expect("it follows");
        format!("{}{}", &body[..begin], &body[end..])
    };
    let empty =
        |body: String| body.replace("master.bandup-redis.q68zge.apse1.cache.amazonaws.com", "");
    let changing = |body: String| {
        body.replace(
            "<Status>available</Status><Primary",
            "<Status>modifying</Status><Primary",
        )
    };
    for (answer, why) in [
        (described("available", without_endpoint), "no endpoint"),
        (described("available", empty), "an empty address"),
        (
            described("available", changing),
            "a node group that is modifying",
        ),
    ] {
        let aws = Aws::new([answer, owned(), member(same)]);

        let found = aws.ensure(message(&json!({}))).await.expect(why);

        assert_eq!(
            found,
            waiting("found available, but without its endpoint", 30),
            "{why}"
        );
    }
}

#[tokio::test]
async fn changes_nothing_when_group_is_not_owned() {
    let cases = [
        (owned_by("another-stack"), "`bandup-redis`"),
        (unowned(), "adopt"),
    ];
    for (tags, expected) in cases {
        let aws = Aws::new([described("available", same), tags]);

        let error = aws
            .ensure(message(&json!({ "description": "cache" })))
            .await
            .expect_err("not owned");

        assert_eq!(error.name(), ErrorName::NotOwned);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(
            aws.elasticache.actions(),
            ["DescribeReplicationGroups", "ListTagsForResource"]
        );
    }
}

#[tokio::test]
async fn makes_one_change_per_round_when_several_settings_differ() {
    let aws = Aws::new([
        described("available", same),
        owned(),
        member(same),
        accepted("ModifyReplicationGroup"),
    ]);
    let cache = json!({ "description": "cache", "nodeType": "cache.t3.small" });

    let found = aws.ensure(message(&cache)).await.expect("a change");

    assert_eq!(found, waiting("changing cache.description", 30));
    assert_eq!(aws.elasticache_writes(), ["ModifyReplicationGroup"]);
}

#[tokio::test]
async fn orders_failover_and_replica_changes() {
    let half_failing_over = |body: String| {
        two_nodes(body).replace("<AutomaticFailover>disabled", "<AutomaticFailover>enabled")
    };
    let (modify, failover) = ("ModifyReplicationGroup", "AutomaticFailoverEnabled");
    let cases = [
        (
            described("available", two_nodes),
            1,
            (modify, failover, "true"),
            "two nodes: failover is turned on",
        ),
        (
            described("available", half_failing_over),
            0,
            (modify, failover, "false"),
            "failover without Multi-AZ is also turned off first",
        ),
        (
            described("available", failing_over),
            0,
            (modify, failover, "false"),
            "no replica requested: failover is turned off first",
        ),
        (
            described("available", two_nodes),
            0,
            ("DecreaseReplicaCount", "NewReplicaCount", "0"),
            "then the replica is deleted",
        ),
    ];
    for (group, replicas, (action, field, value), why) in cases {
        let aws = Aws::new([group, owned(), member(same), accepted(action)]);

        aws.ensure(message(&json!({ "replicas": replicas })))
            .await
            .expect(why);

        let request = &aws.elasticache.forms()[3];
        assert_eq!(request["Action"], action, "{why}");
        assert_eq!(request[field], value, "{why}");
    }
}

#[tokio::test]
async fn names_snapshotting_member_when_backups_are_turned_on() {
    // "Must specify both SnapshotRetentionLimit and SnapshottingClusterId to turn on snapshots":
    // https://github.com/aws-controllers-k8s/community/issues/1846
    let without_backups =
        |body: String| body.replace("<SnapshotRetentionLimit>1<", "<SnapshotRetentionLimit>0<");
    let aws = Aws::new([
        described("available", without_backups),
        owned(),
        member(same),
        accepted("ModifyReplicationGroup"),
    ]);

    aws.ensure(message(&json!({}))).await.expect("a change");

    let request = &aws.elasticache.forms()[3];
    assert_eq!(request["SnapshotRetentionLimit"], "1");
    assert_eq!(request["SnapshottingClusterId"], "bandup-redis-001");
}

#[tokio::test]
async fn waits_while_group_or_member_is_changing() {
    let without_members = |body: String| {
        body.replace(
            "<MemberClusters><ClusterId>bandup-redis-001</ClusterId></MemberClusters>",
            "",
        )
    };
    let available = || described("available", same);
    let missing = Answer::query_fault(404, "CacheClusterNotFound", "no such member");
    let cases = [
        // The tags can't be read.
        (
            vec![available(), rejected("InvalidReplicationGroupState")],
            "found changing",
        ),
        (
            vec![available(), owned(), creating_member()],
            "found changing: bandup-redis-001 is creating",
        ),
        (
            vec![available(), owned(), missing],
            "found changing: bandup-redis-001 is not there",
        ),
        (
            vec![described("available", without_members), owned()],
            "found without a member",
        ),
        // ElastiCache rejects the change.
        (
            vec![
                available(),
                owned(),
                member(same),
                rejected("InvalidCacheClusterState"),
            ],
            "found changing",
        ),
    ];
    for (answers, outcome) in cases {
        let aws = Aws::new(answers);

        let found = aws
            .ensure(message(&json!({ "replicas": 1 })))
            .await
            .expect(outcome);

        assert_eq!(found, waiting(outcome, 30));
    }
}

/// Returns the answer when a backup begins: <https://github.com/hashicorp/terraform-provider-aws/issues/24968>.
fn not_available() -> Answer {
    Answer::query_fault(
        404,
        "CacheClusterNotFound",
        "bandup-redis is either not present or not available.",
    )
}

#[tokio::test]
async fn waits_when_tags_are_temporarily_unavailable() {
    let cases = [
        (
            message(&json!({})),
            vec![described("available", same), not_available()],
        ),
        (
            adopting(message(&json!({}))),
            vec![
                described("available", same),
                unowned(),
                member(same),
                not_available(),
            ],
        ),
    ];
    for (message, answers) in cases {
        let aws = Aws::new(answers);

        let found = aws.ensure(message).await.expect("it waits");

        assert_eq!(found, waiting("found changing", 30));
    }
}

/// A change for which ElastiCache finds nothing to modify.
struct NoOpChange {
    cache: Value,
    answer: Answer,
    operation: &'static str,
    differences: &'static str,
}

fn no_op_changes() -> [NoOpChange; 3] {
    let replicas = || rejected("NoOperationFault");
    [
        NoOpChange {
            cache: json!({ "description": "cache" }),
            answer: Answer::query_fault(
                400,
                "InvalidParameterCombination",
                "No modifications were requested",
            ),
            operation: "ModifyReplicationGroup",
            differences: "cache.description is `in memory db for bandup`, requested `cache`",
        },
        NoOpChange {
            cache: json!({ "replicas": 1 }),
            answer: replicas(),
            operation: "IncreaseReplicaCount",
            differences: "cache.replicas is `0`, requested `1`",
        },
        NoOpChange {
            cache: json!({}),
            answer: replicas(),
            operation: "DecreaseReplicaCount",
            differences: "cache.replicas is `1`, requested `0`",
        },
    ]
}

impl NoOpChange {
    /// Returns the AWS of a round that finds the difference, with the execution's earlier observations.
    fn aws(&self, before: &Value) -> Aws {
        let group = if self.operation == "DecreaseReplicaCount" {
            described("available", two_nodes)
        } else {
            described("available", same)
        };
        let answers = [group, owned(), member(same), self.answer.clone()];
        Aws::with_record(&with_observed(before), answers)
    }
}

#[tokio::test]
async fn compares_again_when_elasticache_finds_nothing_to_modify() {
    for change in no_op_changes() {
        let of = |execution: &str, differences: &str, at: u32| json!({ "execution": execution, "nothingToModify": { "differences": differences, "at": at } });
        let cases = [
            json!({}),
            of("run-0", change.differences, 30),
            of("run-1", "cache.nodeType is `a`, requested `b`", 30),
            // A retried invocation of the same round.
            of("run-1", change.differences, 0),
        ];
        for before in cases {
            let aws = change.aws(&before);

            let found = aws.ensure(message(&change.cache)).await.expect("it waits");

            assert_eq!(found, waiting("found nothing to modify", 30));
            let observed = aws.observed().pop().expect("a write");
            assert_eq!(observed["execution"], "run-1");
            let recorded = json!({ "differences": change.differences, "at": 0 });
            assert_eq!(observed["nothingToModify"], recorded);
            assert_eq!(observed["replicaRequests"], json!([]), "not accepted");
        }
    }
}

#[tokio::test]
async fn fails_when_same_change_modifies_nothing_twice() {
    for change in no_op_changes() {
        let before = json!({
            "execution": "run-1",
            "nothingToModify": { "differences": change.differences, "at": 30 }
        });
        let later = with(message(&change.cache), &json!({ "secondsWaited": 60 }));

        let error = change.aws(&before).ensure(later).await.expect_err("twice");

        assert_eq!(error.name(), ErrorName::Immutable);
        let begin = format!("{} bandup-redis: ", change.operation);
        assert!(error.to_string().starts_with(&begin), "{error}");
        assert!(error.to_string().contains(change.differences), "{error}");
    }
}

#[tokio::test]
async fn waits_when_engine_version_is_missing() {
    let without_version = |body: String| body.replace("<EngineVersion>8.0.1</EngineVersion>", "");
    let aws = Aws::new([
        described("available", same),
        owned(),
        member(without_version),
    ]);

    let found = aws.ensure(message(&json!({}))).await.expect("it waits");

    let outcome = "found available, but without its engine version";
    assert_eq!(found, waiting(outcome, 30));
}

#[tokio::test]
async fn times_out_when_not_up_to_date_after_60_minutes() {
    let cases = [
        (
            member(same),
            json!({ "description": "cache" }),
            "available, but not yet as requested, after 60 minutes",
        ),
        (
            creating_member(),
            json!({}),
            "changing: bandup-redis-001 is creating after 60 minutes",
        ),
    ];
    let cases = cases.map(|(member, cache, expected)| (owned(), member, message(&cache), expected));
    let adoption = (
        unowned(),
        member(same),
        adopting(message(&json!({}))),
        "available, but not yet as requested, after 60 minutes",
    );
    for (tags, member, message, expected) in cases.into_iter().chain([adoption]) {
        let aws = Aws::new([described("available", same), tags, member]);
        let late = with(message, &json!({ "secondsWaited": 3600 }));

        let error = aws.ensure(late).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::Timeout);
        let expected = format!("replication group `bandup-redis` is {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(aws.elasticache_writes().is_empty());
    }
}

#[tokio::test]
async fn succeeds_when_up_to_date_after_60_minutes() {
    let aws = Aws::new([described("available", same), owned(), member(same)]);
    let late = with(message(&json!({})), &json!({ "secondsWaited": 3600 }));

    let found = aws.ensure(late).await.expect("up to date");

    assert!(
        matches!(found, EnsureReplicationGroupOutput::UpToDate { .. }),
        "{found:?}"
    );
}

#[tokio::test]
async fn rejects_immutable_differences_with_both_values() {
    let cases = [
        (
            json!({ "engineVersion": "7.2" }),
            ("", ""),
            "cache.engineVersion is `8.0.1`, requested `7.2`",
        ),
        (
            json!({}),
            ("<Engine>valkey", "<Engine>redis"),
            "engine is `redis`, requested `valkey` (upgrade it: adopt it with `upgradeEngine`)",
        ),
        (
            json!({}),
            (">bandup-cached-subnet-group<", ">default<"),
            "cache.subnetGroupName is `default`",
        ),
    ];
    for (cache, (shown, instead), expected) in cases {
        let member = member(|body| match shown {
            "" => body,
            shown => body.replace(shown, instead),
        });
        let aws = Aws::new([described("available", same), owned(), member]);

        let error = aws.ensure(message(&cache)).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::Immutable, "{expected}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(
            aws.elasticache.actions().len(),
            3,
            "{expected}: nothing was changed"
        );
    }
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>
#[tokio::test]
async fn rejects_group_when_clients_need_password() {
    let cases = [
        (
            "<AuthTokenEnabled>true</AuthTokenEnabled>",
            "AUTH is `on`, requested `off`",
        ),
        (
            "<UserGroupIds><member>backend</member></UserGroupIds>",
            "user groups is `backend`, requested none",
        ),
    ];
    for (shown, expected) in cases {
        let with_password = |body: String| {
            let end = "</ReplicationGroup>";
            body.replace(end, &format!("{shown}{end}"))
        };
        let aws = Aws::new([described("available", with_password), owned(), member(same)]);

        let error = aws.ensure(message(&json!({}))).await.expect_err(expected);

        assert_eq!(error.name(), ErrorName::Immutable, "{shown}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
