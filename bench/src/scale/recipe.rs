//! What a run does, as one run on the simulator did it: its steps, the AWS calls of each, and the states between them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use local::gateway::call::RecordedCall;
use serde_json::Value;

use crate::retry::Retrier;

/// The state that polls.
pub const POLL: &str = "CheckReplicationGroup";
/// The states that each poll enters.
const POLL_STATES: [&str; 3] = ["WaitForReplicationGroup", POLL, "IsReplicationGroupReady"];
/// The state that publishes.
pub const PUBLISH: &str = "PublishEndpoint";
/// The function that starts the execution. It is no state: Lambda itself retries it.
pub const START: &str = "StartWorkflow";

/// An AWS call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The service's name in signatures, such as `elasticache`.
    pub service: String,
    pub name: String,
}

impl Operation {
    /// Returns whether a step doesn't repeat the call once it has taken effect: the step finds what the call created.
    pub fn creates(&self) -> bool {
        ["Create", "Authorize", "PutParameter"]
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
    }
}

/// A state that makes calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    /// Whether a function makes the calls, and not a direct service integration.
    pub by_function: bool,
    pub operations: Vec<Operation>,
    /// The states that a run enters from the step before it up to this one.
    pub transitions: u32,
    pub retriers: Vec<Retrier>,
}

/// The steps of a run that creates a cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    pub steps: Vec<Step>,
    /// The index of the step that polls.
    pub poll: usize,
    /// The states that a run enters after its last step.
    pub closing_transitions: u32,
    /// When Step Functions ends a run, in seconds.
    pub timeout_seconds: f64,
}

impl Recipe {
    /// Returns how many calls of an operation a run makes, with one poll.
    pub fn calls(&self, service: &str, name: &str) -> u32 {
        let operations = self.steps.iter().flat_map(|step| &step.operations);
        let matching =
            operations.filter(|operation| operation.service == service && operation.name == name);
        u32::try_from(matching.count()).unwrap_or(u32::MAX)
    }

    /// Returns the recipe of a run that made these calls and entered these states. `states` and `timeout_seconds` are those of
    /// the definition.
    ///
    /// # Errors
    /// Returns an error if the run never polled, if a task made no call, or if the calls and the states don't belong together.
    pub fn new(
        calls: &[RecordedCall],
        entered: &[String],
        states: &BTreeMap<String, Value>,
        timeout_seconds: f64,
    ) -> Result<Self> {
        let mut steps = group(calls);
        for step in &mut steps {
            step.retriers = states
                .get(&step.name)
                .map(Retrier::of_state)
                .unwrap_or_default();
        }
        let poll = steps
            .iter()
            .position(|step| step.name == POLL)
            .context("the run never polled")?;
        let idle = entered.iter().find(|state| {
            let is_task = states
                .get(*state)
                .is_some_and(|state| state["Type"] == "Task");
            is_task && !steps.iter().any(|step| step.name == **state)
        });
        ensure!(
            idle.is_none(),
            "a task made no call, so its function wouldn't be counted: {idle:?}"
        );
        let mut entered = with_first_poll_only(entered).into_iter();
        for step in &mut steps {
            if !states.contains_key(&step.name) {
                continue;
            }
            let between = entered.by_ref().take_while(|state| *state != step.name);
            step.transitions = u32::try_from(between.count() + 1)?;
        }
        let last = steps.last().context("the run made no calls")?;
        let closing_transitions = u32::try_from(entered.count())?;
        ensure!(
            last.name == "ReleaseEnvironment" && closing_transitions > 0,
            "the last call is {}'s, so the calls and the states don't belong together",
            last.name
        );
        Ok(Self {
            steps,
            poll,
            closing_transitions,
            timeout_seconds,
        })
    }

    /// Returns the recipe with a change to every retrier.
    pub fn with_retriers(&self, change: impl Fn(&Retrier) -> Retrier) -> Self {
        let mut recipe = self.clone();
        for retrier in recipe.steps.iter_mut().flat_map(|step| &mut step.retriers) {
            *retrier = change(retrier);
        }
        recipe
    }
}

/// Groups consecutive calls of a step. Of the polls, only the first call counts.
fn group(calls: &[RecordedCall]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for call in calls {
        let operation = Operation {
            service: call.service.clone(),
            name: call.operation.clone(),
        };
        match steps.last_mut() {
            Some(step) if step.name == call.step => {
                if call.step != POLL {
                    step.operations.push(operation);
                }
            }
            _ => steps.push(Step {
                name: call.step.clone(),
                by_function: call.by_function,
                operations: vec![operation],
                transitions: 0,
                retriers: Vec::new(),
            }),
        }
    }
    steps
}

