//! Fuzz tests: for arbitrary input, the contract's code and the functions' binaries report an error of the contract and
//! create nothing.

use contract::error::{ErrorName, StepError};
use contract::{RemovalRequest, Request};
use envcache_tests::lambda::{Answer, Function, is_read_only};
use envcache_tests::messages;
use local::Workspace;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Cases for the contract's code, for each of the two kinds of input.
const CONTRACT_CASES: u32 = 20_000;
/// Cases for each binary, for each of the two kinds of input.
const BINARY_CASES: u32 = 500;

/// The functions that receive a user's input unchecked. They are read-only.
const RESOLVERS: [&str; 2] = ["ResolveNetwork", "ResolveRemoval"];
/// The functions that succeed although no resource exists.
const SUCCEEDING: [&str; 6] = [
    "CheckReplicationGroup",
    // It succeeds for a dry run, which a case may set, of an environment without a record.
    "ClaimEnvironment",
    // It succeeds for a request without logs.
    "EnsureLogGroup",
    // It changes nothing if the request names no parameters.
    "EnsureParameterGroup",
    "ResolveRemoval",
    "RetractEndpoint",
];

fn request() -> Value {
    let mut request = replay::reference(json!({}))["spec"].clone();
    request["cache"]["engineVersion"] = json!("8.0");
    request["cache"]["snapshotWindow"] = json!("23:30-00:30");
    request["cache"]["maintenanceWindow"] = json!("sun:05:00-sun:06:00");
    request["cache"]["notificationTopic"] =
        json!("arn:aws:sns:ap-southeast-1:123456789012:cache-events");
    request["cache"]["kmsKey"] = json!("alias/caches");
    request["cache"]["restoreFrom"] = json!({ "snapshot": "sessions" });
    request["cache"]["parameters"] = json!({ "maxmemory-policy": "allkeys-lru", "timeout": 300 });
    request["cache"]["logs"] =
        json!({ "slow": { "format": "json" }, "engine": {}, "retentionDays": 7 });
    request["tags"] = json!({ "team": "web", "cost center": "17" });
    request["protect"] = json!(true);
    request["event"] =
        json!({ "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "time": "2026-11-22T10:00:00Z" });
    request
}

/// Returns a request with a shared subnet group.
fn shared_request() -> Value {
    let mut request = request();
    let network = request["network"].as_object_mut().expect("an object");
    network.remove("subnets");
    network.insert("subnetGroup".to_owned(), json!("vpc-caches"));
    let cache = request["cache"].as_object_mut().expect("an object");
    cache.remove("subnetGroupName");
    request
}

fn event() -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Environment Created",
        "source": "envcache.environments",
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": "ap-southeast-1",
        "resources": [],
        "detail": request()
    })
}

