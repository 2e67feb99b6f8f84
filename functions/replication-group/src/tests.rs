//! The cache's steps against replayed answers of ElastiCache.

use std::time::SystemTime;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::primitives::{DateTime, DateTimeFormat};
use contract::error::{ErrorName, StepResult};
use contract::message::{CheckedReplicationGroup, EnsuredReplicationGroup};
use replay::{Answer, Replay, form, reference};
use serde_json::{Value, json};

use crate::{check, delete, ensure};

const ARN: &str = "arn:aws:elasticache:ap-southeast-1:123456789012:replicationgroup:bandup-redis";

/// The shape of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html>,
/// with the values of the reference set-up; `{status}` and what a case changes are filled in.
fn described(status: &str, change: impl Fn(String) -> String) -> Answer {
    let body = format!(
        "<DescribeReplicationGroupsResponse xmlns=\"http://elasticache.amazonaws.com/doc/2015-02-02/\">\
         <DescribeReplicationGroupsResult><ReplicationGroups><ReplicationGroup>\
         <ReplicationGroupId>bandup-redis</ReplicationGroupId><ARN>{ARN}</ARN>\
         <Description>in memory db for bandup</Description><Status>{status}</Status>\
         <MemberClusters><ClusterId>bandup-redis-001</ClusterId></MemberClusters>\
         <NodeGroups><NodeGroup><NodeGroupId>0001</NodeGroupId><Status>available</Status>\
         <PrimaryEndpoint><Port>6379</Port><Address>master.bandup-redis.q68zge.apse1.cache.amazonaws.com</Address></PrimaryEndpoint>\
         <ReaderEndpoint><Port>6379</Port><Address>replica.bandup-redis.q68zge.apse1.cache.amazonaws.com</Address></ReaderEndpoint>\
         <NodeGroupMembers><NodeGroupMember><CacheClusterId>bandup-redis-001</CacheClusterId></NodeGroupMember></NodeGroupMembers>\
         </NodeGroup></NodeGroups>\
         <CacheNodeType>cache.t3.micro</CacheNodeType><ClusterEnabled>false</ClusterEnabled>\
         <AutomaticFailover>disabled</AutomaticFailover><MultiAZ>disabled</MultiAZ>\
         <AtRestEncryptionEnabled>true</AtRestEncryptionEnabled>\
         <TransitEncryptionEnabled>true</TransitEncryptionEnabled>\
         <SnapshotRetentionLimit>1</SnapshotRetentionLimit>\
         </ReplicationGroup></ReplicationGroups></DescribeReplicationGroupsResult>\
         </DescribeReplicationGroupsResponse>"
    );
    Answer::ok(change(body))
}

/// The shape of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheClusters.html>.
fn member(change: impl Fn(String) -> String) -> Answer {
    Answer::ok(change(
        "<DescribeCacheClustersResponse><DescribeCacheClustersResult><CacheClusters><CacheCluster>\
         <CacheClusterId>bandup-redis-001</CacheClusterId><CacheClusterStatus>available</CacheClusterStatus>\
         <Engine>valkey</Engine><EngineVersion>8.0.1</EngineVersion>\
         <CacheSubnetGroupName>bandup-cached-subnet-group</CacheSubnetGroupName>\
         <SecurityGroups><member><SecurityGroupId>sg-0c1b2c3d4e5f60718</SecurityGroupId><Status>active</Status></member></SecurityGroups>\
         </CacheCluster></CacheClusters></DescribeCacheClustersResult></DescribeCacheClustersResponse>"
            .to_owned(),
    ))
}

/// The shape of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html>.
fn tags(environment: &str, stack: &str) -> Answer {
    Answer::ok(format!(
        "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList>\
         <Tag><Key>envcache:environment</Key><Value>{environment}</Value></Tag>\
         <Tag><Key>envcache:stack</Key><Value>{stack}</Value></Tag>\
         </TagList></ListTagsForResourceResult></ListTagsForResourceResponse>"
    ))
}

/// The answer to a write, whose content no step reads.
fn accepted(action: &str) -> Answer {
    Answer::ok(format!(
        "<{action}Response><{action}Result><ReplicationGroup/></{action}Result></{action}Response>"
    ))
}

fn absent() -> Answer {
    Answer::query_fault(
        404,
        "ReplicationGroupNotFoundFault",
        "ReplicationGroup bandup-redis not found.",
    )
}

fn same(body: String) -> String {
    body
}

/// `EnsureReplicationGroup`'s message, with these settings of the cache changed.
fn wanted(cache: &Value) -> Value {
    let mut message = reference(json!({
        "securityGroupId": "sg-0c1b2c3d4e5f60718",
        "subnetGroupName": "bandup-cached-subnet-group",
        "network": replay::network(),
        "execution": "run-1",
        "placementsTried": 0,
        "secondsWaited": 0,
        "creationRecorded": true
    }));
    for (field, value) in cache.as_object().into_iter().flatten() {
        message["spec"]["cache"][field] = value.clone();
    }
    message
}

async fn ensured(replay: &Replay, message: Value) -> StepResult<EnsuredReplicationGroup> {
    let client = Client::new(&replay.config());
    let input = serde_json::from_value(message).expect("the state's message");
    ensure(&client, "envcache", input).await
}

