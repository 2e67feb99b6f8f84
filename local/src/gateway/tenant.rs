//! The environments of a test, each with its own faults and its own record of calls.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::Call;
use super::fault::{Fault, Rule};

/// A call that a function made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Made {
    /// The function, by the name of its state.
    pub step: String,
    /// The operation, as the API reference names it.
    pub operation: String,
}

/// An environment of a test: what its functions called, and which of their calls fail.
pub struct Tenant {
    markers: Vec<String>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: Vec<Made>,
    /// Each rule with the number of its calls so far, and of those that failed.
    rules: Vec<(Rule, u32, u32)>,
}

impl Tenant {
    /// From now on, calls fail as the rule says.
    pub fn inject(&self, rule: Rule) {
        self.state().rules.push((rule, 0, 0));
    }

    /// No call fails any more. Tells how many have failed.
    pub fn heal(&self) -> u32 {
        std::mem::take(&mut self.state().rules)
            .iter()
            .map(|(_, _, failed)| failed)
            .sum()
    }

    /// The calls so far, in their order.
    pub fn calls(&self) -> Vec<Made> {
        self.state().calls.clone()
    }

    /// Waits until the calls hold what is looked for. False where they do not in time.
    pub fn wait(&self, time: Duration, holds: impl Fn(&[Made]) -> bool) -> bool {
        let (_state, timeout) = self
            .changed
            .wait_timeout_while(self.state(), time, |state| !holds(&state.calls))
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// Records a call, and tells whether and how it fails.
    fn meet(&self, step: &str, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        state.calls.push(Made {
            step: step.to_owned(),
            operation: operation.to_owned(),
        });
        self.changed.notify_all();
        for (rule, met, failed) in &mut state.rules {
            if rule.step == step && rule.operation == operation {
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
#[derive(Default)]
pub struct Tenants(Mutex<Vec<Arc<Tenant>>>);

impl Tenants {
    pub(super) fn add(&self, markers: Vec<String>) -> Arc<Tenant> {
        let tenant = Arc::new(Tenant {
            markers,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that only this list knows is nobody's any more.
        all.retain(|tenant| Arc::strong_count(tenant) > 1);
        all.push(Arc::clone(&tenant));
        tenant
    }

    /// Records a function's call with the tenant that it is about, and tells how it fails.
    pub(super) fn meet(&self, step: &str, call: &Call) -> Option<Fault> {
        let tenant = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|tenant| {
                tenant
                    .markers
                    .iter()
                    .any(|marker| call.text.contains(marker))
            })
            .cloned()?;
        tenant.meet(step, &call.operation)
    }
}