/// Returns a valid message for each function, except for two: `VerifyEndpoint` would connect to the sample endpoints,
/// and `ReportOutcome` receives only events of AWS.
fn messages() -> Vec<(&'static str, Value)> {
    let mut spec = request();
    spec.as_object_mut().expect("an object").remove("event");
    let mut messages = messages::of(&spec);
    messages.remove("VerifyEndpoint");
    if let Some(message) = messages.get_mut("ResolveNetwork") {
        message["request"] = request();
    }
    messages
        .into_iter()
        .chain([("StartWorkflow", event())])
        .collect()
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        2 => "[a-z0-9-]{0,60}",
        1 => Just("\u{202e}\u{0}\u{feff}𝔟𝔞𝔫𝔡\u{301}🎸".to_owned()),
        1 => (any::<char>(), 1_000_usize..100_000).prop_map(|(character, count)| {
            std::iter::repeat_n(character, count).collect()
        }),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map("[a-zA-Z]{0,12}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A change to one place of a valid message.
#[derive(Clone, Debug)]
enum Mutation {
    Remove,
    Replace(Value),
    Add(String, Value),
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        Just(Mutation::Remove),
        any_json().prop_map(Mutation::Replace),
        (any_text(), any_json()).prop_map(|(name, value)| Mutation::Add(name, value)),
    ]
}

/// Generates valid messages with one to three changes.
fn nearly_valid(message: Value) -> impl Strategy<Value = Value> {
    vec((any::<prop::sample::Index>(), any_mutation()), 1..4).prop_map(move |mutations| {
        let mut message = message.clone();
        for (place, mutation) in mutations {
            let places = places(&message, String::new());
            mutate(&mut message, &places[place.index(places.len())], mutation);
        }
        message
    })
}

/// Returns a JSON pointer to every value in `value`.
fn places(value: &Value, at: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, format!("{at}/{name}"))
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places(value, format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once(at).chain(below).collect()
}

fn mutate(message: &mut Value, place: &str, mutation: Mutation) {
    let Some(value) = message.pointer_mut(place) else {
        return;
    };
    match mutation {
        Mutation::Remove => {
            let (parent, name) = place.rsplit_once('/').unwrap_or_default();
            if let Some(Value::Object(fields)) = message.pointer_mut(parent) {
                fields.remove(name);
            }
        }
        Mutation::Replace(new) => *value = new,
        Mutation::Add(name, new) => match value {
            Value::Object(fields) => {
                fields.insert(name, new);
            }
            Value::Array(items) => items.push(new),
            _ => {}
        },
    }
}

fn try_all(cases: u32, inputs: &(impl Strategy<Value = Value> + 'static), check: impl Fn(Value)) {
    // Every run tests the same cases, so a failure is reproducible.
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        },
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    if let Err(error) = runner.run(inputs, |input| {
        check(input);
        Ok(())
    }) {
        // The failed input may have a megabyte.
        let message: String = error.to_string().chars().take(4_000).collect();
        panic!("{message}");
    }
}

/// Returns whether a message is short enough to read, and for an execution's cause, which has at most 32,768
/// characters.
fn is_short(message: &str) -> bool {
    message.chars().count() < 2_000
}

#[test]
fn request_is_accepted_or_rejected_as_invalid() {
    let check = |input: Value| match Request::from_json(input).and_then(Request::into_spec) {
        Ok(spec) => {
            let written = serde_json::to_value(&spec).expect("JSON");
            let read: contract::Spec = serde_json::from_value(written).expect("its own JSON");
            assert_eq!(
                read, spec,
                "the specification changes when it is serialized and deserialized"
            );
        }
        Err(error) => {
            assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
            assert!(is_short(&error.to_string()), "{error}");
        }
    };

    try_all(CONTRACT_CASES, &any_json(), check);
    try_all(CONTRACT_CASES, &nearly_valid(request()), check);
}

#[test]
fn schema_accepts_exactly_what_the_contract_accepts() {
    let path = Workspace::root().join("events/environment-created.schema.json");
    let schema = std::fs::read_to_string(path).expect("the schema");
    let schema = serde_json::from_str(&schema).expect("JSON");
    let schema = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let check = |input: Value| {
        if contains_whole_float(&input) {
            return;
        }
        let by_contract = Request::from_json(input.clone()).and_then(Request::into_spec);
        let by_schema = schema.validate(&input);
        if by_schema.is_ok() && by_contract.as_ref().is_err_and(is_beyond_schemas) {
            return;
        }

        assert_eq!(
            by_schema.is_ok(),
            by_contract.is_ok(),
            "the schema: {:?}; the contract: {:?}",
            by_schema.err().map(|error| error.to_string()),
            by_contract.err().map(|error| error.to_string())
        );
    };

    check(request());
    // Environments with some of these names need their own `parameterPrefix`.
    for environment in ["bandup", "aws", "awsome", "ssm-test", "my-aws"] {
        let mut input = request();
        input["environment"] = json!(environment);
        check(input.clone());
        input["parameterPrefix"] = Value::Null;
        check(input.clone());
        input
            .as_object_mut()
            .expect("an object")
            .remove("parameterPrefix");
        check(input);
    }
    for request in [request(), shared_request()] {
        for (pointer, value) in edges() {
            let mut input = request.clone();
            let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
            input.pointer_mut(parent).expect("the parent exists")[field] = value;
            check(input);
        }
        try_all(CONTRACT_CASES / 2, &nearly_valid(request), check);
    }
    try_all(CONTRACT_CASES, &any_json(), check);
}

/// Returns whether an error is about the times of windows, or keys that differ only in case. A schema can't compare them.
fn is_beyond_schemas(error: &StepError) -> bool {
    let text = error.to_string();
    if text.starts_with("tags") && text.contains("differ only in case") {
        return true;
    }
    let is_of_window =
        text.starts_with("cache.snapshotWindow") || text.starts_with("cache.maintenanceWindow");
    is_of_window && (text.contains("overlaps") || text.contains("long"))
}

/// Returns whether the value contains a number such as 1.0. It is an integer for JSON Schema but not for the contract,
/// and users don't write such numbers.
fn contains_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Value::Array(items) => items.iter().any(contains_whole_float),
        Value::Object(fields) => fields.values().any(contains_whole_float),
        _ => false,
    }
}

