//! Compares the JSON Schemas in `events/` with the state machines, the contract, and the pages, and checks that they
//! reject what they don't describe.

use std::collections::BTreeSet;

use contract::error::ABORTED;
use contract::message::{
    Drift, EngineVersions, EnvironmentPlan, KeptSetting, LogError, PendingChange, Protection,
    Published, RetractEndpointOutput, Timing,
};
use contract::setting::EngineVersion;
use contract::value::EnvironmentName;
use contract::{Action, ErrorName};
use envcache_tests::definition::{Machine, states, strings};
use envcache_tests::schemas::Schema;
use local::Workspace;
use serde_json::{Map, Value, json};

/// The fields that are sometimes omitted: the schema, the form of an output, and the field.
const OPTIONAL: [(Schema, &str, &str); 15] = [
    (Schema::ProvisionOutput, "published", "immediate"),
    (Schema::ProvisionOutput, "published", "pending"),
    (Schema::ProvisionOutput, "published", "logErrors"),
    (Schema::ProvisionOutput, "published", "left"),
    (Schema::CacheAvailable, "published", "immediate"),
    (Schema::CacheAvailable, "published", "pending"),
    (Schema::CacheAvailable, "published", "logErrors"),
    (Schema::CacheAvailable, "published", "left"),
    (Schema::ProvisionOutput, "plan", "immediate"),
    (Schema::ProvisionOutput, "plan", "pending"),
    (Schema::ProvisionOutput, "plan", "logErrors"),
    (Schema::ProvisionOutput, "plan", "protectionChange"),
    (Schema::ProvisionOutput, "rejected", "environment"),
    (Schema::CacheProvisioningFailed, "failed", "environment"),
    (Schema::CacheRemovalFailed, "failed", "environment"),
];

/// An output or a detail with every field.
struct Sample {
    schema: Schema,
    /// The name of the form; for an output, the name of its definition in the schema.
    form: &'static str,
    emitted: Value,
}

/// Returns the fields of several objects as one object.
fn merged(objects: impl IntoIterator<Item = Value>) -> Value {
    let objects = objects.into_iter();
    let fields = objects.flat_map(|object| object.as_object().expect("an object").clone());
    Value::Object(fields.collect())
}

fn to_json(message: &impl serde::Serialize) -> Value {
    serde_json::to_value(message).expect("JSON")
}

/// Returns the output of a run that published the endpoint.
fn published() -> Value {
    let names = ["primary-endpoint", "host", "port", "url"];
    let published = Published {
        primary_endpoint: "master.bandup-redis.abc123.apse1.cache.amazonaws.com:6379".to_owned(),
        url: "rediss://master.bandup-redis.abc123.apse1.cache.amazonaws.com:6379".to_owned(),
        parameters: names.map(|leaf| format!("/bandup/cache/{leaf}")).to_vec(),
        written: vec!["/bandup/cache/url".to_owned()],
        removed: vec!["/bandup/cache/reader-endpoint".to_owned()],
    };
    let of_states = json!({
        "environment": "bandup",
        "engineVersion": engine_versions(),
        "verified": true,
        "protected": false,
        "drift": drift(),
        "left": ["cache parameter group bandup-redis-valkey7 is still in use"],
    });
    merged([to_json(&published), of_states, timing()])
}

/// Returns the fields of an output that say when ElastiCache makes changes.
fn timing() -> Value {
    to_json(&Timing {
        immediate: vec!["cache.replicas".to_owned()],
        pending: vec![PendingChange {
            field: "cache.nodeType".to_owned(),
            value: Some("cache.t3.small".to_owned()),
        }],
        log_errors: vec![LogError {
            log: "slow".to_owned(),
            message: "The log group doesn't exist.".to_owned(),
        }],
    })
}

fn engine_versions() -> Value {
    let requested = EngineVersion::try_from("8.0".to_owned()).expect("a version");
    to_json(&EngineVersions {
        found: "8.1.0".to_owned(),
        requested: Some(requested),
    })
}

fn drift() -> Value {
    to_json(&Drift {
        inbound_rules: vec!["tcp 6379 from 10.0.0.0/8".to_owned()],
    })
}

