//! Telemetry of a run: log fields, metrics, traces, alarms, and the announcement of a stopped run.

use envcache_tests::definition::{resources, statements, strings, template};
use envcache_tests::lambda::Function;
use envcache_tests::{World, matrix, messages, text, until};
use serde_json::{Value, json};

/// A secret in the function's environment variables.
const SECRET: &str = "test-secret-key";
/// The request ID that the test's Lambda runtime interface returns for every invocation.
const REQUEST: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
/// The ID of the trace that it returns, in AWS's example of a tracing header.
const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

fn message() -> Value {
    let spec = &replay::reference(json!({}))["spec"];
    messages::of(spec)["CheckReplicationGroup"].clone()
}

fn function(logical_id: &str) -> Function {
    let variables = [
        ("ENVCACHE_STACK", "envcache"),
        ("EVENT_BUS_NAME", "default"),
        ("ENVIRONMENTS_TABLE", "environments"),
        (
            "DEPROVISION_STATE_MACHINE_ARN",
            "arn:aws:states:x:1:stateMachine:d",
        ),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    Function::start(logical_id, &variables).expect("the function starts")
}

/// Returns the only log line that contains metrics.
fn metrics(log: &[Value]) -> Value {
    let lines: Vec<_> = log.iter().filter(|line| line["_aws"].is_object()).collect();
    assert_eq!(lines.len(), 1, "one line of metrics: {log:?}");
    lines[0].clone()
}

#[test]
fn log_lines_name_run_and_request_and_contain_no_secret() {
    let mut check = function("CheckReplicationGroup");

    check.invoke(&message()).expect("an answer");
    let mut broken = message();
    broken["secondsWaited"] = json!("soon");
    check.invoke(&broken).expect("an answer");

    let log = check.log().expect("lines of JSON");
    let (lines, metric_lines): (Vec<_>, Vec<_>) =
        log.iter().partition(|line| line["_aws"].is_null());
    assert_eq!(lines.len(), 2, "a line for each request: {log:?}");
    for line in &lines {
        let fields = &line["fields"];
        assert_eq!(fields["environment"], "bandup", "{line}");
        assert_eq!(fields["execution"], "run-1", "{line}");
        assert_eq!(fields["request_id"], REQUEST, "{line}");
        assert_eq!(fields["service"], "envcache", "{line}");
        assert_eq!(fields["xray_trace_id"], TRACE, "{line}");
    }
    let cold_starts = [&lines[0], &lines[1]].map(|line| &line["fields"]["cold_start"]);
    assert_eq!(cold_starts, [true, false]);
    assert_eq!(lines[1]["fields"]["error"], "Internal", "{}", lines[1]);
    assert_eq!(metric_lines.len(), 1, "none for the unreadable message");
    assert!(!format!("{log:?}").contains(SECRET), "a secret in the log");
}

#[test]
fn status_check_emits_polls_and_seconds_waited() {
    let mut check = function("CheckReplicationGroup");

    check.invoke(&message()).expect("an answer");

    let line = metrics(&check.log().expect("lines of JSON"));
    let definition = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(definition["Namespace"], "envcache");
    assert_eq!(definition["Dimensions"], json!([["Stack"]]));
    assert_eq!(
        definition["Metrics"],
        json!([
            { "Name": "Polls", "Unit": "Count" },
            { "Name": "SecondsWaited", "Unit": "Seconds" }
        ])
    );
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    assert_eq!(
        (&line["Polls"], &line["SecondsWaited"], &line["Stack"]),
        (&json!(1.0), &json!(45.0), &json!("envcache"))
    );
    assert_eq!(line["environment"], "bandup");
    assert_eq!(line["execution"], "run-1");
    assert_eq!(line["service"], "envcache");
    assert_eq!(line["xray_trace_id"], TRACE);
    assert_eq!(line["cold_start"], true);
}

#[test]
fn ended_execution_emits_outcome_and_duration() {
    // The fields are those of https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    let event = json!({
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2019-02-26T19:42:21Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "executionArn": "arn:aws:states:x:1:execution:p:run-1",
            "stateMachineArn": "arn:aws:states:x:1:stateMachine:p",
            "name": "run-1",
            "status": "FAILED",
            "startDate": 1_551_225_271_984_i64,
            "stopDate": 1_551_225_584_484_i64,
            "input": "{\"environment\":\"bandup\"}",
            "error": "QuotaExceeded",
            "cause": "EnsureReplicationGroup: ..."
        }
    });
    let mut report = function("ReportOutcome");

    report.invoke(&event).expect("an answer");

    let log = report.log().expect("lines of JSON");
    let request = log.iter().find(|line| line["_aws"].is_null());
    let fields = &request.expect("a line for the request")["fields"];
    assert_eq!(
        (
            &fields["environment"],
            &fields["execution"],
            &fields["request_id"]
        ),
        (&json!("bandup"), &json!("run-1"), &json!(REQUEST))
    );
    let line = metrics(&log);
    assert_eq!(line["request_id"], REQUEST, "{line}");
    let definition = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(
        definition["Dimensions"],
        json!([["Stack", "Workflow"], ["Stack", "Workflow", "Outcome"]])
    );
    assert_eq!(
        definition["Metrics"],
        json!([
            { "Name": "Runs", "Unit": "Count" },
            { "Name": "Failures", "Unit": "Count" },
            { "Name": "Duration", "Unit": "Seconds" }
        ])
    );
    assert_eq!(
        (&line["Runs"], &line["Failures"], &line["Duration"]),
        (&json!(1.0), &json!(1.0), &json!(312.5))
    );
    assert_eq!(
        (&line["Workflow"], &line["Outcome"]),
        (&json!("Provision"), &json!("QuotaExceeded"))
    );
    assert_eq!(line["environment"], "bandup");
}

