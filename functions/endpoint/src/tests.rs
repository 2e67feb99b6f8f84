//! Tests with replayed answers of Systems Manager.

mod request_tags;

use aws_sdk_ssm::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::{PublishEndpointOutput, Published, RetractEndpointOutput};
use replay::ssm::list_tags_for_resource;
use replay::{Answer, Replay, owner_tags, reference};
use serde_json::{Value, json};

use crate::{publish, retract};

const HOST: &str = "master.bandup-redis.q68zge.apse1.cache.amazonaws.com";

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>.
fn existing(parameters: &[(&str, &str)]) -> Answer {
    let found: Vec<_> = parameters
        .iter()
        .map(|(leaf, value)| {
            json!({ "Name": format!("/bandup/cache/{leaf}"), "Type": "String", "Value": value, "Version": 1 })
        })
        .collect();
    Answer::ok(json!({ "Parameters": found, "InvalidParameters": [] }).to_string())
}

fn tags(stack: &str) -> Answer {
    list_tags_for_resource(&owner_tags(stack, &[]))
}

fn put() -> Answer {
    Answer::ok(json!({ "Version": 1, "Tier": "Standard" }).to_string())
}

async fn outcome(replay: &Replay, options: Value) -> StepResult<PublishEndpointOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({
        "endpoints": { "primary": { "host": HOST, "port": 6379 } }
    }));
    message["plan"] = json!(options["dryRun"] == true);
    message["spec"]["options"] = options;
    let message = serde_json::from_value(message).expect("the message");
    publish(&client, "envcache", message).await
}

async fn published(replay: &Replay) -> StepResult<Published> {
    match outcome(replay, json!({})).await? {
        PublishEndpointOutput::Published(published) => Ok(published),
        PublishEndpointOutput::Planned { actions } => panic!("only planned: {actions:?}"),
    }
}

fn names_and_values(requests: &[(String, Value)]) -> Vec<(&Value, &Value)> {
    requests
        .iter()
        .filter(|(operation, _)| operation == "PutParameter")
        .map(|(_, body)| (&body["Name"], &body["Value"]))
        .collect()
}

#[tokio::test]
async fn first_run_writes_every_parameter_with_tags() {
    let replay = Replay::new([existing(&[]), put(), put(), put(), put()]);

    let found = published(&replay).await.expect("published");

    assert_eq!(found.written, found.parameters, "all of them are new");
    assert_eq!(found.url, format!("rediss://{HOST}:6379"));
    let requests = replay.documents();
    assert_eq!(
        requests[0],
        (
            "GetParameters".to_owned(),
            json!({ "Names": [
                "/bandup/cache/primary-endpoint", "/bandup/cache/host",
                "/bandup/cache/port", "/bandup/cache/url", "/bandup/cache/reader-endpoint"
            ] })
        )
    );
    assert_eq!(
        requests[1],
        (
            "PutParameter".to_owned(),
            json!({
                "Name": "/bandup/cache/primary-endpoint",
                "Description": "Primary endpoint (host:port) of the cache of environment bandup",
                "Value": format!("{HOST}:6379"),
                "Type": "String",
                "Tags": [
                    { "Key": "envcache:environment", "Value": "bandup" },
                    { "Key": "envcache:stack", "Value": "envcache" }
                ]
            })
        ),
        "tags, and therefore no Overwrite: AWS rejects both together"
    );
}

#[tokio::test]
async fn writes_nothing_when_parameters_are_up_to_date() {
    let replay = Replay::new([
        existing(&[
            ("primary-endpoint", &format!("{HOST}:6379")),
            ("host", HOST),
            ("port", "6379"),
            ("url", &format!("rediss://{HOST}:6379")),
        ]),
        tags("envcache"),
        tags("envcache"),
        tags("envcache"),
        tags("envcache"),
    ]);

    let found = published(&replay).await.expect("published");

    assert!(found.written.is_empty(), "{found:?}");
    assert!(names_and_values(&replay.documents()).is_empty());
}