/// Returns texts at the limits of the constraints, by the field's JSON pointer.
fn texts() -> [(&'static str, &'static [&'static str]); 8] {
    [
        (
            "/cache/securityGroupName",
            &[
                "sg-a",
                " a",
                "a ",
                "a $ a",
                "ä",
                "[x]",
                "a\\b",
                "default",
                "Default",
                "default-a",
            ],
        ),
        (
            "/cache/nodeType",
            &[
                "cache.t3.micro",
                "cache.t3",
                "t3.micro",
                "cache..micro",
                "cache.r7g.16xlarge",
            ],
        ),
        (
            "/cache/engineVersion",
            &[
                "7.1", "7.2", "7.10", "8.0", "8", "08.0", "8.00", "10.1", "8.0.1", "6.9",
            ],
        ),
        (
            "/cache/snapshotWindow",
            &[
                "05:00-06:00",
                "23:30-00:30",
                "5:00-06:00",
                "24:00-01:00",
                "05:60-07:00",
                "sun:07:00-sun:08:00",
            ],
        ),
        (
            "/cache/maintenanceWindow",
            &[
                "sun:07:00-sun:08:00",
                "sat:07:00-sun:07:00",
                "Sun:07:00-Sun:08:00",
                "sun:24:00-mon:01:00",
                "07:00-08:00",
            ],
        ),
        (
            "/cache/notificationTopic",
            &[
                "arn:aws:sns:eu-west-1:123456789012:events",
                "arn:aws-cn:sns:cn-north-1:123456789012:Cache_1-2",
                "arn:aws-us-gov:sns:us-gov-west-1:123456789012:events",
                "arn:aws:sns:eu-west-1:123456789012:events.fifo",
                "arn:aws:sns:eu-west-1:12345678901:events",
                "arn:aws:sns::123456789012:events",
                "arn:aws-:sns:eu-west-1:123456789012:events",
                "arn:aws:sqs:eu-west-1:123456789012:events",
                "events",
            ],
        ),
        (
            "/parameterPrefix",
            &[
                "/a",
                "a",
                "/",
                "/a/",
                "//a",
                "/aws",
                "/AWSome",
                "/ssm/x",
                "/a/aws",
                "/a b",
                "/1.2_3-4",
                "/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
                "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a",
            ],
        ),
        (
            "/event/time",
            &[
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:00:00+07:00",
                "2026-11-22",
                "soon",
                "1969-12-31T23:59:59Z",
                "1970-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "10000-01-01T00:00:00Z",
            ],
        ),
    ]
}

/// Texts for `cache.kmsKey`, some of them valid.
const KEYS: [&str; 22] = [
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "1234ABCD-12AB-34CD-56EF-1234567890AB",
    "1234abcd-12ab-34cd-56ef-1234567890a",
    "1234abcd12ab34cd56ef1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890a",
    "key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "alias/team:web/Caches_1-2",
    "alias/",
    "alias/a b",
    "alias/aws",
    "alias/aws/elasticache",
    "caches",
    "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-west-1:123456789012:alias/a:b",
    "arn:aws:kms:eu-west-1:123456789012:alias/aws/elasticache",
    "arn:aws:kms:eu-west-1:123456789012:1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms::123456789012:alias/caches",
    "arn:aws:kms:eu-west-1:12345678901:alias/caches",
    "arn:aws-:kms:eu-west-1:123456789012:alias/caches",
    "arn:aws:sns:eu-west-1:123456789012:alias/caches",
];

/// Returns values of `cache.parameters` at the limits of their constraints.
fn parameters() -> Vec<Value> {
    let names = ["", "a", "a-", "a--b", "-a", "1a", "A", "a_b", "a.b", "a b"];
    let values = ["", "a", "a b", " a", "a ", "a\tb", "\u{e9}", "~!"];
    let long = |text: &str, length: usize| text.repeat(length);
    let counts = [100, 101].map(|count| {
        (0..count)
            .map(|number| (format!("p{number}"), json!(number)))
            .collect::<Value>()
    });
    let others = [json!(true), json!(-1), json!(1.5), Value::Null, json!({})];
    let names = names.map(str::to_owned).into_iter();
    let names = names.chain([255, 256].map(|length| long("a", length)));
    let values = values.map(str::to_owned).into_iter();
    let values = values.chain([1000, 1001].map(|length| long("v", length)));
    names
        .map(|name| json!({ name: "yes" }))
        .chain(values.map(|value| json!({ "timeout": value })))
        .chain(others.map(|value| json!({ "timeout": value })))
        .chain(counts)
        .chain([json!({}), Value::Null, json!([]), json!("timeout")])
        .collect()
}

/// Returns values of `cache` with each policy that data tiering supports, and with others.
fn policies() -> Vec<Value> {
    let policies = ["volatile-lru", "allkeys-lru", "noeviction", "volatile-ttl"];
    let policies = policies.map(|policy| json!({ "maxmemory-policy": policy }));
    let others = [json!({ "maxmemory-policy": 1 }), json!({}), Value::Null];
    let parameters = policies.into_iter().chain(others);
    parameters
        .flat_map(|parameters| {
            ["cache.r6gd.xlarge", "cache.r6g.xlarge"]
                .map(|node_type| json!({ "nodeType": node_type, "parameters": parameters }))
        })
        .collect()
}

/// Returns values of `cache.restoreFrom` at the limits of its constraints.
fn sources() -> Vec<Value> {
    let file = |key: &str| format!("arn:aws:s3:::backups/{key}");
    let files = |count: usize| -> Vec<String> {
        let numbers = 0..count;
        numbers.map(|number| file(&number.to_string())).collect()
    };
    let long = "a".repeat(255);
    let names = [
        "",
        "a",
        "1a",
        "a.b-c",
        "a b",
        "a_b",
        "A",
        "automatic.a-2026-11-22-03-00",
    ];
    let keys = ["", "a", "a,b", "a b", "a/b~.rdb", "\u{e9}", "a\nb"];
    let arns = [
        "arn:aws-cn:s3:::abc/a",
        "arn:aws:s3:::ab/a",
        "arn:aws:s3:::ABC/a",
        "arn:aws:s3:::-bc/a",
        "arn:aws:s3:::ab-/a",
        "arn:aws:s3:::a.c/a",
        "arn:aws:s3:::abc",
        "arn:aws-:s3:::abc/a",
        "arn:aws:s3:eu-west-1::abc/a",
        "s3://abc/a",
    ];
    let lengths = [1024, 1025].map(|length| file(&"k".repeat(length)));
    let buckets = [63, 64].map(|length| format!("arn:aws:s3:::{}/a", "b".repeat(length)));
    let one = keys.map(file).into_iter();
    let one = one.chain(arns.map(str::to_owned)).chain(lengths);
    let one = one.chain(buckets).map(|file| json!({ "files": [file] }));
    let names = names.map(str::to_owned).into_iter();
    let names = names.chain([long.clone(), long + "a"]);
    let counts = [0, 1, 20, 21].map(|count| json!({ "files": files(count) }));
    let others = [
        Value::Null,
        json!({}),
        json!([]),
        json!(["sessions"]),
        json!("sessions"),
        json!({ "snapshot": null }),
        json!({ "snapshot": null, "files": null }),
        json!({ "snapshot": "a", "files": null }),
        json!({ "snapshot": null, "files": [file("a")] }),
        json!({ "snapshot": "a", "files": [file("a")] }),
        json!({ "files": [file("a"), file("a")] }),
        json!({ "files": [null] }),
        json!({ "files": file("a") }),
        json!({ "snapshot": "a", "bucket": "b" }),
    ];
    names
        .map(|name| json!({ "snapshot": name }))
        .chain(one)
        .chain(counts)
        .chain(others)
        .collect()
}

/// Returns tags at the limits of their constraints.
fn tags() -> Vec<Value> {
    let long = |length: usize| "a".repeat(length);
    let keys = [
        "a",
        "",
        " a",
        "a ",
        "a b",
        "ä",
        "a,b",
        "a_.:/=+-@b",
        "aws",
        "aws:a",
        "AwS:a",
        "awsome:a",
        "a:aws:b",
        "envcache",
        "envcache:",
        "Envcache:stack",
        "envcaches:a",
    ];
    let values = [
        "",
        " ",
        "a",
        " a",
        "a ",
        "a b",
        "ä",
        "a;b",
        "a_.:/=+-@b",
        "aws:a",
    ];
    let lengths = [127, 128].map(|length| json!({ long(length): "" }));
    let value_lengths = [256, 257].map(|length| json!({ "a": long(length) }));
    let counts = [40, 41].map(|count| {
        let tags = (0..count).map(|number| (format!("tag-{number}"), json!("")));
        Value::Object(tags.collect())
    });
    let others = [
        Value::Null,
        json!({}),
        json!([]),
        json!("team"),
        json!({ "team": null }),
        json!({ "team": 1 }),
        json!({ "team": "", "Team": "" }),
    ];
    let keys = keys.map(|key| json!({ key: "" }));
    let values = values.map(|value| json!({ "a": value }));
    [
        &keys[..],
        &values,
        &lengths,
        &value_lengths,
        &counts,
        &others,
    ]
    .concat()
}

/// Returns values of `cache.logs`, some of them valid.
fn logs() -> [Value; 16] {
    [
        json!({ "slow": {} }),
        json!({ "engine": { "format": "text" } }),
        json!({ "slow": { "format": null }, "engine": null, "retentionDays": null }),
        json!({ "slow": {}, "retentionDays": 1 }),
        json!({ "slow": {}, "retentionDays": 3653 }),
        json!({ "slow": {}, "retentionDays": 0 }),
        json!({ "slow": {}, "retentionDays": 31 }),
        json!({ "slow": { "format": "JSON" } }),
        json!({ "slow": { "level": "notice" } }),
        json!({ "slow": null, "engine": null }),
        json!({ "retentionDays": 30 }),
        json!({ "command": {} }),
        json!({ "slow": ["json"] }),
        json!(["slow"]),
        json!({}),
        Value::Null,
    ]
}

/// Returns values at the limits of the constraints, which random input rarely contains.
fn edges() -> Vec<(&'static str, Value)> {
    let names = ["a", "a-b", "a--b", "a-", "-a", "1a", "A", "", "a b"];
    let long = |max: usize| [json!("a".repeat(max)), json!("a".repeat(max + 1))];
    let mut edges = Vec::new();
    for (pointer, max) in [
        ("/environment", 34),
        ("/cache/name", 40),
        ("/cache/subnetGroupName", 255),
        ("/network/subnetGroup", 255),
        ("/cache/securityGroupName", 255),
        ("/cache/description", 255),
        ("/network/vpc", 255),
        ("/event/id", 255),
    ] {
        edges.extend(names.map(|name| (pointer, json!(name))));
        edges.extend(long(max).map(|name| (pointer, name)));
        edges.push((pointer, json!("a\u{85}b")));
        edges.push((pointer, Value::Null));
    }
    for (pointer, values) in texts() {
        edges.extend(values.iter().map(|value| (pointer, json!(value))));
    }
    for (pointer, values) in [
        ("/onFailure", ["keep", "rollback", "Keep", ""]),
        ("/apply", ["now", "window", "Now", ""]),
    ] {
        edges.extend(values.map(|value| (pointer, json!(value))));
    }
    for (pointer, values) in [
        ("/cache/replicas", [-1, 0, 5, 6]),
        ("/cache/port", [1149, 1150, 65535, 65536]),
        ("/cache/port", [8004, 8005, 8006, 0]),
        ("/cache/snapshotRetentionDays", [-1, 0, 35, 36]),
    ] {
        edges.extend(values.map(|value| (pointer, json!(value))));
    }
    let subnets = |count: usize| {
        json!(
            (0..count)
                .map(|number| format!("s{number}"))
                .collect::<Vec<_>>()
        )
    };
    edges.extend([1, 2, 20, 21].map(|count| ("/network/subnets", subnets(count))));
    edges.push(("/network/subnets", json!(["a", "a"])));
    edges.extend(tags().into_iter().map(|tags| ("/tags", tags)));
    edges.push(("/network/subnets", Value::Null));
    for pointer in [
        "/cache/multiAz",
        "/cache/autoMinorVersionUpgrade",
        "/upgradeEngine",
    ] {
        edges.extend([json!(true), json!(false), Value::Null].map(|value| (pointer, value)));
    }
    edges.extend(KEYS.map(|key| ("/cache/kmsKey", json!(key))));
    edges.extend([250, 251].map(|length| {
        (
            "/cache/kmsKey",
            json!(format!("alias/{}", "a".repeat(length))),
        )
    }));
    edges.push(("/cache/kmsKey", Value::Null));
    let sources = sources().into_iter();
    edges.extend(sources.map(|source| ("/cache/restoreFrom", source)));
    let parameters = parameters().into_iter();
    edges.extend(parameters.map(|parameters| ("/cache/parameters", parameters)));
    edges.extend(policies().into_iter().map(|cache| ("/cache", cache)));
    edges.extend(logs().map(|logs| ("/cache/logs", logs)));
    edges.push((
        "/cache",
        json!({ "multiAz": true, "replicas": 1, "snapshotWindow": null, "maintenanceWindow": null }),
    ));
    for pointer in ["/cache/snapshotWindow", "/cache/maintenanceWindow"] {
        edges.push((pointer, Value::Null));
    }
    for pointer in [
        "/dryRun",
        "/adopt",
        "/protect",
        "/onFailure",
        "/apply",
        "/cache",
        "/event",
        "/parameterPrefix",
        "/network",
    ] {
        edges.push((pointer, Value::Null));
    }
    edges
}

#[test]
fn removal_is_accepted_or_rejected_as_invalid() {
    let check = |input: Value| {
        if let Err(error) = RemovalRequest::from_json(input) {
            assert_eq!(error.name(), ErrorName::InvalidSpec, "{error}");
            assert!(is_short(&error.to_string()), "{error}");
        }
    };

    try_all(CONTRACT_CASES, &any_json(), check);
    try_all(CONTRACT_CASES, &nearly_valid(request()), check);
}

#[test]
fn binaries_report_contract_errors_and_create_nothing() {
    let variables = [
        ("ENVCACHE_STACK", "envcache"),
        ("ENVIRONMENTS_TABLE", "environments"),
        (
            "PROVISION_STATE_MACHINE_ARN",
            "arn:aws:states:ap-southeast-1:123456789012:stateMachine:provision",
        ),
        (
            "DEPROVISION_STATE_MACHINE_ARN",
            "arn:aws:states:ap-southeast-1:123456789012:stateMachine:deprovision",
        ),
    ];
    for (function, message) in messages() {
        let binary = Function::start(function, &variables).expect("the function starts");
        let binary = std::cell::RefCell::new(binary);
        let check = |input: Value| {
            let answer = binary
                .borrow_mut()
                .invoke(&input)
                .unwrap_or_else(|error| panic!("{function}: {error:#}"));
            let calls = binary.borrow().take_calls();
            match answer {
                Answer::Failed {
                    error,
                    message: reason,
                } => {
                    assert_is_of_contract(function, &error, &reason, &calls);
                    let is_request = RESOLVERS.contains(&function)
                        && input.as_object().is_some_and(|fields| {
                            fields
                                .keys()
                                .eq(message.as_object().expect("fields").keys())
                                && fields["execution"].is_string()
                                && fields.get("policy") == message.get("policy")
                        });
                    assert!(
                        !(is_request && error == "Internal"),
                        "a user's input must not cause an internal error: {reason}"
                    );
                }
                Answer::Returned(answer) => {
                    // Without a record, the execution doesn't hold the environment.
                    let changes_nothing = ["absent", "claimLost", "notOwned"]
                        .map(Value::from)
                        .contains(&answer["status"]);
                    assert!(
                        SUCCEEDING.contains(&function) || changes_nothing || input["plan"] == true,
                        "{function}: succeeded although nothing exists and every write is denied: {answer}"
                    );
                }
            }
            if RESOLVERS.contains(&function) {
                assert!(calls.iter().all(|call| is_read_only(call)), "{calls:?}");
            }
        };

        try_all(BINARY_CASES, &any_json(), check);
        try_all(BINARY_CASES, &nearly_valid(message.clone()), check);
    }
}

/// Checks that the error has a name of the contract and a short message, and that no call was made for rejected input.
fn assert_is_of_contract(function: &str, error: &str, message: &str, calls: &[String]) {
    assert!(
        ErrorName::from_name(error).is_some(),
        "{function}: `{error}` isn't an error name of the contract: {message}"
    );
    assert!(is_short(message), "{function}: {message}");
    if ["InvalidSpec", "Internal"].contains(&error) {
        assert!(
            calls.is_empty(),
            "{function} rejects its input with {error} only after {calls:?}: {message}"
        );
    }
}
