//! What waiting costs in Step Functions: state transitions and history events for each check.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use envcache_tests::definition::{Machine, state_machine, states};
use environment::{DEADLINE_SECONDS, WAIT_SECONDS};
use local::Workspace;
use replication_group::schedule::{deadline_seconds, next_wait};
use serde_json::Value;

use crate::retry::Retrier;

/// Step Functions' limit for the events of an execution:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
pub const MOST_EVENTS: u32 = 25_000;
/// The events of a failed attempt: `TaskScheduled`, `TaskStarted`, and `TaskFailed`.
const EVENTS_OF_RETRY: u32 = 3;

/// A run that creates a cache in 6 minutes.
pub struct Run {
    pub transitions: String,
    pub invocations: String,
    pub cost: String,
}

/// A wait that ends with a check.
pub struct Loop {
    pub transitions: u32,
    pub events: u32,
}

/// Returns the loop of a check whether another run still holds the environment.
///
/// # Errors
/// Returns an error if the state machine has no such loop.
pub fn claim_loop() -> Result<Loop> {
    loop_of("WaitForClaim")
}

/// Returns the loop of a check of a cache that is creating.
///
/// # Errors
/// Returns an error if the state machine has no such loop.
pub fn creation_loop() -> Result<Loop> {
    loop_of("WaitForReplicationGroup")
}

fn loop_of(wait: &str) -> Result<Loop> {
    let states = states(Machine::Provision);
    let path = path(&states, wait, wait).with_context(|| format!("no loop from `{wait}`"))?;
    Ok(Loop::of(&states, &path))
}

/// Returns the loop of a check of a cache that is modifying, which also checks its members.
///
/// # Errors
/// Returns an error if the state machine has no such loop.
pub fn modification_loop() -> Result<Loop> {
    let states = states(Machine::Provision);
    let (wait, ensure) = ("WaitForReplicationGroup", "EnsureReplicationGroup");
    let mut there = path(&states, wait, ensure).context("no path from the wait")?;
    there.extend(path(&states, ensure, wait).context("no path to the wait")?);
    Ok(Loop::of(&states, &there))
}

impl Loop {
    fn of(states: &BTreeMap<String, Value>, path: &[String]) -> Self {
        let events = path.iter().map(|name| events(&states[name])).sum();
        Self {
            transitions: u32::try_from(path.len()).unwrap_or(u32::MAX),
            events,
        }
    }
}

/// Returns the number of events that a state adds to the history: `…StateEntered` and `…StateExited`, and for a task also
/// `TaskScheduled`, `TaskStarted`, and `TaskSucceeded`
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>).
fn events(state: &Value) -> u32 {
    if state["Type"] == "Task" { 5 } else { 2 }
}

/// Returns the states of the shortest path without the first one, which can also be the last.
fn path(states: &BTreeMap<String, Value>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut paths = VecDeque::from([Vec::new()]);
    let mut reached = BTreeSet::new();
    while let Some(path) = paths.pop_front() {
        let last = path.last().map_or(from, String::as_str);
        for next in successors(states.get(last)?) {
            let mut longer = path.clone();
            longer.push(next.clone());
            if next == to {
                return Some(longer);
            }
            if reached.insert(next) {
                paths.push_back(longer);
            }
        }
    }
    None
}

/// Returns the states that can follow a state that doesn't fail.
fn successors(state: &Value) -> Vec<String> {
    let choices = state["Choices"].as_array().into_iter().flatten();
    choices
        .map(|choice| &choice["Next"])
        .chain([&state["Next"], &state["Default"]])
        .filter_map(|next| next.as_str().map(str::to_owned))
        .collect()
}

/// Returns the number of checks of another run until the deadline.
pub const fn longest_wait_for_claim() -> u32 {
    DEADLINE_SECONDS.div_ceil(WAIT_SECONDS)
}

/// Returns the number of checks of a cache until the deadline.
pub fn longest_wait(restores: bool) -> u32 {
    let deadline = deadline_seconds(restores);
    let (mut waited, mut checks) = (0, 0);
    while waited < deadline {
        waited += next_wait(waited, deadline);
        checks += 1;
    }
    checks
}

