//! Tests of the delivery of logs. The statuses are those of
//! [LogDeliveryConfiguration](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_LogDeliveryConfiguration.html).

use contract::message::EnsureReplicationGroupOutput;
use replay::Answer;
use serde_json::{Value, json};

use super::{Aws, accepted, described, member, message, owned, same, unowned, waiting, with};

const SLOW: &str = "/aws/vendedlogs/elasticache/bandup-redis/slow-log";
const ENGINE: &str = "/aws/vendedlogs/elasticache/bandup-redis/engine-log";
const CONFIGURATIONS: &str = "LogDeliveryConfigurations.LogDeliveryConfigurationRequest";

/// Returns a configuration in a description.
fn configuration(log_type: &str, log_group: &str, format: &str, status: &str) -> String {
    format!(
        "<LogDeliveryConfiguration><LogType>{log_type}</LogType><DestinationType>cloudwatch-logs</DestinationType>\
         <DestinationDetails><CloudWatchLogsDetails><LogGroup>{log_group}</LogGroup></CloudWatchLogsDetails>\
         </DestinationDetails><LogFormat>{format}</LogFormat><Status>{status}</Status>\
         <Message>AWS's own words.</Message></LogDeliveryConfiguration>"
    )
}

/// Returns the answer for an available group with these configurations.
fn delivering(configurations: &[String]) -> Answer {
    let configurations = configurations.concat();
    described("available", |body| {
        let logs = format!(
            "<LogDeliveryConfigurations>{configurations}</LogDeliveryConfigurations></ReplicationGroup>"
        );
        body.replace("</ReplicationGroup>", &logs)
    })
}

/// Runs a round for a group with these configurations and a request with these logs. Returns the output and the write request's
/// configurations, without the name of the list.
async fn ensured(
    configurations: &[String],
    logs: Value,
    change: impl Fn(&mut Value),
) -> (EnsureReplicationGroupOutput, Vec<(String, String)>) {
    let answers = [delivering(configurations), owned(), member(same)];
    let modified = accepted("ModifyReplicationGroup");
    let aws = Aws::new(answers.into_iter().chain([modified]));
    let mut message = message(&json!({ "logs": logs }));
    change(&mut message);
    let output = aws.ensure(message).await.expect("a round");
    let written = aws.elasticache.forms().get(3).cloned().unwrap_or_default();
    let parameters = written.into_iter().filter_map(|(name, value)| {
        let field = name.strip_prefix(CONFIGURATIONS)?.strip_prefix('.')?;
        Some((field.to_owned(), value))
    });
    (output, parameters.collect())
}

fn unchanged(_: &mut Value) {}

fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn only_logs_that_differ_are_changed() {
    let found = [
        configuration("slow-log", SLOW, "json", "active"),
        configuration("engine-log", ENGINE, "json", "active"),
    ];
    let text = fields(&[
        ("1.LogType", "engine-log"),
        ("1.DestinationType", "cloudwatch-logs"),
        (
            "1.DestinationDetails.CloudWatchLogsDetails.LogGroup",
            ENGINE,
        ),
        ("1.LogFormat", "text"),
        ("1.Enabled", "true"),
    ]);
    let off = fields(&[("1.LogType", "engine-log"), ("1.Enabled", "false")]);
    let both_off = fields(&[
        ("1.LogType", "slow-log"),
        ("1.Enabled", "false"),
        ("2.LogType", "engine-log"),
        ("2.Enabled", "false"),
    ]);
    let cases = [
        (json!({ "slow": {}, "engine": { "format": "text" } }), text),
        (json!({ "slow": {} }), off),
        (Value::Null, both_off),
    ];
    for (logs, expected) in cases {
        let (output, written) = ensured(&found, logs.clone(), unchanged).await;

        assert_eq!(output, waiting("changing cache.logs", 30), "{logs}");
        assert_eq!(written, expected, "{logs}");
    }
}

#[tokio::test]
async fn plan_does_not_list_a_log_that_is_being_turned_off() {
    let found = [configuration("slow-log", SLOW, "json", "disabling")];

    let (output, _) = ensured(&found, Value::Null, |message| message["plan"] = json!(true)).await;

    let output = serde_json::to_value(output).expect("JSON");
    assert_eq!(output["actions"], json!([]), "{output}");
}

#[tokio::test]
async fn retention_is_that_of_the_log_groups() {
    let found = [configuration("slow-log", SLOW, "json", "active")];

    let (output, written) =
        ensured(&found, json!({ "slow": {}, "retentionDays": 7 }), unchanged).await;

    assert_eq!(status(&output), "upToDate", "{output:?}");
    assert!(written.is_empty(), "{written:?}");
}

