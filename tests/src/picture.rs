//! A picture of each state machine, made from its definition.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use serde_json::Value;

use crate::definition::{Machine, state_machine};
use crate::{array, text};

/// Where every failure goes: drawn once, in words.
const FAILURE: &str = "ReadFailure";

/// The page that shows both.
#[must_use]
pub fn page() -> String {
    let mut page = "# The state machines\n\nFor the person who wants the whole story at one look. A box calls AWS or a \
                    function, a rhombus decides, a rounded box waits or notes, a circle ends. Every box may fail, which \
                    leads to `ReadFailure`; a dotted arrow is a failure that leads elsewhere.\n\nWritten by `make \
                    pictures` from the definitions; do not edit by hand.\n"
        .to_owned();
    for machine in Machine::ALL {
        let definition = state_machine(machine);
        // Writing into a string cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n```mermaid\nflowchart TD\n{}```\n",
            machine.name(),
            text(&definition["Comment"]),
            states(&definition)
        );
    }
    page
}

/// Each state with its arrows, in the order in which a run first may reach it.
fn states(machine: &Value) -> String {
    let mut lines = String::new();
    let mut waiting = VecDeque::from([text(&machine["StartAt"])]);
    let mut drawn = BTreeSet::new();
    while let Some(name) = waiting.pop_front() {
        if !drawn.insert(name.clone()) {
            continue;
        }
        let state = &machine["States"][&name];
        let _ = writeln!(lines, "  {}", node(&name, state));
        for branch in array(&state["Branches"]) {
            let start = text(&branch["StartAt"]);
            let _ = writeln!(lines, "  {name} --> {start}[{start}]");
        }
        let nexts = nexts(state);
        for next in &nexts {
            let _ = writeln!(lines, "  {name} --> {next}");
        }
        let caught: Vec<_> = array(&state["Catch"])
            .map(|catch| text(&catch["Next"]))
            .collect();
        for next in caught.iter().filter(|next| *next != FAILURE) {
            let _ = writeln!(lines, "  {name} -.-> {next}");
        }
        waiting.extend(nexts);
        waiting.extend(caught);
    }
    lines
}

/// Where a state leads to when nothing fails, each once.
fn nexts(state: &Value) -> Vec<String> {
    let choices = array(&state["Choices"]).map(|choice| text(&choice["Next"]));
    let mut nexts: Vec<String> = Vec::new();
    for next in choices.chain([text(&state["Default"]), text(&state["Next"])]) {
        if !next.is_empty() && !nexts.contains(&next) {
            nexts.push(next);
        }
    }
    nexts
}

fn node(name: &str, state: &Value) -> String {
    match state["Type"].as_str() {
        Some("Choice") => format!("{name}{{{name}}}"),
        Some("Wait" | "Pass") => format!("{name}({name})"),
        Some("Succeed" | "Fail") => format!("{name}(({name}))"),
        _ => format!("{name}[{name}]"),
    }
}
