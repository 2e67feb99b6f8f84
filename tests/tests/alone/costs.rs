//! Compares the usage of runs with the figures in `docs/costs.md`.

use std::time::Duration;

use envcache_tests::definition::{Machine, steps};
use envcache_tests::{World, matrix};
use local::gateway::elasticache::Lifecycle;
use local::{Settings, Workspace};
use serde_json::json;

/// Real seconds per simulated second. With less than 1, this machine takes a part of the creation time that leaves time for
/// fewer polls. The page's figures are those of a run with 1.0, for which `make test` has no time.
const SCALE: f64 = 0.1;
/// How long a run may take, in real time, with any scale up to 1.0.
const RUN_TIMEOUT: Duration = Duration::from_mins(20);

/// The billed usage of a run.
#[derive(Debug, PartialEq, Eq)]
struct Usage {
    transitions: usize,
    invocations: usize,
    /// The size of the execution's history, which Step Functions logs.
    kilobytes: usize,
}

impl Usage {
    fn of_execution(world: &World, machine: Machine, execution: &str) -> Self {
        let entered = world.entered_states(execution);
        let steps = steps(machine);
        let invoked = entered.iter().filter(|name| steps.contains_key(*name));
        Self {
            transitions: entered.len(),
            invocations: invoked.count(),
            kilobytes: world.history(execution).to_string().len() / 1000,
        }
    }

    /// Returns the usage that the page lists for a run.
    fn documented(run: &str) -> Self {
        let page =
            std::fs::read_to_string(Workspace::root().join("docs/costs.md")).expect("the page");
        let row = page
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| {run} | ")))
            .unwrap_or_else(|| panic!("the page has no row `{run}`"));
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

/// Returns whether a figure is at most 10% above the page's, and at least half of it.
fn is_about(found: usize, documented: usize) -> bool {
    found * 10 <= documented * 11 && found * 2 >= documented
}

#[test]
fn usage_of_runs_matches_the_costs_page() {
    let world = World::deploy_with(Settings {
        scale: SCALE,
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

    let mut differences = Vec::new();
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
        let ended = world.wait_at_most(&execution, RUN_TIMEOUT);
        assert_eq!(ended.status, "SUCCEEDED", "{run}: {ended:?}");

        let found = Usage::of_execution(&world, machine, &execution);
        let documented = Usage::documented(run);
        // The figures for the page, shown with `--nocapture`.
        eprintln!("{run}: {found:?}");

        let matches_page = is_about(found.transitions, documented.transitions)
            && is_about(found.invocations, documented.invocations)
            && is_about(found.kilobytes, documented.kilobytes);
        if !matches_page {
            differences.push(format!("{run}: {found:?}; the page has {documented:?}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
