//! Runs environments on the simulator with AWS's rate limits, and measures them from outside.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use envcache_tests::definition::{Machine, state_machine, states};
use envcache_tests::{Environment, World, array, text};
use local::gateway::elasticache::Lifecycle;
use local::stack::Execution;
use local::{Settings, Stack};
use serde_json::{Value, json};

use super::CREATION_SECONDS;
use super::recipe::{PUBLISH, Recipe};
use super::simulation::Outcome;

/// Real seconds per simulated second. This machine takes real time for each call, so a smaller scale would measure the
/// machine.
pub const SCALE: f64 = 0.5;
/// Real seconds per simulated second of the run that the recipe is taken from. Its times don't matter.
const RECIPE_SCALE: f64 = 0.1;
/// How many functions run at the same time. With hundreds of them on two cores, AWS calls take longer than the SDK waits for
/// them.
pub const FUNCTIONS_AT_ONCE: u32 = 16;
/// How often the executions are listed, in real time.
const INTERVAL: Duration = Duration::from_secs(5);
/// When an event that has started no execution counts as lost, in simulated seconds after the last event. The simulator's
/// Lambda tries each event for some seconds.
const LATEST_START: f64 = 600.0;
/// The status of an execution that hasn't ended.
const RUNNING: &str = "RUNNING";
/// The functions that a run calls besides those of its states: `StartWorkflow` and `ReportOutcome`.
const OTHER_INVOCATIONS: u32 = 2;
/// The largest number of entries of `PutEvents`.
const EVENTS_PER_CALL: usize = 10;

/// The results of a measurement.
pub struct Measured {
    pub outcome: Outcome,
    /// Environments that were lost, created twice, or published with wrong values, and calls that violated AWS's models.
    pub wrong: Vec<String>,
}

fn deploy(scale: f64) -> Result<World> {
    World::deploy_with(Settings {
        scale,
        valkey: false,
        persistent: false,
        functions_at_once: Some(FUNCTIONS_AT_ONCE),
    })
}

fn environment(world: &World) -> Environment {
    let environment = world.environment();
    let lifecycle = Lifecycle {
        creating: CREATION_SECONDS,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world, lifecycle);
    environment
}

/// Runs one environment without throttled calls, and returns what its run did.
pub fn recipe() -> Result<Recipe> {
    let world = deploy(RECIPE_SCALE)?;
    world.gateway().limit("ssm", "PutParameter", 1_000, 1_000.0);
    let environment = environment(&world);
    let request = environment.request();
    let ended = world.deliver("Environment Created", &request);
    ensure!(ended.status == "SUCCEEDED", "{ended:?}");
    let executions = world.executions_of(&request);
    let execution = executions
        .first()
        .context("the event started no execution")?;
    let timeout = &state_machine(Machine::Provision)["TimeoutSeconds"];
    Recipe::new(
        &environment.fault_scope.calls(),
        &world.entered_states(execution),
        &states(Machine::Provision),
        timeout.as_f64().context("the definition has no timeout")?,
    )
}

/// Requests environments by events at once, and waits until every run has ended, at the latest when Step Functions would
/// end it.
pub fn measure(environments: u32, timeout_seconds: f64) -> Result<Measured> {
    let world = deploy(SCALE)?;
    let all: Vec<_> = (0..environments).map(|_| environment(&world)).collect();
    let begin = world.gateway().now();
    request(&world, &all)?;
    let latest = world.gateway().now() + LATEST_START;
    let executions = wait(&world, all.len(), latest, timeout_seconds)?;
    let mut measured = Measured {
        outcome: Outcome::default(),
        wrong: world.gateway().violations(),
    };
    measured.wrong.extend(unrequested_caches(&world, &all));
    for environment in &all {
        add(&mut measured, &world, environment, &executions, begin)?;
    }
    let outcome = &mut measured.outcome;
    outcome.published.sort_by(f64::total_cmp);
    let calls = world.gateway().call_counts();
    outcome.calls = calls
        .into_iter()
        .map(|((service, operation), counts)| (format!("{service} {operation}"), counts))
        .collect();
    Ok(measured)
}

fn request(world: &World, environments: &[Environment]) -> Result<()> {
    for some in environments.chunks(EVENTS_PER_CALL) {
        let entries: Vec<_> = some
            .iter()
            .map(|environment| {
                json!({
                    "EventBusName": world.stack.event_bus_name,
                    "Source": "envcache.environments",
                    "DetailType": "Environment Created",
                    "Detail": environment.request().to_string(),
                })
            })
            .collect();
        let answer = world
            .aws
            .call("events", "put_events", &json!({ "Entries": entries }))?;
        ensure!(
            answer["FailedEntryCount"] == 0,
            "EventBridge rejected events: {answer}"
        );
    }
    Ok(())
}

/// Waits until every event has started an execution, at the latest until `latest`, and until all have ended. Returns the
/// executions.
fn wait(world: &World, events: usize, latest: f64, timeout_seconds: f64) -> Result<Vec<Execution>> {
    loop {
        let now = world.gateway().now();
        let executions = Stack::executions(&world.aws, &world.stack.provision_state_machine_arn)?;
        let have_started = executions.len() >= events || now > latest;
        let is_running = executions
            .iter()
            .any(|execution| execution.status == RUNNING);
        // MiniStack doesn't end executions at their timeout.
        if (have_started && !is_running) || now > latest + timeout_seconds {
            return Ok(executions);
        }
        sleep(INTERVAL);
    }
}

