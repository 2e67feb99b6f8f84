//! Tests of each setting: how a cache is created with it, compared, changed to it, and changed back.
//!
//! The parameters are those of
//! [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)
//! and [ModifyReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html),
//! and the XML is in the formats of
//! [ReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html) and
//! [CacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html).

use std::collections::{BTreeMap, BTreeSet};

use contract::Request;
use contract::error::ErrorName;
use replay::Answer;
use serde_json::{Value, json};

use super::{
    Aws, KEY_ARN, absent, accepted, described, member, message, no_cluster, owned, same, waiting,
    with,
};
use crate::setting::SETTINGS;

type Parameters = &'static [(&'static str, &'static str)];
/// A text in a description, and its replacement.
type Replacement = (&'static str, &'static str);

/// What happens when a request has another value than the cache.
enum Expected {
    /// `ModifyReplicationGroup` with these parameters, and with those that change the value back.
    Changed { to: Parameters, back: Parameters },
    /// Another operation, with its parameters, and the one that changes the value back.
    Resized {
        to: (&'static str, Parameters),
        back: (&'static str, Parameters),
    },
    /// The error `Immutable`, which contains this text.
    Rejected(&'static str),
    /// An upgrade, which is never changed back.
    Upgraded(Parameters),
    /// Nothing: the value only has an effect when the cache is created.
    Ignored,
}

/// A setting with another value than in the reference setup.
struct Row {
    field: &'static str,
    /// The value, with the settings that it requires.
    cache: Value,
    /// The parameters of the creation that differ from the reference setup's.
    created: Parameters,
    /// How the group and the member with the value differ from those of the reference setup.
    group: &'static [Replacement],
    member: &'static [Replacement],
    expected: Expected,
    /// The current and the requested value in a plan of the change; none if it isn't possible.
    planned: Option<(Value, Value)>,
}

const TOPIC: &str = "arn:aws:sns:ap-southeast-1:123456789012:cache-events";
const TWO_NODES: Replacement = (
    "</NodeGroupMembers>",
    "<NodeGroupMember><CacheClusterId>bandup-redis-002</CacheClusterId></NodeGroupMember></NodeGroupMembers>",
);
const FAILOVER: Replacement = ("<AutomaticFailover>disabled", "<AutomaticFailover>enabled");

fn texts() -> Vec<Row> {
    vec![
        Row {
            field: "description",
            cache: json!({ "description": "sessions" }),
            created: &[("ReplicationGroupDescription", "sessions")],
            group: &[("in memory db for bandup", "sessions")],
            member: &[],
            expected: Expected::Changed {
                to: &[("ReplicationGroupDescription", "sessions")],
                back: &[("ReplicationGroupDescription", "in memory db for bandup")],
            },
            planned: Some((json!("in memory db for bandup"), json!("sessions"))),
        },
        Row {
            field: "nodeType",
            cache: json!({ "nodeType": "cache.r7g.large" }),
            created: &[("CacheNodeType", "cache.r7g.large")],
            group: &[("cache.t3.micro", "cache.r7g.large")],
            member: &[],
            expected: Expected::Changed {
                to: &[("CacheNodeType", "cache.r7g.large")],
                back: &[("CacheNodeType", "cache.t3.micro")],
            },
            planned: Some((json!("cache.t3.micro"), json!("cache.r7g.large"))),
        },
        Row {
            field: "engineVersion",
            cache: json!({ "engineVersion": "8.1" }),
            created: &[("EngineVersion", "8.1")],
            group: &[],
            member: &[("8.0.1", "8.1.0")],
            expected: Expected::Upgraded(&[("EngineVersion", "8.1")]),
            planned: Some((json!("8.0.1"), json!("8.1"))),
        },
        Row {
            field: "subnetGroupName",
            cache: json!({ "subnetGroupName": "data" }),
            created: &[("CacheSubnetGroupName", "data")],
            group: &[],
            member: &[("bandup-cached-subnet-group", "data")],
            expected: Expected::Rejected(
                "cache.subnetGroupName is `bandup-cached-subnet-group`, requested `data`. The cache was not changed",
            ),
            planned: None,
        },
        Row {
            field: "port",
            cache: json!({ "port": 7000 }),
            created: &[("Port", "7000")],
            group: &[("<Port>6379", "<Port>7000")],
            member: &[],
            expected: Expected::Rejected(
                "cache.port is `6379`, requested `7000`. The cache was not changed",
            ),
            planned: None,
        },
        Row {
            field: "kmsKey",
            cache: json!({ "kmsKey": KEY_ARN }),
            created: &[("KmsKeyId", KEY_ARN)],
            group: &[(
                "<AtRestEncryptionEnabled>",
                "<KmsKeyId>arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab</KmsKeyId>\
                 <AtRestEncryptionEnabled>",
            )],
            member: &[],
            expected: Expected::Rejected(
                "cache.kmsKey is none, requested \
                 `arn:aws:kms:ap-southeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`. The cache was not changed",
            ),
            planned: None,
        },
        Row {
            field: "restoreFrom",
            cache: json!({ "restoreFrom": { "files": ["arn:aws:s3:::backups/sessions.rdb"] } }),
            // The default parameter group of the version, because ElastiCache takes omitted values from a snapshot.
            created: &[
                (
                    "SnapshotArns.SnapshotArn.1",
                    "arn:aws:s3:::backups/sessions.rdb",
                ),
                ("CacheParameterGroupName", "default.valkey8"),
            ],
            group: &[],
            member: &[],
            expected: Expected::Ignored,
            planned: None,
        },
    ]
}

fn nodes() -> Vec<Row> {
    vec![
        Row {
            field: "replicas",
            cache: json!({ "replicas": 1 }),
            created: &[
                ("NumCacheClusters", "2"),
                ("AutomaticFailoverEnabled", "true"),
                ("MultiAZEnabled", "true"),
            ],
            group: &[
                TWO_NODES,
                FAILOVER,
                ("<MultiAZ>disabled", "<MultiAZ>enabled"),
            ],
            member: &[],
            expected: Expected::Resized {
                to: ("IncreaseReplicaCount", &[("NewReplicaCount", "1")]),
                // Failover has to be turned off before the last replica is deleted.
                back: (
                    "ModifyReplicationGroup",
                    &[
                        ("AutomaticFailoverEnabled", "false"),
                        ("MultiAZEnabled", "false"),
                    ],
                ),
            },
            planned: Some((json!("0"), json!("1"))),
        },
        Row {
            field: "multiAz",
            cache: json!({ "replicas": 1, "multiAz": false }),
            created: &[
                ("NumCacheClusters", "2"),
                ("AutomaticFailoverEnabled", "true"),
            ],
            group: &[TWO_NODES, FAILOVER],
            member: &[],
            expected: Expected::Resized {
                to: ("IncreaseReplicaCount", &[("NewReplicaCount", "1")]),
                back: (
                    "ModifyReplicationGroup",
                    &[("AutomaticFailoverEnabled", "false")],
                ),
            },
            planned: None,
        },
    ]
}

fn maintenance() -> Vec<Row> {
    vec![
        Row {
            field: "autoMinorVersionUpgrade",
            cache: json!({ "autoMinorVersionUpgrade": false }),
            created: &[("AutoMinorVersionUpgrade", "false")],
            group: &[(
                "<AutoMinorVersionUpgrade>true",
                "<AutoMinorVersionUpgrade>false",
            )],
            member: &[],
            expected: Expected::Changed {
                to: &[("AutoMinorVersionUpgrade", "false")],
                back: &[("AutoMinorVersionUpgrade", "true")],
            },
            planned: Some((json!("true"), json!("false"))),
        },
        Row {
            field: "snapshotRetentionDays",
            cache: json!({ "snapshotRetentionDays": 7 }),
            created: &[("SnapshotRetentionLimit", "7")],
            group: &[("<SnapshotRetentionLimit>1", "<SnapshotRetentionLimit>7")],
            member: &[],
            expected: Expected::Changed {
                to: &[("SnapshotRetentionLimit", "7")],
                back: &[("SnapshotRetentionLimit", "1")],
            },
            planned: Some((json!("1"), json!("7"))),
        },
        Row {
            field: "snapshotWindow",
            cache: windows("23:30-00:30", "sun:05:00-sun:06:00"),
            created: &[
                ("SnapshotWindow", "23:30-00:30"),
                ("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
            ],
            group: &[("<SnapshotWindow>03:00-04:00", "<SnapshotWindow>23:30-00:30")],
            member: &[],
            // Both, because ElastiCache rejects windows that overlap. If they are omitted later, they stay.
            expected: Expected::Changed {
                to: &[
                    ("SnapshotWindow", "23:30-00:30"),
                    ("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
                ],
                back: &[],
            },
            planned: Some((json!("03:00-04:00"), json!("23:30-00:30"))),
        },
        Row {
            field: "maintenanceWindow",
            cache: windows("03:00-04:00", "sat:23:00-sun:00:30"),
            created: &[
                ("SnapshotWindow", "03:00-04:00"),
                ("PreferredMaintenanceWindow", "sat:23:00-sun:00:30"),
            ],
            group: &[],
            member: &[("sun:05:00-sun:06:00", "sat:23:00-sun:00:30")],
            expected: Expected::Changed {
                to: &[
                    ("SnapshotWindow", "03:00-04:00"),
                    ("PreferredMaintenanceWindow", "sat:23:00-sun:00:30"),
                ],
                back: &[],
            },
            planned: Some((json!("sun:05:00-sun:06:00"), json!("sat:23:00-sun:00:30"))),
        },
        Row {
            field: "notificationTopic",
            cache: json!({ "notificationTopic": TOPIC }),
            created: &[("NotificationTopicArn", TOPIC)],
            group: &[],
            member: &[(
                "<Engine>",
                "<NotificationConfiguration><TopicArn>arn:aws:sns:ap-southeast-1:123456789012:cache-events</TopicArn>\
                 <TopicStatus>active</TopicStatus></NotificationConfiguration><Engine>",
            )],
            expected: Expected::Changed {
                to: &[
                    ("NotificationTopicArn", TOPIC),
                    ("NotificationTopicStatus", "active"),
                ],
                back: &[
                    ("NotificationTopicArn", TOPIC),
                    ("NotificationTopicStatus", "inactive"),
                ],
            },
            planned: Some((Value::Null, json!(TOPIC))),
        },
    ]
}

fn logs() -> Vec<Row> {
    vec![Row {
        field: "logs",
        cache: json!({ "logs": { "slow": { "format": "json" }, "retentionDays": 30 } }),
        created: SLOW_LOG,
        group: &[(
            "<AtRestEncryptionEnabled>",
            "<LogDeliveryConfigurations><LogDeliveryConfiguration><LogType>slow-log</LogType>\
             <DestinationType>cloudwatch-logs</DestinationType><DestinationDetails><CloudWatchLogsDetails>\
             <LogGroup>/aws/vendedlogs/elasticache/bandup-redis/slow-log</LogGroup></CloudWatchLogsDetails></DestinationDetails>\
             <LogFormat>json</LogFormat><Status>active</Status></LogDeliveryConfiguration></LogDeliveryConfigurations>\
             <AtRestEncryptionEnabled>",
        )],
        member: &[],
        expected: Expected::Changed {
            to: SLOW_LOG,
            back: &[
                (
                    "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType",
                    "slow-log",
                ),
                (
                    "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.Enabled",
                    "false",
                ),
            ],
        },
        planned: Some((Value::Null, json!("{\"slow\":{\"format\":\"json\"}}"))),
    }]
}

const SLOW_LOG: Parameters = &[
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType",
        "slow-log",
    ),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationType",
        "cloudwatch-logs",
    ),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationDetails.CloudWatchLogsDetails.LogGroup",
        "/aws/vendedlogs/elasticache/bandup-redis/slow-log",
    ),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogFormat",
        "json",
    ),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.Enabled",
        "true",
    ),
];