/// Returns the output of a dry run.
fn plan() -> Value {
    let plan = EnvironmentPlan {
        environment: EnvironmentName::try_from("bandup".to_owned()).expect("a name"),
        protected: true,
        protection_change: Some(Protection {
            found: false,
            wanted: true,
        }),
    };
    let action = Action::new("IncreaseReplicaCount", "bandup-redis").change(
        "cache.replicas",
        Some("0".to_owned()),
        Some("1".to_owned()),
    );
    let kept = KeptSetting {
        setting: "parameter group".to_owned(),
        value: "sessions-valkey8".to_owned(),
    };
    let of_states = json!({
        "plan": true,
        "cache": "compared",
        "engineVersion": engine_versions(),
        "actions": [to_json(&action)],
        "kept": [to_json(&kept)],
        "drift": drift(),
    });
    merged([to_json(&plan), of_states, timing()])
}

/// Returns the output of a dry run of a request that a run would reject.
fn rejected() -> Value {
    let rejection = json!({
        "step": "ResolveNetwork",
        "error": "NotFound",
        "reason": "network.vpc: no VPC has this name",
    });
    json!({ "environment": "bandup", "plan": true, "rejected": rejection })
}

/// Returns the output of a removal.
fn removed() -> Value {
    let endpoint = RetractEndpointOutput {
        removed: vec!["/bandup/cache/url".to_owned()],
        left: vec!["parameter /bandup/cache/host doesn't have this stack's tags".to_owned()],
    };
    json!({
        "environment": "bandup",
        "removed": true,
        "rolledBack": "run-1",
        "parameters": endpoint.removed,
        "finalSnapshot": "bandup-redis-final-1795341600000",
        "left": endpoint.left,
    })
}

fn superseded() -> Value {
    json!({ "environment": "bandup", "superseded": true, "reason": "a newer request takes precedence" })
}

fn execution() -> Value {
    let arn =
        "arn:aws:states:ap-southeast-1:123456789012:execution:envcache-provision-1a2b3c4d:run-1";
    json!({ "execution": arn })
}

fn failed() -> Value {
    let failure = json!({
        "environment": "bandup",
        "step": "ResolveNetwork",
        "error": "NotFound",
        "reason": "network.vpc: no VPC has this name",
    });
    merged([failure, execution()])
}

/// Returns a sample of each form of each output and detail.
fn samples() -> Vec<Sample> {
    [
        (Schema::ProvisionOutput, "published", published()),
        (Schema::ProvisionOutput, "plan", plan()),
        (Schema::ProvisionOutput, "rejected", rejected()),
        (Schema::ProvisionOutput, "superseded", superseded()),
        (Schema::DeprovisionOutput, "removed", removed()),
        (Schema::DeprovisionOutput, "superseded", superseded()),
        (
            Schema::CacheAvailable,
            "published",
            merged([published(), execution()]),
        ),
        (Schema::CacheProvisioningFailed, "failed", failed()),
        (
            Schema::CacheRemoved,
            "removed",
            merged([removed(), execution()]),
        ),
        (Schema::CacheRemovalFailed, "failed", failed()),
    ]
    .map(|(schema, form, emitted)| Sample {
        schema,
        form,
        emitted,
    })
    .into()
}

/// Returns the names of an object's fields.
fn keys(object: &Value) -> BTreeSet<&str> {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.as_str()).collect()
}

/// Returns a value and everything in it, each with its JSON pointer.
fn parts(value: &Value) -> Vec<(String, &Value)> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, child)| (name.clone(), child))
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, child)| (index.to_string(), child))
            .collect(),
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(key, child)| {
        parts(child)
            .into_iter()
            .map(move |(pointer, part)| (format!("/{key}{pointer}"), part))
    });
    std::iter::once((String::new(), value))
        .chain(below)
        .collect()
}

#[test]
fn every_schema_in_the_folder_is_valid() {
    let folder = Workspace::root().join("events");
    let found: BTreeSet<_> = std::fs::read_dir(&folder)
        .expect("the folder events/")
        .map(|entry| entry.expect("an entry").file_name())
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".schema.json"))
        .map(|name| format!("events/{name}"))
        .collect();
    let requests = "events/environment-created.schema.json";
    let known: BTreeSet<_> = Schema::ALL
        .map(Schema::path)
        .into_iter()
        .chain([requests])
        .map(str::to_owned)
        .collect();
    assert_eq!(found, known);

    for path in found {
        let text = std::fs::read_to_string(Workspace::root().join(&path)).expect("the file");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{path}"
        );
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("{path}: {error}");
        }
    }
}

