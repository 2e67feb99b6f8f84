//! Tests with replayed answers of CloudWatch Logs.

use aws_sdk_cloudwatchlogs::Client;
use contract::error::{ErrorName, StepResult};
use contract::message::EnsureLogGroupOutput;
use replay::{Answer, Replay, reference};
use serde_json::{Value, json};

use crate::ensure;

const SLOW: &str = "/aws/vendedlogs/elasticache/bandup-redis/slow-log";
const ENGINE: &str = "/aws/vendedlogs/elasticache/bandup-redis/engine-log";
const ARN: &str = "arn:aws:logs:ap-southeast-1:123456789012:log-group:/aws/vendedlogs/elasticache/bandup-redis/slow-log";

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>, with these names and this
/// retention; without it, the entries are kept forever.
fn described(names: &[&str], retention: Option<i32>) -> Answer {
    let group = |name: &&str| {
        let arn = format!("arn:aws:logs:ap-southeast-1:123456789012:log-group:{name}");
        let mut group = json!({
            "logGroupName": name,
            "logGroupArn": arn,
            "arn": format!("{arn}:*"),
            "creationTime": 1_795_341_600_000_i64,
            "metricFilterCount": 0,
            "storedBytes": 0,
            "logGroupClass": "STANDARD"
        });
        if let Some(days) = retention {
            group["retentionInDays"] = json!(days);
        }
        group
    };
    let groups: Vec<_> = names.iter().map(group).collect();
    Answer::ok(json!({ "logGroups": groups }).to_string())
}

fn absent() -> Answer {
    described(&[], None)
}

fn up_to_date() -> Answer {
    described(&[SLOW], Some(30))
}

/// Returns an answer in the format of
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html>.
fn tagged(tags: &Value) -> Answer {
    Answer::ok(json!({ "tags": tags }).to_string())
}

fn owned() -> Answer {
    tagged(&json!({ "envcache:environment": "bandup", "envcache:stack": "envcache" }))
}

/// Returns the answer of an operation without an output.
fn done() -> Answer {
    Answer::ok("{}")
}

/// Runs `EnsureLogGroup` for a request with these logs and these changes to the message.
/// An earlier request named the tag `stage`.
async fn ensured(
    replay: &Replay,
    logs: Value,
    change: impl Fn(&mut Value),
) -> StepResult<EnsureLogGroupOutput> {
    let client = Client::new(&replay.config());
    let mut message = reference(json!({ "formerTags": ["stage"] }));
    message["spec"]["cache"]["logs"] = logs;
    change(&mut message);
    let message = serde_json::from_value(message).expect("the message");
    ensure(&client, "envcache", message).await
}

fn slow() -> Value {
    json!({ "slow": {} })
}

fn unchanged(_: &mut Value) {}

fn plan(message: &mut Value) {
    message["plan"] = json!(true);
}

fn adopting(message: &mut Value) {
    message["spec"]["options"] = json!({ "adopt": true });
}

fn operations(replay: &Replay) -> Vec<String> {
    let requests = replay.documents().into_iter();
    requests.map(|(operation, _)| operation).collect()
}

#[tokio::test]
async fn creates_absent_groups_with_tags_and_retention() {
    let writes = [done(), done(), done(), done()];
    let replay = Replay::new([absent(), absent()].into_iter().chain(writes));
    let logs = json!({ "slow": {}, "engine": { "format": "text" }, "retentionDays": 7 });

    let found = ensured(&replay, logs, |message| {
        message["spec"]["tags"] = json!({ "team": "web" });
    })
    .await
    .expect("created");

    let create = |name| {
        let tags = json!({ "envcache:environment": "bandup", "envcache:stack": "envcache", "team": "web" });
        let request = json!({ "logGroupName": name, "tags": tags });
        ("CreateLogGroup".to_owned(), request)
    };
    let keep = |name| {
        let request = json!({ "logGroupName": name, "retentionInDays": 7 });
        ("PutRetentionPolicy".to_owned(), request)
    };
    assert_eq!(
        replay.documents()[2..],
        [create(SLOW), keep(SLOW), create(ENGINE), keep(ENGINE)]
    );
    let actions: Vec<_> = found
        .actions
        .iter()
        .map(|action| (action.operation.as_str(), action.resource.as_str()))
        .collect();
    assert_eq!(
        actions,
        [
            ("CreateLogGroup", SLOW),
            ("PutRetentionPolicy", SLOW),
            ("CreateLogGroup", ENGINE),
            ("PutRetentionPolicy", ENGINE)
        ]
    );
}