fn windows(snapshot: &str, maintenance: &str) -> Value {
    json!({ "snapshotWindow": snapshot, "maintenanceWindow": maintenance })
}

fn rows() -> impl Iterator<Item = Row> {
    texts()
        .into_iter()
        .chain(nodes())
        .chain(maintenance())
        .chain(logs())
}

fn replaced(body: String, replacements: &[Replacement]) -> String {
    replacements.iter().fold(body, |body, (from, to)| {
        assert!(body.contains(from), "no {from} in {body}");
        body.replace(from, to)
    })
}

/// Returns ElastiCache's answers for the reference setup's cache.
fn reference() -> [Answer; 3] {
    [described("available", same), owned(), member(same)]
}

/// Returns ElastiCache's answers for a cache with a row's value.
fn with_value(row: &Row) -> [Answer; 3] {
    [
        described("available", |body| replaced(body, row.group)),
        owned(),
        member(|body| replaced(body, row.member)),
    ]
}

/// Returns an AWS that accepts an operation after these answers.
fn accepting(answers: [Answer; 3], operation: &str) -> Aws {
    Aws::new(answers.into_iter().chain([accepted(operation)]))
}

fn form(operation: &str, parameters: Parameters) -> BTreeMap<String, String> {
    let common = [
        ("Action", operation),
        ("ReplicationGroupId", "bandup-redis"),
        ("ApplyImmediately", "true"),
    ];
    let all = common.iter().chain(parameters);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Runs a round, and checks its one write.
async fn assert_changes(
    answers: [Answer; 3],
    cache: &Value,
    (operation, parameters): (&str, Parameters),
) {
    let aws = accepting(answers, operation);

    let found = aws.ensure(message(cache)).await.expect("a round");

    let text = serde_json::to_value(&found).expect("JSON")["outcome"].to_string();
    assert!(text.starts_with("\"changing "), "{cache}: {text}");
    assert_eq!(
        found,
        waiting(text.trim_matches('"'), 30),
        "{cache}: a later round compares again"
    );
    assert_eq!(
        aws.elasticache.forms()[3],
        form(operation, parameters),
        "{cache}"
    );
}

#[test]
fn every_setting_of_a_request_has_a_row() {
    let tested: BTreeSet<_> = rows().map(|row| format!("cache.{}", row.field)).collect();
    let fields = SETTINGS.iter().map(|setting| setting.field());
    let defined: BTreeSet<_> = fields
        .filter(|field| field.starts_with("cache."))
        .map(str::to_owned)
        .collect();

    assert_eq!(tested, defined);
}

#[test]
fn every_field_of_a_request_is_a_setting_or_a_name() {
    let request = Request::from_json(json!({
        "environment": "bandup",
        "network": { "vpc": "vpc", "subnets": ["a", "b"], "backendSecurityGroup": "backend" },
        "adopt": true,
    }));
    let spec = request.and_then(Request::into_spec).expect("a request");
    // A request that adopts lists every field that it omits.
    let fields: BTreeSet<_> = spec.omitted.into_iter().collect();

    // `EnsureParameterGroup` compares the parameters.
    let names = ["name", "parameters", "securityGroupName"].map(str::to_owned);
    let settings = SETTINGS
        .iter()
        .filter_map(|setting| setting.field().strip_prefix("cache."));
    let known: BTreeSet<_> = settings.map(str::to_owned).chain(names).collect();
    assert_eq!(fields, known);
}

#[tokio::test]
async fn creates_with_the_value() {
    let created = async |cache: &Value| {
        let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);
        aws.ensure(message(cache)).await.expect("created");
        aws.elasticache.forms()[1].clone()
    };
    let default = created(&json!({})).await;
    for row in rows() {
        let mut expected = default.clone();
        for (name, value) in row.created {
            expected.insert((*name).to_owned(), (*value).to_owned());
        }

        assert_eq!(created(&row.cache).await, expected, "{}", row.field);
    }
}

