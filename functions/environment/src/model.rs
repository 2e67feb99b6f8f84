//! A model of two runs and a record. It visits every interleaving of their steps, with lost replies, stopped runs, and
//! redriven ones. It calls `decide`; everything else models the state machines.
//!
//! Both runs plan before they claim, as a provisioning run does. A removal has no plan; its interleavings are included.

use std::collections::HashSet;
use std::sync::LazyLock;

use contract::message::{ClaimEnvironmentInput, WaitedFor};
use record::Record;
use serde_json::json;

use crate::decide::{Decision, HolderStatus, IN_FLIGHT_SECONDS, decide};

/// The phase of a run. It leaves each phase in one atomic step.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Before `PlanEnvironment` reads the record.
    Plans,
    /// Before `ClaimEnvironment` reads the record.
    Claims,
    /// It has read the record and decided, but hasn't written yet.
    Writes(Write),
    /// In `WaitForClaim`, for this many seconds.
    Waits(u32),
    /// Before `ConfirmClaim`.
    Confirms,
    /// One of its functions changes the environment's resources.
    Works,
    /// Before `ReleaseEnvironment`.
    Releases,
    /// It has ended by itself.
    Ends(End),
}

/// A write on the condition that the record still has the holder and the version that the run has read.
#[derive(Clone, Debug, PartialEq)]
struct Write {
    holder: Option<String>,
    version: Option<u64>,
    /// Whether it takes the claim over. Otherwise, it claims.
    takes_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Worked,
    Superseded,
    LostItsClaim,
}

/// What may still happen to a run. Each happens at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accidents {
    stop: bool,
    redrive: bool,
    lost_reply: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Run {
    phase: Phase,
    is_stopped: bool,
    to_come: Accidents,
    seconds_waited: u32,
    /// The holder that it waits for, as its state machine keeps it.
    waited_for: Option<WaitedFor>,
    /// How many seconds the other run had waited when this one claimed the environment.
    claimed_at: u32,
    /// How many seconds it has waited since it took the claim over.
    since_take_over: Option<u32>,
    /// Whether a function that it had invoked before it was stopped may still write.
    is_in_flight: bool,
}

impl Run {
    const fn new() -> Self {
        Self {
            phase: Phase::Plans,
            is_stopped: false,
            to_come: Accidents {
                stop: true,
                redrive: true,
                lost_reply: true,
            },
            seconds_waited: 0,
            waited_for: None,
            claimed_at: 0,
            since_take_over: None,
            is_in_flight: false,
        }
    }

    const fn is_over(&self) -> bool {
        self.is_stopped || matches!(self.phase, Phase::Ends(_))
    }
}

#[derive(Clone, Debug)]
struct World {
    record: Record,
    runs: [Run; 2],
    /// When each run was requested.
    requested_at: [i64; 2],
}

/// A request that only a newer one supersedes. It is read from JSON once, because the model decides very often.
static INPUT: LazyLock<ClaimEnvironmentInput> = LazyLock::new(|| {
    serde_json::from_value(json!({
        "environment": "bandup",
        "execution": "run",
        "executionArn": "run",
        "startedAt": 0,
        "secondsWaited": 0,
        "waitedFor": null,
        "plan": false,
        "request": { "remove": {
            "environment": "bandup",
            "names": {
                "cacheName": "c",
                "securityGroupName": "g",
                "subnetGroupName": "s",
                "parameterPrefix": "/p"
            },
            "finalSnapshot": false
        } }
    }))
    .expect("the message")
});

const NAMES: [&str; 2] = ["run-0", "run-1"];
/// Longer waits lead to no other decision: the 60 seconds in which Step Functions may not return a holder are over.
/// Only the deadline of 90 minutes is longer.
const MOST_SECONDS: u32 = 240;

impl World {
    fn input(&self, run: usize) -> ClaimEnvironmentInput {
        ClaimEnvironmentInput {
            execution_arn: NAMES[run].to_owned(),
            started_at: self.requested_at[run],
            seconds_waited: self.runs[run].seconds_waited,
            waited_for: self.runs[run].waited_for.clone(),
            plan: self.runs[run].phase == Phase::Plans,
            ..INPUT.clone()
        }
    }

