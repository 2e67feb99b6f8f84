//! Any sequence of events ends as the last one in event time asks: late ones, reordered ones, repeats, two at once,
//! runs that are stopped in the middle. Every sequence follows from its seed.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use envcache_tests::{Environment, World, array, matrix, resources, text, unmanaged};
use fastrand::Rng;
use serde_json::{Value, json};

/// How many sequences, each in an environment of its own, all at once.
const SEQUENCES: u64 = 16;
const SEED: u64 = 7;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
        // Some of the sequences begin with a security group of somebody else's, which their events adopt.
        world
            .redeploy(&["Adoption=always".to_owned()])
            .expect("it is deployed again");
        world
    })
}

/// What an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Deleted,
    Created { replicas: u8, retention: u8 },
}

impl Asked {
    fn any(rng: &mut Rng) -> Self {
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
    asked: Asked,
    event: Value,
}

impl Event {
    /// The event of this number in event time.
    fn new(environment: &Environment, number: usize, asked: Asked, adopt: bool) -> Self {
        let (kind, detail) = match asked {
            Asked::Deleted => (
                "Environment Deleted",
                json!({ "environment": environment.name }),
            ),
            Asked::Created {
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
        Self { asked, event }
    }

    fn state_machine(&self) -> &'static str {
        match self.asked {
            Asked::Deleted => &world().stack.deprovision_state_machine_arn,
            Asked::Created { .. } => &world().stack.provision_state_machine_arn,
        }
    }

    /// Delivers it, and tells the execution that it started, now or when it was delivered before.
    fn deliver(&self) -> String {
        let started = world().invoke("StartWorkflow", &self.event);
        let name = text(&started["executionName"]);
        assert!(!name.is_empty(), "{started}");
        World::execution(self.state_machine(), &name)
    }

    /// Starts it again by hand, as the page for the operator advises after a failure.
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

/// Plays one sequence to its end, and compares what is there with what the last event asks for.
fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let environment = world().environment();
    let adopts = rng.u8(0..4) == 0;
    if adopts {
        unmanaged::security_group(&environment, world());
    }
    let events: Vec<_> = (0..rng.usize(3..=6))
        .map(|number| Event::new(&environment, number, Asked::any(&mut rng), adopts))
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
    let told = format!("seed {seed}, delivered {deliveries:#?}");

    let mut running: Vec<String> = Vec::new();
    for event in &deliveries {
        let execution = event.deliver();
        match rng.u8(0..4) {
            // It is stopped in the middle.
            0 => {
                thread::sleep(Duration::from_millis(rng.u64(0..2_000)));
                let stop = json!({ "executionArn": execution });
                // What has ended cannot be stopped.
                let _ = world().aws.call("stepfunctions", "stop_execution", &stop);
            }
            // The next comes at once.
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
    check(&environment, last.asked, &told);
}

/// What is there is what was asked for, and nothing else of ours.
fn check(environment: &Environment, asked: Asked, told: &str) {
    let found = resources::of(environment, world()).expect("what is there");
    let ours: Vec<_> = array(&found["security groups"]["made"])
        .filter(|group| array(&group["Tags"]).any(|tag| tag["Key"] == "envcache:stack"))
        .collect();
    let record = environment.record(world()).expect("a record");
    assert_eq!(record["holder"], Value::Null, "{told}: nobody holds it");
    let Asked::Created {
        replicas,
        retention,
    } = asked
    else {
        assert!(ours.is_empty(), "{told}: {found}");
        assert_eq!(found["subnet group"], Value::Null, "{told}");
        assert_eq!(found["cache"], Value::Null, "{told}");
        assert_eq!(found["parameters"], json!([]), "{told}");
        return;
    };
    let broken = resources::broken_promises(&found);
    assert!(broken.is_empty(), "{told}: {broken:?}");
    assert_eq!(ours.len(), 1, "{told}: {found}");
    assert_ne!(found["subnet group"], Value::Null, "{told}");
    let group = &found["cache"]["group"];
    assert_eq!(group["Status"], "available", "{told}");
    assert_eq!(group["SnapshotRetentionLimit"], retention, "{told}");
    let nodes = array(&group["NodeGroups"][0]["NodeGroupMembers"]).count();
    assert_eq!(nodes, usize::from(replicas) + 1, "{told}");
    let parameters = array(&found["parameters"]).count();
    assert_eq!(parameters, usize::from(replicas) + 4, "{told}: {found}");
}

#[test]
fn a_sequence_of_events_ends_as_the_last_one_in_event_time_asks() {
    thread::scope(|scope| {
        for seed in SEED..SEED + SEQUENCES {
            scope.spawn(move || play(seed));
        }
    });
}
