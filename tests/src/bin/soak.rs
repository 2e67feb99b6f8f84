//! A long run of random faults, several in each run of the workflow.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use contract::ErrorName;
use envcache_tests::matrix::{self, Baseline, Machines, Scenario};
use envcache_tests::{World, page, resources};
use fastrand::Rng;
use local::gateway::fault::{Fault, Rule, When};

const LENGTH: Duration = Duration::from_mins(15);
/// The trials are the same in every soak, as far as it gets.
const SEED: u64 = 20_261_123;
const AT_ONCE: usize = 12;
const MOST_FAULTS: usize = 5;
const TEXT: &str = "Runs of the workflow with one to five random faults each: another call, another way to fail, \
another of its tries. A run that fails is started again without faults. Each ends with the resources of an \
baseline run, and after a failure nothing is untagged and no wrong endpoint published.";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The soak failed: {error:#}");
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

/// True where every trial ended well.
fn run() -> Result<bool> {
    let path = page::asked_for()?;
    let world = World::deploy_with(matrix::SETTINGS)?;
    let machines = Machines::deployed(&world);
    let baseline = Baseline::run(&world, machines)?;
    let (begin, next, tally) = (
        Instant::now(),
        AtomicU64::new(0),
        Mutex::new(Tally::default()),
    );
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while begin.elapsed() < LENGTH {
                    let trial = next.fetch_add(1, Ordering::Relaxed);
                    let ended = matrix::guarded(|| try_once(&baseline, &world, machines, trial));
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
        "| runs | faults | recovered | failed cleanly, converged on re-run | ended wrong |\n\
         | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {} | {} | {} | {} |\n\n\
         {} minutes, {AT_ONCE} runs at once, seed {SEED}.",
        tally.recovered + tally.converged + tally.wrong.len(),
        tally.faults,
        tally.recovered,
        tally.converged,
        tally.wrong.len(),
        LENGTH.as_secs() / 60,
    );
    page::write(&path, "The soak", "make soak", TEXT, &table)?;
    Ok(tally.wrong.is_empty())
}

/// Tells how many calls failed, and whether the run recovered from them.
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
    for _ in 0..rng.usize(1..=MOST_FAULTS) {
        let call = &calls[rng.usize(..calls.len())];
        let fault = Fault::ALL[rng.usize(..Fault::ALL.len())];
        // What is removed was made long ago: every look shows it.
        if !fault.is_possible(call) || (scenario, fault) == (Scenario::Remove, Fault::Unseen) {
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
        let is_said = ErrorName::named(&ended.error).is_some()
            && calls
                .iter()
                .any(|call| ended.cause.starts_with(&format!("{}: ", call.step)));
        ensure!(
            is_said,
            "expected a name of the contract and the step: {ended:?}"
        );
        let left = resources::of(&environment, world)?;
        let broken = resources::broken_promises(&left);
        ensure!(broken.is_empty(), "after {ended:?}: {broken:?}");
        let again = world.run_on(machine, &request);
        ensure!(again.status == "SUCCEEDED", "the re-run: {again:?}");
    }
    baseline.compare(scenario, &environment, world)?;
    Ok((faults, recovered))
}
