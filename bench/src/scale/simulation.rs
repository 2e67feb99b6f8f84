//! A discrete-event simulation of many environments that are requested at once.
//!
//! It uses the functions' poll schedule, the retry policies of the definition, and the rate limits of the simulator. It
//! simulates more environments than the simulator can run, and this machine's speed doesn't affect its results.

mod clockwork;

use std::collections::BTreeMap;

use fastrand::Rng;
use local::gateway::quota::Counts;
use replication_group::schedule::{deadline_seconds, next_wait};

use super::account::{Account, TRANSITIONS};
use super::recipe::{PUBLISH, Recipe, START, Step};
use clockwork::{Agenda, Limits, Pacer};

/// The duration of an AWS call, in seconds. Assumed.
const CALL_SECONDS: f64 = 0.05;
/// The duration of a function call without its AWS calls, in seconds. Assumed.
const INVOCATION_SECONDS: f64 = 0.05;
/// The attempts of the SDK, as in `shared/step/src/aws.rs`.
const SDK_ATTEMPTS: u32 = 2;
/// The attempts of the SDK in the function that starts executions, as in `functions/start-workflow/src/lib.rs`.
const START_ATTEMPTS: u32 = 5;
/// The longest wait before the SDK's second attempt, in seconds. It doubles before each further one:
/// <https://docs.aws.amazon.com/sdk-for-rust/latest/dg/retries.html>.
const SDK_BACKOFF_SECONDS: f64 = 1.0;
/// The states that a poll enters: wait, check, choose.
const POLL_TRANSITIONS: u32 = 3;
/// When Lambda calls a function again whose event failed, in seconds after the failure:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>.
const EVENT_RETRIES: [f64; 2] = [60.0, 120.0];
/// The longest wait before Lambda calls a throttled function again, in seconds, from the same page. That the second half of
/// a wait is random is assumed: Lambda doesn't read all events of its queue at the same time.
const LONGEST_EVENT_WAIT: f64 = 300.0;
/// When Lambda discards an event, in seconds, from the same page. The stack sends such an event to a queue.
const OLDEST_EVENT: f64 = 21_600.0;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Scenario<'a> {
    pub recipe: &'a Recipe,
    pub account: Account,
    pub environments: u32,
    /// How long ElastiCache takes for each cache, in seconds.
    pub creation_seconds: f64,
    pub seed: u64,
}

/// The results.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// When each published environment was published, in seconds after the events, sorted.
    pub published: Vec<f64>,
    /// The number of failed runs, by state and error.
    pub failed: BTreeMap<String, u32>,
    /// The events that started no execution.
    pub not_started: u32,
    /// The calls by operation, such as `ssm PutParameter`.
    pub calls: BTreeMap<String, Counts>,
    /// The retries of the state machine.
    pub retries: u32,
    pub transitions: u32,
    pub invocations: u32,
    /// How long all invocations of steps took together, in seconds; 0 if it wasn't measured.
    pub busy_seconds: f64,
}

impl Outcome {
    /// Returns the number of all calls, including throttled ones.
    pub fn all_calls(&self) -> u32 {
        self.calls.values().map(|counts| counts.calls).sum()
    }
}

/// Simulates the environments from their events to the end of the last run.
pub fn simulate(scenario: &Scenario<'_>) -> Outcome {
    let mut simulation = Simulation::new(scenario);
    while let Some((now, run)) = simulation.agenda.pop() {
        simulation.advance(run, now);
    }
    simulation.finish()
}

/// What a run does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Enters the states up to its step.
    Enter,
    /// Invokes the step's function, or makes the first call of its service integration.
    Invoke,
    /// Makes its next call.
    Call,
}

/// A run.
#[derive(Clone, Debug)]
struct Run {
    step: usize,
    phase: Phase,
    /// The calls of this invocation that remain, in reverse order.
    calls: Vec<PlannedCall>,
    /// When the invocation began.
    invoked_at: f64,
    sdk_attempts: u32,
    /// How many of the step's creating calls have taken effect.
    created: usize,
    /// The retries of the current step, by retrier.
    retries: Vec<u32>,
    /// The failed and the throttled starts.
    failed_starts: usize,
    throttled_starts: u32,
    /// When the execution started.
    started_at: f64,
    seconds_waited: u32,
    has_polled: bool,
    available_at: f64,
}