#[test]
fn stopped_run_is_announced() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let environment = world.environment();
    let listener = world.listen("envcache");
    let execution = world.start(&environment.request());
    until("the run waits for the cache", || {
        world
            .entered_states(&execution)
            .iter()
            .any(|state| state == "WaitForReplicationGroup")
            .then_some(())
    });

    world.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution, "cause": "maintenance" }),
    );

    let announced = listener.wait_for(&environment.name);
    assert_eq!(announced["detail-type"], "Cache Provisioning Failed");
    let detail = &announced["detail"];
    assert_eq!(detail["error"], "Aborted", "{detail}");
    assert_eq!(detail["execution"], execution.as_str());
    let reason = text(&detail["reason"]);
    assert!(
        reason.starts_with("the execution was stopped in "),
        "{reason}"
    );
    assert!(
        reason.ends_with("a new run continues where this one ended"),
        "{reason}"
    );
}

#[test]
fn functions_and_state_machines_are_traced() {
    assert_eq!(
        template()["Globals"]["Function"]["Tracing"],
        "Active",
        "for every function"
    );
    for machine in resources("AWS::Serverless::StateMachine").values() {
        assert_eq!(machine["Properties"]["Tracing"]["Enabled"], true);
    }
    // https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
    let needed = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];
    let roles = resources("AWS::IAM::Role");
    for name in resources("AWS::Serverless::Function").keys() {
        let statements = statements(&roles[&format!("{name}Role")]);
        let allowed: Vec<_> = statements
            .iter()
            .flat_map(|statement| strings(&statement["Action"]))
            .collect();
        for action in needed {
            assert!(allowed.contains(&action), "{name} lacks {action}");
        }
    }
}

#[test]
fn every_alarm_watches_a_known_metric_and_notifies_the_topic() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert_eq!(alarms.len(), 11, "{:?}", alarms.keys());
    for (name, alarm) in &alarms {
        let properties = &alarm["Properties"];
        assert_eq!(
            properties["AlarmActions"],
            json!({ "If": ["HasAlarmTopic", [{ "Ref": "AlarmTopicArn" }], { "Ref": "AWS::NoValue" }] }),
            "{name}"
        );
        let description = &properties["AlarmDescription"];
        let description = description["Sub"].as_str().or(description.as_str());
        assert!(
            description.is_some_and(|text| text.contains("envcache ") || text.contains("docs/")),
            "{name} doesn't say what to do"
        );
        assert_eq!(properties["TreatMissingData"], "notBreaching", "{name}");
        let known = [
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            ("AWS/States", "ExecutionsAborted"),
            ("AWS/States", "ExecutionsFailed"),
            ("AWS/States", "ExecutionsTimedOut"),
            ("envcache", "Failures"),
            ("envcache", "SecondsWaited"),
        ];
        let watched = (
            text(&properties["Namespace"]),
            text(&properties["MetricName"]),
        );
        assert!(
            known.contains(&(watched.0.as_str(), watched.1.as_str())),
            "{name}: nothing emits {watched:?}"
        );
    }
}

/// Step Functions may lose the event from which `ReportOutcome` writes `Failures`
/// (<https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-states.html>).
#[test]
fn alarms_on_step_functions_metrics_watch_every_unsuccessful_end() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    let watched: std::collections::BTreeSet<_> = alarms
        .values()
        .map(|alarm| &alarm["Properties"])
        .filter(|properties| properties["Namespace"] == "AWS/States")
        .map(|properties| {
            assert_eq!(properties["Dimensions"].as_array().map(Vec::len), Some(1));
            let dimension = &properties["Dimensions"][0];
            assert_eq!(dimension["Name"], "StateMachineArn");
            (
                text(&dimension["Value"]["Ref"]),
                text(&properties["MetricName"]),
            )
        })
        .collect();

    for machine in ["ProvisionStateMachine", "DeprovisionStateMachine"] {
        for metric in [
            "ExecutionsFailed",
            "ExecutionsTimedOut",
            "ExecutionsAborted",
        ] {
            let expected = (machine.to_owned(), metric.to_owned());
            assert!(watched.contains(&expected), "no alarm on {expected:?}");
        }
    }
}
