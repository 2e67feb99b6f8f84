//! The fault scopes of test environments: each environment's injected faults and recorded calls.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{Call, RecordedCall};
use super::clock::Clock;
use super::fault::{Fault, Rule};

/// A test environment's fault scope: the calls that its steps made, and the rules by which calls fail.
pub struct FaultScope {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The state that last invoked each function: a `Plan…` state invokes the function of another state.
    invoked_by: HashMap<String, String>,
    /// The texts that identify a call as the environment's.
    markers: Vec<String>,
    /// The calls, each with its time in simulated seconds.
    calls: Vec<(RecordedCall, f64)>,
    /// The rules, each with the number of its calls so far, and of those that failed.
    rules: Vec<(Rule, u32, u32)>,
    /// The functions in Lambda's state Inactive, each with the simulated seconds that it takes to become active.
    inactive: HashMap<String, f64>,
    /// The functions in Lambda's state Pending, each with the simulated time when it becomes active.
    pending: HashMap<String, f64>,
}

impl FaultScope {
    /// Adds a rule. From now on, calls that match it fail.
    pub fn inject(&self, rule: Rule) {
        self.state().rules.push((rule, 0, 0));
    }

    /// Removes all rules. Returns the number of calls that failed because of them.
    pub fn clear_faults(&self) -> u32 {
        std::mem::take(&mut self.state().rules)
            .iter()
            .map(|(_, _, failed)| failed)
            .sum()
    }

    /// Makes a function inactive, as if Lambda had reclaimed its network interfaces: the next invocation fails and
    /// starts the activation, and further ones fail for this number of simulated seconds.
    pub fn make_inactive(&self, function: &str, seconds: f64) {
        self.state().inactive.insert(function.to_owned(), seconds);
    }

    /// Returns Lambda's error if a function can't be invoked now. Starts the activation of an inactive function.
    fn activate(&self, function: &str, now: f64) -> Option<&'static str> {
        let mut state = self.state();
        if let Some(seconds) = state.inactive.remove(function) {
            state.pending.insert(function.to_owned(), now + seconds);
            // https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
            return Some("ResourceNotReadyException");
        }
        // https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        let active_at = state.pending.get(function)?;
        (now < *active_at).then_some("ResourceConflictException")
    }

    /// Returns the calls so far, in order.
    pub fn calls(&self) -> Vec<RecordedCall> {
        let state = self.state();
        state.calls.iter().map(|(call, _)| call.clone()).collect()
    }

    /// Returns the times of a step's calls of an operation, in simulated seconds since the gateway's start.
    pub fn call_times(&self, step: &str, operation: &str) -> Vec<f64> {
        let state = self.state();
        state
            .calls
            .iter()
            .filter(|(call, _)| call.step == step && call.operation == operation)
            .map(|(_, time)| *time)
            .collect()
    }

    /// Waits until a step has called an operation. Returns false on timeout.
    pub fn wait(&self, step: &str, operation: &str, timeout: Duration) -> bool {
        let matches =
            |(call, _): &(RecordedCall, f64)| call.step == step && call.operation == operation;
        let (_state, result) = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| {
                !state.calls.iter().any(matches)
            })
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    /// Records a call. Returns the fault to inject into it, if any.
    fn record_call(&self, mut call: RecordedCall, now: f64) -> Option<Fault> {
        let mut state = self.state();
        if call.by_function
            && let Some(by) = state.invoked_by.get(&call.step)
        {
            by.clone_into(&mut call.step);
        }
        state.calls.push((call.clone(), now));
        self.changed.notify_all();
        for (rule, matched, failed) in &mut state.rules {
            if rule.step == call.step && rule.operation == call.operation {
                *matched += 1;
                if rule.when.holds(*matched) {
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

/// All fault scopes of a gateway.
pub struct FaultScopes {
    clock: Clock,
    all: Mutex<Vec<Arc<FaultScope>>>,
    unmatched_calls: Mutex<Vec<String>>,
}

impl FaultScopes {
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
        // Drops the scopes that no test holds anymore.
        all.retain(|fault_scope| Arc::strong_count(fault_scope) > 1);
        all.push(Arc::clone(&fault_scope));
        fault_scope
    }

    /// Returns the fault scope of the environment that a call belongs to.
    fn find(&self, call: &Call) -> Option<Arc<FaultScope>> {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|fault_scope| {
                let markers = &fault_scope.state().markers;
                markers.iter().any(|marker| {
                    call.text.contains(marker) || call.environment.as_ref() == Some(marker)
                })
            })
            .cloned()
    }

    /// Adds a marker to a call's fault scope: further calls that contain the marker belong to the same scope.
    pub(super) fn add_marker(&self, call: &Call, marker: &str) {
        if let Some(fault_scope) = self.find(call) {
            fault_scope.state().markers.push(marker.to_owned());
        }
    }

    /// Records which state invokes a function, whose calls for the environment are then attributed to that state.
    /// Returns Lambda's error if the function can't be invoked.
    pub(super) fn record_invocation(
        &self,
        function: &str,
        environment: &str,
        invoking_state: &str,
    ) -> Option<&'static str> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut error = None;
        for fault_scope in all.iter() {
            let mut state = fault_scope.state();
            if state.markers.iter().any(|marker| marker == environment) {
                state
                    .invoked_by
                    .insert(function.to_owned(), invoking_state.to_owned());
                drop(state);
                error = error.or(fault_scope.activate(function, self.clock.now()));
            }
        }
        error
    }

    /// Records a call in its fault scope. Returns the fault to inject into it, if any.
    pub(super) fn record_call(&self, step: &str, by_function: bool, call: &Call) -> Option<Fault> {
        let fault_scope = self.find(call);
        let Some(fault_scope) = fault_scope else {
            self.record_unmatched(step, call);
            return None;
        };
        let recorded = RecordedCall {
            step: step.to_owned(),
            by_function,
            service: call.service.clone(),
            operation: call.operation.clone(),
        };
        fault_scope.record_call(recorded, self.clock.now())
    }

    /// Records a call that belongs to no fault scope, so that no rule and no test covers it.
    pub(super) fn record_unmatched(&self, caller: &str, call: &Call) {
        let description = format!("{caller}: {} {}", call.service, call.operation);
        self.unmatched().push(description);
    }

    pub(super) fn unmatched_calls(&self) -> Vec<String> {
        self.unmatched().clone()
    }

    fn unmatched(&self) -> MutexGuard<'_, Vec<String>> {
        self.unmatched_calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