fn status(output: &EnsureReplicationGroupOutput) -> String {
    let output = serde_json::to_value(output).expect("JSON");
    output["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn other_delivery_stays_unless_its_log_is_requested() {
    let found = [configuration("slow-log", "sessions", "text", "active")];

    let (omitted, not_written) = ensured(&found, Value::Null, unchanged).await;
    let (_, written) = ensured(&found, json!({ "slow": {} }), unchanged).await;

    assert_eq!(status(&omitted), "upToDate", "{omitted:?}");
    assert!(not_written.is_empty(), "{not_written:?}");
    let destination = (
        "1.DestinationDetails.CloudWatchLogsDetails.LogGroup".to_owned(),
        SLOW.to_owned(),
    );
    assert!(written.contains(&destination), "{written:?}");
}

#[tokio::test]
async fn waits_while_a_delivery_changes() {
    for status in ["enabling", "modifying", "disabling"] {
        let found = [configuration("slow-log", SLOW, "json", status)];
        let logs = match status {
            "disabling" => Value::Null,
            _ => json!({ "slow": {} }),
        };

        let (output, written) = ensured(&found, logs, unchanged).await;

        let expected = format!("found {status} the delivery of its slow log");
        assert_eq!(output, waiting(&expected, 30));
        assert!(written.is_empty(), "{status}: {written:?}");
    }
}

#[tokio::test]
async fn failed_delivery_is_reported_and_does_not_fail_the_run() {
    let found = [
        configuration("slow-log", SLOW, "json", "error"),
        configuration("engine-log", "another-group", "json", "error"),
    ];
    let errors = json!({ "logErrors": [{ "log": "slow", "message": "AWS's own words." }] });

    let (output, _) = ensured(&found, json!({ "slow": {} }), unchanged).await;
    let (planned, _) = ensured(&found, json!({ "slow": {} }), |message| {
        message["plan"] = json!(true);
    })
    .await;

    assert_eq!(status(&output), "upToDate", "{output:?}");
    for output in [output, planned] {
        let output = serde_json::to_value(output).expect("JSON");
        assert_eq!(output["timing"], errors, "{output}");
    }
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Log_Delivery.html>: "You must set the apply-immediately parameter for
/// all log delivery modifications."
#[tokio::test]
async fn logs_change_immediately_also_when_changes_are_deferred() {
    let answers = [delivering(&[]), owned(), member(same)];
    let aws = Aws::new(
        answers
            .into_iter()
            .chain([accepted("ModifyReplicationGroup")]),
    );
    let mut message = message(&json!({ "logs": { "slow": {} } }));
    message["spec"]["options"] = json!({ "apply": "window" });

    let output = aws.ensure(message.clone()).await.expect("a round");
    let plan = with(message, &json!({ "plan": true }));
    let planned = Aws::new([delivering(&[]), owned(), member(same)])
        .ensure(plan)
        .await
        .expect("a plan");

    assert_eq!(output, waiting("changing cache.logs", 30));
    assert_eq!(aws.elasticache.forms()[3]["ApplyImmediately"], "true");
    assert_eq!(aws.observed()[0]["immediate"], json!(["cache.logs"]));
    let planned = serde_json::to_value(planned).expect("JSON");
    assert_eq!(planned["timing"]["immediate"], json!(["cache.logs"]));
}

#[tokio::test]
async fn logs_change_before_deferred_changes_and_after_others() {
    for (apply, expected) in [
        ("now", ["cache.nodeType", "cache.logs"]),
        ("window", ["cache.logs", "cache.nodeType"]),
    ] {
        let mut message = message(&json!({ "logs": { "slow": {} }, "nodeType": "cache.t3.small" }));
        message["plan"] = json!(true);
        message["spec"]["options"] = json!({ "apply": apply });

        let planned = Aws::new([delivering(&[]), owned(), member(same)])
            .ensure(message)
            .await
            .expect("a plan");

        let planned = serde_json::to_value(planned).expect("JSON");
        let fields = [0, 1].map(|call| planned["actions"][call]["changes"][0]["field"].clone());
        assert_eq!(fields, expected.map(|field| json!(field)), "{apply}");
    }
}

#[tokio::test]
async fn adoption_keeps_other_deliveries_and_names_own_ones() {
    let other = [configuration("slow-log", "sessions", "text", "active")];
    let own = [configuration("slow-log", SLOW, "text", "active")];
    let planned = async |configurations: &[String], logs: Value| {
        let mut message = message(&json!({ "logs": logs }));
        message["plan"] = json!(true);
        message["spec"]["options"] = json!({ "adopt": true });
        if logs.is_null() {
            message["spec"]["omitted"] = json!(["logs"]);
        }
        let answers = [delivering(configurations), unowned(), member(same)];
        Aws::new(answers).ensure(message).await
    };

    let kept = planned(&other, Value::Null).await.expect("a plan");
    let changed = planned(&other, json!({ "slow": {} })).await;
    let rejected = planned(&own, Value::Null).await.expect_err("omitted");

    let kept = serde_json::to_value(kept).expect("JSON");
    assert!(
        kept["kept"]
            .to_string()
            .contains("slow-log to cloudwatch-logs"),
        "{kept}"
    );
    let changed = serde_json::to_value(changed.expect("a plan")).expect("JSON");
    assert!(
        !changed["kept"].to_string().contains("slow-log"),
        "{changed}"
    );
    let expected = "cache.logs is {\"slow\":{\"format\":\"text\"}}, and the default is none";
    assert!(rejected.to_string().contains(expected), "{rejected}");
}