#[test]
fn schemas_describe_every_field() {
    for schema in Schema::ALL {
        let path = schema.path();
        let read = schema.read();
        let description = read["description"].as_str().expect(path);
        assert!(
            description.contains("A later version may add optional fields"),
            "{path}: {description}"
        );
        let objects = parts(&read);
        let objects = objects
            .iter()
            .filter(|(_, part)| part["properties"].is_object());
        for (pointer, object) in objects {
            assert_eq!(object["type"], "object", "{path}: {pointer}");
            for (name, property) in object["properties"].as_object().into_iter().flatten() {
                assert!(
                    property["description"].is_string(),
                    "{path}: {pointer}: {name} has no description"
                );
            }
        }
    }
}

#[test]
fn consumers_can_validate_what_a_later_version_emits() {
    for sample in samples() {
        let mut emitted = sample.emitted;
        emitted["addedLater"] = json!(1);
        if emitted["error"].is_string() {
            emitted["error"] = json!("NamedLater");
        }

        let validator = jsonschema::validator_for(&sample.schema.read()).expect("a schema");

        assert!(validator.is_valid(&emitted), "{}: {emitted}", sample.form);
    }
}

#[test]
fn complete_and_minimal_values_are_valid() {
    for sample in samples() {
        let mut minimal = sample.emitted.clone();
        let optional = OPTIONAL
            .iter()
            .filter(|(schema, form, _)| (*schema, *form) == (sample.schema, sample.form));
        for (_, _, field) in optional {
            minimal.as_object_mut().expect("an object").remove(*field);
        }
        for emitted in [sample.emitted, minimal] {
            sample
                .schema
                .validate(&emitted)
                .unwrap_or_else(|error| panic!("{}: {error:#}", sample.form));
        }
    }
}

#[test]
fn null_is_valid_only_where_a_value_can_be_missing() {
    let nullable = [
        (Schema::ProvisionOutput, "/engineVersion/requested"),
        (Schema::ProvisionOutput, "/engineVersion"),
        (Schema::ProvisionOutput, "/actions/0/changes/0/found"),
        (Schema::ProvisionOutput, "/actions/0/changes/0/wanted"),
        (Schema::ProvisionOutput, "/pending/0/value"),
        (Schema::CacheAvailable, "/engineVersion/requested"),
        (Schema::CacheAvailable, "/pending/0/value"),
        (Schema::DeprovisionOutput, "/rolledBack"),
        (Schema::DeprovisionOutput, "/finalSnapshot"),
        (Schema::CacheRemoved, "/rolledBack"),
        (Schema::CacheRemoved, "/finalSnapshot"),
        // The input of a run that failed isn't validated.
        (Schema::CacheProvisioningFailed, "/environment"),
        (Schema::CacheRemovalFailed, "/environment"),
    ];
    for sample in samples() {
        for (pointer, _) in parts(&sample.emitted) {
            let mut emitted = sample.emitted.clone();
            *emitted.pointer_mut(&pointer).expect("a part") = Value::Null;

            let valid = sample.schema.validate(&emitted).is_ok();

            // A published endpoint has an engine version; a plan may have none. The input of a dry run that was
            // rejected isn't validated.
            let can_be_null = match (sample.form, pointer.as_str()) {
                ("published", "/engineVersion") => false,
                ("rejected", "/environment") => true,
                (_, pointer) => nullable.contains(&(sample.schema, pointer)),
            };
            assert_eq!(valid, can_be_null, "{}: {pointer}: null", sample.form);
        }
    }
}

/// Returns a value with one of its objects edited.
fn edited(value: &Value, pointer: &str, edit: impl FnOnce(&mut Map<String, Value>)) -> Value {
    let mut value = value.clone();
    let object = value.pointer_mut(pointer).and_then(Value::as_object_mut);
    edit(object.expect("an object"));
    value
}

#[test]
fn missing_and_unknown_fields_are_rejected_with_their_place() {
    for Sample {
        schema,
        form,
        emitted,
    } in samples()
    {
        let parts = parts(&emitted);
        let objects = parts.iter().filter(|(_, part)| part.is_object());
        for (pointer, object) in objects {
            let with_unknown = edited(&emitted, pointer, |fields| {
                fields.insert("unknown".to_owned(), json!(1));
            });
            let mut cases = vec![("unknown", with_unknown)];
            let required = keys(object)
                .into_iter()
                .filter(|name| !(pointer.is_empty() && OPTIONAL.contains(&(schema, form, *name))));
            cases.extend(required.map(|name| {
                let without = edited(&emitted, pointer, |fields| {
                    fields.remove(name);
                });
                (name, without)
            }));
            for (name, changed) in cases {
                let Err(error) = schema.validate(&changed) else {
                    panic!("{}, {form}: {pointer}: {name} is accepted", schema.path());
                };
                let error = error.to_string();
                assert!(
                    error.starts_with(&format!("{}: #{pointer}: ", schema.path())),
                    "{form}: {pointer}: {name}: {error}"
                );
            }
        }
    }
}