/// A call of an invocation.
#[derive(Clone, Copy, Debug)]
struct PlannedCall {
    limit: usize,
    creates: bool,
    creates_cache: bool,
}

struct Simulation<'a> {
    scenario: &'a Scenario<'a>,
    agenda: Agenda,
    rng: Rng,
    limits: Limits,
    /// The calls of each step.
    planned: Vec<Vec<PlannedCall>>,
    /// The call that a repeated publication makes for each parameter that exists.
    list_tags: PlannedCall,
    transitions: Pacer,
    busy_functions: u32,
    runs: Vec<Run>,
    outcome: Outcome,
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario<'a>) -> Self {
        let mut limits = Limits::new(scenario.account.clone());
        let planned = scenario
            .recipe
            .steps
            .iter()
            .map(|step| plan(step, &mut limits))
            .collect();
        let list_tags = PlannedCall {
            limit: limits.index("ssm", "ListTagsForResource"),
            creates: false,
            creates_cache: false,
        };
        let run = Run {
            step: 0,
            phase: Phase::Enter,
            calls: Vec::new(),
            invoked_at: 0.0,
            sdk_attempts: 0,
            created: 0,
            retries: Vec::new(),
            failed_starts: 0,
            throttled_starts: 0,
            started_at: f64::INFINITY,
            seconds_waited: 0,
            has_polled: false,
            available_at: f64::INFINITY,
        };
        let mut agenda = Agenda::default();
        let mut runs = Vec::new();
        for index in (0..scenario.environments).filter_map(|number| usize::try_from(number).ok()) {
            agenda.add(0.0, index);
            runs.push(run.clone());
        }
        Self {
            scenario,
            agenda,
            rng: Rng::with_seed(scenario.seed),
            limits,
            planned,
            list_tags,
            transitions: Pacer::new(TRANSITIONS.rate),
            busy_functions: 0,
            runs,
            outcome: Outcome::default(),
        }
    }

    fn finish(mut self) -> Outcome {
        self.outcome.published.sort_by(f64::total_cmp);
        self.outcome.calls = self.limits.counts();
        self.outcome
    }

    fn step(&self, run: usize) -> &'a Step {
        &self.scenario.recipe.steps[self.runs[run].step]
    }

    fn advance(&mut self, run: usize, now: f64) {
        let Run {
            phase, started_at, ..
        } = self.runs[run];
        // A function that runs at the timeout ends first, which makes no difference to the other runs.
        if phase != Phase::Call && now - started_at > self.scenario.recipe.timeout_seconds {
            let step = self.step(run);
            self.end_failed(step, "TimedOut");
            return;
        }
        match phase {
            Phase::Enter => {
                let state = &mut self.runs[run];
                state.phase = Phase::Invoke;
                state.retries.clear();
                state.created = 0;
                let transitions = if state.has_polled && state.step == self.scenario.recipe.poll {
                    POLL_TRANSITIONS
                } else {
                    self.step(run).transitions
                };
                let at = self.transition(transitions, now);
                self.agenda.add(at, run);
            }
            Phase::Invoke => self.invoke(run, now),
            Phase::Call => self.call(run, now),
        }
    }

    /// Returns when a number of transitions has been made.
    fn transition(&mut self, count: u32, now: f64) -> f64 {
        self.outcome.transitions += count;
        self.transitions.reserve(count, now)
    }

    fn invoke(&mut self, run: usize, now: f64) {
        let step = self.step(run);
        if step.by_function {
            if self.busy_functions >= self.scenario.account.lambda_concurrency {
                self.fail(run, "Lambda.TooManyRequestsException", now);
                return;
            }
            self.busy_functions += 1;
            self.outcome.invocations += 1;
        }
        let state = &mut self.runs[run];
        let planned = &self.planned[state.step];
        let of_existing = (step.name == PUBLISH).then_some(self.list_tags);
        state.calls = remaining(planned, state.created, of_existing);
        state.sdk_attempts = 0;
        state.invoked_at = now;
        state.phase = Phase::Call;
        self.agenda.add(now + INVOCATION_SECONDS, run);
    }

    fn call(&mut self, run: usize, now: f64) {
        let step = self.step(run);
        let Some(call) = self.runs[run].calls.last().copied() else {
            self.release(run, now);
            self.end_step(run, now);
            return;
        };
        let admitted = self.limits.take(call.limit, now);
        let state = &mut self.runs[run];
        if admitted {
            state.calls.pop();
            state.sdk_attempts = 0;
            state.created += usize::from(call.creates);
            if call.creates_cache {
                state.available_at = now + self.scenario.creation_seconds;
            }
            self.agenda.add(now + CALL_SECONDS, run);
            return;
        }
        state.sdk_attempts += 1;
        let attempts = if step.name == START {
            START_ATTEMPTS
        } else {
            SDK_ATTEMPTS
        };
        if step.by_function && state.sdk_attempts < attempts {
            let longest = SDK_BACKOFF_SECONDS * f64::from(1_u32 << (state.sdk_attempts - 1));
            let backoff = self.rng.f64() * longest;
            self.agenda.add(now + CALL_SECONDS + backoff, run);
        } else {
            self.release(run, now);
            self.fail(run, "Throttled", now);
        }
    }

    fn release(&mut self, run: usize, now: f64) {
        if self.step(run).by_function {
            self.busy_functions -= 1;
            self.outcome.busy_seconds += now - self.runs[run].invoked_at;
        }
    }

    /// Retries a failed step, or ends the run.
    fn fail(&mut self, run: usize, error: &str, now: f64) {
        let step = self.step(run);
        if step.name == START {
            self.fail_start(run, error, now);
            return;
        }
        let Some(index) = step
            .retriers
            .iter()
            .position(|retrier| retrier.matches(error))
        else {
            self.end_failed(step, error);
            return;
        };
        let state = &mut self.runs[run];
        state.retries.resize(step.retriers.len(), 0);
        let Some(delay) = step.retriers[index].delay(state.retries[index], &mut self.rng) else {
            self.end_failed(step, error);
            return;
        };
        state.retries[index] += 1;
        state.phase = Phase::Invoke;
        self.outcome.retries += 1;
        let at = self.transition(1, now + delay);
        self.agenda.add(at, run);
    }

    fn end_failed(&mut self, step: &Step, error: &str) {
        let key = format!("{}: {error}", step.name);
        *self.outcome.failed.entry(key).or_default() += 1;
        self.report_outcome();
    }

    /// Counts the function that reports the end of an execution, which makes no AWS calls.
    fn report_outcome(&mut self) {
        self.outcome.invocations += 1;
    }

    /// Retries an event as Lambda does.
    fn fail_start(&mut self, run: usize, error: &str, now: f64) {
        let state = &mut self.runs[run];
        state.phase = Phase::Invoke;
        let delay = if error == "Throttled" {
            let delay = EVENT_RETRIES.get(state.failed_starts).copied();
            state.failed_starts += 1;
            delay
        } else {
            let exponent = i32::try_from(state.throttled_starts).unwrap_or(i32::MAX);
            state.throttled_starts += 1;
            let longest = 2.0_f64.powi(exponent).min(LONGEST_EVENT_WAIT);
            Some(longest * f64::midpoint(1.0, self.rng.f64()))
        };
        match delay {
            Some(delay) if now + delay <= OLDEST_EVENT => self.agenda.add(now + delay, run),
            _ => self.outcome.not_started += 1,
        }
    }

    /// Continues with the next poll or the next step.
    fn end_step(&mut self, run: usize, now: f64) {
        let recipe = self.scenario.recipe;
        let step = self.step(run);
        let state = &mut self.runs[run];
        state.phase = Phase::Enter;
        if step.name == START {
            state.started_at = now;
        }
        if step.name == PUBLISH {
            self.outcome.published.push(now);
        }
        let is_poll = state.step == recipe.poll;
        state.has_polled |= is_poll;
        if !is_poll || state.available_at <= now {
            state.step += 1;
        }
        if state.step == recipe.steps.len() {
            self.outcome.transitions += recipe.closing_transitions;
            self.report_outcome();
            return;
        }
        let wait = if state.step == recipe.poll {
            let deadline = deadline_seconds(false);
            if state.seconds_waited >= deadline {
                self.end_failed(step, "Timeout");
                return;
            }
            let wait = next_wait(state.seconds_waited, deadline);
            state.seconds_waited += wait;
            wait
        } else {
            0
        };
        self.agenda.add(now + f64::from(wait), run);
    }
}

