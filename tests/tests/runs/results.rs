//! The result of an environment's last run, which its record stores.

use envcache_tests::{Environment, fast_world as world, text, until};
use local::gateway::elasticache::Lifecycle;
use serde_json::{Value, json};

/// Returns the result that the record stores, and when it was written; null and 0 if there is none.
fn result(environment: &Environment) -> (Value, u64) {
    let record = environment.record(world()).expect("a record");
    let result = record["lastResult"]["S"].as_str();
    let result = result.map_or(Value::Null, |text| {
        serde_json::from_str(text).expect("JSON")
    });
    let at = record["resultAt"]["N"].as_str().unwrap_or("0");
    (result, at.parse().expect("milliseconds"))
}

/// Starts a run, waits until it ends with this status, and returns its ARN.
fn run(request: &Value, status: &str) -> String {
    let execution = world().start(request);
    let ended = world().wait(&execution);
    assert_eq!(ended.status, status, "{ended:?}");
    execution
}

#[test]
fn record_stores_success_and_failure_of_the_last_run() {
    let environment = world().environment();

    let first = run(&environment.request(), "SUCCEEDED");

    let (stored, first_at) = result(&environment);
    assert_eq!(stored, json!({ "execution": first }));

    let second = run(
        &environment.request_with("/cache", json!({ "port": 7000 })),
        "FAILED",
    );

    let (stored, second_at) = result(&environment);
    assert_eq!(stored["execution"], *second, "{stored}");
    assert_eq!(stored["step"], "PlanReplicationGroup", "{stored}");
    assert_eq!(stored["error"], "Immutable", "{stored}");
    assert!(
        text(&stored["reason"]).contains("cache.port is `6379`"),
        "{stored}"
    );
    assert!(second_at > first_at, "{second_at} and {first_at}");

    let removed = world().remove(&json!({ "environment": environment.name }));

    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let (stored, _) = result(&environment);
    assert_eq!(stored["error"], Value::Null, "{stored}");
    assert!(
        text(&stored["execution"]).contains("-deprovision-"),
        "{stored}"
    );
}

#[test]
fn run_that_fails_before_its_claim_stores_its_result() {
    let environment = world().environment();
    let mut request = environment.request();
    request["network"]["vpc"] = json!("no-such-vpc");

    let failed = run(&request, "FAILED");

    let (stored, _) = result(&environment);
    assert_eq!(stored["execution"], *failed, "{stored}");
    assert_eq!(stored["step"], "ResolveNetwork", "{stored}");
    assert_eq!(stored["error"], "NotFound", "{stored}");

    request["dryRun"] = json!(true);
    run(&request, "SUCCEEDED");

    let (after, _) = result(&environment);
    assert_eq!(after, stored, "a dry run stores no result");
}

#[test]
fn no_record_is_written_when_no_environment_can_have_the_name() {
    let too_long = format!("{}x", "long-name-".repeat(4));
    let names = [
        json!("Results"),
        json!("results--x"),
        json!("-results"),
        json!("results-"),
        json!("results x"),
        json!("1results"),
        json!("-"),
        json!(""),
        json!(too_long),
        json!(["results-in-a-list"]),
        json!({ "name": "results-in-an-object" }),
        json!(5),
        Value::Null,
    ];
    for name in names {
        for machine in [
            &world().stack.provision_state_machine_arn,
            &world().stack.deprovision_state_machine_arn,
        ] {
            let ended = world().run_on(machine, &json!({ "environment": name }));

            assert_eq!(ended.error, "InvalidSpec", "{name}: {ended:?}");
        }
    }
    let records = world().call(
        "dynamodb",
        "scan",
        &json!({ "TableName": world().physical_id("Environments") }),
    );
    let unexpected: Vec<_> = envcache_tests::array(&records["Items"])
        .map(|record| text(&record["environment"]["S"]))
        .filter(|name| name.to_lowercase().contains("results") || name.len() > 34 || name == "-")
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[test]
fn stopped_run_has_a_result_although_it_could_store_none() {
    let environment = world().environment();
    let slow = Lifecycle {
        creating: 1200.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world(), slow);
    let execution = world().start(&environment.request());
    until("the run to wait for its cache", || {
        let states = world().entered_states(&execution);
        states
            .iter()
            .any(|state| state == "WaitForReplicationGroup")
            .then_some(())
    });

    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": execution }),
    );

    let stored = until("the result of the stopped run", || {
        let (stored, _) = result(&environment);
        (stored["execution"] == *execution).then_some(stored)
    });
    assert_eq!(stored["error"], "Aborted", "{stored}");
    assert!(
        text(&stored["reason"]).starts_with("the execution was stopped in "),
        "{stored}"
    );
}