/// Returns the most events of a run that waits as long as it can, first for another run and then for a cache that is
/// changed by a request that restores, while AWS throttles checks. Retries take their average time.
///
/// # Errors
/// Returns an error if the state machine lacks the waits or a timeout.
pub fn most_events() -> Result<f64> {
    let timeout = &state_machine(Machine::Provision)["TimeoutSeconds"];
    let timeout = timeout.as_f64().context("no timeout")?;
    let seconds = timeout - f64::from(DEADLINE_SECONDS);
    let checks = f64::from(longest_wait(true));
    let interval = f64::from(deadline_seconds(true)) / checks;
    let one = f64::from(modification_loop()?.events);
    let retriers = Retrier::of_state(&states(Machine::Provision)["CheckReplicationGroup"]);
    let throttled =
        Retrier::find(&retriers, "Throttled").context("throttled checks aren't retried")?;
    let events = (0..=throttled.max_attempts).map(|attempts| {
        let with_attempts = Retrier {
            max_attempts: attempts,
            ..throttled.clone()
        };
        let fitting = seconds / (interval + with_attempts.mean_seconds());
        fitting.min(checks) * (one + f64::from(attempts * EVENTS_OF_RETRY))
    });
    let claim = longest_wait_for_claim() * claim_loop()?.events;
    Ok(f64::from(claim) + events.fold(0.0, f64::max))
}

/// Returns the usage of a run before the redesign of the state machines, as measured then: `docs/costs.md` at commit
/// 5470563.
pub fn before_redesign() -> Run {
    Run {
        transitions: "99".to_owned(),
        invocations: "31".to_owned(),
        cost: "$0.0060".to_owned(),
    }
}

/// Returns the usage of a run directly after the redesign, as measured then: `docs/costs.md` at commit a2a9a53.
pub fn after_redesign() -> Run {
    Run {
        transitions: "92".to_owned(),
        invocations: "35".to_owned(),
        cost: "$0.0058".to_owned(),
    }
}

/// Returns the usage of a run, which a test compares with `docs/costs.md`.
///
/// # Errors
/// Returns an error if the page can't be read, or if it lacks the figures.
pub fn documented() -> Result<Run> {
    let page = std::fs::read_to_string(Workspace::root().join("docs/costs.md"))?;
    parse(&page).context("docs/costs.md lacks the usage of a creation")
}

fn parse(page: &str) -> Option<Run> {
    let row = page
        .lines()
        .find_map(|line| line.strip_prefix("| a creation of 6 minutes | "))?;
    let mut cells = row.split(" | ").map(str::to_owned);
    let total = page
        .lines()
        .find_map(|line| line.strip_prefix("| **total** |"))?;
    let (_, cost) = total.split_once("**")?;
    Some(Run {
        transitions: cells.next()?,
        invocations: cells.next()?,
        cost: cost.split_once("**")?.0.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{
        Loop, MOST_EVENTS, claim_loop, creation_loop, longest_wait, longest_wait_for_claim,
        modification_loop, most_events, parse, path,
    };

    #[test]
    fn path_is_the_shortest_and_can_be_a_loop() {
        let machine = json!({
            "Wait": { "Type": "Wait", "Next": "Check" },
            "Check": { "Type": "Task", "Next": "Choose" },
            "Choose": {
                "Type": "Choice",
                "Choices": [{ "Next": "Detour" }, { "Next": "Wait" }],
                "Default": "End"
            },
            "Detour": { "Type": "Pass", "Next": "Wait" },
            "End": { "Type": "Succeed" }
        });
        let states: BTreeMap<String, Value> = serde_json::from_value(machine).expect("states");

        let found = path(&states, "Wait", "Wait").expect("a loop");

        assert_eq!(found, ["Check", "Choose", "Wait"]);
        assert_eq!(path(&states, "End", "Wait"), None);
        let Loop {
            transitions,
            events,
        } = Loop::of(&states, &found);
        assert_eq!((transitions, events), (3, 9));
    }

    #[test]
    fn longest_waits_stay_far_below_the_limit_of_events() {
        let claim = claim_loop().expect("a loop");
        let creation = creation_loop().expect("a loop");
        let modification = modification_loop().expect("a loop");

        assert!(creation.events < modification.events);
        let waits =
            longest_wait_for_claim() * claim.events + longest_wait(true) * modification.events;
        let longest = most_events().expect("the waits");
        assert!(f64::from(waits) < longest, "{longest}");
        assert!(longest < f64::from(MOST_EVENTS) / 2.0, "{longest}");
    }

    #[test]
    fn reads_usage_of_a_run_from_the_page() {
        let page = "| run | transitions |\n| a creation of 6 minutes | 92 | 35 | 84 | $0.0023 |\n\
                    | **total** | | | **$0.0058** |\n";

        let run = parse(page).expect("the figures");

        assert_eq!(
            (
                run.transitions.as_str(),
                run.invocations.as_str(),
                run.cost.as_str()
            ),
            ("92", "35", "$0.0058")
        );
        assert!(parse("").is_none());
    }
}
