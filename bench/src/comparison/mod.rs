//! Provisions the same cache with envcache and with a boto3 script, on the same simulator with the same creation times.
//!
//! `tool` runs both; `scenario` describes what happens to them; `table` writes the recorded runs.

mod scenario;
mod table;
mod tool;

use std::collections::BTreeMap;
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
/// Returns an error if `valkey-server` isn't installed, if the simulator can't be started, if a tool can't be run, or if
/// the tools created caches that differ.
pub fn run() -> Result<Section> {
    ensure!(
        valkey::is_installed(),
        "install valkey-server: {}",
        valkey::INSTALL
    );
    let scenarios = scenarios();
    let (verified, others): (Vec<_>, Vec<_>) =
        scenarios.iter().partition(|scenario| scenario.is_verified);
    let world = deploy(false)?;
    let deployed = verified.iter().map(|_| deploy_with_verification());
    let (worlds, environments): (Vec<_>, Vec<_>) =
        deployed.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let mut trials = Vec::new();
    for scenario in others {
        trials.extend(Tool::ALL.map(|tool| Trial {
            scenario,
            tool,
            world: &world,
            environment: world.environment(),
        }));
    }
    for ((scenario, world), environment) in verified.into_iter().zip(&worlds).zip(environments) {
        let with = |tool, environment| Trial {
            scenario,
            tool,
            world,
            environment,
        };
        trials.push(with(Tool::Envcache, environment));
        trials.push(with(Tool::Script, world.environment()));
    }
    let recorded = run_all(trials)?;
    check_caches(&recorded)?;
    Ok(Section {
        marker: "comparison",
        programs: &[Program::MiniStack, Program::Python, Program::Boto3],
        text: table::write(&recorded),
    })
}

/// Checks that without a fault, both tools create a cache, and that in each scenario, the tools' caches are equal if both
/// exist.
fn check_caches(recorded: &[Recorded]) -> Result<()> {
    let mut by_scenario: BTreeMap<&str, &Recorded> = BTreeMap::new();
    for run in recorded {
        let Some(cache) = &run.cache else {
            ensure!(
                !run.is_undisturbed,
                "{}: {} has no available cache: {}",
                run.scenario,
                run.tool,
                run.result
            );
            continue;
        };
        let first = by_scenario.entry(&run.scenario).or_insert(run);
        ensure!(
            first.cache.as_ref() == Some(cache),
            "{}: {} created {:?}, {} created {cache}",
            run.scenario,
            first.tool,
            first.cache,
            run.tool
        );
    }
    Ok(())
}

fn deploy(valkey: bool) -> Result<World> {
    let world = World::deploy_with(Settings {
        scale: SCALE,
        valkey,
        persistent: false,
        functions_at_once: None,
    })?;
    // Runs at the same time would otherwise throttle each other.
    world.gateway().limit("ssm", "PutParameter", 1_000, 1_000.0);
    Ok(world)
}

/// Deploys a stack that verifies endpoints. Returns it with the environment that it can verify: the function is in one
/// network.
fn deploy_with_verification() -> Result<(World, Environment)> {
    let mut world = deploy(true)?;
    let environment = world.environment();
    world.redeploy(&environment.network.verification_parameters())?;
    Ok((world, environment))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check_caches;
    use super::table::tests::recorded;
    use super::tool::{Recorded, Tool};

    #[test]
    fn caches_of_a_scenario_must_be_equal() {
        let [one, other] = [6379, 6380].map(|port| Some(json!({ "Port": port })));
        let cases = [
            (one.clone(), one.clone(), true, true),
            (one.clone(), other, true, false),
            // One of the tools failed.
            (one.clone(), None, true, false),
            (one, None, false, true),
        ];
        for (envcache, script, is_undisturbed, is_accepted) in cases {
            let runs = [(Tool::Envcache, envcache), (Tool::Script, script)].map(|(tool, cache)| {
                Recorded {
                    is_undisturbed,
                    cache,
                    ..recorded(tool, None)
                }
            });

            assert_eq!(check_caches(&runs).is_ok(), is_accepted, "{runs:?}");
        }
    }
}