    /// Returns the statuses that Step Functions may return for the other run if that one holds the environment. It may
    /// not return a run for the first minute. A run may claim as soon as it starts, so that minute begins with its
    /// claim, regardless of how long this one has waited by then.
    fn answers(&self, run: usize) -> Vec<Option<HolderStatus>> {
        let other = 1 - run;
        if self.record.holder.as_deref() != Some(NAMES[other]) {
            return vec![None];
        }
        let status = if self.runs[other].is_over() {
            HolderStatus::Ended
        } else {
            HolderStatus::Running
        };
        let mut answers = vec![Some(status)];
        if self.runs[run].seconds_waited - self.runs[other].claimed_at < 60 {
            answers.push(Some(HolderStatus::NotReturned));
        }
        answers
    }

    /// Returns every world that one step of a run leads to.
    fn steps(&self, run: usize) -> Vec<Self> {
        let mut next = Vec::new();
        if self.runs[run].is_stopped {
            return next;
        }
        let with = |phase: Phase| {
            let mut world = self.clone();
            world.runs[run].phase = phase;
            world
        };
        match &self.runs[run].phase {
            reads @ (Phase::Plans | Phase::Claims) => {
                for holder in self.answers(run) {
                    let decision = decide(&self.input(run), &self.record, holder);
                    let decision = decision.expect("no reason to fail");
                    let waits_for = match &decision {
                        Decision::Wait { waited_for, .. } => waited_for.clone(),
                        _ => self.runs[run].waited_for.clone(),
                    };
                    let mut world = with(match decision {
                        Decision::Superseded(_) => Phase::Ends(End::Superseded),
                        Decision::Wait { seconds, .. } => Phase::Waits(seconds),
                        Decision::Claim(_) | Decision::TakeOver { .. }
                            if *reads == Phase::Plans =>
                        {
                            Phase::Claims
                        }
                        decision => Phase::Writes(Write {
                            holder: self.record.holder.clone(),
                            version: self.record.version,
                            takes_over: matches!(decision, Decision::TakeOver { .. }),
                        }),
                    });
                    world.runs[run].waited_for = waits_for;
                    next.push(world);
                }
            }
            Phase::Writes(write) => next.extend(self.write(run, write)),
            Phase::Waits(seconds) => {
                let mut world = with(Phase::Plans);
                let waiting = &mut world.runs[run];
                waiting.seconds_waited += seconds;
                waiting.since_take_over = waiting.since_take_over.map(|since| since + seconds);
                if waiting.since_take_over >= Some(IN_FLIGHT_SECONDS) {
                    world.end_functions_of(1 - run);
                }
                next.push(world);
            }
            Phase::Confirms => {
                let is_holder = self.record.holder.as_deref() == Some(NAMES[run]);
                next.push(with(if is_holder {
                    Phase::Works
                } else {
                    Phase::Ends(End::LostItsClaim)
                }));
            }
            Phase::Works => next.push(with(Phase::Releases)),
            Phase::Releases => {
                let mut world = with(Phase::Ends(End::Worked));
                if world.record.holder.as_deref() == Some(NAMES[run]) {
                    world.record.holder = None;
                }
                next.push(world);
            }
            Phase::Ends(_) => {}
        }
        next
    }

    /// Ends the function that a run had invoked before the other one took the claim over. Lambda's timeout has ended it
    /// by now.
    fn end_functions_of(&mut self, run: usize) {
        let run = &mut self.runs[run];
        run.is_in_flight = false;
        if run.phase == Phase::Works {
            run.phase = Phase::Confirms;
        }
    }

    /// Writes if the record is still as the run has read it; otherwise, the run decides by the new record. If the
    /// reply is lost, the state machine retries `ClaimEnvironment` with the same number of seconds waited.
    fn write(&self, run: usize, write: &Write) -> Vec<Self> {
        let mut world = self.clone();
        let is_as_read =
            world.record.holder == write.holder && world.record.version == write.version;
        if !is_as_read {
            world.runs[run].phase = Phase::Claims;
            return vec![world];
        }
        if world.record.holder.as_deref() != Some(NAMES[run]) {
            world.runs[run].claimed_at = world.runs[1 - run].seconds_waited;
        }
        world.record.holder = Some(NAMES[run].to_owned());
        world.record.version = Some(write.version.unwrap_or_default() + 1);
        let phase = if write.takes_over {
            world.record.taken_over_at = Some(world.runs[run].seconds_waited);
            world.runs[run].since_take_over = Some(0);
            world.runs[run].waited_for = None;
            Phase::Waits(IN_FLIGHT_SECONDS)
        } else {
            world.record.requested_at = Some(self.requested_at[run]);
            world.record.taken_over_at = None;
            Phase::Confirms
        };
        let mut answered = world.clone();
        answered.runs[run].phase = phase;
        let mut next = vec![answered];
        if world.runs[run].to_come.lost_reply {
            world.runs[run].to_come.lost_reply = false;
            world.runs[run].phase = Phase::Claims;
            next.push(world);
        }
        next
    }