/// Whether it is to be waited for, looked at and ensured again.
fn is_pending(found: &EnsuredReplicationGroup) -> bool {
    matches!(found, EnsuredReplicationGroup::Pending { .. })
}

#[tokio::test]
async fn an_absent_cache_is_not_created_before_that_is_recorded() {
    let replay = Replay::new([absent()]);
    let mut message = wanted(&json!({}));
    message["creationRecorded"] = json!(false);

    let found = ensured(&replay, message).await.expect("no error");

    assert!(
        matches!(found, EnsuredReplicationGroup::Absent { .. }),
        "{found:?}"
    );
    assert_eq!(replay.actions(), ["DescribeReplicationGroups"]);
}

#[tokio::test]
async fn an_absent_cache_is_created_with_every_field_of_the_contract() {
    let replay = Replay::new([absent(), accepted("CreateReplicationGroup")]);

    let found = ensured(&replay, wanted(&json!({}))).await.expect("created");

    assert_eq!(
        found,
        EnsuredReplicationGroup::Pending {
            outcome: "created".to_owned(),
            wait_seconds: 30
        }
    );
    assert_eq!(
        replay.forms()[1],
        form([
            ("Action", "CreateReplicationGroup"),
            ("ReplicationGroupId", "bandup-redis"),
            ("ReplicationGroupDescription", "in memory db for bandup"),
            ("Engine", "valkey"),
            ("CacheNodeType", "cache.t3.micro"),
            ("ClusterMode", "disabled"),
            ("NumCacheClusters", "1"),
            ("AutomaticFailoverEnabled", "false"),
            ("MultiAZEnabled", "false"),
            ("NetworkType", "ipv4"),
            ("Port", "6379"),
            ("CacheSubnetGroupName", "bandup-cached-subnet-group"),
            ("SecurityGroupIds.SecurityGroupId.1", "sg-0c1b2c3d4e5f60718"),
            ("AtRestEncryptionEnabled", "true"),
            ("TransitEncryptionEnabled", "true"),
            ("SnapshotRetentionLimit", "1"),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ]),
        "no field more, no field less: no TransitEncryptionMode, no KMS key, no token"
    );
}

#[tokio::test]
async fn replicas_bring_failover_and_multi_az_and_a_version_is_passed_on() {
    let replay = Replay::new([absent(), accepted("CreateReplicationGroup")]);

    ensured(
        &replay,
        wanted(&json!({ "replicas": 2, "engineVersion": "8.0", "port": 7000 })),
    )
    .await
    .expect("created");

    let request = &replay.forms()[1];
    for (field, expected) in [
        ("NumCacheClusters", "3"),
        ("AutomaticFailoverEnabled", "true"),
        ("MultiAZEnabled", "true"),
        ("EngineVersion", "8.0"),
        ("Port", "7000"),
    ] {
        assert_eq!(
            request.get(field).map(String::as_str),
            Some(expected),
            "{field}"
        );
    }
}

#[tokio::test]
async fn a_cache_that_appeared_meanwhile_is_waited_for() {
    let replay = Replay::new([
        absent(),
        Answer::query_fault(
            400,
            "ReplicationGroupAlreadyExists",
            "Replication group bandup-redis already exists.",
        ),
    ]);

    let found = ensured(&replay, wanted(&json!({})))
        .await
        .expect("no error");

    assert_eq!(
        found,
        EnsuredReplicationGroup::Pending {
            outcome: "exists already".to_owned(),
            wait_seconds: 30
        }
    );
}

#[tokio::test]
async fn a_cache_on_its_way_is_left_alone_whosever_it_is() {
    for status in [
        "creating",
        "modifying",
        "deleting",
        "snapshotting",
        "create-failed",
    ] {
        let replay = Replay::new([described(status, same)]);

        let found = ensured(&replay, wanted(&json!({})))
            .await
            .expect("no error");

        assert!(is_pending(&found), "{status}: {found:?}");
        assert_eq!(
            replay.actions(),
            ["DescribeReplicationGroups"],
            "{status}: its tags cannot be read, and nothing can be changed"
        );
    }
}

#[tokio::test]
async fn an_available_cache_as_wanted_is_settled_without_a_write() {
    let replay = Replay::new([
        described("available", same),
        tags("bandup", "envcache"),
        member(same),
    ]);

    let found = ensured(&replay, wanted(&json!({ "engineVersion": "8.0" })))
        .await
        .expect("no error");

    assert!(
        matches!(found, EnsuredReplicationGroup::Settled { .. }),
        "{found:?}"
    );
    assert_eq!(
        replay.actions(),
        [
            "DescribeReplicationGroups",
            "ListTagsForResource",
            "DescribeCacheClusters"
        ]
    );
}

