//! Tests of the decision whether a cache can be adopted.

use std::collections::BTreeMap;

use contract::error::{ErrorName, StepError, StepResult};
use replay::elasticache::list_tags_for_resource;
use serde_json::{Value, json};

use super::{Aws, adopting, described, held, member, message, owned, same, with};
use crate::adoption::{Decision, RULES};

/// How a cache differs from one that envcache creates.
#[derive(Clone, Copy)]
struct Case {
    /// Additional XML in the group's description.
    group: &'static str,
    /// A text in the member's description, and its replacement.
    member: (&'static str, &'static str),
    tag: Option<&'static str>,
}

const SAME: Case = Case {
    group: "",
    member: ("<Engine>", "<Engine>"),
    tag: None,
};

impl Case {
    /// Returns an account with this unowned cache, which no record names.
    fn account(self) -> Aws {
        let with_group = move |body: String| {
            body.replace("<CacheNodeType>", &format!("{}<CacheNodeType>", self.group))
        };
        let (from, to) = self.member;
        let with_member = move |body: String| body.replace(from, to);
        let tags: Vec<_> = self.tag.map(|key| (key, "secret")).into_iter().collect();
        Aws::with_record(
            &held(None),
            [
                described("available", with_group),
                list_tags_for_resource(&tags),
                member(with_member),
            ],
        )
    }
}

/// Plans the adoption by a request with these cache settings.
async fn planned(aws: &Aws, message: Value) -> StepResult<Value> {
    let message = with(adopting(message), &json!({ "plan": true }));
    let found = aws.ensure(message).await?;
    Ok(serde_json::to_value(found).expect("JSON"))
}

fn in_group(group: &'static str) -> Case {
    Case { group, ..SAME }
}

fn in_member(from: &'static str, to: &'static str) -> Case {
    Case {
        member: (from, to),
        ..SAME
    }
}

/// A rule's setting, a cache with a value that it concerns, and the value in the output. The XML is in the formats of
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html> and
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html>.
type Example = (&'static str, (Case, &'static str));

fn rejected() -> [Example; 5] {
    [
        (
            "pending changes",
            (
                Case {
                    group: "<PendingModifiedValues><AutomaticFailoverStatus>enabled</AutomaticFailoverStatus></PendingModifiedValues>",
                    member: (
                        "<Engine>",
                        "<PendingModifiedValues><CacheNodeType>cache.m7g.large</CacheNodeType></PendingModifiedValues><Engine>",
                    ),
                    tag: None,
                },
                "automatic failover on, cache.nodeType cache.m7g.large",
            ),
        ),
        (
            "TLS mode",
            (
                in_group("<TransitEncryptionMode>preferred</TransitEncryptionMode>"),
                "preferred",
            ),
        ),
        (
            "cluster mode",
            (
                in_group("<ClusterMode>compatible</ClusterMode>"),
                "compatible",
            ),
        ),
        (
            "global datastore",
            (
                in_group(
                    "<GlobalReplicationGroupInfo><GlobalReplicationGroupId>sgaui-sessions</GlobalReplicationGroupId>\
                     </GlobalReplicationGroupInfo>",
                ),
                "sgaui-sessions",
            ),
        ),
        (
            "other security groups",
            (
                in_member(
                    "</SecurityGroups>",
                    "<member><SecurityGroupId>sg-0f</SecurityGroupId></member></SecurityGroups>",
                ),
                "sg-0f",
            ),
        ),
    ]
}