    /// Returns every world in which a user has just stopped or redriven a run.
    fn accidents(&self) -> Vec<Self> {
        let mut next = Vec::new();
        for run in 0..2 {
            let found = &self.runs[run];
            if found.to_come.stop && !found.is_over() {
                let mut world = self.clone();
                let stopped = &mut world.runs[run];
                stopped.to_come.stop = false;
                stopped.is_stopped = true;
                stopped.is_in_flight = stopped.phase == Phase::Works;
                next.push(world);
            }
            if found.is_stopped && found.to_come.redrive {
                let mut world = self.clone();
                let redriven = &mut world.runs[run];
                redriven.to_come.redrive = false;
                redriven.is_stopped = false;
                // The run repeats the call that its former function may still be making, and holds the claim for both.
                redriven.is_in_flight = false;
                // A redrive repeats the state in which the run was stopped. A state that changes resources doesn't
                // check the claim first, which is documented (docs/concurrency.md). The model excludes that case: it
                // treats such a run as stopped one state earlier.
                redriven.phase = match redriven.phase.clone() {
                    Phase::Writes(_) => Phase::Claims,
                    Phase::Works => Phase::Confirms,
                    phase => phase,
                };
                next.push(world);
            }
        }
        next
    }

    fn all_next(&self) -> Vec<Self> {
        (0..2)
            .flat_map(|run| self.steps(run))
            .chain(self.accidents())
            .collect()
    }

    fn is_worth_visiting(&self) -> bool {
        self.runs
            .iter()
            .all(|run| run.seconds_waited <= MOST_SECONDS)
    }

    /// Checks what must hold in every world.
    fn check(&self) {
        let works = |run: usize| self.runs[run].phase == Phase::Works && !self.runs[run].is_stopped;
        assert!(!(works(0) && works(1)), "two runs work at once: {self:#?}");
        for run in &self.runs {
            assert!(
                run.phase != Phase::Ends(End::LostItsClaim) || !run.to_come.stop,
                "a run that was never stopped has lost its claim: {self:#?}"
            );
        }
        for run in 0..2 {
            assert!(
                !(works(run) && self.runs[1 - run].is_in_flight),
                "a function of the former holder may still write: {self:#?}"
            );
        }
    }

    /// Checks that each run that isn't stopped ends if the runs continue one after the other. A claim that is never
    /// released or taken over would make a run wait forever.
    fn check_that_all_end(&self) {
        let mut world = self.clone();
        // The holder is first, because the other one waits for it.
        let first = usize::from(world.record.holder.as_deref() == Some(NAMES[1]));
        for run in [first, 1 - first] {
            for _ in 0..100 {
                let Some(next) = world.steps(run).into_iter().next() else {
                    break;
                };
                world = next;
            }
            assert!(
                world.runs[run].is_over(),
                "it waits forever, from {self:#?}"
            );
        }
    }
}

/// Visits every world and returns how many there are.
fn explore(requested_at: [i64; 2]) -> usize {
    let first = World {
        record: Record::default(),
        runs: [Run::new(), Run::new()],
        requested_at,
    };
    let mut seen = HashSet::new();
    let mut open = vec![first];
    while let Some(world) = open.pop() {
        if seen.insert(format!("{:?}{:?}", world.record, world.runs)) {
            world.check();
            world.check_that_all_end();
            open.extend(
                world
                    .all_next()
                    .into_iter()
                    .filter(World::is_worth_visiting),
            );
        }
    }
    seen.len()
}

#[test]
fn at_most_one_run_works_when_two_runs_interleave() {
    for requested_at in [[1, 1], [1, 2], [2, 1]] {
        let visited = explore(requested_at);

        assert!(visited > 1_000, "{requested_at:?}: only {visited} worlds");
    }
}