#[tokio::test]
async fn group_with_a_longer_name_is_another_group() {
    let longer = described(
        &["/aws/vendedlogs/elasticache/bandup-redis/slow-logs"],
        None,
    );
    let replay = Replay::new([longer, done(), done()]);

    ensured(&replay, slow(), unchanged).await.expect("created");

    assert_eq!(
        operations(&replay),
        ["DescribeLogGroups", "CreateLogGroup", "PutRetentionPolicy"]
    );
}

#[tokio::test]
async fn changes_nothing_when_group_is_up_to_date() {
    let replay = Replay::new([up_to_date(), owned()]);

    let found = ensured(&replay, slow(), unchanged).await.expect("a group");

    assert!(found.actions.is_empty(), "{found:?}");
    let requests = replay.documents();
    assert_eq!(requests[0].1, json!({ "logGroupNamePrefix": SLOW }));
    // Without the `:*` at the end of the group's `arn`.
    assert_eq!(requests[1].1, json!({ "resourceArn": ARN }));
}

#[tokio::test]
async fn calls_nothing_without_logs() {
    let replay = Replay::new([]);

    let found = ensured(&replay, Value::Null, unchanged).await;

    assert!(found.expect("no group").actions.is_empty());
}

#[tokio::test]
async fn changes_retention_when_it_differs() {
    for retention in [None, Some(7)] {
        let replay = Replay::new([described(&[SLOW], retention), owned(), done()]);

        let found = ensured(&replay, slow(), unchanged).await.expect("changed");

        let request = json!({ "logGroupName": SLOW, "retentionInDays": 30 });
        assert_eq!(
            replay.documents()[2],
            ("PutRetentionPolicy".to_owned(), request)
        );
        assert_eq!(
            serde_json::to_value(found.actions).expect("JSON"),
            json!([{ "operation": "PutRetentionPolicy", "resource": SLOW, "changes": [{
                "field": "cache.logs.retentionDays",
                "found": retention.map(|days| days.to_string()),
                "wanted": "30"
            }] }])
        );
    }
}

#[tokio::test]
async fn removes_former_tags_and_adds_requested_ones_with_owner_tags() {
    let found = tagged(&json!({
        "envcache:environment": "bandup", "envcache:stack": "envcache", "backup": "daily", "stage": "test", "team": "web"
    }));
    let replay = Replay::new([up_to_date(), found, done(), done()]);

    ensured(&replay, slow(), |message| {
        message["spec"]["tags"] = json!({ "team": "core" });
    })
    .await
    .expect("changed");

    let tags =
        json!({ "envcache:environment": "bandup", "envcache:stack": "envcache", "team": "core" });
    assert_eq!(
        replay.documents()[2..],
        [
            (
                "UntagResource".to_owned(),
                json!({ "resourceArn": ARN, "tagKeys": ["stage"] })
            ),
            (
                "TagResource".to_owned(),
                json!({ "resourceArn": ARN, "tags": tags })
            ),
        ]
    );
}

#[tokio::test]
async fn group_without_owner_tags_is_adopted_only_when_requested() {
    let unowned = || tagged(&json!({}));
    let rejecting = Replay::new([up_to_date(), unowned()]);
    let replay = Replay::new([up_to_date(), unowned(), done()]);

    let error = ensured(&rejecting, slow(), unchanged).await;
    ensured(&replay, slow(), adopting).await.expect("adopted");

    assert_eq!(
        error.expect_err("not owned").name(),
        ErrorName::NotOwned,
        "without `adopt`"
    );
    let tags = json!({ "envcache:environment": "bandup", "envcache:stack": "envcache" });
    assert_eq!(
        replay.documents()[2],
        (
            "TagResource".to_owned(),
            json!({ "resourceArn": ARN, "tags": tags })
        )
    );
}

