//! A diagram of each state machine, made from its definition.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use serde_json::Value;

use crate::definition::{Machine, state_machine};
use crate::{array, text};

/// Where every failure leads: drawn once, in words.
const FAILURE: &str = "ParseFailure";

/// The parts that are drawn in a frame of their own, with their states.
const PARTS: [(&str, &[&str]); 2] = [
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

/// Returns the page that shows both.
#[must_use]
pub fn page() -> String {
    let mut page = "# The state machines\n\nThe definitions in `statemachine/` as diagrams. A box calls AWS or a \
                    function, a rhombus decides, a rounded box waits or computes, a circle ends. An arrow of a rhombus \
                    has its condition. Every box can fail, which leads to `ParseFailure`; a dotted arrow is a failure \
                    that leads elsewhere.\n\n`make diagrams` writes this page from the definitions; don't edit it.\n"
        .to_owned();
    for machine in Machine::ALL {
        let definition = state_machine(machine);
        // Writing into a string cannot fail.
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

/// Returns the nodes, by their parts, and then the arrows.
fn diagram(machine: &Value) -> String {
    let states = reachable(machine);
    let mut lines = String::new();
    let is_in = |part: &[&str], name: &str| part.contains(&name);
    let is_in_a_part = |name: &str| PARTS.iter().any(|(_, part)| is_in(part, name));
    for name in states.iter().filter(|name| !is_in_a_part(name)) {
        let _ = writeln!(lines, "  {}", node(name, &machine["States"][name]));
    }
    for (title, part) in PARTS {
        let _ = writeln!(lines, "  subgraph {title}");
        for name in states.iter().filter(|name| is_in(part, name)) {
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

/// Returns the names of the states in the order in which a run first may reach them.
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

/// Returns where a state leads, each once.
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
