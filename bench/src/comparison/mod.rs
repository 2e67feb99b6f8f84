//! Provisions the same cache with envcache and with a boto3 script, on the same simulator with the same creation times.
//!
//! `tool` runs both; `scenario` describes what happens to them; `table` writes the recorded runs.

mod scenario;
mod table;
mod tool;

use std::thread;

use anyhow::{Context, Result, anyhow};
use envcache_tests::{World, matrix};
use local::Settings;

use crate::report::Section;
use crate::versions::Program;
use scenario::{Scenario, scenarios};
use tool::{Recorded, Tool};

/// Real seconds per simulated second. This machine takes real time for each call, so a smaller scale would measure the
/// machine.
const SCALE: f64 = 0.25;

/// Runs every scenario with each tool.
///
/// # Errors
/// Returns an error if the simulator can't be started, or if a tool can't be run.
pub fn run() -> Result<Section> {
    let (with_server, others): (Vec<_>, Vec<_>) = scenarios()
        .into_iter()
        .partition(|scenario| scenario.needs_server);
    let mut recorded = {
        let world = deploy(false)?;
        run_all(&world, &others)?
    };
    recorded.extend(run_verified(&with_server)?);
    Ok(Section {
        marker: "comparison",
        programs: &[Program::MiniStack, Program::Python, Program::Boto3],
        text: table::write(&recorded),
    })
}

fn deploy(valkey: bool) -> Result<World> {
    World::deploy_with(Settings {
        scale: SCALE,
        valkey,
        persistent: false,
    })
}

/// Runs scenarios on caches with a server each, on a stack that verifies endpoints. A stack is in one network, so each
/// scenario has its own deployment.
fn run_verified(scenarios: &[Scenario]) -> Result<Vec<Recorded>> {
    let mut recorded = Vec::new();
    let mut world = deploy(true)?;
    for scenario in scenarios {
        for tool in Tool::ALL {
            let environment = world.environment();
            world.redeploy(&environment.network.verification_parameters())?;
            recorded.push(scenario.run(&world, &environment, tool)?);
        }
    }
    Ok(recorded)
}

/// Runs scenarios with both tools, all at once: they mostly wait. Returns their records in order.
fn run_all(world: &World, scenarios: &[Scenario]) -> Result<Vec<Recorded>> {
    let trials = scenarios
        .iter()
        .flat_map(|scenario| Tool::ALL.map(|tool| (scenario, tool)));
    thread::scope(|scope| {
        let running: Vec<_> = trials
            .map(|(scenario, tool)| {
                scope.spawn(move || {
                    matrix::catch_panic(|| scenario.run(world, &world.environment(), tool))
                        .with_context(|| format!("{} with {tool}", scenario.name))
                })
            })
            .collect();
        running
            .into_iter()
            .map(|trial| trial.join().map_err(|_| anyhow!("a trial panicked"))?)
            .collect()
    })
}