/// The retention of an adopted group changes only if the request names another one.
#[tokio::test]
async fn adoption_changes_the_retention_only_when_requested() {
    let forever = "keeps its entries forever";
    let requested = |days: i32| json!({ "slow": {}, "retentionDays": days });
    let cases = [
        (Some(30), slow(), Ok(None)),
        (
            Some(90),
            slow(),
            Err("To keep the retention, set `cache.logs.retentionDays` to 90, then"),
        ),
        (
            Some(7),
            slow(),
            Err("keeps its entries for 7 days, and the request omits"),
        ),
        (None, slow(), Err(forever)),
        (Some(90), requested(90), Ok(None)),
        (Some(90), requested(30), Ok(Some(30))),
        (None, requested(3653), Ok(Some(3653))),
    ];
    for (retention, logs, expected) in cases {
        let writes = [done(), done()];
        let found = [described(&[SLOW], retention), tagged(&json!({}))];
        let replay = Replay::new(found.into_iter().chain(writes));

        let adopted = ensured(&replay, logs.clone(), adopting).await;

        let requests = replay.documents();
        match (adopted, expected) {
            (Ok(_), Ok(days)) => {
                let changed = requests
                    .iter()
                    .find(|(name, _)| name == "PutRetentionPolicy");
                let found = changed.map(|(_, request)| request["retentionInDays"].clone());
                assert_eq!(found, days.map(|days| json!(days)), "{retention:?}, {logs}");
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
                assert!(error.to_string().contains(expected), "{error}");
                assert_eq!(requests.len(), 2, "{retention:?}: something was changed");
            }
            (adopted, _) => panic!("{retention:?}, {logs}: {adopted:?}"),
        }
    }
}

#[tokio::test]
async fn creates_no_group_when_another_one_is_not_owned() {
    let other = tagged(&json!({ "envcache:environment": "bandup", "envcache:stack": "other" }));
    let replay = Replay::new([absent(), described(&[ENGINE], None), other]);
    let logs = json!({ "slow": {}, "engine": {} });

    let error = ensured(&replay, logs, unchanged)
        .await
        .expect_err("another stack's");

    assert_eq!(error.name(), ErrorName::NotOwned);
    let expected = format!("log group `{ENGINE}` exists, but isn't owned");
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(error.to_string().contains("`cache.logs`"), "{error}");
    assert_eq!(
        operations(&replay),
        [
            "DescribeLogGroups",
            "DescribeLogGroups",
            "ListTagsForResource"
        ]
    );
}

#[tokio::test]
async fn plan_writes_nothing() {
    let replay = Replay::new([absent()]);

    let found = ensured(&replay, slow(), plan).await.expect("a plan");

    assert_eq!(found.actions.len(), 2, "{found:?}");
    assert_eq!(operations(&replay), ["DescribeLogGroups"]);
}

/// The codes are those of botocore's model logs/2014-03-28.
#[tokio::test]
async fn keeps_the_error_name_when_cloudwatch_logs_rejects_a_call() {
    let creation = || vec![absent()];
    let comparison = || vec![up_to_date()];
    let cases = [
        (
            creation(),
            "ResourceAlreadyExistsException",
            ErrorName::NotFound,
        ),
        (
            creation(),
            "LimitExceededException",
            ErrorName::QuotaExceeded,
        ),
        (
            creation(),
            "OperationAbortedException",
            ErrorName::ServiceUnavailable,
        ),
        (
            creation(),
            "ServiceUnavailableException",
            ErrorName::ServiceUnavailable,
        ),
        (creation(), "AccessDeniedException", ErrorName::AccessDenied),
        (
            comparison(),
            "ResourceNotFoundException",
            ErrorName::NotFound,
        ),
    ];
    for (answers, code, expected) in cases {
        let fault = Answer::json_fault(400, code, "AWS's own words.");
        let replay = Replay::new(answers.into_iter().chain([fault]));

        let error = ensured(&replay, slow(), unchanged).await.expect_err(code);

        assert_eq!(error.name(), expected, "{code}: {error}");
    }
}
