//! A model of two runs and the record: every interleaving of their rounds, with lost replies, a stopped holder, and a
//! redrive. It runs the decision itself; what is around it is modeled as the state machines do it.

use std::collections::HashSet;

use contract::claim::ClaimEnvironmentInput;
use serde_json::json;

use crate::decide::{Decision, HolderStatus, IN_FLIGHT_SECONDS, Write, decide};
use crate::record::Record;

/// Where a run is. Each is left in one atomic step.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Before `ClaimEnvironment` reads the record.
    Claims,
    /// It has decided by the record that it read, and has not written yet.
    Writes(Box<(Record, Decision)>),
    /// In `WaitForClaim`, for so many seconds.
    Waits(u32),
    /// Before `ConfirmClaim`.
    Confirms,
    /// A function of it is at work on the environment's resources.
    Works,
    /// Before `ReleaseEnvironment`.
    Releases,
    /// It has ended by itself.
    Ends(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Worked,
    Superseded,
    LostItsClaim,
}

/// What may still happen to a run, each once.
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
    /// The seconds that it has waited since it took a claim over.
    since_take_over: Option<u32>,
    /// Whether a function that it invoked before it was stopped may still write.
    is_in_flight: bool,
}

impl Run {
    const fn new() -> Self {
        Self {
            phase: Phase::Claims,
            is_stopped: false,
            to_come: Accidents {
                stop: true,
                redrive: true,
                lost_reply: true,
            },
            seconds_waited: 0,
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
    /// When each was requested.
    requested_at: [i64; 2],
}

const NAMES: [&str; 2] = ["run-0", "run-1"];
/// Longer waits bring nothing new: the deadline and the 60 seconds of a holder that isn't returned lie below.
const MOST_SECONDS: u32 = 240;

impl World {
    fn input(&self, run: usize) -> ClaimEnvironmentInput {
        serde_json::from_value(json!({
            "environment": "bandup",
            "execution": NAMES[run],
            "executionArn": NAMES[run],
            "startedAt": self.requested_at[run],
            "secondsWaited": self.runs[run].seconds_waited,
            "request": { "remove": {
                "environment": "bandup",
                "names": { "cacheName": "c", "subnetGroupName": "s", "parameterPrefix": "/p" },
                "finalSnapshot": false,
            } },
        }))
        .expect("the message")
    }

    /// What Step Functions may say about the other run, if that holds the environment. A run that has only just started
    /// may not be returned for a minute.
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
        if self.runs[run].seconds_waited < 60 {
            answers.push(Some(HolderStatus::NotReturned));
        }
        answers
    }

    /// Every world that one step of a run leads to.
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
            Phase::Claims => {
                for holder in self.answers(run) {
                    match decide(&self.input(run), &self.record, holder) {
                        Ok(Decision::Superseded(_)) => {
                            next.push(with(Phase::Ends(End::Superseded)));
                        }
                        Ok(Decision::Wait { seconds, .. }) => {
                            next.push(with(Phase::Waits(seconds)));
                        }
                        Ok(decision) => {
                            let read = self.record.clone();
                            next.push(with(Phase::Writes(Box::new((read, decision)))));
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            Phase::Writes(decided) => next.extend(self.write(run, &decided.0, &decided.1)),
            Phase::Waits(seconds) => {
                let mut world = with(Phase::Claims);
                let waiting = &mut world.runs[run];
                waiting.seconds_waited += seconds;
                waiting.since_take_over = waiting.since_take_over.map(|since| since + seconds);
                if waiting.since_take_over >= Some(IN_FLIGHT_SECONDS) {
                    world.end_functions_of(1 - run);
                }
                if world.runs[run].seconds_waited <= MOST_SECONDS {
                    next.push(world);
                }
            }
            Phase::Confirms => {
                let is_ours = self.record.holder.as_deref() == Some(NAMES[run]);
                next.push(with(if is_ours {
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

    /// A function that was at work when the claim was taken over has ended by now, by Lambda's timeout at the latest.
    fn end_functions_of(&mut self, run: usize) {
        let run = &mut self.runs[run];
        run.is_in_flight = false;
        if run.phase == Phase::Works {
            run.phase = Phase::Confirms;
        }
    }

    /// The write on the condition that the record is still the one that was read. Its reply may be lost: then
    /// `ClaimEnvironment` is tried again, with the same seconds waited.
    fn write(&self, run: usize, read: &Record, decision: &Decision) -> Vec<Self> {
        let mut world = self.clone();
        let is_as_read = world.record.holder == read.holder && world.record.version == read.version;
        if !is_as_read {
            world.runs[run].phase = Phase::Claims;
            return vec![world];
        }
        world.record.holder = Some(NAMES[run].to_owned());
        world.record.version = Some(read.version.unwrap_or_default() + 1);
        let phase = match decision {
            Decision::Claim(_, Some(Write::Remove { requested_at })) => {
                world.record.requested_at = Some(*requested_at);
                world.record.taken_over_at = None;
                Phase::Confirms
            }
            Decision::TakeOver { .. } => {
                world.record.taken_over_at = Some(world.runs[run].seconds_waited);
                world.runs[run].since_take_over = Some(0);
                Phase::Waits(IN_FLIGHT_SECONDS)
            }
            other => panic!("{other:?} writes nothing"),
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

    /// Every world that a person or an accident leads to: a run is stopped, or redriven.
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
                // The redriven run repeats the call that its function may still be making, and holds the claim for it.
                redriven.is_in_flight = false;
                // A redrive begins the stopped state anew. That of a step is known to run once more without a look at
                // the claim (docs/one-run-at-a-time.md), so it is taken as stopped one state earlier.
                redriven.phase = match redriven.phase.clone() {
                    Phase::Writes(..) => Phase::Claims,
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

    /// What may never be.
    fn check(&self) {
        let works = |run: usize| self.runs[run].phase == Phase::Works && !self.runs[run].is_stopped;
        assert!(!(works(0) && works(1)), "two holders at a time: {self:#?}");
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

    /// Lets every run that isn't stopped go on, one after the other, and checks that each ends: a claim that were lost
    /// would keep one waiting.
    fn check_that_all_end(&self) {
        let mut world = self.clone();
        // The holder first: the other one waits for it.
        let first = usize::from(world.record.holder.as_deref() == Some(NAMES[1]));
        for run in [first, 1 - first] {
            for _ in 0..100 {
                let Some(next) = world.steps(run).into_iter().next() else {
                    break;
                };
                world = next;
            }
            let found = &world.runs[run];
            let gave_up = found.seconds_waited + IN_FLIGHT_SECONDS > MOST_SECONDS;
            assert!(
                found.is_over() || gave_up,
                "it waits for ever, from {self:#?}"
            );
        }
    }
}

/// Returns how many worlds were visited.
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
            open.extend(world.all_next());
        }
    }
    seen.len()
}

#[test]
fn at_most_one_run_holds_an_environment_and_no_claim_is_lost() {
    for requested_at in [[1, 1], [1, 2], [2, 1]] {
        let visited = explore(requested_at);

        assert!(visited > 1_000, "{requested_at:?}: only {visited} worlds");
    }
}