#[tokio::test]
async fn changes_to_the_value_and_back_or_rejects_it() {
    for row in rows() {
        let modify = "ModifyReplicationGroup";
        match row.expected {
            Expected::Changed { to, back } => {
                assert_changes(reference(), &row.cache, (modify, to)).await;
                if !back.is_empty() {
                    assert_changes(with_value(&row), &json!({}), (modify, back)).await;
                }
            }
            Expected::Resized { to, back } => {
                assert_changes(reference(), &row.cache, to).await;
                assert_changes(with_value(&row), &json!({}), back).await;
            }
            Expected::Upgraded(to) => {
                assert_changes(reference(), &row.cache, (modify, to)).await;
            }
            Expected::Ignored => {
                let aws = Aws::new(reference());

                aws.ensure(message(&row.cache)).await.expect(row.field);

                assert!(aws.elasticache_writes().is_empty(), "{}", row.field);
            }
            Expected::Rejected(text) => {
                let aws = Aws::new(reference());

                let error = aws.ensure(message(&row.cache)).await.expect_err(row.field);

                assert_eq!(error.name(), ErrorName::Immutable, "{}", row.field);
                assert!(error.to_string().contains(text), "{error}");
                assert!(aws.elasticache_writes().is_empty(), "{}", row.field);
            }
        }
    }
}

