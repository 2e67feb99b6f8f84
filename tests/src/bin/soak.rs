//! Runs the soak test, which injects several random faults into each run, and writes its results page.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use contract::ErrorName;
use envcache_tests::matrix::{self, Baseline, Machines, Scenario};
use envcache_tests::page::Page;
use envcache_tests::{World, resources};
use fastrand::Rng;
use local::gateway::fault::{Fault, Rule, When};

const DURATION: Duration = Duration::from_mins(15);
/// Every soak test runs the same trials, as many as its duration allows.
const SEED: u64 = 20_261_123;
const CONCURRENCY: usize = 12;
const MAX_FAULTS: usize = 5;
const TEXT: &str = "Each run meets one to five random faults, each on a random call and a random attempt. A run that fails \
is started again without faults. Every run must end with the resources of a run without faults, and a failed run must \
leave nothing untagged and no wrong endpoint.";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The soak test failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Tally {
    recovered: usize,
    converged: usize,
    faults: u32,
    wrong: Vec<String>,
}

/// Returns whether every trial passed.
fn run() -> Result<bool> {
    let page = Page::begin()?;
    let world = World::deploy_with(matrix::SETTINGS)?;
    let machines = Machines::deployed(&world);
    let baseline = Baseline::run(&world, machines)?;
    let (begin, next, tally) = (
        Instant::now(),
        AtomicU64::new(0),
        Mutex::new(Tally::default()),
    );
    thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            scope.spawn(|| {
                while begin.elapsed() < DURATION {
                    let trial = next.fetch_add(1, Ordering::Relaxed);
                    let ended =
                        matrix::catch_panic(|| try_once(&baseline, &world, machines, trial));
                    let Ok(mut tally) = tally.lock() else { return };
                    match ended {
                        Ok((faults, recovered)) => {
                            tally.faults += faults;
                            tally.recovered += usize::from(recovered);
                            tally.converged += usize::from(!recovered);
                        }
                        Err(error) => tally.wrong.push(format!("trial {trial}: {error:#}")),
                    }
                }
            });
        }
    });
    let tally = tally
        .into_inner()
        .map_err(|_| anyhow!("a worker panicked"))?;
    for wrong in &tally.wrong {
        eprintln!("{wrong}");
    }
    let table = format!(
        "| runs | faults | recovered | failed as expected, converged on rerun | wrong result |\n\
         | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {} | {} | {} | {} |\n\n\
         {} minutes, {CONCURRENCY} concurrent runs, seed {SEED}.",
        tally.recovered + tally.converged + tally.wrong.len(),
        tally.faults,
        tally.recovered,
        tally.converged,
        tally.wrong.len(),
        DURATION.as_secs() / 60,
    );
    page.write("Soak test results", "make soak", TEXT, &table)?;
    Ok(tally.wrong.is_empty())
}

/// Runs one trial. Returns how many calls failed, and whether the run recovered from them.
fn try_once(
    baseline: &Baseline,
    world: &World,
    machines: Machines<'_>,
    trial: u64,
) -> Result<(u32, bool)> {
    let mut rng = Rng::with_seed(SEED + trial);
    let scenario = Scenario::ALL[rng.usize(..Scenario::ALL.len())];
    let machine = machines.of(scenario);
    let environment = world.environment();
    scenario.prepare(world, &environment)?;
    let calls = baseline.calls(scenario);
    for _ in 0..rng.usize(1..=MAX_FAULTS) {
        let call = &calls[rng.usize(..calls.len())];
        let fault = Fault::ALL[rng.usize(..Fault::ALL.len())];
        let is_visible = fault == Fault::NotYetVisible && scenario.uses_existing_resource(call);
        if !fault.is_possible(call) || is_visible {
            continue;
        }
        environment.fault_scope.inject(Rule {
            step: call.step.clone(),
            operation: call.operation.clone(),
            when: if rng.bool() {
                When::Nth(rng.u32(1..=4))
            } else {
                When::First(rng.u32(1..=4))
            },
            fault,
        });
    }
    let request = scenario.request(&environment);
    let ended = world.run_on(machine, &request);
    let faults = environment.fault_scope.clear_faults();
    let recovered = ended.status == "SUCCEEDED";
    if !recovered {
        let is_reported = ErrorName::from_name(&ended.error).is_some()
            && calls
                .iter()
                .any(|call| ended.cause.starts_with(&format!("{}: ", call.step)));
        ensure!(
            is_reported,
            "expected an error name of the contract and a step: {ended:?}"
        );
        let remaining = resources::of(&environment, world)?;
        let broken = scenario.violations(&remaining);
        ensure!(broken.is_empty(), "after {ended:?}: {broken:?}");
        let again = world.run_on(machine, &request);
        ensure!(again.status == "SUCCEEDED", "the rerun: {again:?}");
    }
    baseline.compare(scenario, &environment, world)?;
    Ok((faults, recovered))
}