/// Returns the caches that belong to no environment.
fn unrequested_caches(world: &World, environments: &[Environment]) -> Vec<String> {
    let found = world.call("elasticache", "describe_replication_groups", &json!({}));
    let requested: BTreeSet<_> = environments
        .iter()
        .map(|environment| format!("{}-redis", environment.name))
        .collect();
    array(&found["ReplicationGroups"])
        .map(|group| text(&group["ReplicationGroupId"]))
        .filter(|id| !requested.contains(id))
        .map(|id| format!("{id}: no event requested this cache"))
        .collect()
}

/// Adds the results of an environment.
fn add(
    measured: &mut Measured,
    world: &World,
    environment: &Environment,
    executions: &[Execution],
    begin: f64,
) -> Result<()> {
    let Measured { outcome, wrong } = measured;
    let name = &environment.name;
    let prefix = format!("{name}-");
    let own: Vec<_> = executions
        .iter()
        .filter(|execution| execution.name.starts_with(&prefix))
        .collect();
    let [execution] = own[..] else {
        outcome.not_started += u32::from(own.is_empty());
        wrong.push(format!("{name}: {} executions", own.len()));
        return Ok(());
    };
    add_usage(outcome, &world.history(&execution.arn))?;
    if execution.status == RUNNING {
        wrong.push(format!("{name}: its execution doesn't end"));
    }
    let cache = environment.cache(world);
    let expected = cache
        .as_ref()
        .map_or_else(|_| Vec::new(), |cache| expected_parameters(name, cache));
    let found = environment.parameters(world);
    if execution.status != "SUCCEEDED" {
        let key = failure(world, execution);
        *outcome.failed.entry(key).or_default() += 1;
        // A run can fail between two parameters.
        if !found.iter().all(|parameter| expected.contains(parameter)) {
            wrong.push(format!(
                "{name}: found {found:?}, expected some of {expected:?}"
            ));
        }
        return Ok(());
    }
    let puts = environment.fault_scope.call_times(PUBLISH, "PutParameter");
    let last = puts.into_iter().fold(f64::NAN, f64::max);
    outcome.published.push(last - begin);
    if cache.is_err() {
        wrong.push(format!("{name}: published, but without a cache"));
    }
    if found != expected {
        wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
    }
    Ok(())
}

/// Adds what an execution is billed for, by its history.
fn add_usage(outcome: &mut Outcome, history: &Value) -> Result<()> {
    let count = |matches: &dyn Fn(&Value) -> bool| {
        u32::try_from(
            array(&history["events"])
                .filter(|event| matches(event))
                .count(),
        )
    };
    let kind = |event: &Value| text(&event["type"]);
    let states = count(&|event| kind(event).ends_with("StateEntered"))?;
    let tasks = count(&|event| kind(event) == "TaskStateEntered")?;
    let attempts = count(&|event| kind(event) == "TaskScheduled")?;
    let invocations = count(&|event| {
        let resource = text(&event["taskScheduledEventDetails"]["resource"]);
        resource.contains("lambda:invoke")
    })?;
    let retries = attempts.saturating_sub(tasks);
    outcome.retries += retries;
    outcome.transitions += states + retries;
    outcome.invocations += invocations + OTHER_INVOCATIONS;
    Ok(())
}

/// Returns the state and the error of a failed execution, or its status if it hasn't ended.
fn failure(world: &World, execution: &Execution) -> String {
    let found = world.call(
        "stepfunctions",
        "describe_execution",
        &json!({ "executionArn": execution.arn }),
    );
    let cause = text(&found["cause"]);
    match cause.split_once(':') {
        Some((state, _)) => format!("{state}: {}", text(&found["error"])),
        None => execution.status.clone(),
    }
}

/// Returns the parameters that a cache's endpoint must be published in, sorted by name.
fn expected_parameters(environment: &str, cache: &Value) -> Vec<(String, String)> {
    let endpoint = &cache["NodeGroups"][0]["PrimaryEndpoint"];
    let (host, port) = (text(&endpoint["Address"]), endpoint["Port"].to_string());
    [
        ("host", host.clone()),
        ("port", port.clone()),
        ("primary-endpoint", format!("{host}:{port}")),
        ("url", format!("rediss://{host}:{port}")),
    ]
    .map(|(leaf, value)| (format!("/{environment}/cache/{leaf}"), value))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Outcome, add_usage, expected_parameters};

    #[test]
    fn retries_count_as_transitions() {
        let scheduled = |resource: &str| {
            json!({
                "type": "TaskScheduled",
                "taskScheduledEventDetails": { "resource": resource }
            })
        };
        let history = json!({ "events": [
            { "type": "ExecutionStarted" },
            { "type": "TaskStateEntered" },
            scheduled("arn:aws:states:::lambda:invoke"),
            { "type": "TaskFailed" },
            scheduled("arn:aws:states:::lambda:invoke"),
            { "type": "TaskStateEntered" },
            scheduled("arn:aws:states:::dynamodb:updateItem"),
            { "type": "SucceedStateEntered" },
        ] });
        let mut outcome = Outcome::default();

        add_usage(&mut outcome, &history).expect("a short history");

        assert_eq!((outcome.transitions, outcome.retries), (4, 1));
        assert_eq!(
            outcome.invocations, 4,
            "with StartWorkflow and ReportOutcome"
        );
    }

    #[test]
    fn parameters_have_the_endpoint_that_elasticache_describes() {
        let cache = json!({ "NodeGroups": [{ "PrimaryEndpoint": { "Address": "master.example", "Port": 6379 } }] });

        let expected = expected_parameters("bandup", &cache);

        let published = [
            ("/bandup/cache/host", "master.example"),
            ("/bandup/cache/port", "6379"),
            ("/bandup/cache/primary-endpoint", "master.example:6379"),
            ("/bandup/cache/url", "rediss://master.example:6379"),
        ];
        assert_eq!(
            expected,
            published.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
