//! Tests of the request's tags.

use contract::error::{ErrorName, StepResult};
use contract::message::EnsureSecurityGroupOutput;
use replay::{Answer, Replay, form, network, reference};
use serde_json::{Value, json};

use super::{BACKEND, authorized, created, described, done, none, rule};
use crate::ensure;

/// Runs `EnsureSecurityGroup` for a request with these tags. An earlier request named the tag `stage`.
async fn ensured(
    replay: &Replay,
    tags: &Value,
    options: &Value,
) -> StepResult<EnsureSecurityGroupOutput> {
    let client = aws_sdk_ec2::Client::new(&replay.config());
    let mut message = reference(json!({ "network": network(), "formerTags": ["stage"] }));
    message["plan"] = json!(options["dryRun"] == true);
    message["spec"]["options"] = options.clone();
    message["spec"]["tags"] = tags.clone();
    let message = serde_json::from_value(message).expect("the message");
    ensure(&client, "envcache", message).await
}

/// Returns the answer about a group with the requested rule and these tags in addition to the owner tags.
fn tagged(tags: &[(&str, &str)]) -> Answer {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let end = format!("{tags}</tagSet>");
    described("redis-sg", "envcache", &rule(6379, BACKEND)).replaced("</tagSet>", &end)
}

const GROUP: &str = "sg-0c1b2c3d4e5f60718";

#[tokio::test]
async fn new_group_has_owner_tags_and_requested_tags() {
    let replay = Replay::new([none(), created(), authorized()]);
    let tags = json!({ "team": "web", "cost center": "" });

    ensured(&replay, &tags, &json!({})).await.expect("created");

    let request = &replay.forms()[1];
    let tag = |number: u32, part: &str| {
        let field = format!("TagSpecification.1.Tag.{number}.{part}");
        request.get(&field).map(String::as_str)
    };
    assert_eq!(tag(2, "Key"), Some("envcache:stack"));
    assert_eq!(
        (tag(3, "Key"), tag(3, "Value")),
        (Some("cost center"), Some(""))
    );
    assert_eq!(
        (tag(4, "Key"), tag(4, "Value")),
        (Some("team"), Some("web"))
    );
    assert_eq!(tag(5, "Key"), None);
}

#[tokio::test]
async fn removes_former_tags_and_adds_requested_ones_with_owner_tags() {
    let found = tagged(&[
        ("backup", "daily"),
        ("stage", "test"),
        ("team", "web"),
        ("owner", "a"),
    ]);
    let replay = Replay::new([found, done("DeleteTags"), done("CreateTags")]);
    let tags = json!({ "team": "core", "owner": "a", "project": "sessions" });

    ensured(&replay, &tags, &json!({})).await.expect("updated");

    // `backup` stays, and `owner` is up to date. The removal makes room for new tags.
    assert_eq!(
        replay.forms()[1..],
        [
            form([
                ("Action", "DeleteTags"),
                ("ResourceId.1", GROUP),
                ("Tag.1.Key", "stage"),
            ]),
            form([
                ("Action", "CreateTags"),
                ("ResourceId.1", GROUP),
                ("Tag.1.Key", "envcache:environment"),
                ("Tag.1.Value", "bandup"),
                ("Tag.2.Key", "envcache:stack"),
                ("Tag.2.Value", "envcache"),
                ("Tag.3.Key", "project"),
                ("Tag.3.Value", "sessions"),
                ("Tag.4.Key", "team"),
                ("Tag.4.Value", "core"),
            ]),
        ]
    );
}

#[tokio::test]
async fn changes_no_tags_when_they_are_up_to_date() {
    let cases = [
        (tagged(&[("team", "web")]), json!({ "team": "web" })),
        (tagged(&[("backup", "daily")]), json!({})),
    ];
    for (found, tags) in cases {
        let replay = Replay::new([found]);

        ensured(&replay, &tags, &json!({})).await.expect("a group");

        assert_eq!(replay.actions(), ["DescribeSecurityGroups"], "{tags}");
    }
}

#[tokio::test]
async fn adopts_before_it_changes_tags() {
    let unowned = tagged(&[("stage", "test"), ("team", "secret")])
        .replaced("envcache:environment", "a")
        .replaced("envcache:stack", "b");
    let answers = [
        unowned.clone(),
        done("CreateTags"),
        done("DeleteTags"),
        done("CreateTags"),
    ];
    let replay = Replay::new(answers);
    let tags = json!({ "team": "web" });

    ensured(&replay, &tags, &json!({ "adopt": true }))
        .await
        .expect("adopted");
    let planned = Replay::new([unowned]);
    let options = json!({ "adopt": true, "dryRun": true });
    let planned = ensured(&planned, &tags, &options).await.expect("a plan");

    // The role may remove tags only from a group with this stack's tag.
    assert_eq!(
        replay.actions()[1..],
        ["CreateTags", "DeleteTags", "CreateTags"]
    );
    let planned = serde_json::to_string(&planned.actions).expect("JSON");
    assert!(!planned.contains("secret"), "{planned}");
}

#[tokio::test]
async fn plan_lists_tags_with_both_values() {
    let replay = Replay::new([tagged(&[("stage", "test"), ("team", "web")])]);
    let requested = json!({ "team": "core" });
    let plan = json!({ "dryRun": true });

    let changed = ensured(&replay, &requested, &plan).await.expect("a plan");
    let created = ensured(&Replay::new([none()]), &requested, &plan).await;

    let action = |operation: &str, field: &str, found: Value, wanted: Value| {
        json!({
            "operation": operation,
            "resource": "redis-sg",
            "changes": [{ "field": field, "found": found, "wanted": wanted }],
        })
    };
    assert_eq!(
        serde_json::to_value(changed.actions).expect("JSON"),
        json!([
            action("DeleteTags", "tags.stage", json!("test"), Value::Null),
            action("CreateTags", "tags.team", json!("web"), json!("core")),
        ])
    );
    assert_eq!(replay.actions(), ["DescribeSecurityGroups"]);
    let created = created.expect("a plan").actions;
    assert_eq!(
        serde_json::to_value(&created[0]).expect("JSON"),
        action(
            "CreateSecurityGroup",
            "tags.team",
            Value::Null,
            json!("core")
        )
    );
}

#[tokio::test]
async fn keeps_the_error_name_when_the_group_has_too_many_tags() {
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    let full = Answer::ec2_fault(400, "TagLimitExceeded", "AWS's own words.");
    let replay = Replay::new([tagged(&[]), full]);

    let error = ensured(&replay, &json!({ "team": "web" }), &json!({}))
        .await
        .expect_err("50 tags");

    assert_eq!(error.name(), ErrorName::QuotaExceeded);
    let expected = format!("CreateTags {GROUP}: ");
    assert!(error.to_string().starts_with(&expected), "{error}");
}
