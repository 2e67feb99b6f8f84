//! What `docs/costs.md` says that a run takes is what it takes.

use envcache_tests::definition::{Machine, steps};
use envcache_tests::{World, matrix};
use local::gateway::elasticache::Lifecycle;
use local::{Settings, Workspace};
use serde_json::json;

/// What AWS counts of a run.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    transitions: usize,
    invocations: usize,
    /// The kilobytes of its history, which Step Functions logs.
    kilobytes: usize,
}

impl Taken {
    fn by(world: &World, machine: Machine, execution: &str) -> Self {
        let entered = world.entered(execution);
        let steps = steps(machine);
        let invoked = entered.iter().filter(|name| steps.contains_key(*name));
        Self {
            transitions: entered.len(),
            invocations: invoked.count(),
            kilobytes: world.history(execution).to_string().len() / 1000,
        }
    }

    /// As the page tells it.
    fn told(run: &str) -> Self {
        let page =
            std::fs::read_to_string(Workspace::root().join("docs/costs.md")).expect("the page");
        let row = page
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| {run} | ")))
            .unwrap_or_else(|| panic!("the page has no row {run:?}"));
        let numbers: Vec<usize> = row
            .split(" | ")
            .take(3)
            .map(|cell| cell.parse().expect("a number"))
            .collect();
        Self {
            transitions: numbers[0],
            invocations: numbers[1],
            kilobytes: numbers[2],
        }
    }
}

/// No more than the page says, but for a tenth. Less where this machine is busy: a step's own time is a part of the
/// wait for a cache, and leaves room for fewer looks.
fn is_about(found: usize, told: usize) -> bool {
    found * 10 <= told * 11 && found * 2 >= told
}

#[test]
fn a_run_takes_what_the_page_says() {
    let world = World::deploy_with(Settings {
        scale: 0.1,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    let six_minutes = Lifecycle {
        creating: 360.0,
        deleting: 300.0,
        lingering: 60.0,
        ..Lifecycle::default()
    };
    let cache = format!("{}-redis", environment.name);
    world.gateway().set_lifecycle(&cache, six_minutes);
    let removal = json!({ "environment": environment.name });

    let mut differ = Vec::new();
    for (run, machine, input) in [
        (
            "a creation of 6 minutes",
            Machine::Provision,
            &environment.request(),
        ),
        (
            "the same event again",
            Machine::Provision,
            &environment.request(),
        ),
        ("a removal of 6 minutes", Machine::Deprovision, &removal),
    ] {
        let execution = world.start_on(
            match machine {
                Machine::Provision => &world.stack.provision_state_machine_arn,
                Machine::Deprovision => &world.stack.deprovision_state_machine_arn,
            },
            input,
        );
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{run}: {ended:?}");

        let (found, told) = (Taken::by(&world, machine, &execution), Taken::told(run));
        // For the page, with `--nocapture`.
        eprintln!("{run}: {found:?}");

        let is_told = is_about(found.transitions, told.transitions)
            && is_about(found.invocations, told.invocations)
            && is_about(found.kilobytes, told.kilobytes);
        if !is_told {
            differ.push(format!("{run}: {found:?}, and the page says {told:?}"));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
