//! What happens to a tool while it provisions a cache.

use std::time::Duration;

use anyhow::{Result, ensure};
use envcache_tests::{Environment, World};
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};

use super::tool::{Peer, Recorded, Start, Tool};
use crate::distribution::{DRAWS, LogNormal, SEED};

/// How long ElastiCache takes for the cache in most scenarios, in seconds.
const CREATION_SECONDS: f64 = 360.0;
/// How long it takes for a cache that doesn't answer, in seconds. Only what follows matters.
const SILENT_CREATION_SECONDS: f64 = 60.0;
/// The creation times of the scenarios without a fault, as percentiles of the distribution that `polling` draws from: the
/// middles of fifths. A poller's delay depends on when the cache becomes available.
const CREATION_PERCENTILES: [usize; 5] = [10, 30, 50, 70, 90];
/// The attempts of each call that a storm throttles.
const STORMS: [u32; 4] = [2, 4, 8, 12];
/// The calls that a storm throttles, each with envcache's step that makes it: the request for the cache, the polls, and the
/// publication.
const THROTTLED: [(&str, &str); 3] = [
    ("EnsureReplicationGroup", "CreateReplicationGroup"),
    ("CheckReplicationGroup", "DescribeReplicationGroups"),
    ("PublishEndpoint", "PutParameter"),
];
/// How long the script may take until the call after which it is killed, in real time.
const KILL_TIMEOUT: Duration = Duration::from_mins(2);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// Nothing.
    Nothing,
    /// The tool runs again after it has succeeded.
    Again,
    /// AWS throttles this number of attempts of each call.
    Storm(u32),
    /// The process that requested the cache is killed.
    Kill,
    /// The first creation fails.
    CreateFailed,
    /// envcache verifies the endpoint, which answers.
    Verified,
    /// envcache verifies the endpoint. The cache is available, but nothing answers there.
    Silent,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// Whether envcache verifies the endpoint.
    pub is_verified: bool,
    event: Event,
    creation_seconds: f64,
}

/// Returns all scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let scenario = |name: String, event| Scenario {
        name,
        is_verified: matches!(event, Event::Verified | Event::Silent),
        event,
        creation_seconds: CREATION_SECONDS,
    };
    let mut all: Vec<_> = creation_times()
        .into_iter()
        .map(|creation_seconds| Scenario {
            creation_seconds,
            ..scenario(
                format!("a creation of {creation_seconds:.0} s"),
                Event::Nothing,
            )
        })
        .collect();
    all.push(scenario("the same again".to_owned(), Event::Again));
    all.extend(STORMS.into_iter().map(|attempts| {
        let name = format!("AWS throttles the first {attempts} attempts of three calls");
        scenario(name, Event::Storm(attempts))
    }));
    all.push(scenario(
        "killed after it has requested the cache".to_owned(),
        Event::Kill,
    ));
    all.push(scenario(
        "the first creation ends as `create-failed`".to_owned(),
        Event::CreateFailed,
    ));
    all.push(scenario("the endpoint answers".to_owned(), Event::Verified));
    all.push(Scenario {
        creation_seconds: SILENT_CREATION_SECONDS,
        ..scenario("the endpoint doesn't answer".to_owned(), Event::Silent)
    });
    all
}

/// Returns the creation times at `CREATION_PERCENTILES`, in whole seconds.
fn creation_times() -> [f64; 5] {
    let mut times = LogNormal::fitted().draws(DRAWS, SEED);
    times.sort_by(f64::total_cmp);
    CREATION_PERCENTILES.map(|percentage| times[times.len() * percentage / 100].round())
}

impl Scenario {
    /// Runs the scenario.
    ///
    /// # Errors
    /// Returns an error if the tool can't be run, or if it couldn't be killed.
    pub fn run(&self, world: &World, environment: &Environment, tool: Tool) -> Result<Recorded> {
        self.set_lifecycles(world, environment);
        self.inject(environment, tool);
        match (self.event, tool) {
            (Event::Again, _) => {
                tool.run(world, environment, self)?;
                tool.run(world, environment, self)
            }
            (Event::Kill, Tool::Script) => {
                let start = Start::now(world, environment);
                let mut first = Peer::start(world, environment)?;
                // The call after the request: the script waits.
                let waits = environment.fault_scope.wait(
                    Tool::PEER,
                    "DescribeReplicationGroups",
                    KILL_TIMEOUT,
                );
                first.kill()?;
                ensure!(waits, "the script never waited");
                let recorded = tool.run_since(&start, world, environment, self)?;
                Ok(Recorded {
                    result: format!("killed, and started again at once: {}", recorded.result),
                    ..recorded
                })
            }
            _ => tool.run(world, environment, self),
        }
    }

    /// Returns whether nothing happens to the tool.
    pub fn is_undisturbed(&self) -> bool {
        self.event == Event::Nothing
    }

    /// Returns how long the creation takes that the tool has to wait for; none unless exactly one cache is created and
    /// published.
    pub fn creation_seconds(&self) -> Option<f64> {
        match self.event {
            Event::Nothing | Event::Storm(_) | Event::Kill | Event::Verified => {
                Some(self.creation_seconds)
            }
            Event::Again | Event::CreateFailed | Event::Silent => None,
        }
    }

    fn set_lifecycles(&self, world: &World, environment: &Environment) {
        let lifecycle = Lifecycle {
            creating: self.creation_seconds,
            ..Lifecycle::default()
        };
        let first = match self.event {
            Event::CreateFailed => Lifecycle {
                outcome: Outcome::Failed {
                    reason: "There is not enough capacity for the node type".to_owned(),
                },
                ..lifecycle.clone()
            },
            Event::Silent => Lifecycle {
                answers: false,
                ..lifecycle.clone()
            },
            _ => lifecycle.clone(),
        };
        environment.set_lifecycle(world, first);
        if self.event == Event::CreateFailed {
            environment.set_lifecycle(world, lifecycle);
        }
    }

    fn inject(&self, environment: &Environment, tool: Tool) {
        let inject = |step: &str, operation: &str, when, fault| {
            environment.fault_scope.inject(Rule {
                step: step.to_owned(),
                operation: operation.to_owned(),
                when,
                fault,
            });
        };
        match (self.event, tool) {
            (Event::Storm(attempts), Tool::Script) => {
                for (_, operation) in THROTTLED {
                    inject(
                        Tool::PEER,
                        operation,
                        When::First(attempts),
                        Fault::Throttled,
                    );
                }
            }
            (Event::Storm(attempts), Tool::Envcache) => {
                for (step, operation) in THROTTLED {
                    inject(step, operation, When::First(attempts), Fault::Throttled);
                }
            }
            (Event::Kill, Tool::Envcache) => inject(
                "EnsureReplicationGroup",
                "CreateReplicationGroup",
                When::First(1),
                Fault::KilledAfter,
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Event, creation_times, scenarios};
    use crate::distribution::LogNormal;

    #[test]
    fn scenarios_have_distinct_names_and_two_are_verified() {
        let scenarios = scenarios();

        let names: BTreeSet<_> = scenarios.iter().map(|scenario| &scenario.name).collect();
        assert_eq!(names.len(), scenarios.len());
        let verified = scenarios.iter().filter(|scenario| scenario.is_verified);
        assert!(
            verified
                .map(|scenario| scenario.event)
                .eq([Event::Verified, Event::Silent])
        );
    }

    #[test]
    fn creation_times_are_those_of_the_distribution() {
        let times = creation_times();

        assert!(times.is_sorted(), "{times:?}");
        let median = LogNormal::fitted().median;
        assert!((times[2] - median).abs() < 2.0, "{times:?}");
    }
}
