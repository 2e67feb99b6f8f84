//! Provisions the same cache with envcache and with a boto3 script, on the same simulator with the same creation times.
//!
//! `tool` runs both; `scenario` describes what happens to them; `table` writes the recorded runs.

mod scenario;
mod table;
mod tool;

use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use envcache_tests::{Environment, World, matrix};
use local::{Settings, valkey};

use crate::report::Section;
use crate::versions::Program;
use scenario::{Scenario, scenarios};
use tool::{Recorded, Tool};

/// Real seconds per simulated second: time passes as on AWS. The SDKs' waits and the machine's work can't be scaled, so
/// another scale would favor one of the tools.
const SCALE: f64 = 1.0;
/// The time between the starts of two trials: longer than a trial's programs take to start, so that trials don't slow each
/// other down.
const STAGGER: Duration = Duration::from_secs(4);

/// A scenario with one of the tools.
struct Trial<'a> {
    scenario: &'a Scenario,
    tool: Tool,
    world: &'a World,
    environment: Environment,
}

impl Trial<'_> {
    fn run(&self) -> Result<Recorded> {
        let Self {
            scenario,
            tool,
            world,
            environment,
        } = self;
        matrix::catch_panic(|| scenario.run(world, environment, *tool))
            .with_context(|| format!("{} with {tool}", scenario.name))
    }
}

/// Runs every scenario with each tool.
///
/// # Errors
/// Returns an error if `valkey-server` isn't installed, if the simulator can't be started, or if a tool can't be run.
pub fn run() -> Result<Section> {
    ensure!(
        valkey::is_installed(),
        "install valkey-server: {}",
        valkey::INSTALL
    );
    let (verified, others): (Vec<_>, Vec<_>) = scenarios()
        .into_iter()
        .partition(|scenario| scenario.is_verified);
    let mut recorded = {
        let world = deploy(false)?;
        let trials = others.iter().flat_map(|scenario| {
            Tool::ALL.map(|tool| Trial {
                scenario,
                tool,
                world: &world,
                environment: world.environment(),
            })
        });
        run_all(trials.collect())?
    };
    for scenario in &verified {
        recorded.extend(run_verified(scenario)?);
    }
    Ok(Section {
        marker: "comparison",
        programs: &[Program::MiniStack, Program::Python, Program::Boto3],
        text: table::write(&recorded),
    })
}

fn deploy(valkey: bool) -> Result<World> {
    let world = World::deploy_with(Settings {
        scale: SCALE,
        valkey,
        persistent: false,
    })?;
    // Runs at the same time would otherwise throttle each other.
    world.gateway().limit("ssm", "PutParameter", 1_000, 1_000.0);
    Ok(world)
}

/// Runs a scenario on a stack that verifies endpoints. A stack is in one network, so the scenario has its own deployment.
fn run_verified(scenario: &Scenario) -> Result<Vec<Recorded>> {
    let mut world = deploy(true)?;
    let environments = Tool::ALL.map(|tool| (tool, world.environment()));
    for (tool, environment) in &environments {
        if *tool == Tool::Envcache {
            world.redeploy(&environment.network.verification_parameters())?;
        }
    }
    let trials = environments.map(|(tool, environment)| Trial {
        scenario,
        tool,
        world: &world,
        environment,
    });
    run_all(trials.into())
}

/// Runs trials, each shortly after the one before: they mostly wait. Returns their records in order.
fn run_all(trials: Vec<Trial<'_>>) -> Result<Vec<Recorded>> {
    thread::scope(|scope| {
        let mut running = Vec::new();
        for trial in trials {
            running.push(scope.spawn(move || trial.run()));
            sleep(STAGGER);
        }
        running
            .into_iter()
            .map(|trial| trial.join().map_err(|_| anyhow!("a trial panicked"))?)
            .collect()
    })
}