fn kept() -> [Example; 9] {
    [
        (
            "parameter group",
            (
                in_member("default.valkey8", "sessions-valkey8"),
                "sessions-valkey8",
            ),
        ),
        (
            "maintenance window",
            (
                in_member("sun:05:00-sun:06:00", "sun:23:00-mon:01:30"),
                "sun:23:00-mon:01:30",
            ),
        ),
        ("snapshot window", (SAME, "03:00-04:00")),
        (
            "log delivery",
            (
                in_group(
                    "<LogDeliveryConfigurations><LogDeliveryConfiguration><LogType>slow-log</LogType>\
                     <DestinationType>cloudwatch-logs</DestinationType></LogDeliveryConfiguration></LogDeliveryConfigurations>",
                ),
                "slow-log to cloudwatch-logs",
            ),
        ),
        (
            "KMS key",
            (
                in_group("<KmsKeyId>1234abcd-12ab-34cd-56ef-1234567890ab</KmsKeyId>"),
                "1234abcd-12ab-34cd-56ef-1234567890ab",
            ),
        ),
        (
            "network type",
            (
                in_group("<NetworkType>dual_stack</NetworkType><IpDiscovery>ipv4</IpDiscovery>"),
                "dual_stack, discovery of ipv4",
            ),
        ),
        (
            "durability",
            (
                in_group("<EffectiveDurability>sync</EffectiveDurability>"),
                "sync",
            ),
        ),
        (
            "Outposts",
            (
                in_group(
                    "<MemberClustersOutpostArns><ReplicationGroupOutpostArn>arn:aws:outposts:ap-southeast-1:123456789012:outpost/op-0a\
                     </ReplicationGroupOutpostArn></MemberClustersOutpostArns>",
                ),
                "arn:aws:outposts:ap-southeast-1:123456789012:outpost/op-0a",
            ),
        ),
        (
            "other tags",
            (
                Case {
                    tag: Some("team"),
                    ..SAME
                },
                "team",
            ),
        ),
    ]
}

#[tokio::test]
async fn every_setting_is_kept_and_reported_or_rejected() {
    let cases: BTreeMap<_, _> = rejected().into_iter().chain(kept()).collect();
    for rule in &RULES {
        let (case, value) = cases[rule.setting];

        let found = planned(&case.account(), message(&json!({}))).await;

        match rule.decision {
            Decision::Kept => {
                let mut expected = windows();
                expected.insert(rule.setting.to_owned(), value.to_owned());
                assert_eq!(kept_of(&found.expect(rule.setting)), expected);
            }
            Decision::Rejected(remedy) => {
                let error = found.expect_err(rule.setting);
                assert_eq!(error.name(), ErrorName::Immutable);
                let text = format!(
                    "replication group `bandup-redis` can't be adopted as it is. {}: {value} ({remedy}). Nothing was \
                     changed.",
                    rule.setting
                );
                assert!(error.to_string().starts_with(&text), "{error}\n{text}");
            }
        }
    }
    assert_eq!(cases.len(), RULES.len());
}

#[tokio::test]
async fn fixed_settings_are_rejected_before_omitted_ones() {
    let case = Case {
        group: "<UserGroupIds><member>clients</member></UserGroupIds>",
        ..SAME
    };
    let mut message = message(&json!({ "replicas": 1 }));
    message["spec"]["omitted"] = json!(["replicas"]);

    let error = planned(&case.account(), message)
        .await
        .expect_err("a user group");

    assert_eq!(error.name(), ErrorName::Immutable);
    let expected =
        "user groups is `clients`, requested none (envcache publishes no password: remove it";
    assert!(error.to_string().contains(expected), "{error}");
}