#[tokio::test]
async fn a_cache_of_another_stack_is_not_ours_and_not_touched() {
    let replay = Replay::new([described("available", same), tags("bandup", "other")]);

    let error = ensured(&replay, wanted(&json!({})))
        .await
        .expect_err("another stack's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(error.to_string().contains("`bandup-redis`"), "{error}");
    assert_eq!(
        replay.actions(),
        ["DescribeReplicationGroups", "ListTagsForResource"]
    );
}

/// No tags at all: made by hand.
fn unowned() -> Answer {
    Answer::ok(
        "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList/></ListTagsForResourceResult></ListTagsForResourceResponse>",
    )
}

#[tokio::test]
async fn a_cache_that_nobody_owns_is_left_where_adoption_was_not_asked_for() {
    let replay = Replay::new([described("available", same), unowned()]);

    let error = ensured(&replay, wanted(&json!({})))
        .await
        .expect_err("nobody's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(error.to_string().contains("adopt"), "{error}");
    assert_eq!(
        replay.actions(),
        ["DescribeReplicationGroups", "ListTagsForResource"]
    );
}

#[tokio::test]
async fn each_difference_is_one_change_applied_at_once() {
    let cases = [
        (
            json!({ "description": "cache" }),
            "changing description",
            vec![
                ("Action", "ModifyReplicationGroup"),
                ("ReplicationGroupDescription", "cache"),
            ],
        ),
        (
            json!({ "snapshotRetentionDays": 7 }),
            "changing backups",
            vec![
                ("Action", "ModifyReplicationGroup"),
                ("SnapshotRetentionLimit", "7"),
            ],
        ),
        (
            json!({ "nodeType": "cache.t3.small" }),
            "changing node type",
            vec![
                ("Action", "ModifyReplicationGroup"),
                ("CacheNodeType", "cache.t3.small"),
            ],
        ),
        (
            json!({ "engineVersion": "8.1" }),
            "changing engine version",
            vec![
                ("Action", "ModifyReplicationGroup"),
                ("EngineVersion", "8.1"),
            ],
        ),
        (
            json!({ "replicas": 1 }),
            "changing to more replicas: 1",
            vec![("Action", "IncreaseReplicaCount"), ("NewReplicaCount", "1")],
        ),
    ];
    for (cache, outcome, fields) in cases {
        let action = fields[0].1;
        let replay = Replay::new([
            described("available", same),
            tags("bandup", "envcache"),
            member(same),
            accepted(action),
        ]);

        let found = ensured(&replay, wanted(&cache)).await.expect("a change");

        assert_eq!(
            found,
            EnsuredReplicationGroup::Pending {
                outcome: outcome.to_owned(),
                wait_seconds: 30
            },
            "{cache}: it is looked at again"
        );
        let expected: std::collections::BTreeMap<_, _> = fields
            .into_iter()
            .chain([
                ("ReplicationGroupId", "bandup-redis"),
                ("ApplyImmediately", "true"),
            ])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(replay.forms()[3], expected, "{cache}");
    }
}

#[tokio::test]
async fn failover_follows_the_replicas_and_leaves_before_them() {
    let two_nodes = |body: String| {
        body.replace(
            "</NodeGroupMembers>",
            "<NodeGroupMember><CacheClusterId>bandup-redis-002</CacheClusterId></NodeGroupMember></NodeGroupMembers>",
        )
    };
    let failing_over = |body: String| {
        two_nodes(body)
            .replace("<AutomaticFailover>disabled", "<AutomaticFailover>enabled")
            .replace("<MultiAZ>disabled", "<MultiAZ>enabled")
    };
    let half_failing_over = |body: String| {
        two_nodes(body).replace("<AutomaticFailover>disabled", "<AutomaticFailover>enabled")
    };
    let cases = [
        (
            described("available", two_nodes),
            1,
            ("ModifyReplicationGroup", "AutomaticFailoverEnabled", "true"),
            "two nodes: failover comes on",
        ),
        (
            described("available", half_failing_over),
            0,
            (
                "ModifyReplicationGroup",
                "AutomaticFailoverEnabled",
                "false",
            ),
            "failover without Multi-AZ goes first too",
        ),
        (
            described("available", failing_over),
            0,
            (
                "ModifyReplicationGroup",
                "AutomaticFailoverEnabled",
                "false",
            ),
            "no replica wanted: failover goes first",
        ),
        (
            described("available", two_nodes),
            0,
            ("DecreaseReplicaCount", "NewReplicaCount", "0"),
            "then the replica",
        ),
    ];
    for (group, replicas, (action, field, value), why) in cases {
        let replay = Replay::new([
            group,
            tags("bandup", "envcache"),
            member(same),
            accepted(action),
        ]);

        ensured(&replay, wanted(&json!({ "replicas": replicas })))
            .await
            .expect("a change");

        let request = &replay.forms()[3];
        assert_eq!(request["Action"], action, "{why}");
        assert_eq!(request[field], value, "{why}");
    }
}

#[tokio::test]
async fn backups_that_were_off_are_turned_on_for_a_member() {
    // "Must specify both SnapshotRetentionLimit and SnapshottingClusterId to turn on snapshots":
    // https://github.com/aws-controllers-k8s/community/issues/1846
    let without_backups =
        |body: String| body.replace("<SnapshotRetentionLimit>1<", "<SnapshotRetentionLimit>0<");
    let replay = Replay::new([
        described("available", without_backups),
        tags("bandup", "envcache"),
        member(same),
        accepted("ModifyReplicationGroup"),
    ]);

    ensured(&replay, wanted(&json!({})))
        .await
        .expect("a change");

    let request = &replay.forms()[3];
    assert_eq!(request["SnapshotRetentionLimit"], "1");
    assert_eq!(request["SnapshottingClusterId"], "bandup-redis-001");
}

#[tokio::test]
async fn what_is_still_changing_is_waited_for() {
    let changing = |code: &str| Answer::query_fault(400, code, "not in available state");
    let cases = [
        (
            vec![changing("InvalidReplicationGroupState")],
            "its tags cannot be read",
        ),
        (
            vec![
                tags("bandup", "envcache"),
                member(|body| {
                    body.replace(
                        "<CacheClusterStatus>available",
                        "<CacheClusterStatus>creating",
                    )
                }),
            ],
            "a member is creating",
        ),
        (
            vec![
                tags("bandup", "envcache"),
                Answer::query_fault(404, "CacheClusterNotFound", "no such member"),
            ],
            "a member is gone",
        ),
        (
            vec![
                tags("bandup", "envcache"),
                member(same),
                changing("InvalidCacheClusterState"),
            ],
            "a change is refused",
        ),
        (
            vec![
                tags("bandup", "envcache"),
                member(same),
                changing("NoOperationFault"),
            ],
            "another run has asked for it already",
        ),
    ];
    for (answers, why) in cases {
        let replay = Replay::new([described("available", same)].into_iter().chain(answers));

        let found = ensured(&replay, wanted(&json!({ "replicas": 1 })))
            .await
            .expect(why);

        assert!(
            matches!(
                found,
                EnsuredReplicationGroup::Pending {
                    wait_seconds: 30,
                    ..
                }
            ),
            "{why}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_security_group_that_elasticache_does_not_see_yet_is_tried_again() {
    // AWS documents no fault for it and no words: what counts is that the refusal names the group.
    let replay = Replay::new([
        absent(),
        Answer::query_fault(
            400,
            "InvalidParameterValue",
            "Some security group ids are invalid: sg-0c1b2c3d4e5f60718",
        ),
    ]);

    let error = ensured(&replay, wanted(&json!({})))
        .await
        .expect_err("not seen yet");

    assert_eq!(error.name(), ErrorName::NotFound, "{error}");
}

#[tokio::test]
async fn what_aws_cannot_change_is_refused_with_found_and_wanted() {
    let cases = [
        (
            json!({ "engineVersion": "7.2" }),
            "cache.engineVersion is 8.0.1, wanted 7.2",
        ),
        (json!({ "port": 7000 }), "cache.port is 6379, wanted 7000"),
    ];
    for (cache, expected) in cases {
        let replay = Replay::new([
            described("available", same),
            tags("bandup", "envcache"),
            member(same),
        ]);

        let error = ensured(&replay, wanted(&cache))
            .await
            .expect_err("AWS cannot");

        assert_eq!(error.name(), ErrorName::Immutable, "{cache}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(replay.actions().len(), 3, "{cache}: nothing was changed");
    }
    let cases = [
        ("<Engine>valkey", "<Engine>redis", "engine is redis"),
        (
            ">bandup-cached-subnet-group<",
            ">default<",
            "cache.subnetGroupName is default",
        ),
    ];
    for (shown, instead, expected) in cases {
        let replay = Replay::new([
            described("available", same),
            tags("bandup", "envcache"),
            member(|body| body.replace(shown, instead)),
        ]);

        let error = ensured(&replay, wanted(&json!({})))
            .await
            .expect_err("AWS cannot");

        assert_eq!(error.name(), ErrorName::Immutable, "{instead}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>
#[tokio::test]
async fn a_cache_that_asks_for_a_password_is_immutable() {
    let cases = [
        (
            "<AuthTokenEnabled>true</AuthTokenEnabled>",
            "AUTH is on, wanted off",
        ),
        (
            "<UserGroupIds><member>backend</member></UserGroupIds>",
            "user groups is backend, wanted none",
        ),
    ];
    for (shown, expected) in cases {
        let replay = Replay::new([
            described("available", |body| {
                let end = "</ReplicationGroup>";
                body.replace(end, &format!("{shown}{end}"))
            }),
            tags("bandup", "envcache"),
            member(same),
        ]);

        let error = ensured(&replay, wanted(&json!({})))
            .await
            .expect_err("nobody could use what is published");

        assert_eq!(error.name(), ErrorName::Immutable, "{shown}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn what_elasticache_refuses_keeps_its_reason() {
    let cases = [
        ("NodeQuotaForCustomerExceeded", ErrorName::QuotaExceeded),
        ("CacheSubnetGroupNotFoundFault", ErrorName::NotFound),
        ("InvalidParameterCombination", ErrorName::InvalidSpec),
        ("Throttling", ErrorName::Throttled),
        ("AccessDenied", ErrorName::AccessDenied),
        ("ServiceLinkedRoleNotFoundFault", ErrorName::AccessDenied),
    ];
    for (code, expected) in cases {
        let replay = Replay::new([absent(), Answer::query_fault(400, code, "AWS's own words.")]);

        let error = ensured(&replay, wanted(&json!({})))
            .await
            .expect_err("refused");

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error.to_string().starts_with(&format!(
                "CreateReplicationGroup bandup-redis: {code}: AWS's own words."
            )),
            "{error}"
        );
    }
}

/// `CheckReplicationGroup` on one answer.
async fn checked(
    answer: Answer,
    settled: bool,
    waited: u32,
    replicas: u8,
) -> StepResult<CheckedReplicationGroup> {
    let replay = Replay::new([answer]);
    let mut message = unsettled();
    message["settled"] = json!(settled);
    message["secondsWaited"] = json!(waited);
    message["spec"]["cache"]["replicas"] = json!(replicas);
    let found = checked_against(&replay, message).await;
    assert_eq!(
        replay.actions(),
        ["DescribeReplicationGroups"],
        "a check makes one describe"
    );
    found
}

async fn checked_against(replay: &Replay, message: Value) -> StepResult<CheckedReplicationGroup> {
    let client = Client::new(&replay.config());
    let input = serde_json::from_value(message).expect("the state's message");
    check(&client, input).await
}

#[tokio::test]
async fn a_status_on_its_way_is_pending() {
    for status in ["creating", "modifying", "deleting", "snapshotting"] {
        let found = checked(described(status, same), false, 190, 0)
            .await
            .expect("no error");

        assert_eq!(
            found,
            CheckedReplicationGroup::Pending {
                found: status.to_owned(),
                wait_seconds: 10
            }
        );
    }
}

#[tokio::test]
async fn an_available_cache_is_ready_with_its_address_unchanged() {
    let found = checked(described("available", same), true, 0, 0)
        .await
        .expect("no error");

    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        json!({
            "status": "ready",
            "endpoints": {
                "primary": { "host": "master.bandup-redis.q68zge.apse1.cache.amazonaws.com", "port": 6379 }
            }
        }),
        "a single node has no reader"
    );
}

#[tokio::test]
async fn replicas_show_the_reader_endpoint_too() {
    let found = checked(described("available", same), true, 0, 2)
        .await
        .expect("no error");

    assert_eq!(
        serde_json::to_value(found).expect("JSON")["endpoints"]["reader"]["host"],
        "replica.bandup-redis.q68zge.apse1.cache.amazonaws.com"
    );
}

#[tokio::test]
async fn a_running_snapshot_does_not_hold_up_a_settled_cache() {
    let found = checked(described("snapshotting", same), true, 0, 0)
        .await
        .expect("no error");

    assert!(
        matches!(found, CheckedReplicationGroup::Ready { .. }),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_available_cache_without_its_endpoint_is_not_ready() {
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
        let found = checked(answer, true, 0, 0).await.expect("no error");

        assert!(
            matches!(found, CheckedReplicationGroup::Pending { .. }),
            "{why}: {found:?}"
        );
    }
}

#[tokio::test]
async fn an_absent_cache_is_ensured_again() {
    assert_eq!(
        checked(absent(), false, 0, 0).await.expect("no error"),
        CheckedReplicationGroup::Absent
    );
}

#[tokio::test]
async fn a_cache_that_was_as_wanted_a_moment_ago_and_is_not_shown_is_waited_for() {
    let found = checked(absent(), true, 0, 0).await.expect("no error");

    assert_eq!(
        found,
        CheckedReplicationGroup::Pending {
            found: "not there".to_owned(),
            wait_seconds: 30
        },
        "no round goes without a wait"
    );
}

#[tokio::test]
async fn an_unknown_status_and_the_deadline_are_errors() {
    let cases = [
        ("hibernating", 0, ErrorName::UnexpectedStatus),
        ("creating", 3600, ErrorName::Timeout),
        // Ready, but never as wanted: it is not ensured for ever.
        ("available", 3600, ErrorName::Timeout),
    ];
    for (status, waited, expected) in cases {
        let error = checked(described(status, same), false, waited, 0)
            .await
            .expect_err(status);

        assert_eq!(error.name(), expected, "{status}");
        assert!(
            error
                .to_string()
                .contains("replication group bandup-redis is"),
            "{error}"
        );
    }
}

fn unsettled() -> Value {
    reference(json!({
        "settled": false,
        "secondsWaited": 0,
        "creationRecorded": true,
        "replaced": false,
        "execution": "run-1"
    }))
}

/// The message after the group was replaced in this run.
fn replaced() -> Value {
    let mut message = unsettled();
    message["replaced"] = json!(true);
    message
}

/// The shape of <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeEvents.html>.
fn events(told: &[(&str, &str, &str)]) -> Answer {
    let events: String = told
        .iter()
        .map(|(source, message, date)| {
            format!(
                "<Event><SourceIdentifier>{source}</SourceIdentifier><Message>{message}</Message><Date>{date}</Date></Event>"
            )
        })
        .collect();
    Answer::ok(format!(
        "<DescribeEventsResponse><DescribeEventsResult><Events>{events}</Events></DescribeEventsResult></DescribeEventsResponse>"
    ))
}

#[tokio::test]
async fn a_failed_creation_is_told_with_the_reason_that_elasticaches_events_give() {
    let addresses = "Insufficient free IP addresses in ap-southeast-1a.";
    // Events of an earlier cache of this id are not asked for.
    let now = DateTime::from(SystemTime::now());
    let created = now.fmt(DateTimeFormat::DateTime).expect("a date");
    let with_its_creation = |group: String| {
        let time = format!("<ReplicationGroupCreateTime>{created}</ReplicationGroupCreateTime>");
        group.replacen("<Status>", &format!("{time}<Status>"), 1)
    };
    let replay = Replay::new([
        described("create-failed", with_its_creation),
        events(&[
            ("bandup-redis-001", "older", "2026-11-23T10:00:00.000Z"),
            ("bandup-redis-001", addresses, "2026-11-23T10:05:00.000Z"),
        ]),
        events(&[]),
    ]);

    let error = checked_against(&replay, replaced())
        .await
        .expect_err("create-failed");

    assert_eq!(error.name(), ErrorName::CreateFailed);
    assert!(
        error.to_string().contains(
            "ElastiCache's events: bandup-redis-001: Insufficient free IP addresses in ap-southeast-1a; \
             bandup-redis-001: older. It was deleted and created again in this run"
        ),
        "the newest first: {error}"
    );
    let asked: Vec<_> = replay.forms()[1..]
        .iter()
        .map(|form| {
            (
                form["SourceType"].clone(),
                form["SourceIdentifier"].clone(),
                form["StartTime"].clone(),
            )
        })
        .collect();
    let asked_for = |kind: &str, id: &str| (kind.to_owned(), id.to_owned(), created.clone());
    assert_eq!(
        asked,
        [
            asked_for("cache-cluster", "bandup-redis-001"),
            asked_for("replication-group", "bandup-redis")
        ],
        "of its member and of the group, since its creation"
    );
}

#[tokio::test]
async fn a_failed_creation_stays_one_where_its_events_tell_nothing() {
    let denied = || Answer::query_fault(403, "AccessDenied", "not authorized");
    let cases = [
        (
            vec![events(&[]), events(&[])],
            "Its events since its creation give no reason",
        ),
        (
            vec![denied()],
            "Its events could not be read (DescribeEvents bandup-redis-001: AccessDenied",
        ),
        (
            vec![
                events(&[(
                    "bandup-redis-001",
                    "no capacity",
                    "2026-11-23T10:05:00.000Z",
                )]),
                denied(),
            ],
            "ElastiCache's events: bandup-redis-001: no capacity. It was deleted and created again",
        ),
    ];
    for (answers, expected) in cases {
        let replay = Replay::new([vec![described("create-failed", same)], answers].concat());

        let error = checked_against(&replay, replaced())
            .await
            .expect_err("create-failed");

        assert_eq!(error.name(), ErrorName::CreateFailed);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_failed_creation_of_ours_is_replaced_and_nobody_elses_nor_for_ever() {
    let nobodys = json!({ "creationRecorded": false });
    let late = json!({ "secondsWaited": 3600 });
    let cases = [
        (json!({}), None),
        (nobodys, Some("does not say that envcache asked for it")),
        (late, Some("could not be replaced within 60 minutes")),
    ];
    for (changes, expected) in cases {
        let replay = Replay::new([described("create-failed", same), events(&[]), events(&[])]);
        let mut message = unsettled();
        for (field, value) in changes.as_object().into_iter().flatten() {
            message[field] = value.clone();
        }

        let found = checked_against(&replay, message).await;

        match (found, expected) {
            (Ok(CheckedReplicationGroup::Failed { .. }), None) => {}
            (Err(error), Some(expected)) => {
                assert_eq!(error.name(), ErrorName::CreateFailed);
                assert!(error.to_string().contains(expected), "{error}");
            }
            (found, expected) => panic!("{changes}: expected {expected:?}, found {found:?}"),
        }
    }
}

/// `DeleteReplicationGroup` on these answers, with these fields of its message.
async fn deleted(replay: &Replay, purpose: &str, changes: Value) -> StepResult<Value> {
    let client = Client::new(&replay.config());
    let mut message = json!({
        "environment": "bandup",
        "cacheName": "bandup-redis",
        "purpose": purpose,
        "secondsWaited": 0,
        "creationRecorded": true,
        "execution": "run-1",
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        message[field] = value.clone();
    }
    let message = serde_json::from_value(message).expect("the state's message");
    let found = delete(&client, "envcache", message).await?;
    Ok(serde_json::to_value(found).expect("JSON"))
}

fn refused(code: &str) -> Answer {
    Answer::query_fault(400, code, "AWS's own words.")
}

#[tokio::test]
async fn what_could_not_be_created_is_deleted_without_a_snapshot_and_waited_for() {
    for purpose in ["replace", "remove"] {
        let replay = Replay::new([
            described("create-failed", same),
            accepted("DeleteReplicationGroup"),
        ]);

        let found = deleted(&replay, purpose, json!({ "finalSnapshot": "last" })).await;

        assert_eq!(
            found.expect("deleted"),
            json!({ "status": "going", "outcome": "deleted", "waitSeconds": 30 }),
        );
        assert_eq!(
            replay.forms()[1],
            form([
                ("Action", "DeleteReplicationGroup"),
                ("ReplicationGroupId", "bandup-redis"),
            ])
        );
    }
}

#[tokio::test]
async fn a_cache_whose_environment_is_no_more_is_deleted_with_a_snapshot_where_one_is_wanted() {
    let replay = Replay::new([
        described("available", same),
        tags("bandup", "envcache"),
        accepted("DeleteReplicationGroup"),
    ]);

    let found = deleted(
        &replay,
        "remove",
        json!({ "finalSnapshot": "bandup-redis-final-1" }),
    )
    .await;

    assert_eq!(found.expect("deleted")["status"], "going");
    assert_eq!(
        replay.forms()[2],
        form([
            ("Action", "DeleteReplicationGroup"),
            ("ReplicationGroupId", "bandup-redis"),
            ("FinalSnapshotIdentifier", "bandup-redis-final-1"),
        ])
    );
}

#[tokio::test]
async fn reports_a_last_backup_only_if_elasticache_has_it() {
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeSnapshots.html
    let found = Answer::ok(
        "<DescribeSnapshotsResponse><DescribeSnapshotsResult><Snapshots><Snapshot>\
         <SnapshotName>last</SnapshotName><SnapshotStatus>available</SnapshotStatus>\
         </Snapshot></Snapshots></DescribeSnapshotsResult></DescribeSnapshotsResponse>",
    );
    for (answer, expected) in [
        (found, json!("last")),
        (
            Answer::query_fault(404, "SnapshotNotFoundFault", "last is not found."),
            Value::Null,
        ),
    ] {
        let replay = Replay::new([absent(), answer]);

        let found = deleted(&replay, "remove", json!({ "finalSnapshot": "last" })).await;

        assert_eq!(found.expect("gone")["finalSnapshot"], expected);
        assert_eq!(
            replay.forms()[1],
            form([("Action", "DescribeSnapshots"), ("SnapshotName", "last")])
        );
    }
}

#[tokio::test]
async fn what_is_going_or_gone_is_a_success() {
    let failed = || described("create-failed", same);
    let cases = [
        (vec![absent()], "gone", "not there"),
        (vec![described("deleting", same)], "going", "found deleting"),
        (
            vec![failed(), refused("ReplicationGroupNotFoundFault")],
            "gone",
            "not there",
        ),
        (
            vec![failed(), refused("InvalidReplicationGroupState")],
            "notYet",
            "not deletable yet",
        ),
    ];
    for purpose in ["replace", "remove"] {
        for (answers, status, outcome) in cases.clone() {
            let found = deleted(&Replay::new(answers), purpose, json!({})).await;

            let found = found.expect(outcome);
            assert_eq!(found["status"], status, "{purpose}: {found}");
            assert_eq!(found["outcome"], outcome, "{purpose}: {found}");
        }
    }
}

#[tokio::test]
async fn what_goes_while_its_tags_are_read_is_gone() {
    let replay = Replay::new([described("available", same), absent()]);

    let found = deleted(&replay, "remove", json!({})).await.expect("gone");

    assert_eq!(found["status"], "gone");
}

#[tokio::test]
async fn what_takes_no_deletion_yet_is_waited_for_until_the_deadline() {
    for status in ["creating", "modifying", "snapshotting"] {
        let waits = deleted(&Replay::new([described(status, same)]), "remove", json!({})).await;
        let late = json!({ "secondsWaited": 3600 });
        let error = deleted(&Replay::new([described(status, same)]), "remove", late).await;

        assert_eq!(waits.expect(status)["status"], "notYet");
        let error = error.expect_err("60 minutes are over");
        assert_eq!(error.name(), ErrorName::Timeout, "{error}");
        assert!(error.to_string().contains(status), "{error}");
    }
    let changing = Replay::new([
        described("available", same),
        refused("InvalidReplicationGroupState"),
    ]);
    let found = deleted(&changing, "remove", json!({})).await;
    assert_eq!(found.expect("it waits")["outcome"], "found changing");
}

#[tokio::test]
async fn a_cache_that_is_not_ours_is_left_with_the_reason() {
    let cases = [
        (
            vec![
                described("available", same),
                tags("bandup", "another-stack"),
            ],
            "replication group bandup-redis has not this stack's tags",
        ),
        (
            vec![described("create-failed", same)],
            "replication group bandup-redis is create-failed, and the environment's record does not say that envcache \
             asked for it",
        ),
    ];
    for (answers, outcome) in cases {
        let replay = Replay::new(answers);

        let found = deleted(&replay, "remove", json!({ "creationRecorded": false })).await;

        assert_eq!(
            found.expect(outcome),
            json!({ "status": "notOurs", "outcome": outcome })
        );
    }
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_not_deleted() {
    let replay = Replay::new([described("hibernating", same)]);

    let error = deleted(&replay, "remove", json!({}))
        .await
        .expect_err("unknown");

    assert_eq!(error.name(), ErrorName::UnexpectedStatus);
    assert_eq!(replay.actions(), ["DescribeReplicationGroups"]);
}

#[tokio::test]
async fn a_cache_that_can_be_used_or_is_not_ours_is_never_replaced() {
    let cases = [
        ("available", true, ErrorName::UnexpectedStatus),
        ("creating", true, ErrorName::UnexpectedStatus),
        ("create-failed", false, ErrorName::NotOwned),
    ];
    for (status, recorded, expected) in cases {
        let replay = Replay::new([described(status, same)]);

        let found = deleted(&replay, "replace", json!({ "creationRecorded": recorded })).await;

        assert_eq!(found.expect_err(status).name(), expected, "{status}");
        assert_eq!(replay.actions(), ["DescribeReplicationGroups"], "{status}");
    }
}

/// `EnsureReplicationGroup`'s plan on these answers, with these settings of the cache changed.
async fn planned(replay: &Replay, cache: &Value, recorded: bool) -> Value {
    let mut message = wanted(cache);
    message["spec"]["switches"] = json!({ "dryRun": true });
    message["creationRecorded"] = json!(recorded);
    let found = ensured(replay, message).await.expect("a plan");
    serde_json::to_value(found).expect("JSON")
}

#[tokio::test]
async fn a_plan_tells_every_change_in_its_order_with_found_and_wanted() {
    let replay = Replay::new([
        described("available", same),
        tags("bandup", "envcache"),
        member(same),
    ]);
    let cache = json!({ "replicas": 1, "nodeType": "cache.t4g.small", "engineVersion": "8.1" });

    let found = planned(&replay, &cache, true).await;

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
            action(modify, "failover and Multi-AZ", "off", "on"),
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
    assert_eq!(
        replay.actions(),
        [
            "DescribeReplicationGroups",
            "ListTagsForResource",
            "DescribeCacheClusters"
        ],
        "nothing is written"
    );
}

#[tokio::test]
async fn a_plan_tells_a_creation_and_what_it_cannot_compare_now() {
    let failed = || described("create-failed", same);
    let cases = [
        (absent(), false, "not there", vec!["CreateReplicationGroup"]),
        (
            failed(),
            true,
            "found create-failed",
            vec!["DeleteReplicationGroup", "CreateReplicationGroup"],
        ),
        (failed(), false, "found create-failed", vec![]),
        (described("creating", same), true, "found creating", vec![]),
    ];
    for (answer, recorded, outcome, expected) in cases {
        let replay = Replay::new([answer]);

        let found = planned(&replay, &json!({}), recorded).await;

        assert_eq!(found["status"], "planned", "{found}");
        assert_eq!(found["outcome"], outcome);
        let operations: Vec<_> = found["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|action| action["operation"].clone())
            .collect();
        assert_eq!(operations, expected, "{found}");
        assert_eq!(
            replay.actions(),
            ["DescribeReplicationGroups"],
            "nothing is written"
        );
    }
}

#[tokio::test]
async fn a_cache_that_nobody_owns_is_adopted_unless_it_cannot_be_made_as_wanted() {
    let mut adopting = wanted(&json!({}));
    adopting["spec"]["switches"] = json!({ "adopt": true });
    let replay = Replay::new([
        described("available", same),
        unowned(),
        member(same),
        accepted("AddTagsToResource"),
    ]);

    let found = ensured(&replay, adopting.clone()).await.expect("adopted");

    assert!(
        matches!(&found, EnsuredReplicationGroup::Pending { outcome, .. } if outcome == "adopted"),
        "{found:?}"
    );
    assert_eq!(
        replay.forms()[3],
        form([
            ("Action", "AddTagsToResource"),
            ("ResourceName", ARN),
            ("Tags.Tag.1.Key", "envcache:environment"),
            ("Tags.Tag.1.Value", "bandup"),
            ("Tags.Tag.2.Key", "envcache:stack"),
            ("Tags.Tag.2.Value", "envcache"),
        ])
    );

    let unencrypted = |body: String| {
        body.replace(
            "<TransitEncryptionEnabled>true",
            "<TransitEncryptionEnabled>false",
        )
    };
    let replay = Replay::new([described("available", unencrypted), unowned(), member(same)]);
    let error = ensured(&replay, adopting)
        .await
        .expect_err("it cannot be made as wanted");
    assert_eq!(error.name(), ErrorName::Immutable);
}

#[tokio::test]
async fn without_capacity_it_is_created_elsewhere_until_every_placement_was_tried() {
    let no_capacity = || {
        // The words of CreateReplicationGroup's documentation.
        Answer::query_fault(
            400,
            "InsufficientCacheClusterCapacity",
            "The requested cache node type is not available in the specified Availability Zone.",
        )
    };
    let attempt = |tried: usize| {
        let mut message = wanted(&json!({}));
        message["placementsTried"] = json!(tried);
        message
    };
    let zones = [None, Some("ap-southeast-1a"), Some("ap-southeast-1b")];
    for (tried, zone) in zones.into_iter().enumerate() {
        let replay = Replay::new([absent(), no_capacity()]);

        let found = ensured(&replay, attempt(tried))
            .await
            .expect("another is tried");

        assert!(
            matches!(found, EnsuredReplicationGroup::NoCapacity { .. }),
            "{found:?}"
        );
        let field = "PreferredCacheClusterAZs.AvailabilityZone.1";
        let asked = replay.forms()[1].get(field).cloned();
        assert_eq!(asked.as_deref(), zone, "attempt {tried}");
    }

    let replay = Replay::new([absent()]);
    let error = ensured(&replay, attempt(3))
        .await
        .expect_err("none is left");

    assert_eq!(error.name(), ErrorName::InsufficientCapacity);
    let expected = "Tried: the zones of AWS's choice; ap-southeast-1a; ap-southeast-1b. What could";
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(replay.actions(), ["DescribeReplicationGroups"]);
}

#[tokio::test]
async fn a_creation_that_found_no_capacity_is_replaced_however_often_it_was() {
    let mut message = unsettled();
    message["replaced"] = json!(true);
    let told = |message: &str| events(&[("bandup-redis-001", message, "2026-11-23T10:00:00.000Z")]);
    let cases = [
        (
            "InsufficientCacheClusterCapacity: none in ap-southeast-1a",
            true,
        ),
        ("no free IP addresses", false),
    ];
    for (reason, expected) in cases {
        let replay = Replay::new([described("create-failed", same), told(reason), events(&[])]);

        let found = checked_against(&replay, message.clone()).await;

        match found {
            Ok(CheckedReplicationGroup::Failed { no_capacity, .. }) => {
                assert!(expected && no_capacity, "{reason}");
            }
            found => assert!(!expected, "{reason}: {found:?}"),
        }
    }
}