#[test]
fn wrong_values_are_rejected_with_their_place() {
    let cases = [
        (
            Schema::ProvisionOutput,
            published(),
            "/url",
            json!("redis://host:6379"),
        ),
        (
            Schema::ProvisionOutput,
            published(),
            "/parameters/0",
            json!("cache/url"),
        ),
        (
            Schema::ProvisionOutput,
            published(),
            "/verified",
            json!("true"),
        ),
        (Schema::ProvisionOutput, plan(), "/cache", json!("unknown")),
        (Schema::DeprovisionOutput, removed(), "/left", json!("none")),
        (
            Schema::CacheAvailable,
            published(),
            "/environment",
            json!("Band Up"),
        ),
        (
            Schema::CacheProvisioningFailed,
            failed(),
            "/error",
            json!("Unknown"),
        ),
        (
            Schema::CacheRemovalFailed,
            failed(),
            "/execution",
            json!("run-1"),
        ),
    ];
    for (schema, sample, pointer, value) in cases {
        let mut emitted = merged([sample, execution()]);
        if [Schema::ProvisionOutput, Schema::DeprovisionOutput].contains(&schema) {
            emitted
                .as_object_mut()
                .expect("an object")
                .remove("execution");
        }
        *emitted.pointer_mut(pointer).expect("the field") = value;

        let error = schema.validate(&emitted).expect_err(pointer).to_string();

        let place = format!("{}: #{pointer}: ", schema.path());
        assert!(error.starts_with(&place), "{error}");
    }
}

/// Returns the schema of a sample's form.
fn form_of(sample: &Sample) -> Value {
    let schema = sample.schema.read();
    let form = schema["$defs"][sample.form].clone();
    if form.is_null() { schema } else { form }
}

#[test]
fn required_fields_are_those_that_are_never_omitted() {
    for sample in samples() {
        let form = form_of(&sample);
        let mut required: BTreeSet<_> = strings(&form["required"]).into_iter().collect();
        for (schema, name, field) in &OPTIONAL {
            if (*schema, *name) == (sample.schema, sample.form) {
                assert!(required.insert(*field), "{}: {field}", sample.form);
            }
        }
        assert_eq!(
            required,
            keys(&form["properties"]),
            "{}, {}",
            sample.schema.path(),
            sample.form
        );
        assert_eq!(
            keys(&sample.emitted),
            required,
            "the sample has every field: {}",
            sample.form
        );
    }
}

#[test]
fn schemas_have_the_fields_that_the_states_return() {
    let (provision, deprovision) = (states(Machine::Provision), states(Machine::Deprovision));
    let (published, plan, removed) = (published(), plan(), removed());
    let (superseded, failed) = (superseded(), failed());
    // Other fields are those of `EnvironmentPlan` and `Timing`; `DeleteParameterGroup` adds what it left, and `AnnounceFailure`
    // the fields of a failure.
    let of_timing = BTreeSet::from(["immediate", "pending", "logErrors"]);
    let mut of_plan = BTreeSet::from(["environment", "protected", "protectionChange"]);
    of_plan.extend(&of_timing);
    let mut of_published = of_timing;
    of_published.insert("left");
    let cases = [
        (&provision["PublishEndpoint"], &published, of_published),
        (&provision["PlanEndpoint"], &plan, of_plan),
        (&provision["Superseded"], &superseded, BTreeSet::new()),
        (
            &provision["ClassifyFailure"],
            &failed,
            BTreeSet::from(["environment", "execution"]),
        ),
        (&deprovision["ForgetEnvironment"], &removed, BTreeSet::new()),
        (&deprovision["Superseded"], &superseded, BTreeSet::new()),
        (
            &deprovision["ClassifyFailure"],
            &failed,
            BTreeSet::from(["environment", "execution"]),
        ),
    ];
    for (state, sample, others) in cases {
        let mut fields = keys(&state["Output"]);
        fields.extend(others);
        assert_eq!(keys(sample), fields, "{}", state["Comment"]);
    }

    // The detail of a successful run is its output and the execution.
    for (detail, output, form) in [
        (Schema::CacheAvailable, Schema::ProvisionOutput, "published"),
        (Schema::CacheRemoved, Schema::DeprovisionOutput, "removed"),
    ] {
        let (detail, output) = (detail.read(), output.read());
        let mut properties = output["$defs"][form]["properties"].clone();
        properties["execution"] = detail["properties"]["execution"].clone();
        assert_eq!(detail["properties"], properties, "{form}");
        for (name, definition) in detail["$defs"].as_object().into_iter().flatten() {
            assert_eq!(definition, &output["$defs"][name], "{form}: {name}");
        }
        let required: BTreeSet<_> = strings(&output["$defs"][form]["required"])
            .into_iter()
            .chain(["execution"])
            .collect();
        let of_detail: BTreeSet<_> = strings(&detail["required"]).into_iter().collect();
        assert_eq!(of_detail, required, "{form}");
    }
}

