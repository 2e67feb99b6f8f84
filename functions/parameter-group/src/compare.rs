//! Compares the parameters of a group with the requested ones. Pure functions; no AWS calls.

use aws_sdk_elasticache::types::{ChangeType, Parameter};
use contract::message::PendingChange;
use contract::setting::Parameters;

use crate::find::Defaults;
use crate::fixed;

/// A parameter that differs from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub name: String,
    /// The group's value; none if it is empty.
    pub found: Option<String>,
    /// The requested value, or the default of a parameter that isn't requested.
    pub wanted: Option<String>,
    /// Whether a node gets the value only when it is rebooted.
    pub requires_reboot: bool,
}

/// What differs, in the order in which a run changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The parameters that are no longer requested.
    pub reset: Vec<Difference>,
    /// The requested parameters.
    pub modify: Vec<Difference>,
}

/// Returns how the parameters of a group differ from the requested ones. It compares values: a parameter that was reset has its
/// default whatever its source.
pub fn differences(
    found: &[Parameter],
    requested: &Parameters,
    defaults: &Defaults,
) -> Differences {
    let mut differences = Differences::default();
    for parameter in found {
        let name = parameter.parameter_name().unwrap_or_default();
        let difference = |wanted: Option<&str>| {
            let found = value(parameter);
            (found != wanted).then(|| Difference {
                name: name.to_owned(),
                found: found.map(str::to_owned),
                wanted: wanted.map(str::to_owned),
                requires_reboot: parameter.change_type() == Some(&ChangeType::RequiresReboot),
            })
        };
        if let Some(wanted) = requested.get(name) {
            differences.modify.extend(difference(Some(wanted)));
        } else {
            let default = defaults
                .parameter(name)
                .filter(|default| is_resettable(default));
            let reset = default.and_then(|default| difference(value(default)));
            differences.reset.extend(reset);
        }
    }
    differences
}

/// Returns whether a parameter can be reset, by its default. A group shows `cluster-enabled` as modifiable too, although
/// ElastiCache doesn't allow changing it while a cache uses the group
/// ([describe-cache-parameters](https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-cache-parameters.html)).
fn is_resettable(default: &Parameter) -> bool {
    default.is_modifiable() != Some(false)
        || default
            .parameter_name()
            .is_some_and(fixed::is_set_at_creation)
}

/// Returns a parameter's value; none if it is empty. ElastiCache returns both for `notify-keyspace-events`.
pub fn value(parameter: &Parameter) -> Option<&str> {
    parameter
        .parameter_value()
        .filter(|value| !value.is_empty())
}

/// Returns the name of a parameter's field in a request.
pub fn field(name: &str) -> String {
    format!("cache.parameters.{name}")
}

impl Differences {
    /// Returns the changes that nodes get only when they are rebooted. Parameters that are set when a cache is created aren't
    /// among them: a cache only uses a group that has its values of them.
    pub fn pending(&self) -> Vec<PendingChange> {
        self.reset
            .iter()
            .chain(&self.modify)
            .filter(|difference| {
                difference.requires_reboot && !fixed::is_set_at_creation(&difference.name)
            })
            .map(|difference| PendingChange {
                field: field(&difference.name),
                value: difference.wanted.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::{ChangeType, Parameter};
    use contract::message::PendingChange;
    use contract::setting::Parameters;
    use serde_json::json;

    use super::differences;
    use crate::find::Defaults;

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter::builder()
            .parameter_name(name)
            .parameter_value(value)
            .is_modifiable(!["cluster-enabled", "databases", "maxclients"].contains(&name))
            .change_type(match name {
                "activerehashing" => ChangeType::RequiresReboot,
                _ => ChangeType::Immediate,
            })
            .build()
    }

    #[test]
    fn resets_what_is_not_requested_and_modifies_what_differs() {
        let defaults = Defaults {
            parameters: vec![
                parameter("activerehashing", "yes"),
                parameter("cluster-enabled", "no"),
                parameter("databases", "16"),
                parameter("maxclients", "65000"),
                parameter("maxmemory-policy", "volatile-lru"),
                parameter("notify-keyspace-events", ""),
                parameter("timeout", "0"),
            ],
            of_node_types: Vec::new(),
        };
        // A group shows parameters as modifiable that it can't change while a cache uses it:
        // https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-cache-parameters.html
        let modifiable = |name: &str, value: &str| {
            Parameter::builder()
                .parameter_name(name)
                .parameter_value(value)
                .is_modifiable(true)
                .change_type(ChangeType::RequiresReboot)
                .build()
        };
        let found = [
            parameter("activerehashing", "no"),
            modifiable("cluster-enabled", "yes"),
            modifiable("databases", "32"),
            parameter("maxclients", "10"),
            parameter("maxmemory-policy", "volatile-lru"),
            Parameter::builder()
                .parameter_name("notify-keyspace-events")
                .build(),
            parameter("timeout", "300"),
        ];
        let requested: Parameters =
            serde_json::from_value(json!({ "maxmemory-policy": "allkeys-lru", "timeout": 300 }))
                .expect("parameters");

        let differences = differences(&found, &requested, &defaults);

        let texts = |differences: &[super::Difference]| {
            let texts = differences.iter().map(|difference| {
                let value = |value: &Option<String>| value.clone().unwrap_or_default();
                [
                    difference.name.clone(),
                    value(&difference.found),
                    value(&difference.wanted),
                ]
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(
            texts(&differences.reset),
            [["activerehashing", "no", "yes"], ["databases", "32", "16"]]
        );
        assert_eq!(
            texts(&differences.modify),
            [["maxmemory-policy", "volatile-lru", "allkeys-lru"]]
        );
        assert_eq!(
            differences.pending(),
            [PendingChange {
                field: "cache.parameters.activerehashing".to_owned(),
                value: Some("yes".to_owned()),
            }]
        );
    }
}
