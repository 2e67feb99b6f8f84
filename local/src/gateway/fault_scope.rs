//! The environments of a test, each with its own faults and its own record of calls.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{Call, RecordedCall};
use super::clock::Clock;
use super::fault::{Fault, Rule};

/// An environment of a test: what its functions called, and which of their calls fail.
pub struct FaultScope {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The state that last invoked a function, by the function's name: a `Plan…` state invokes that of another state.
    invoked_by: HashMap<String, String>,
    /// Texts that tell that a call is about it.
    markers: Vec<String>,
    /// Each call with its moment, in AWS's seconds since the gateway's start.
    calls: Vec<(RecordedCall, f64)>,
    /// Each rule with the number of its calls so far, and of those that failed.
    rules: Vec<(Rule, u32, u32)>,
    /// The functions that sleep, each with the seconds that it takes to wake up.
    asleep: HashMap<String, f64>,
    /// The functions that wake up, each with the moment when they are awake.
    waking: HashMap<String, f64>,
}

impl FaultScope {
    /// From now on, calls fail as the rule says.
    pub fn inject(&self, rule: Rule) {
        self.state().rules.push((rule, 0, 0));
    }

    /// No call fails any more. Tells how many have failed.
    pub fn clear_faults(&self) -> u32 {
        std::mem::take(&mut self.state().rules)
            .iter()
            .map(|(_, _, failed)| failed)
            .sum()
    }

    /// Lambda has reclaimed a function's network interfaces: the next invocation fails and wakes it up, and further ones fail
    /// for so many of AWS's seconds.
    pub fn put_to_sleep(&self, function: &str, seconds: f64) {
        self.state().asleep.insert(function.to_owned(), seconds);
    }

    /// Returns Lambda's error if a function can't be invoked at this moment.
    fn wake(&self, function: &str, moment: f64) -> Option<&'static str> {
        let mut state = self.state();
        if let Some(seconds) = state.asleep.remove(function) {
            state.waking.insert(function.to_owned(), moment + seconds);
            // https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
            return Some("ResourceNotReadyException");
        }
        // https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        let awake = state.waking.get(function)?;
        (moment < *awake).then_some("ResourceConflictException")
    }

    /// The calls so far, in their order.
    pub fn calls(&self) -> Vec<RecordedCall> {
        let state = self.state();
        state.calls.iter().map(|(made, _)| made.clone()).collect()
    }

    /// When a step made a call so far, in AWS's seconds since the gateway's start.
    pub fn call_times(&self, step: &str, operation: &str) -> Vec<f64> {
        let state = self.state();
        state
            .calls
            .iter()
            .filter(|(made, _)| made.step == step && made.operation == operation)
            .map(|(_, moment)| *moment)
            .collect()
    }

    /// Waits until a step has made a call. False where it has not in time.
    pub fn wait(&self, step: &str, operation: &str, time: Duration) -> bool {
        let is_it =
            |(made, _): &(RecordedCall, f64)| made.step == step && made.operation == operation;
        let (_state, timeout) = self
            .changed
            .wait_timeout_while(self.state(), time, |state| !state.calls.iter().any(is_it))
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// Records a call, and tells whether and how it fails.
    fn record_call(&self, mut made: RecordedCall, moment: f64) -> Option<Fault> {
        let mut state = self.state();
        if made.by_function
            && let Some(by) = state.invoked_by.get(&made.step)
        {
            by.clone_into(&mut made.step);
        }
        state.calls.push((made.clone(), moment));
        self.changed.notify_all();
        for (rule, met, failed) in &mut state.rules {
            if rule.step == made.step && rule.operation == made.operation {
                *met += 1;
                if rule.when.holds(*met) {
                    *failed += 1;
                    return Some(rule.fault);
                }
            }
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tenants of a gateway.
pub struct Tenants {
    clock: Clock,
    all: Mutex<Vec<Arc<FaultScope>>>,
    unmatched_calls: Mutex<Vec<String>>,
}

impl Tenants {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            all: Mutex::default(),
            unmatched_calls: Mutex::default(),
        }
    }

    pub(super) fn add(&self, markers: Vec<String>) -> Arc<FaultScope> {
        let state = State {
            markers,
            ..State::default()
        };
        let fault_scope = Arc::new(FaultScope {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // One that only this list knows is nobody's any more.
        all.retain(|fault_scope| Arc::strong_count(fault_scope) > 1);
        all.push(Arc::clone(&fault_scope));
        fault_scope
    }

    /// The tenant that a call is about.
    fn of(&self, call: &Call) -> Option<Arc<FaultScope>> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|fault_scope| {
                let markers = &fault_scope.state().markers;
                markers.iter().any(|marker| call.text.contains(marker))
            })
            .cloned()
    }

    /// From now on a call that holds this text is about the tenant that this call is about.
    pub(super) fn learn(&self, call: &Call, marker: &str) {
        if let Some(fault_scope) = self.of(call) {
            fault_scope.state().markers.push(marker.to_owned());
        }
    }

    /// From now on, the function's calls for the environment are those of this state. Returns Lambda's error if the
    /// function can't be invoked.
    pub(super) fn invoked(
        &self,
        function: &str,
        environment: &str,
        by: &str,
    ) -> Option<&'static str> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut error = None;
        for fault_scope in all.iter() {
            let mut state = fault_scope.state();
            if state.markers.iter().any(|marker| marker == environment) {
                state.invoked_by.insert(function.to_owned(), by.to_owned());
                drop(state);
                error = error.or(fault_scope.wake(function, self.clock.now()));
            }
        }
        error
    }

    /// Records a call with the tenant that it is about, and tells how it fails.
    pub(super) fn record_call(&self, step: &str, by_function: bool, call: &Call) -> Option<Fault> {
        let fault_scope = self.of(call);
        let Some(fault_scope) = fault_scope else {
            self.note_stray(step, call);
            return None;
        };
        let made = RecordedCall {
            step: step.to_owned(),
            by_function,
            service: call.service.clone(),
            operation: call.operation.clone(),
        };
        fault_scope.record_call(made, self.clock.now())
    }

    /// Notes a call that no tenant has: no rule could make it fail, and no record holds it.
    pub(super) fn note_stray(&self, who: &str, call: &Call) {
        let stray = format!("{who}: {} {}", call.service, call.operation);
        self.noted_strays().push(stray);
    }

    pub(super) fn unmatched_calls(&self) -> Vec<String> {
        self.noted_strays().clone()
    }

    fn noted_strays(&self) -> MutexGuard<'_, Vec<String>> {
        self.unmatched_calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
