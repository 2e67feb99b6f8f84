//! The state machine and the template, read as data.

use std::collections::BTreeMap;

use local::Workspace;
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::array;

/// A state machine of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    Provision,
    Deprovision,
}

impl Machine {
    pub const ALL: [Self; 2] = [Self::Provision, Self::Deprovision];

    /// Its file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }

    /// Its logical id in the template.
    #[must_use]
    pub const fn logical_id(self) -> &'static str {
        match self {
            Self::Provision => "ProvisionStateMachine",
            Self::Deprovision => "DeprovisionStateMachine",
        }
    }
}

/// A state machine, with the template's `${…}` as they stand in it.
///
/// # Panics
/// Where it is no JSON.
#[must_use]
pub fn state_machine(machine: Machine) -> Value {
    let file = format!("statemachine/{}.asl.json", machine.name());
    let path = Workspace::root().join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the state machine"))
        .expect("the state machine is JSON")
}

/// Every state of a machine, also those of branches, by its name.
///
/// # Panics
/// Where a name stands twice.
#[must_use]
pub fn states(machine: Machine) -> BTreeMap<String, Value> {
    fn collect(machine: &Value, into: &mut BTreeMap<String, Value>) {
        for (name, state) in machine["States"].as_object().expect("states") {
            assert!(
                into.insert(name.clone(), state.clone()).is_none(),
                "{name} stands twice"
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

/// The states that call AWS or a function, by their names.
#[must_use]
pub fn tasks(machine: Machine) -> BTreeMap<String, Value> {
    let mut states = states(machine);
    states.retain(|_, state| state["Type"] == "Task");
    states
}

/// The tasks that invoke a function, with the substitution that names it.
#[must_use]
pub fn steps(machine: Machine) -> BTreeMap<String, String> {
    tasks(machine)
        .into_iter()
        .filter_map(|(name, task)| {
            let function = task["Arguments"]["FunctionName"].as_str()?;
            let word = function.strip_prefix("${")?.strip_suffix('}')?;
            Some((name, word.to_owned()))
        })
        .collect()
}

/// The template, with `!Ref X` read as `{"Ref": "X"}` and the like.
///
/// # Panics
/// Where it is no YAML.
#[must_use]
pub fn template() -> Value {
    fn plain(value: Yaml) -> Value {
        match value {
            Yaml::Tagged(tagged) => {
                json!({ tagged.tag.to_string().trim_start_matches('!'): plain(tagged.value) })
            }
            Yaml::Mapping(fields) => fields
                .into_iter()
                .map(|(key, value)| (key.as_str().expect("a text key").to_owned(), plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Yaml::Sequence(elements) => elements.into_iter().map(plain).collect(),
            scalar => serde_json::to_value(scalar).expect("a scalar"),
        }
    }
    let path = Workspace::root().join("template.yaml");
    let text = std::fs::read_to_string(path).expect("the template");
    plain(serde_yaml_ng::from_str(&text).expect("the template is YAML"))
}

/// The template's resources of a type, by their logical ids.
///
/// # Panics
/// Where the template has no resources.
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

/// Returns every statement of a role: of its own policies, also those that depend on a condition, and of the managed
/// policies of the template that it has.
///
/// # Panics
/// Panics if a managed policy isn't one of the template.
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

/// A value, or of an `!If` the value if its condition is met.
fn if_met(value: &Value) -> &Value {
    value.get("If").map_or(value, |choice| &choice[1])
}

/// The texts of a list, or the one text.
#[must_use]
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(elements) => elements.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => Vec::new(),
    }
}
