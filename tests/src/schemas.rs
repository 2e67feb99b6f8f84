//! Validates what envcache emits, outputs of executions and details of announcements, against the JSON Schemas in
//! `events/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Result, ensure};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use local::Workspace;
use serde_json::{Map, Value};

use crate::definition::Machine;

/// A schema of something that envcache emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Schema {
    ProvisionOutput,
    DeprovisionOutput,
    CacheAvailable,
    CacheProvisioningFailed,
    CacheRemoved,
    CacheRemovalFailed,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Self; 6] = [
        Self::ProvisionOutput,
        Self::DeprovisionOutput,
        Self::CacheAvailable,
        Self::CacheProvisioningFailed,
        Self::CacheRemoved,
        Self::CacheRemovalFailed,
    ];

    /// Returns the schema of the output of a machine's executions that succeed.
    #[must_use]
    pub const fn of_output(machine: Machine) -> Self {
        match machine {
            Machine::Provision => Self::ProvisionOutput,
            Machine::Deprovision => Self::DeprovisionOutput,
        }
    }

    /// Returns the schema of the detail of announcements with this detail-type, if envcache makes such announcements.
    #[must_use]
    pub fn of_detail(detail_type: &str) -> Option<Self> {
        match detail_type {
            "Cache Available" => Some(Self::CacheAvailable),
            "Cache Provisioning Failed" => Some(Self::CacheProvisioningFailed),
            "Cache Removed" => Some(Self::CacheRemoved),
            "Cache Removal Failed" => Some(Self::CacheRemovalFailed),
            _ => None,
        }
    }

    /// Returns the path of its file in the checkout.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::ProvisionOutput => "events/provision-output.schema.json",
            Self::DeprovisionOutput => "events/deprovision-output.schema.json",
            Self::CacheAvailable => "events/cache-available.schema.json",
            Self::CacheProvisioningFailed => "events/cache-provisioning-failed.schema.json",
            Self::CacheRemoved => "events/cache-removed.schema.json",
            Self::CacheRemovalFailed => "events/cache-removal-failed.schema.json",
        }
    }

    /// Reads the schema.
    ///
    /// # Panics
    /// Panics if the file can't be read or isn't JSON.
    #[must_use]
    pub fn read(self) -> Value {
        let path = self.path();
        let text = std::fs::read_to_string(Workspace::root().join(path)).expect(path);
        serde_json::from_str(&text).expect(path)
    }

    /// Validates an output or a detail. Unlike a consumer's validation, it allows no field and no error name that the
    /// schema doesn't list.
    ///
    /// # Errors
    /// Returns an error that names the schema and the place of each violation, as the fragment of a JSON pointer.
    ///
    /// # Panics
    /// Panics if the schema can't be read or isn't valid.
    pub fn validate(self, emitted: &Value) -> Result<()> {
        let errors = self.validator().iter_errors(emitted);
        let violations: Vec<_> = errors.flat_map(|error| describe(&error)).collect();
        ensure!(
            violations.is_empty(),
            "{}: {}: {emitted}",
            self.path(),
            violations.join("; ")
        );
        Ok(())
    }

    fn validator(self) -> &'static Validator {
        static VALIDATORS: LazyLock<BTreeMap<Schema, Validator>> = LazyLock::new(|| {
            let validator = |schema: Schema| {
                jsonschema::validator_for(&closed(schema.read()))
                    .unwrap_or_else(|error| panic!("{}: {error}", schema.path()))
            };
            Schema::ALL
                .into_iter()
                .map(|schema| (schema, validator(schema)))
                .collect()
        });
        &VALIDATORS[&self]
    }
}

/// Returns a schema without what it leaves open for later versions: other fields, and other values than its examples.
fn closed(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let is_object = fields.get("properties").is_some_and(Value::is_object);
            let mut fields: Map<_, _> = fields
                .into_iter()
                .map(|(name, part)| match name.as_str() {
                    "examples" => ("enum".to_owned(), part),
                    _ => (name, closed(part)),
                })
                .collect();
            if is_object {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            Value::Object(fields)
        }
        Value::Array(elements) => elements.into_iter().map(closed).collect(),
        scalar => scalar,
    }
}

/// Returns an error with its place. For a value that has none of the forms that a schema allows, returns the errors of
/// the form with the fewest: the other forms require fields that the value doesn't have.
fn describe(error: &ValidationError<'_>) -> Vec<String> {
    if let ValidationErrorKind::OneOfNotValid { context } = error.kind()
        && let Some(closest) = context.iter().min_by_key(|errors| errors.len())
    {
        return closest.iter().flat_map(describe).collect();
    }
    vec![format!("#{}: {error}", error.instance_path())]
}
