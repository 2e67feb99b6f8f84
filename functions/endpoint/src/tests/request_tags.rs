//! Tests of the request's tags.

use aws_sdk_ssm::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::PublishEndpointOutput;
use replay::ssm::list_tags_for_resource;
use replay::{Answer, Replay, owner_tags, reference};
use serde_json::{Value, json};

use super::{HOST, existing, put};
use crate::publish;

/// Runs `PublishEndpoint` for a request with these tags. An earlier request named the tag `stage`.
async fn outcome(
    replay: &Replay,
    tags: &Value,
    options: &Value,
) -> StepResult<PublishEndpointOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({
        "endpoints": { "primary": { "host": HOST, "port": 6379 } },
        "formerTags": ["stage"]
    }));
    message["plan"] = json!(options["dryRun"] == true);
    message["spec"]["options"] = options.clone();
    message["spec"]["tags"] = tags.clone();
    let message = serde_json::from_value(message).expect("the message");
    publish(&client, "envcache", message).await
}

/// Returns these tags, and the owner tags of a stack.
fn tagged(stack: &str, more: &[(&str, &str)]) -> Answer {
    list_tags_for_resource(&owner_tags(stack, more))
}

/// Returns the answers of a stack whose only parameter that exists is up to date, and has these tags.
fn only_port(tags: Answer) -> [Answer; 2] {
    [existing(&[("port", "6379")]), tags]
}

#[tokio::test]
async fn new_parameter_has_owner_tags_and_requested_tags() {
    let replay = Replay::new([existing(&[]), put(), put(), put(), put()]);

    outcome(&replay, &json!({ "team": "web" }), &json!({}))
        .await
        .expect("published");

    let requests = replay.documents();
    let tags = json!([
        { "Key": "envcache:environment", "Value": "bandup" },
        { "Key": "envcache:stack", "Value": "envcache" },
        { "Key": "team", "Value": "web" }
    ]);
    let created: Vec<_> = requests[1..]
        .iter()
        .map(|(_, body)| &body["Tags"])
        .collect();
    assert_eq!(created, [&tags; 4]);
}

#[tokio::test]
async fn removes_former_tags_and_adds_requested_ones_with_owner_tags() {
    let found = tagged(
        "envcache",
        &[("backup", "daily"), ("stage", "test"), ("team", "web")],
    );
    let done = || Answer::ok("{}");
    let writes = [put(), put(), done(), done(), put()];
    let replay = Replay::new(only_port(found).into_iter().chain(writes));

    outcome(&replay, &json!({ "team": "core" }), &json!({}))
        .await
        .expect("published");

    let requests = replay.documents();
    assert_eq!(
        requests[4..6],
        [
            (
                "RemoveTagsFromResource".to_owned(),
                json!({
                    "ResourceType": "Parameter",
                    "ResourceId": "/bandup/cache/port",
                    "TagKeys": ["stage"]
                })
            ),
            (
                "AddTagsToResource".to_owned(),
                json!({
                    "ResourceType": "Parameter",
                    "ResourceId": "/bandup/cache/port",
                    "Tags": [
                        { "Key": "envcache:environment", "Value": "bandup" },
                        { "Key": "envcache:stack", "Value": "envcache" },
                        { "Key": "team", "Value": "core" }
                    ]
                })
            ),
        ],
        "the other parameters are new"
    );
}

#[tokio::test]
async fn tags_nothing_when_another_stack_owns_a_parameter() {
    let parameters = existing(&[("host", HOST), ("port", "6379")]);
    let own = tagged("envcache", &[("stage", "test")]);
    let replay = Replay::new([parameters, own, tagged("other", &[])]);

    let error = outcome(&replay, &json!({ "team": "web" }), &json!({}))
        .await
        .expect_err("another stack's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert_eq!(replay.documents().len(), 3, "nothing is written");
}

#[tokio::test]
async fn plan_lists_tags_with_both_values() {
    let requested = json!({ "team": "core" });
    let found = tagged("envcache", &[("stage", "test"), ("team", "web")]);
    let replay = Replay::new(only_port(found));

    let plan = outcome(&replay, &requested, &json!({ "dryRun": true })).await;

    let plan = serde_json::to_value(plan.expect("a plan")).expect("JSON");
    let action = |operation: &str, changes: Value| json!({ "operation": operation, "resource": "/bandup/cache/port", "changes": changes });
    let difference = |key: &str, found: Value, wanted: Value| json!({ "field": format!("tags.{key}"), "found": found, "wanted": wanted });
    let actions = plan["actions"].as_array().expect("actions");
    assert_eq!(
        actions[2..4],
        [
            action(
                "RemoveTagsFromResource",
                json!([difference("stage", json!("test"), Value::Null)])
            ),
            action(
                "AddTagsToResource",
                json!([difference("team", json!("web"), json!("core"))])
            ),
        ]
    );
    assert_eq!(
        actions[0]["changes"][1],
        difference("team", Value::Null, json!("core")),
        "a new parameter"
    );
}