/// Removes the states of all polls but the first.
fn with_first_poll_only(entered: &[String]) -> Vec<&str> {
    let mut seen = Vec::new();
    for state in entered.iter().map(String::as_str) {
        if !(POLL_STATES.contains(&state) && seen.contains(&state)) {
            seen.push(state);
        }
    }
    seen
}

#[cfg(test)]
pub mod tests {
    use std::collections::BTreeMap;

    use local::gateway::call::RecordedCall;
    use serde_json::{Value, json};

    use super::{POLL, Recipe, START};

    /// Returns a short run: one step before the polls, two polls, and three steps after them.
    pub fn recipe() -> Recipe {
        let call = |step: &str, service: &str, operation: &str| RecordedCall {
            step: step.to_owned(),
            by_function: step != "ReleaseEnvironment",
            service: service.to_owned(),
            operation: operation.to_owned(),
        };
        let put = || call("PublishEndpoint", "ssm", "PutParameter");
        let calls = [
            call(START, "states", "StartExecution"),
            call(
                "EnsureReplicationGroup",
                "elasticache",
                "CreateReplicationGroup",
            ),
            call(POLL, "elasticache", "DescribeReplicationGroups"),
            call(POLL, "elasticache", "DescribeReplicationGroups"),
            call(
                "EnsureReplicationGroup",
                "elasticache",
                "DescribeReplicationGroups",
            ),
            call("PublishEndpoint", "ssm", "GetParameters"),
            put(),
            put(),
            put(),
            put(),
            call("ReleaseEnvironment", "dynamodb", "UpdateItem"),
        ];
        let entered = [
            "EnsureReplicationGroup",
            "IsReplicationGroupUpToDate",
            "WaitForReplicationGroup",
            POLL,
            "IsReplicationGroupReady",
            "WaitForReplicationGroup",
            POLL,
            "IsReplicationGroupReady",
            "EnsureReplicationGroup",
            "IsReplicationGroupUpToDate",
            "PublishEndpoint",
            "ReleaseEnvironment",
            "DidRunFail",
            "Provisioned",
        ]
        .map(str::to_owned);
        let retry = json!({ "Retry": [{
            "ErrorEquals": ["Throttled", "Lambda.TooManyRequestsException"],
            "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 60, "MaxDelaySeconds": 120, "JitterStrategy": "FULL"
        }] });
        let states: BTreeMap<String, Value> = entered
            .iter()
            .map(|state| (state.clone(), retry.clone()))
            .collect();
        Recipe::new(&calls, &entered, &states, 21_600.0).expect("a recipe")
    }

    #[test]
    fn steps_have_their_calls_and_all_states_are_counted() {
        let recipe = recipe();

        let steps: Vec<_> = recipe
            .steps
            .iter()
            .map(|step| (step.name.as_str(), step.operations.len(), step.transitions))
            .collect();
        assert_eq!(
            steps,
            [
                (START, 1, 0),
                ("EnsureReplicationGroup", 1, 1),
                (POLL, 1, 3),
                ("EnsureReplicationGroup", 1, 2),
                ("PublishEndpoint", 5, 2),
                ("ReleaseEnvironment", 1, 1),
            ]
        );
        assert_eq!((recipe.poll, recipe.closing_transitions), (2, 2));
        let outside_second_poll: u32 = steps.iter().map(|(_, _, transitions)| transitions).sum();
        assert_eq!(outside_second_poll + recipe.closing_transitions + 3, 14);
    }

    #[test]
    fn run_without_a_poll_has_no_recipe() {
        assert!(Recipe::new(&[], &[], &BTreeMap::new(), 0.0).is_err());
    }

    #[test]
    fn run_with_a_task_without_calls_has_no_recipe() {
        let poll = RecordedCall {
            step: POLL.to_owned(),
            by_function: true,
            service: "elasticache".to_owned(),
            operation: "DescribeReplicationGroups".to_owned(),
        };
        let task = json!({ "Type": "Task" });
        let states = BTreeMap::from([("VerifyEndpoint".to_owned(), task)]);

        let found = Recipe::new(&[poll], &["VerifyEndpoint".to_owned()], &states, 0.0);

        let error = found.expect_err("a task made no call").to_string();
        assert!(error.contains("VerifyEndpoint"), "{error}");
    }
}
