//! The JSON Schema of a request, generated from its types.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::Request;
use crate::cache::TIERED_POLICIES;

/// The key for a type's rule, until it is part of the field's description.
const RULE: &str = "rule";

/// Returns the schema of a value: its JSON type, and its constraints in words and as JSON Schema.
pub(crate) fn of_value(json_type: &str, rule: &str, constraints: Value) -> Schema {
    let mut schema = Map::from_iter([
        ("type".to_owned(), json!(json_type)),
        (RULE.to_owned(), json!(rule)),
    ]);
    if let Value::Object(constraints) = constraints {
        schema.extend(constraints);
    }
    schema.into()
}

/// Returns the JSON Schema of a request.
///
/// # Panics
/// Panics if the smallest request is invalid.
#[must_use]
pub fn of_request() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let generated = SchemaGenerator::new(settings).into_root_schema_for::<Request>();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Request for an environment's cache",
        "description": "The detail of an `Environment Created` event, and the input of a manual execution. \
                        docs/request-reference.md describes each field.",
    });
    let mut generated = generated.to_value();
    complete(&mut generated);
    add_defaults(&mut generated["properties"]["cache"]["properties"]);
    add_rules(&mut generated);
    if let (Value::Object(schema), Value::Object(generated)) = (&mut schema, generated) {
        let own = ["$schema", "title", "description"];
        schema.extend(
            generated
                .into_iter()
                .filter(|(key, _)| !own.contains(&key.as_str())),
        );
    }
    schema
}

