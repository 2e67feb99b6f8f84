//! Random sequences of late, reordered, repeated, and concurrent events, with stopped runs: the event with the latest event
//! time determines the result. The seed determines a sequence.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use envcache_tests::{Environment, World, array, matrix, resources, text, unmanaged};
use fastrand::Rng;
use serde_json::{Value, json};

/// The number of sequences. They run at the same time, each in an environment of its own.
const SEQUENCES: u64 = 16;
const SEED: u64 = 7;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
        // Some sequences begin with an unowned security group, which their events adopt.
        world
            .redeploy(&["Adoption=always".to_owned()])
            .expect("a deployment");
        world
    })
}

/// The state that an event requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestedState {
    Deleted,
    Created { replicas: u8, retention: u8 },
}

impl RequestedState {
    fn random(rng: &mut Rng) -> Self {
        if rng.u8(0..3) == 0 {
            return Self::Deleted;
        }
        Self::Created {
            replicas: rng.u8(0..=1),
            retention: rng.u8(1..=3),
        }
    }
}

/// An event, as EventBridge delivers it.
#[derive(Clone, Debug)]
struct Event {
    requested: RequestedState,
    event: Value,
}

impl Event {
    /// Returns the event with this position in event time.
    fn new(
        environment: &Environment,
        number: usize,
        requested: RequestedState,
        adopt: bool,
    ) -> Self {
        let (kind, detail) = match requested {
            RequestedState::Deleted => (
                "Environment Deleted",
                json!({ "environment": environment.name }),
            ),
            RequestedState::Created {
                replicas,
                retention,
            } => {
                let mut request = environment.request_with(
                    "/cache",
                    json!({ "replicas": replicas, "snapshotRetentionDays": retention }),
                );
                request["adopt"] = json!(adopt);
                ("Environment Created", request)
            }
        };
        let id = environment.network.vpc.trim_start_matches("vpc-");
        let event = json!({
            "version": "0",
            "id": format!("{id}-{number}"),
            "detail-type": kind,
            "source": "envcache.environments",
            "time": format!("2026-11-23T10:00:{number:02}Z"),
            "detail": detail,
        });
        Self { requested, event }
    }

    fn state_machine(&self) -> &'static str {
        match self.requested {
            RequestedState::Deleted => &world().stack.deprovision_state_machine_arn,
            RequestedState::Created { .. } => &world().stack.provision_state_machine_arn,
        }
    }

    /// Delivers the event, and returns the ARN of its execution, which a repeated event has started before.
    fn deliver(&self) -> String {
        let started = world().invoke("StartWorkflow", &self.event);
        let name = text(&started["executionName"]);
        assert!(!name.is_empty(), "{started}");
        World::execution(self.state_machine(), &name)
    }

    /// Starts the run again manually, as `docs/operations.md` advises after a failure.
    fn start_again(&self) {
        let mut input = self.event["detail"].clone();
        input["event"] = json!({ "id": self.event["id"], "time": self.event["time"] });
        let ended = world().run_on(self.state_machine(), &input);
        assert_eq!(ended.status, "SUCCEEDED", "{self:?}: {ended:?}");
        assert_eq!(
            ended.output["superseded"],
            Value::Null,
            "{self:?}: {ended:?}"
        );
    }
}

/// Delivers one sequence, and compares the resources with the state that the last event requests.
fn run_sequence(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let environment = world().environment();
    let adopts = rng.u8(0..4) == 0;
    if adopts {
        unmanaged::security_group(&environment, world());
    }
    let events: Vec<_> = (0..rng.usize(3..=6))
        .map(|number| {
            Event::new(
                &environment,
                number,
                RequestedState::random(&mut rng),
                adopts,
            )
        })
        .collect();
    let mut deliveries = events.clone();
    for event in &events {
        if rng.u8(0..4) == 0 {
            deliveries.push(event.clone());
        }
    }
    if rng.bool() {
        rng.shuffle(&mut deliveries);
    }
    let context = format!("seed {seed}, delivered {deliveries:#?}");

    let mut running: Vec<String> = Vec::new();
    for event in &deliveries {
        let execution = event.deliver();
        match rng.u8(0..4) {
            // Stop the run after a random time.
            0 => {
                thread::sleep(Duration::from_millis(rng.u64(0..2_000)));
                let stop = json!({ "executionArn": execution });
                // The call fails if the execution has ended.
                let _ = world().aws.call("stepfunctions", "stop_execution", &stop);
            }
            // Deliver the next event while this run is running.
            1 => running.push(execution),
            _ => {
                running.push(execution);
                for execution in running.drain(..) {
                    let _ = world().wait(&execution);
                }
            }
        }
    }
    for execution in running {
        let _ = world().wait(&execution);
    }

    let last = events.last().expect("events");
    if world().wait(&last.deliver()).status != "SUCCEEDED" {
        last.start_again();
    }
    check(&environment, last.requested, &context);
}

/// Checks that the environment is in the requested state, and that the stack owns nothing else there.
fn check(environment: &Environment, requested: RequestedState, context: &str) {
    let found = resources::of(environment, world()).expect("the resources");
    let owned: Vec<_> = array(&found["security groups"]["created"])
        .filter(|group| array(&group["Tags"]).any(|tag| tag["Key"] == "envcache:stack"))
        .collect();
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["holder"], Value::Null, "{context}: still claimed");
    let RequestedState::Created {
        replicas,
        retention,
    } = requested
    else {
        assert!(owned.is_empty(), "{context}: {found}");
        assert_eq!(found["subnet group"], Value::Null, "{context}");
        assert_eq!(found["cache"], Value::Null, "{context}");
        assert_eq!(found["parameters"], json!([]), "{context}");
        return;
    };
    let broken = resources::violations(&found);
    assert!(broken.is_empty(), "{context}: {broken:?}");
    assert_eq!(owned.len(), 1, "{context}: {found}");
    assert_ne!(found["subnet group"], Value::Null, "{context}");
    let group = &found["cache"]["group"];
    assert_eq!(group["Status"], "available", "{context}");
    assert_eq!(group["SnapshotRetentionLimit"], retention, "{context}");
    let nodes = array(&group["NodeGroups"][0]["NodeGroupMembers"]).count();
    assert_eq!(nodes, usize::from(replicas) + 1, "{context}");
    let parameters = array(&found["parameters"]).count();
    assert_eq!(parameters, usize::from(replicas) + 4, "{context}: {found}");
}

#[test]
fn latest_event_in_event_time_determines_the_result() {
    thread::scope(|scope| {
        for seed in SEED..SEED + SEQUENCES {
            scope.spawn(move || run_sequence(seed));
        }
    });
}
