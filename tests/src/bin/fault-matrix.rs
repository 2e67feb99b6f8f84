//! Runs the fault matrix and writes its results page: every fault on the first, some, and every attempt of every call.
//! It runs every scenario, or those that the arguments after the page name, such as `create`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use envcache_tests::World;
use envcache_tests::matrix::{self, Baseline, Frequency, Machines, Scenario};
use envcache_tests::page::Page;

const TEXT: &str = "Each AWS call of a run fails with each fault, in eight scenarios: a first run (*create*), a run that \
finds everything up to date (*again*), a run that requests more replicas, other settings, tags, parameters, and logs, another \
backend, and one more subnet (*change*), a run that requests fewer replicas and no parameters anymore (*shrink*), a run that \
takes over a stale claim and creates a cache with a KMS key and parameters (*stale*), a run whose first creation fails \
(*replace*), a run that adopts a cache in a shared subnet group (*adopt*), and a removal of a cache with parameters and a log \
(*remove*). A fault affects the first attempt of a call, every \
attempt, or some attempts: more than one invocation of a function makes, so that the state machine has to retry. \
A run recovers if it ends with the resources of a run without faults. Otherwise it must fail with the expected error name \
and leave nothing that it created untagged and no wrong endpoint, and a rerun must converge: end with those same resources.";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} cells had a wrong result");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("The fault matrix failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn name(scenario: Scenario) -> String {
    format!("{scenario:?}").to_lowercase()
}

/// Returns the scenarios that the arguments name, or all of them if there are none.
fn scenarios() -> Result<Vec<Scenario>> {
    let named: Vec<_> = std::env::args().skip(2).collect();
    if let Some(unknown) = named.iter().find(|named| {
        !Scenario::ALL
            .iter()
            .any(|scenario| name(*scenario) == **named)
    }) {
        bail!("unknown scenario: {unknown}");
    }
    let is_selected = |scenario: &Scenario| named.is_empty() || named.contains(&name(*scenario));
    Ok(Scenario::ALL.into_iter().filter(is_selected).collect())
}

/// Returns how many cells had a wrong result.
fn run() -> Result<usize> {
    let page = Page::begin()?;
    let begin = Instant::now();
    let baseline = {
        let world = World::deploy_with(matrix::SETTINGS)?;
        Baseline::run(&world, Machines::deployed(&world))?
    };
    let scenarios = scenarios()?;
    let cells = baseline.cells(&scenarios, &Frequency::ALL);
    let report = matrix::run(&baseline, &cells)?;
    let limit = if scenarios.len() == Scenario::ALL.len() {
        String::new()
    } else {
        let names: Vec<_> = scenarios.iter().copied().map(name).collect();
        format!("Only these scenarios were run: {}.\n\n", names.join(", "))
    };
    let table = format!(
        "{limit}{}\n\n{} cells in {} minutes; {} wrong results.",
        report.table(),
        cells.len(),
        begin.elapsed().as_secs() / 60,
        report.wrong.len()
    );
    page.write("Fault injection results", "make matrix", TEXT, &table)?;
    Ok(report.wrong.len())
}