/// Completes the schema of an object and its fields: rules become part of the descriptions, and null is valid for a field
/// that isn't required.
fn complete(object: &mut Value) {
    let required: Vec<_> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, field) in properties {
        complete(field);
        let is_required = required.contains(&json!(name));
        let Some(field) = field.as_object_mut() else {
            continue;
        };
        let described = [field.remove("description"), field.remove(RULE)];
        let sentences: Vec<_> = described.iter().flatten().map(text).collect();
        let description = sentences.join(" ").replace('\n', " ");
        if !description.is_empty() {
            field.shift_insert(0, "description".to_owned(), json!(description));
        }
        unify_values(field);
        // Null is an omitted field, and the default of an object is in its fields.
        if matches!(field.get("default"), Some(Value::Null | Value::Object(_))) {
            field.remove("default");
        }
        if !is_required {
            allow_null(field);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Replaces a choice of constant values by a list of them.
fn unify_values(field: &mut Map<String, Value>) {
    let values = field.get("oneOf").and_then(Value::as_array).map(|choices| {
        let constants = choices.iter().map(|choice| choice["const"].clone());
        constants.collect::<Vec<_>>()
    });
    if let Some(values) = values {
        field.remove("oneOf");
        field.insert("enum".to_owned(), json!(values));
    }
}

fn allow_null(field: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = field.get_mut("enum") {
        values.push(Value::Null);
    }
    if let Some(types) = field.get_mut("type")
        && types.is_string()
    {
        *types = json!([types, "null"]);
    }
}

/// Adds the defaults of the cache's settings. Those that derive from the environment's name are described.
fn add_defaults(settings: &mut Value) {
    let [one, other] = ["alpha", "bravo"].map(defaults);
    let Some(settings) = settings.as_object_mut() else {
        return;
    };
    for (name, field) in settings {
        let default = &one[name];
        if default.is_null() {
            continue;
        }
        if *default == other[name] {
            field["default"] = default.clone();
        } else {
            let derived = text(default).replace("alpha", "{environment}");
            let described = format!("{} By default `{derived}`.", text(&field["description"]));
            field["description"] = json!(described);
        }
    }
}

/// Returns the settings of the smallest request for an environment.
fn defaults(environment: &str) -> Value {
    let request = Request::from_json(json!({
        "environment": environment,
        "network": { "vpc": "vpc", "subnets": ["a", "b"], "backendSecurityGroup": "backend" }
    }));
    let spec = request.and_then(Request::into_spec).expect("a request");
    json!(spec.cache)
}

/// Adds the rules between fields.
fn add_rules(schema: &mut Value) {
    schema["properties"]["network"]["oneOf"] = json!([
        {
            "required": ["subnets"],
            "properties": { "subnets": { "type": "array" }, "subnetGroup": { "type": "null" } }
        },
        {
            "required": ["subnetGroup"],
            "properties": { "subnets": { "type": "null" }, "subnetGroup": { "type": "string" } }
        }
    ]);
    let description = &mut schema["properties"]["parameterPrefix"]["description"];
    *description = json!(format!(
        "{} By default `/{{environment}}/cache`.",
        text(description)
    ));
    schema["allOf"] = json!([
        {
            "if": {
                "description": "Parameter Store rejects the default path of such an environment.",
                "properties": {
                    "environment": { "pattern": "^(aws|ssm)" },
                    "parameterPrefix": { "type": "null" }
                }
            },
            "then": {
                "required": ["parameterPrefix"],
                "properties": { "parameterPrefix": { "type": "string" } }
            }
        },
        {
            "if": {
                "description": "An existing subnet group is used, so none is created.",
                "properties": {
                    "network": {
                        "required": ["subnetGroup"],
                        "properties": { "subnetGroup": { "type": "string" } }
                    }
                }
            },
            "then": {
                "properties": { "cache": { "properties": { "subnetGroupName": { "type": "null" } } } }
            }
        },
        {
            "if": {
                "description": "Only a cache that is adopted can have another engine.",
                "required": ["upgradeEngine"],
                "properties": { "upgradeEngine": { "const": true } }
            },
            "then": { "required": ["adopt"], "properties": { "adopt": { "const": true } } }
        },
        {
            "if": {
                "description": "Multi-AZ needs a replica.",
                "required": ["cache"],
                "properties": {
                    "cache": { "type": "object", "required": ["multiAz"], "properties": { "multiAz": { "const": true } } }
                }
            },
            "then": {
                "properties": {
                    "cache": {
                        "required": ["replicas"],
                        "properties": { "replicas": { "type": "integer", "minimum": 1 } }
                    }
                }
            }
        },
        both_windows("snapshotWindow", "maintenanceWindow"),
        both_windows("maintenanceWindow", "snapshotWindow"),
        one_source(),
        one_log(),
        tiered_policy()
    ]);
}

/// Returns the rule that a cache is restored from one source.
fn one_source() -> Value {
    json!({
        "if": {
            "description": "A snapshot, or files.",
            "required": ["cache"],
            "properties": {
                "cache": {
                    "type": "object",
                    "required": ["restoreFrom"],
                    "properties": { "restoreFrom": { "type": "object" } }
                }
            }
        },
        "then": {
            "properties": {
                "cache": {
                    "properties": {
                        "restoreFrom": {
                            "oneOf": [
                                {
                                    "required": ["snapshot"],
                                    "properties": { "snapshot": { "type": "string" }, "files": { "type": "null" } }
                                },
                                {
                                    "required": ["files"],
                                    "properties": { "snapshot": { "type": "null" }, "files": { "type": "array" } }
                                }
                            ]
                        }
                    }
                }
            }
        }
    })
}

/// Returns the rule that at least one log is delivered.
fn one_log() -> Value {
    let delivered =
        |log: &str| json!({ "required": [log], "properties": { log: { "type": "object" } } });
    json!({
        "if": {
            "description": "At least one log.",
            "required": ["cache"],
            "properties": {
                "cache": { "type": "object", "required": ["logs"], "properties": { "logs": { "type": "object" } } }
            }
        },
        "then": {
            "properties": {
                "cache": { "properties": { "logs": { "anyOf": [delivered("slow"), delivered("engine")] } } }
            }
        }
    })
}

/// Returns the rule of the parameter `maxmemory-policy` for node types with data tiering.
fn tiered_policy() -> Value {
    json!({
        "if": {
            "description": "Data tiering doesn't support all policies.",
            "required": ["cache"],
            "properties": {
                "cache": {
                    "type": "object",
                    "required": ["nodeType"],
                    "properties": { "nodeType": { "type": "string", "pattern": "^cache\\.r6gd\\." } }
                }
            }
        },
        "then": {
            "properties": {
                "cache": {
                    "properties": {
                        "parameters": { "properties": { "maxmemory-policy": { "enum": TIERED_POLICIES } } }
                    }
                }
            }
        }
    })
}

/// Returns the rule that a window requires the other one. A schema can't express that they don't overlap.
fn both_windows(window: &str, other: &str) -> Value {
    json!({
        "if": {
            "description": "Both windows, or neither.",
            "required": ["cache"],
            "properties": {
                "cache": { "type": "object", "required": [window], "properties": { window: { "type": "string" } } }
            }
        },
        "then": {
            "properties": { "cache": { "required": [other], "properties": { other: { "type": "string" } } } }
        }
    })
}