/// Returns the calls of a step.
fn plan(step: &Step, limits: &mut Limits) -> Vec<PlannedCall> {
    step.operations
        .iter()
        .map(|operation| PlannedCall {
            limit: limits.index(&operation.service, &operation.name),
            creates: operation.creates(),
            creates_cache: operation.name == "CreateReplicationGroup",
        })
        .collect()
}

/// Returns the calls of an invocation in reverse order. A step finds what it has created before, and doesn't create it
/// again. `of_existing` is the call that it makes instead.
fn remaining(
    planned: &[PlannedCall],
    created: usize,
    of_existing: Option<PlannedCall>,
) -> Vec<PlannedCall> {
    let mut left = created;
    let mut calls: Vec<_> = planned
        .iter()
        .filter_map(|call| {
            if !call.creates || left == 0 {
                return Some(*call);
            }
            left -= 1;
            of_existing
        })
        .collect();
    calls.reverse();
    calls
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Scenario, simulate};
    use crate::retry::Retrier;
    use crate::scale::account::Account;
    use crate::scale::recipe::tests::recipe;

    fn outcome(environments: u32, account: Account, max_attempts: u32) -> Outcome {
        let recipe = recipe().with_retriers(|retrier| Retrier {
            max_attempts,
            max_delay_seconds: 60.0,
            ..retrier.clone()
        });
        simulate(&Scenario {
            recipe: &recipe,
            account,
            environments,
            creation_seconds: 360.0,
            seed: 1,
        })
    }

    fn calls(outcome: &Outcome, operation: &str) -> (u32, u32) {
        let counts = outcome.calls[operation];
        (counts.calls - counts.throttled, counts.throttled)
    }

    #[test]
    fn one_environment_is_published_after_the_first_poll_that_finds_its_cache() {
        let one = outcome(1, Account::default(), 5);

        assert!(one.failed.is_empty() && one.not_started == 0, "{one:?}");
        assert!((360.0..400.0).contains(&one.published[0]), "{one:?}");
        assert_eq!(calls(&one, "ssm PutParameter").0, 4);
        let (describes, throttled) = calls(&one, "elasticache DescribeReplicationGroups");
        assert_eq!(throttled, 0, "{one:?}");
        // One of them is EnsureReplicationGroup's.
        let polls = describes - 1;
        assert_eq!(one.transitions, 11 + 3 * (polls - 1) + one.retries);
        // With StartWorkflow and ReportOutcome. ReleaseEnvironment calls no function.
        assert_eq!(one.invocations, 5 + polls + one.retries);
    }

    #[test]
    fn few_retries_lose_environments_and_many_publish_each_once() {
        let few = outcome(200, Account::default(), 5);
        let many = outcome(200, Account::default(), 60);

        let failed: u32 = few.failed.values().sum();
        assert!(failed > 0, "{few:?}");
        assert_eq!(
            few.published.len() + usize::try_from(failed).expect("a size"),
            200
        );
        assert_eq!(many.published.len(), 200, "{many:?}");
        assert_eq!(
            calls(&many, "ssm PutParameter").0,
            800,
            "each parameter is written once"
        );
        // 800 calls at 3 per second.
        assert!(many.published[199] > 360.0 + 260.0, "{many:?}");
    }

    #[test]
    fn low_concurrency_delays_runs_and_loses_no_event() {
        let account = Account {
            lambda_concurrency: 2,
            ..Account::default()
        };

        let slow = outcome(20, account, 60);

        assert_eq!(slow.published.len(), 20, "{slow:?}");
        assert!(slow.retries > 0);
        let longest = 2.0 * slow.published[19];
        assert!(
            slow.busy_seconds > 0.0 && slow.busy_seconds <= longest,
            "two functions at a time: {slow:?}"
        );
    }

    #[test]
    fn run_ends_at_the_timeout_of_the_state_machine() {
        let mut recipe = recipe();
        recipe.timeout_seconds = 100.0;

        let outcome = simulate(&Scenario {
            recipe: &recipe,
            account: Account::default(),
            environments: 1,
            creation_seconds: 360.0,
            seed: 1,
        });

        assert!(outcome.published.is_empty(), "{outcome:?}");
        assert_eq!(outcome.failed["CheckReplicationGroup: TimedOut"], 1);
    }

    #[test]
    fn same_seed_has_the_same_outcome() {
        let [one, other] = [(); 2].map(|()| outcome(50, Account::default(), 60));
        assert_eq!(one.published, other.published);
        assert_eq!(one.calls, other.calls);
    }
}