#[test]
fn schemas_of_failures_list_every_error_name() {
    let names: Vec<_> = ErrorName::ALL
        .into_iter()
        .map(ErrorName::as_str)
        .chain([ABORTED])
        .collect();
    for schema in [Schema::CacheProvisioningFailed, Schema::CacheRemovalFailed] {
        let read = schema.read();
        assert_eq!(strings(&read["properties"]["error"]["examples"]), names);
    }
}

#[test]
fn dry_run_fails_only_without_a_decision_about_the_request() {
    let provision = states(Machine::Provision);
    let condition = provision["ShouldAnnounceFailure"]["Choices"][1]["Condition"]
        .as_str()
        .expect("a condition");
    let is_failure = |name: &str| condition.contains(&format!("'{name}'"));
    let names = ErrorName::ALL.map(ErrorName::as_str);

    let (failures, rejections): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| is_failure(name));

    assert_eq!(condition.matches('\'').count(), 2 * failures.len());
    let expected = [
        "AccessDenied",
        "Throttled",
        "ServiceUnavailable",
        "Timeout",
        "Internal",
    ];
    assert_eq!(failures, expected);
    let schema = Schema::ProvisionOutput.read();
    let listed = &schema["$defs"]["rejected"]["properties"]["rejected"]["properties"]["error"];
    assert_eq!(strings(&listed["examples"]), rejections);
}

fn page(path: &str) -> String {
    std::fs::read_to_string(Workspace::root().join(path)).expect(path)
}

/// Returns the schema that describes an example on a page; none for an input.
fn schema_of(example: &Value) -> Option<Schema> {
    let has = |field: &str| !example[field].is_null();
    let schemas = [
        (has("error"), Schema::CacheProvisioningFailed),
        (
            has("primaryEndpoint") && has("execution"),
            Schema::CacheAvailable,
        ),
        (has("removed") && has("execution"), Schema::CacheRemoved),
        (
            has("primaryEndpoint") || has("plan"),
            Schema::ProvisionOutput,
        ),
        (has("removed"), Schema::DeprovisionOutput),
        // Both schemas of outputs have this form.
        (has("superseded"), Schema::ProvisionOutput),
    ];
    let (_, schema) = schemas.into_iter().find(|(is_this, _)| *is_this)?;
    Some(schema)
}

#[test]
fn examples_on_the_pages_are_valid() {
    let mut validated = Vec::new();
    for path in ["docs/events.md", "docs/plan.md", "docs/removal.md"] {
        let page = page(path);
        for rest in page.split("```json\n").skip(1) {
            let (example, _) = rest.split_once("```").expect("the end of the example");
            let example: Value =
                serde_json::from_str(example).unwrap_or_else(|error| panic!("{path}: {error}"));
            if let Some(schema) = schema_of(&example) {
                schema
                    .validate(&example)
                    .unwrap_or_else(|error| panic!("{path}: {error:#}"));
                validated.push((path, schema));
            }
        }
    }
    for expected in [
        ("docs/plan.md", Schema::ProvisionOutput),
        ("docs/removal.md", Schema::DeprovisionOutput),
    ] {
        assert!(validated.contains(&expected), "{expected:?}: {validated:?}");
    }
}

/// Returns the fields that the tables of a section list.
fn listed<'a>(page: &'a str, heading: &str) -> BTreeSet<&'a str> {
    let (_, section) = page.split_once(heading).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0))
        .collect()
}

#[test]
fn event_reference_lists_fields_of_the_schemas() {
    let page = page("docs/events.md");

    let available = Schema::CacheAvailable.read();
    let needed = listed(&page, "\n## Successful runs\n");
    assert!(needed.contains("url"), "{needed:?}");
    assert!(
        needed.is_subset(&keys(&available["properties"])),
        "{needed:?}"
    );
    let failed = Schema::CacheProvisioningFailed.read();
    assert_eq!(
        listed(&page, "\n## Failed runs\n"),
        keys(&failed["properties"]),
        "the fields of a failure"
    );
}