#[tokio::test]
async fn changes_nothing_when_the_cache_has_the_value() {
    for row in rows() {
        let aws = Aws::new(with_value(&row));

        let found = aws.ensure(message(&row.cache)).await.expect(row.field);

        let found = serde_json::to_value(found).expect("JSON");
        assert_eq!(found["status"], "upToDate", "{}: {found}", row.field);
    }
}

#[tokio::test]
async fn plan_shows_the_current_and_the_requested_value() {
    for row in rows() {
        let Some((current, wanted)) = &row.planned else {
            continue;
        };
        let plan = with(message(&row.cache), &json!({ "plan": true }));

        let of_change = Aws::new(reference()).ensure(plan.clone()).await;
        let of_creation = Aws::new([absent(), no_cluster()]).ensure(plan).await;

        let field = format!("cache.{}", row.field);
        let difference = |plan| {
            let plan = serde_json::to_value(plan).expect("JSON");
            let changes = plan["actions"][0]["changes"].as_array().cloned();
            let mut changes = changes.into_iter().flatten();
            changes.find(|change| change["field"] == field)
        };
        assert_eq!(
            difference(of_change.expect("a plan")),
            Some(json!({ "field": field, "found": current, "wanted": wanted })),
        );
        assert_eq!(
            difference(of_creation.expect("a plan")),
            Some(json!({ "field": field, "found": null, "wanted": wanted })),
        );
    }
}

