//! Runs a tool, and records the result.

use std::fmt;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use envcache_tests::{Environment, World, resources, text};
use local::Workspace;
use serde_json::{Value, json};

use super::scenario::Scenario;
use crate::peers;

const SCRIPT: &str = "bench/peers/provision.py";
/// How long envcache may take, in real time: for two creations, and for every retry.
const RUN_TIMEOUT: Duration = Duration::from_mins(45);

/// What provisions the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Envcache,
    Script,
}

impl Tool {
    pub const ALL: [Self; 2] = [Self::Envcache, Self::Script];
    /// The name under which the script's calls are recorded.
    pub const PEER: &str = "Peer";

    /// Returns the step that publishes.
    const fn publisher(self) -> &'static str {
        match self {
            Self::Envcache => "PublishEndpoint",
            Self::Script => Self::PEER,
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Envcache => "envcache",
            Self::Script => "boto3",
        })
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub scenario: String,
    /// Whether nothing happens to the tool.
    pub is_undisturbed: bool,
    pub tool: Tool,
    /// How the tool ended.
    pub result: String,
    /// When the run ended, in seconds after its start.
    pub seconds: f64,
    /// The seconds until the endpoint was published, without the creation; none if it wasn't, or if there was no creation.
    pub beyond_creation: Option<f64>,
    pub calls: usize,
    /// The cache's status, and the number of parameters.
    pub left: String,
    /// How ElastiCache describes the cache and its members, without what belongs to the environment; none unless the cache is
    /// available.
    pub cache: Option<Value>,
}

/// When a run started, and how many calls the environment's tools had made by then.
pub struct Start {
    seconds: f64,
    calls: usize,
}

impl Start {
    /// Starts a record.
    pub fn now(world: &World, environment: &Environment) -> Self {
        Self {
            seconds: world.gateway().now(),
            calls: environment.fault_scope.calls().len(),
        }
    }
}

impl Tool {
    /// Runs the tool until it ends.
    ///
    /// # Errors
    /// Returns an error if it can't be started.
    pub fn run(
        self,
        world: &World,
        environment: &Environment,
        scenario: &Scenario,
    ) -> Result<Recorded> {
        self.run_since(
            &Start::now(world, environment),
            world,
            environment,
            scenario,
        )
    }

    /// Runs the tool until it ends, and records everything since an earlier start.
    ///
    /// # Errors
    /// Returns an error if it can't be started.
    pub fn run_since(
        self,
        start: &Start,
        world: &World,
        environment: &Environment,
        scenario: &Scenario,
    ) -> Result<Recorded> {
        let scope = &environment.fault_scope;
        let (has_succeeded, result) = match self {
            Self::Envcache => {
                let execution = world.start(&environment.request());
                let ended = world.wait_at_most(&execution, RUN_TIMEOUT);
                let is_success = ended.status == "SUCCEEDED";
                (is_success, outcome(is_success, &ended.error, &ended.cause))
            }
            Self::Script => Peer::start(world, environment)?.wait()?,
        };
        let end = world.gateway().now();
        let published = scope.call_times(self.publisher(), "PutParameter");
        let published = published.last().filter(|_| has_succeeded);
        Ok(Recorded {
            scenario: scenario.name.clone(),
            is_undisturbed: scenario.is_undisturbed(),
            tool: self,
            result,
            seconds: end - start.seconds,
            beyond_creation: published
                .zip(scenario.creation_seconds())
                .map(|(published, creation)| published - start.seconds - creation),
            calls: scope.calls().len() - start.calls,
            left: left(world, environment),
            cache: available_cache(world, environment)?,
        })
    }
}

fn outcome(is_success: bool, error: &str, cause: &str) -> String {
    if is_success {
        "succeeded".to_owned()
    } else {
        format!("{error}: {cause}")
    }
}

/// Describes what the tool has left.
fn left(world: &World, environment: &Environment) -> String {
    let status = environment.cache(world).map_or_else(
        |_| "no cache".to_owned(),
        |cache| format!("cache {}", text(&cache["Status"])),
    );
    match environment.parameters(world).len() {
        0 => format!("{status}, nothing published"),
        count => format!("{status}, {count} parameters"),
    }
}

fn available_cache(world: &World, environment: &Environment) -> Result<Option<Value>> {
    let mut found = resources::of(environment, world)?;
    let [group, members] = ["group", "members"].map(|part| found["cache"][part].take());
    Ok((group["Status"] == "available").then(|| json!([group, members])))
}

/// The running script.
pub struct Peer(Child);

impl Peer {
    /// Starts the script.
    ///
    /// # Errors
    /// Returns an error if its interpreter isn't installed.
    pub fn start(world: &World, environment: &Environment) -> Result<Self> {
        let python = peers::python();
        let mut command = Command::new(&python);
        let mut process = world
            .direct(&mut command)
            .arg(Workspace::root().join(SCRIPT))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {}. Run `make bench`", python.display()))?;
        let mut stdin = process
            .stdin
            .take()
            .context("the script has no stdin pipe")?;
        write!(stdin, "{}", environment.request())?;
        Ok(Self(process))
    }

    /// Kills the script.
    ///
    /// # Errors
    /// Returns an error if it can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Waits until the script ends. Returns whether it succeeded, and the result.
    fn wait(self) -> Result<(bool, String)> {
        let output = self.0.wait_with_output()?;
        let printed = String::from_utf8_lossy(&output.stderr);
        let error = printed.lines().rev().find(|line| !line.trim().is_empty());
        let is_success = output.status.success();
        let result = match error {
            Some(error) if !is_success => error.to_owned(),
            _ => outcome(is_success, "failed", "without an error"),
        };
        Ok((is_success, result))
    }
}