/// Returns the settings that are kept, by their names.
fn kept_of(plan: &Value) -> BTreeMap<String, String> {
    let kept = plan["kept"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    kept.map(|kept| (text(&kept["setting"]), text(&kept["value"])))
        .collect()
}

/// Returns the settings that every cache has and that a request may leave to ElastiCache.
fn windows() -> BTreeMap<String, String> {
    [
        ("maintenance window", "sun:05:00-sun:06:00"),
        ("snapshot window", "03:00-04:00"),
    ]
    .map(|(setting, value)| (setting.to_owned(), value.to_owned()))
    .into()
}

#[tokio::test]
async fn only_windows_are_kept_of_a_cache_as_envcache_creates_it() {
    let requested = json!({
        "snapshotWindow": "03:00-04:00",
        "maintenanceWindow": "sun:05:00-sun:06:00",
    });

    let omitted = planned(&SAME.account(), message(&json!({}))).await;
    let requested = planned(&SAME.account(), message(&requested)).await;

    assert_eq!(kept_of(&omitted.expect("a plan")), windows());
    assert_eq!(requested.expect("a plan")["kept"], json!([]));
}

#[tokio::test]
async fn rules_do_not_apply_to_owned_caches() {
    let preferred = |body: String| {
        let mode = "<TransitEncryptionMode>preferred</TransitEncryptionMode><CacheNodeType>";
        body.replace("<CacheNodeType>", mode)
    };
    let aws = Aws::with_record(
        &held(None),
        [described("available", preferred), owned(), member(same)],
    );

    let found = planned(&aws, message(&json!({}))).await.expect("a plan");

    assert_eq!(found["kept"], json!([]));
}

/// Returns the error of a request that omits these settings and has the others.
async fn omitting(omitted: &Value, cache: &Value) -> Result<Value, StepError> {
    let mut message = message(cache);
    message["spec"]["omitted"] = omitted.clone();
    planned(&SAME.account(), message).await
}

#[tokio::test]
async fn omitted_setting_that_is_not_the_default_is_rejected_with_the_cache_to_paste() {
    // The account's cache has cache.t3.micro and no replicas. Here, the defaults are others.
    let cache = json!({ "nodeType": "cache.t4g.small", "replicas": 1, "engineVersion": "8.0" });

    let error = omitting(&json!(["nodeType", "replicas", "port"]), &cache)
        .await
        .expect_err("two settings differ");

    assert_eq!(error.name(), ErrorName::InvalidSpec);
    let text = error.to_string();
    let (reasons, pasted) = text.split_once("\"cache\": ").expect("the cache");
    assert!(
        reasons.contains(
            "them: cache.nodeType is \"cache.t3.micro\", and the default is \"cache.t4g.small\"; cache.replicas is 0, and \
             the default is 1. Nothing was changed."
        ),
        "{reasons}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(pasted).expect("JSON"),
        json!({
            "name": "bandup-redis",
            "description": "in memory db for bandup",
            "securityGroupName": "redis-sg",
            "subnetGroupName": "bandup-cached-subnet-group",
            "nodeType": "cache.t3.micro",
            "replicas": 0,
            "multiAz": false,
            "engineVersion": "8.0",
            "autoMinorVersionUpgrade": true,
            "port": 6379,
            "snapshotRetentionDays": 1
        })
    );
}

#[tokio::test]
async fn explicit_settings_are_changed_and_equal_ones_may_be_omitted() {
    let explicit = omitting(&json!([]), &json!({ "nodeType": "cache.t4g.small" })).await;
    let equal = omitting(&json!(["nodeType", "replicas"]), &json!({})).await;

    let changed = explicit.expect("a plan")["actions"].to_string();
    assert!(changed.contains("cache.t4g.small"), "{changed}");
    assert_eq!(
        equal.expect("a plan")["actions"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn changing_cache_is_not_planned_when_it_may_be_adopted() {
    // A cache that is being deleted is created again.
    let deleting = Aws::with_record(&held(None), [described("deleting", same)]);
    let plan = planned(&deleting, message(&json!({}))).await;
    assert_eq!(plan.expect("a plan")["status"], "planned");

    for status in ["creating", "modifying", "snapshotting"] {
        let members = || (status == "modifying").then(|| member(same));
        let aws = |record: &Value| {
            let answers = [described(status, same)].into_iter().chain(members());
            Aws::with_record(record, answers)
        };

        let error = planned(&aws(&held(None)), message(&json!({})))
            .await
            .expect_err(status);

        assert_eq!(error.name(), ErrorName::UnexpectedStatus, "{error}");
        assert!(
            error.to_string().contains(&format!("is {status}")),
            "{error}"
        );

        // A cache that the environment's record names has been compared.
        let mut recorded = held(None);
        recorded["cacheIdentity"] = json!(replay::identity().to_string());
        let plan = planned(&aws(&recorded), message(&json!({}))).await;
        assert_eq!(plan.expect("a plan")["status"], "planned");
    }
}

#[test]
fn adoption_page_lists_every_rule_with_its_decision() {
    let page = include_str!("../../../../docs/adopt.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    for rule in &RULES {
        let row = rows.iter().find(|row| row[0] == rule.setting);
        let decision = match rule.decision {
            Decision::Kept => "kept",
            Decision::Rejected(_) => "rejected",
        };
        let listed = row.map(|row| row[1]);
        assert_eq!(listed, Some(decision), "{} on the page", rule.setting);
    }
    let listed = rows
        .iter()
        .filter(|row| row.get(1) == Some(&"kept"))
        .count();
    let kept = RULES.iter().filter(|rule| rule.decision == Decision::Kept);
    assert_eq!(listed, kept.count(), "the page lists other kept settings");
}