#[tokio::test]
async fn overwrites_differing_and_creates_missing_parameters() {
    let replay = Replay::new([
        existing(&[("host", "old.example"), ("port", "6379")]),
        tags("envcache"),
        tags("envcache"),
        put(),
        put(),
        put(),
    ]);

    let found = published(&replay).await.expect("published");

    assert_eq!(
        found.written,
        [
            "/bandup/cache/primary-endpoint",
            "/bandup/cache/host",
            "/bandup/cache/url"
        ]
    );
    let requests = replay.documents();
    let host = requests
        .iter()
        .find(|(operation, body)| {
            operation == "PutParameter" && body["Name"] == "/bandup/cache/host"
        })
        .map(|(_, body)| body)
        .expect("host differs");
    assert_eq!(host["Overwrite"], true);
    assert_eq!(host["Value"], HOST);
    assert!(
        host.get("Tags").is_none(),
        "AWS rejects tags together with Overwrite"
    );
}

#[tokio::test]
async fn writes_nothing_when_another_stack_owns_a_parameter() {
    let replay = Replay::new([existing(&[("url", "rediss://other")]), tags("other")]);

    let error = published(&replay).await.expect_err("another stack's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(error.to_string().contains("/bandup/cache/url"), "{error}");
    assert!(names_and_values(&replay.documents()).is_empty());
}

#[tokio::test]
async fn writes_nothing_when_unowned_parameter_is_not_adopted() {
    let unowned = list_tags_for_resource(&[]);
    let replay = Replay::new([existing(&[("host", "manual.example")]), unowned]);

    let error = published(&replay).await.expect_err("an unowned parameter");

    assert_eq!(error.name(), ErrorName::NotOwned);
    assert!(error.to_string().contains("adopt"), "{error}");
    assert!(names_and_values(&replay.documents()).is_empty());
}

#[tokio::test]
async fn keeps_the_error_name_when_systems_manager_rejects_a_put() {
    // https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    for (code, expected) in [
        ("ParameterAlreadyExists", ErrorName::NotFound),
        ("ParameterLimitExceeded", ErrorName::QuotaExceeded),
        ("TooManyUpdates", ErrorName::Throttled),
        ("ThrottlingException", ErrorName::Throttled),
        ("AccessDeniedException", ErrorName::AccessDenied),
        ("InternalServerError", ErrorName::ServiceUnavailable),
    ] {
        let replay = Replay::new([
            existing(&[]),
            Answer::json_fault(400, code, "AWS's own words."),
        ]);

        let error = published(&replay).await.expect_err("rejected");

        assert_eq!(error.name(), expected, "{code}");
        assert!(
            error
                .to_string()
                .starts_with("PutParameter /bandup/cache/primary-endpoint: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn deletes_outdated_reader_endpoint_only_when_owned() {
    let host = format!("{HOST}:6379");
    let url = format!("rediss://{host}");
    let parameters = [
        ("primary-endpoint", host.as_str()),
        ("host", HOST),
        ("port", "6379"),
        ("url", url.as_str()),
        ("reader-endpoint", "replica.bandup-redis:6379"),
    ];
    let owned = || vec![tags("envcache"); 4];
    let deleted = || Answer::ok("{}");
    let not_found = || Answer::json_fault(400, "ParameterNotFound", "AWS's own words.");
    let cases = [
        ([owned(), vec![tags("envcache"), deleted()]].concat(), 1),
        ([owned(), vec![tags("envcache"), not_found()]].concat(), 1),
        ([owned(), vec![tags("other")]].concat(), 0),
    ];
    for (answers, removed) in cases {
        let replay = Replay::new([vec![existing(&parameters)], answers].concat());

        let found = published(&replay).await.expect("published");

        assert!(found.written.is_empty(), "{found:?}");
        assert_eq!(
            found.removed,
            vec!["/bandup/cache/reader-endpoint"; removed],
            "{:?}",
            replay.documents()
        );
    }
}

/// Runs `RetractEndpoint` with these answers.
async fn retracted(replay: &Replay) -> StepResult<RetractEndpointOutput> {
    let client = Client::new(&replay.config());
    let message = json!({ "environment": "bandup", "parameterPrefix": "/bandup/cache", "execution": "run-1" });
    let message = serde_json::from_value(message).expect("the state's message");
    retract(&client, "envcache", message).await
}

#[tokio::test]
async fn retracts_only_owned_parameters() {
    let deleted = || Answer::ok("{}");
    let replay = Replay::new([
        existing(&[
            ("host", HOST),
            ("url", "theirs"),
            ("reader-endpoint", "reader"),
        ]),
        tags("envcache"),
        deleted(),
        tags("another-stack"),
        tags("envcache"),
        // Another run or a user has deleted it in the meantime.
        Answer::json_fault(400, "ParameterNotFound", "Parameter not found."),
    ]);

    let found = retracted(&replay).await.expect("retracted");

    assert_eq!(
        found,
        RetractEndpointOutput {
            removed: vec![
                "/bandup/cache/host".into(),
                "/bandup/cache/reader-endpoint".into()
            ],
            left: vec!["parameter /bandup/cache/url doesn't have this stack's tags".into()],
        }
    );
}

#[tokio::test]
async fn deletes_nothing_when_nothing_is_published() {
    let replay = Replay::new([existing(&[])]);

    let found = retracted(&replay).await.expect("a success");

    assert!(
        found.removed.is_empty() && found.left.is_empty(),
        "{found:?}"
    );
    assert_eq!(replay.documents().len(), 1);
}

#[tokio::test]
async fn plan_lists_actions_and_writes_nothing() {
    let replay = Replay::new([
        existing(&[
            ("host", "old.example"),
            ("port", "6379"),
            ("reader-endpoint", "old"),
        ]),
        tags("envcache"),
        tags("envcache"),
        tags("envcache"),
    ]);

    let found = outcome(&replay, json!({ "dryRun": true }))
        .await
        .expect("a plan");

    let put = |leaf: &str, found: Option<&str>, wanted: String| {
        json!({
            "operation": "PutParameter",
            "resource": format!("/bandup/cache/{leaf}"),
            "changes": [{ "field": "value", "found": found, "wanted": wanted }],
        })
    };
    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        json!({ "actions": [
            put("primary-endpoint", None, format!("{HOST}:6379")),
            put("host", Some("old.example"), HOST.to_owned()),
            put("url", None, format!("rediss://{HOST}:6379")),
            { "operation": "DeleteParameter", "resource": "/bandup/cache/reader-endpoint", "changes": [] },
        ] })
    );
    let operations: Vec<_> = replay
        .documents()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        operations,
        [
            "GetParameters",
            "ListTagsForResource",
            "ListTagsForResource",
            "ListTagsForResource"
        ]
    );
}

#[tokio::test]
async fn adopts_unowned_parameter_before_it_overwrites_it() {
    let unowned = list_tags_for_resource(&[]);
    let replay = Replay::new([
        existing(&[("host", "manual.example")]),
        unowned,
        put(),
        Answer::ok("{}"),
        put(),
        put(),
        put(),
    ]);

    outcome(&replay, json!({ "adopt": true }))
        .await
        .expect("published");

    let requests = replay.documents();
    let of_host: Vec<_> = requests
        .iter()
        .filter(|(_, body)| {
            body["Name"] == "/bandup/cache/host" || body["ResourceId"] == "/bandup/cache/host"
        })
        .map(|(operation, body)| {
            (
                operation.as_str(),
                body["Tags"].clone(),
                body["Overwrite"].clone(),
            )
        })
        .collect();
    let owner_tags = json!([
        { "Key": "envcache:environment", "Value": "bandup" },
        { "Key": "envcache:stack", "Value": "envcache" }
    ]);
    assert_eq!(
        of_host,
        [
            ("ListTagsForResource", Value::Null, Value::Null),
            ("AddTagsToResource", owner_tags, Value::Null),
            ("PutParameter", Value::Null, json!(true)),
        ]
    );
}

#[tokio::test]
async fn rejects_parameter_of_another_type_before_it_tags_any() {
    // https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Parameter.html
    for kind in ["SecureString", "StringList"] {
        let parameter = |leaf: &str, kind: &str| json!({ "Name": format!("/bandup/cache/{leaf}"), "Type": kind, "Value": "AQICAHh", "Version": 1 });
        let found = json!({
            "Parameters": [parameter("primary-endpoint", "String"), parameter("url", kind)],
            "InvalidParameters": []
        });
        let unowned = || list_tags_for_resource(&[]);
        let replay = Replay::new([Answer::ok(found.to_string()), unowned(), unowned()]);

        let error = outcome(&replay, json!({ "adopt": true }))
            .await
            .expect_err("not a String");

        assert_eq!(error.name(), ErrorName::Immutable);
        let message = error.to_string();
        assert!(
            message.contains("/bandup/cache/url") && message.contains(kind),
            "{message}"
        );
        let requests = replay.documents();
        assert!(
            requests
                .iter()
                .all(|(operation, _)| operation != "AddTagsToResource"),
            "{requests:?}"
        );
    }
}

#[tokio::test]
async fn plan_shows_the_current_value_only_of_owned_parameters() {
    let unowned = list_tags_for_resource(&[]);
    for (found_tags, expected) in [
        (tags("envcache"), "old.example"),
        (unowned, "another value"),
    ] {
        let replay = Replay::new([existing(&[("host", "old.example")]), found_tags]);

        let plan = outcome(&replay, json!({ "adopt": true, "dryRun": true })).await;

        let PublishEndpointOutput::Planned { actions } = plan.expect("a plan") else {
            panic!("it was published");
        };
        let shown = actions
            .iter()
            .flat_map(|action| &action.changes)
            .find_map(|change| change.found.as_deref());
        assert_eq!(shown, Some(expected));
    }
}

/// Returns what a plan lists if the endpoint isn't known yet.
async fn planned_without_endpoint(
    replay: &Replay,
) -> Vec<(String, Option<String>, Option<String>)> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "endpoints": null }));
    message["plan"] = json!(true);
    let message = serde_json::from_value(message).expect("the message");
    let plan = publish(&client, "envcache", message).await;
    let Ok(PublishEndpointOutput::Planned { actions }) = plan else {
        panic!("{plan:?}");
    };
    let one = |action: contract::Action| {
        let change = action.changes.into_iter().next().expect("a change");
        let leaf = action.resource.rsplit('/').next().map(str::to_owned);
        (leaf.unwrap_or_default(), change.found, change.wanted)
    };
    actions.into_iter().map(one).collect()
}

#[tokio::test]
async fn plan_says_which_values_are_not_known_yet() {
    let replay = Replay::new([existing(&[])]);

    let planned = planned_without_endpoint(&replay).await;

    let unknown = || Some("(known once the cache is available)".to_owned());
    let expected = [
        ("primary-endpoint", unknown()),
        ("host", unknown()),
        ("port", Some("6379".to_owned())),
        ("url", unknown()),
    ]
    .map(|(leaf, wanted)| (leaf.to_owned(), None, wanted));
    assert_eq!(planned, expected);
}

#[tokio::test]
async fn plan_lists_no_published_value_that_may_stay() {
    let replay = Replay::new([
        existing(&[("host", HOST), ("port", "6380"), ("url", "rediss://x")]),
        tags("envcache"),
        tags("envcache"),
        tags("envcache"),
    ]);

    let planned = planned_without_endpoint(&replay).await;

    let leaves: Vec<_> = planned.iter().map(|(leaf, ..)| leaf.as_str()).collect();
    assert_eq!(leaves, ["primary-endpoint", "port"], "new, and different");
}
