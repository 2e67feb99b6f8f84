//! Reads the state machines and the template as data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use local::Workspace;
use serde_json::{Value, json};

use crate::array;

/// A state machine of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    Provision,
    Deprovision,
}

impl Machine {
    pub const ALL: [Self; 2] = [Self::Provision, Self::Deprovision];

    /// Returns its file's name, without the extension.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }

    /// Returns its logical ID in the template.
    #[must_use]
    pub const fn logical_id(self) -> &'static str {
        match self {
            Self::Provision => "ProvisionStateMachine",
            Self::Deprovision => "DeprovisionStateMachine",
        }
    }
}

/// Returns a state machine's definition, with its `${…}` substitutions unresolved.
///
/// # Panics
/// Panics if the file can't be read or isn't JSON.
#[must_use]
pub fn state_machine(machine: Machine) -> Value {
    let file = format!("statemachine/{}.asl.json", machine.name());
    let path = Workspace::root().join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the state machine"))
        .expect("the state machine is JSON")
}

/// Returns every state of a machine, including those of branches, by name.
///
/// # Panics
/// Panics if a name occurs twice.
#[must_use]
pub fn states(machine: Machine) -> BTreeMap<String, Value> {
    fn collect(machine: &Value, into: &mut BTreeMap<String, Value>) {
        for (name, state) in machine["States"].as_object().expect("states") {
            assert!(
                into.insert(name.clone(), state.clone()).is_none(),
                "{name} occurs twice"
            );
            for branch in array(&state["Branches"]) {
                collect(branch, into);
            }
        }
    }
    let mut states = BTreeMap::new();
    collect(&state_machine(machine), &mut states);
    states
}

/// Returns the states that call AWS or a function, by name.
#[must_use]
pub fn tasks(machine: Machine) -> BTreeMap<String, Value> {
    let mut states = states(machine);
    states.retain(|_, state| state["Type"] == "Task");
    states
}

/// Returns the tasks that invoke a function, each with the name of the function's substitution.
#[must_use]
pub fn steps(machine: Machine) -> BTreeMap<String, String> {
    tasks(machine)
        .into_iter()
        .filter_map(|(name, task)| {
            let function = task["Arguments"]["FunctionName"].as_str()?;
            let substitution = function.strip_prefix("${")?.strip_suffix('}')?;
            Some((name, substitution.to_owned()))
        })
        .collect()
}

/// Returns the template, with each tag as an object: `!Ref X` becomes `{"Ref": "X"}`.
///
/// # Panics
/// Panics if the file can't be read or isn't YAML.
#[must_use]
pub fn template() -> Value {
    static TEMPLATE: LazyLock<Value> = LazyLock::new(read_template);
    TEMPLATE.clone()
}

fn read_template() -> Value {
    local::template::read(|name, argument| json!({ name: argument })).expect("the template")
}

/// Returns the template's resources of a type, by logical ID.
///
/// # Panics
/// Panics if the template has no resources.
#[must_use]
pub fn resources(kind: &str) -> BTreeMap<String, Value> {
    template()["Resources"]
        .as_object()
        .expect("resources")
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect()
}

/// Returns every statement of a role, from its inline policies and its managed policies. It includes those that depend
/// on a condition of the template.
///
/// # Panics
/// Panics if a managed policy isn't defined in the template.
#[must_use]
pub fn statements(role: &Value) -> Vec<Value> {
    let template = template();
    let documents = |policies: &Value| -> Vec<Value> {
        array(policies)
            .map(|policy| if_met(policy)["PolicyDocument"].clone())
            .collect()
    };
    let shared = array(&role["Properties"]["ManagedPolicyArns"]).map(|arn| {
        let policy = &template["Resources"][arn["Ref"].as_str().expect("a policy of the template")];
        assert_eq!(policy["Type"], "AWS::IAM::ManagedPolicy", "{arn}");
        policy["Properties"]["PolicyDocument"].clone()
    });
    documents(&role["Properties"]["Policies"])
        .into_iter()
        .chain(shared)
        .flat_map(|document| {
            array(&document["Statement"])
                .map(|statement| if_met(statement).clone())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the value itself, or for an `!If` the value that applies if its condition is met.
#[must_use]
pub fn if_met(value: &Value) -> &Value {
    value.get("If").map_or(value, |choice| &choice[1])
}

/// Returns the texts of a list, or a single text as a list.
#[must_use]
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(elements) => elements.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    }
}
