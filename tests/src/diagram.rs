//! Draws a diagram of each state machine from its definition.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use serde_json::Value;

use crate::definition::{Machine, state_machine};
use crate::{array, text};

/// The state that every failed task leads to. The page says so in words, and the diagrams omit those arrows.
const FAILURE: &str = "ParseFailure";

/// The titles and the states of the subgraphs.
const SUBGRAPHS: [(&str, &[&str]); 2] = [
    (
        "claim",
        &[
            "PlanEnvironment",
            "IsEnvironmentHeld",
            "ClaimEnvironment",
            "IsEnvironmentClaimed",
            "WaitForClaim",
        ],
    ),
    (
        "failure",
        &[
            FAILURE,
            "ClassifyFailure",
            "ShouldAnnounceFailure",
            "AnnounceFailure",
            "RecordRollback",
            "StartRollback",
            "ProvisioningFailed",
            "RemovalFailed",
        ],
    ),
];

/// Returns the page with both diagrams.
#[must_use]
pub fn page() -> String {
    let mut page = "# State machines\n\nDiagrams of the definitions in `statemachine/`. A box is a call to AWS or to a \
                    function, a rhombus is a choice, a rounded box waits or computes, and a circle is an end state. \
                    The arrows of a choice show its conditions. A call that fails continues at `ParseFailure`; those \
                    arrows are omitted. A dotted arrow is a failure that leads elsewhere.\n\n`make diagrams` generates \
                    this page from the definitions; don't edit it.\n"
        .to_owned();
    for machine in Machine::ALL {
        let definition = state_machine(machine);
        // Writing to a string can't fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n```mermaid\nflowchart TD\n{}```\n",
            machine.name(),
            text(&definition["Comment"]),
            diagram(&definition)
        );
    }
    page
}

/// Returns the nodes outside the subgraphs, the subgraphs, and then the arrows.
fn diagram(machine: &Value) -> String {
    let states = reachable(machine);
    let mut lines = String::new();
    let is_in = |members: &[&str], name: &str| members.contains(&name);
    let is_in_subgraph = |name: &str| SUBGRAPHS.iter().any(|(_, members)| is_in(members, name));
    for name in states.iter().filter(|name| !is_in_subgraph(name)) {
        let _ = writeln!(lines, "  {}", node(name, &machine["States"][name]));
    }
    for (title, members) in SUBGRAPHS {
        let _ = writeln!(lines, "  subgraph {title}");
        for name in states.iter().filter(|name| is_in(members, name)) {
            let _ = writeln!(lines, "    {}", node(name, &machine["States"][name]));
        }
        lines.push_str("  end\n");
    }
    for name in &states {
        for line in arrows(name, &machine["States"][name]) {
            let _ = writeln!(lines, "  {line}");
        }
    }
    lines
}

/// Returns the names of the states in breadth-first order from the first state.
fn reachable(machine: &Value) -> Vec<String> {
    let mut waiting = VecDeque::from([text(&machine["StartAt"])]);
    let (mut seen, mut states) = (BTreeSet::new(), Vec::new());
    while let Some(name) = waiting.pop_front() {
        if name.is_empty() || !seen.insert(name.clone()) {
            continue;
        }
        let state = &machine["States"][&name];
        let rules = array(&state["Choices"]).chain(array(&state["Catch"]));
        let nexts = rules.map(|rule| text(&rule["Next"]));
        waiting.extend([text(&state["Default"]), text(&state["Next"])]);
        waiting.extend(nexts);
        states.push(name);
    }
    states
}

/// Returns the arrows that leave a state.
fn arrows(name: &str, state: &Value) -> Vec<String> {
    let mut arrows = Vec::new();
    for rule in array(&state["Choices"]) {
        let (label, next) = (text(&rule["Comment"]), text(&rule["Next"]));
        arrows.push(format!("{name} -->|{label}| {next}"));
    }
    if let Some(next) = state["Default"].as_str() {
        arrows.push(format!("{name} -->|otherwise| {next}"));
    }
    if let Some(next) = state["Next"].as_str() {
        arrows.push(format!("{name} --> {next}"));
    }
    for catch in array(&state["Catch"]) {
        let next = text(&catch["Next"]);
        let arrow = format!("{name} -.-> {next}");
        if next != FAILURE && !arrows.contains(&arrow) {
            arrows.push(arrow);
        }
    }
    arrows
}

fn node(name: &str, state: &Value) -> String {
    match state["Type"].as_str() {
        Some("Choice") => format!("{name}{{{name}}}"),
        Some("Wait" | "Pass") => format!("{name}({name})"),
        Some("Succeed" | "Fail") => format!("{name}(({name}))"),
        _ => format!("{name}[{name}]"),
    }
}