#[tokio::test]
async fn topic_that_elasticache_deactivated_is_activated_again() {
    let inactive = || {
        member(|body| {
            let configuration = format!(
                "<NotificationConfiguration><TopicArn>{TOPIC}</TopicArn><TopicStatus>inactive</TopicStatus>\
                 </NotificationConfiguration><Engine>"
            );
            body.replace("<Engine>", &configuration)
        })
    };
    let answers = || [described("available", same), owned(), inactive()];
    let requested = json!({ "notificationTopic": TOPIC });
    let activate: Parameters = &[
        ("NotificationTopicArn", TOPIC),
        ("NotificationTopicStatus", "active"),
    ];

    assert_changes(answers(), &requested, ("ModifyReplicationGroup", activate)).await;
    let off = Aws::new(answers()).ensure(message(&json!({}))).await;

    let off = serde_json::to_value(off.expect("a round")).expect("JSON");
    assert_eq!(
        off["status"], "upToDate",
        "an inactive topic counts as none"
    );
}

#[tokio::test]
async fn multi_az_changes_without_failover() {
    let enabled = [
        described("available", |body| {
            let with_failover = replaced(body, &[TWO_NODES, FAILOVER]);
            with_failover.replace("<MultiAZ>disabled", "<MultiAZ>enabled")
        }),
        owned(),
        member(same),
    ];
    let off = json!({ "replicas": 1, "multiAz": false });

    let to: Parameters = &[("MultiAZEnabled", "false")];
    assert_changes(enabled, &off, ("ModifyReplicationGroup", to)).await;
}

/// The parameter and the rule are those of <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html>.
#[tokio::test]
async fn node_types_with_data_tiering_are_created_with_it_and_not_changed() {
    let tiered = json!({ "nodeType": "cache.r6gd.xlarge" });
    for (cache, expected) in [(&tiered, Some("true")), (&json!({}), None)] {
        let aws = Aws::new([absent(), accepted("CreateReplicationGroup")]);

        aws.ensure(message(cache)).await.expect("created");

        let parameter = aws.elasticache.forms()[1]
            .get("DataTieringEnabled")
            .cloned();
        assert_eq!(parameter.as_deref(), expected, "{cache}");
    }
    let with_tiering = || {
        [
            described("available", |body| {
                let tiering = "<DataTiering>enabled</DataTiering><CacheNodeType>cache.r6gd.xlarge<";
                body.replace("<CacheNodeType>cache.t3.micro<", tiering)
            }),
            owned(),
            member(same),
        ]
    };
    let up_to_date = Aws::new(with_tiering()).ensure(message(&tiered)).await;
    let up_to_date = serde_json::to_value(up_to_date.expect("a round")).expect("JSON");
    assert_eq!(up_to_date["status"], "upToDate");

    let cases = [
        (reference(), tiered, "is `off`, requested `on`"),
        (with_tiering(), json!({}), "is `on`, requested `off`"),
    ];
    for (answers, cache, expected) in cases {
        let error = Aws::new(answers).ensure(message(&cache)).await;

        let error = error.expect_err(expected);
        assert_eq!(error.name(), ErrorName::Immutable, "{cache}");
        let text = format!("data tiering {expected}");
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[tokio::test]
async fn topic_of_another_region_is_rejected_before_anything_is_created() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:cache-events";
    let plan = with(
        message(&json!({ "notificationTopic": topic })),
        &json!({ "plan": true }),
    );

    let error = Aws::new([]).ensure(plan).await.expect_err("another Region");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    let expected = "cache.notificationTopic: `arn:aws:sns:eu-west-1:123456789012:cache-events` is not in this stack's account";
    assert!(error.to_string().starts_with(expected), "{error}");
}
