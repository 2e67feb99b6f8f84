//! The deployed stack, driven only from outside: events and executions in, parameters and resources out.

use envcache_tests::{Environment, World, array, text, until, world};
use local::{network, reference};
use serde_json::{Value, json};

fn assert_published(environment: &Environment) {
    let endpoint = environment.primary_endpoint(world());
    let (host, port) = endpoint.split_once(':').expect("host:port");
    let expected = [
        ("host", host.to_owned()),
        ("port", port.to_owned()),
        ("primary-endpoint", endpoint.clone()),
        ("url", format!("rediss://{endpoint}")),
    ]
    .map(|(leaf, value)| (format!("/{}/cache/{leaf}", environment.name), value));
    assert_eq!(
        environment.parameters(world()),
        expected,
        "the parameters of {}",
        environment.name
    );
}

#[test]
fn the_reference_event_makes_what_the_contract_asks_field_by_field() {
    let world = world();
    let network = network::REFERENCE.create(&world.aws).expect("the network");
    let sample =
        std::fs::read_to_string(local::Workspace::root().join("events/environment-created.json"))
            .expect("the sample event");
    let event: Value = serde_json::from_str(&sample).expect("JSON");

    let ended = world.deliver("Environment Created", &event["detail"]);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["environment"], "bandup");
    for row in reference::rows(&world.aws, &network).expect("all of it is there") {
        assert!(
            row.holds(),
            "{}: wanted {}, found {:?}",
            row.thing,
            row.wanted,
            row.found
        );
    }
}

#[test]
fn a_second_event_for_an_environment_changes_nothing_and_succeeds() {
    let world = world();
    let environment = world.environment();
    assert_eq!(
        world
            .deliver("Environment Created", &environment.request())
            .status,
        "SUCCEEDED"
    );
    let before = environment.cache(world).expect("the cache");

    let ended = world.deliver("Environment Created", &environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(
        ended.output["written"],
        json!([]),
        "nothing was to be written"
    );
    assert_eq!(environment.cache(world).expect("the cache"), before);
    assert_eq!(
        world.security_groups(&environment),
        [
            "backend",
            "default",
            &format!("{}-redis-sg", environment.name)
        ]
    );
    assert_published(&environment);
}

#[test]
fn a_repeated_delivery_of_one_event_starts_nothing_twice() {
    let world = world();
    let environment = world.environment();
    let event = json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Environment Created",
        "source": "envcache.environments",
        "account": "000000000000",
        "time": "2026-11-22T10:00:00Z",
        "region": "ap-southeast-1",
        "resources": [],
        "detail": environment.request()
    });

    // Delivered twice at once, and once more when the run has ended.
    world.invoke("StartWorkflow", &event);
    world.invoke("StartWorkflow", &event);
    let executions = world.executions_of(&event["detail"]);
    assert_eq!(executions.len(), 1, "{executions:?}");
    assert_eq!(world.wait(&executions[0]).status, "SUCCEEDED");
    let again = world.invoke("StartWorkflow", &event);

    assert_eq!(again["new"], false, "{again}");
    assert_eq!(world.executions_of(&event["detail"]), executions);
}

#[test]
fn a_manual_execution_takes_the_same_input() {
    let world = world();
    let environment = world.environment();

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_published(&environment);
}

#[test]
fn ids_and_settings_are_taken_too() {
    let world = world();
    let environment = world.environment();
    let mut request = environment.request();
    request["network"] = json!({
        "vpc": environment.network.vpc,
        "subnets": environment.network.subnets,
        "backendSecurityGroup": environment.network.backend_security_group,
    });
    request["cache"] = json!({
        "name": format!("{}-cache", environment.name),
        "nodeType": "cache.t4g.small",
        "replicas": 1,
        "engineVersion": "8.0",
        "port": 7000,
        "snapshotRetentionDays": 7,
    });
    request["parameterPrefix"] = json!(format!("/teams/web/{}", environment.name));

    let ended = world.run(&request);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let found = world.call(
        "elasticache",
        "describe_replication_groups",
        &json!({ "ReplicationGroupId": format!("{}-cache", environment.name) }),
    );
    let group = &found["ReplicationGroups"][0];
    assert_eq!(group["CacheNodeType"], "cache.t4g.small");
    assert_eq!(group["SnapshotRetentionLimit"], 7);
    assert_eq!(array(&group["MemberClusters"]).count(), 2);
    assert_eq!(group["AutomaticFailover"], "enabled");
    assert_eq!(group["MultiAZ"], "enabled");
    assert!(
        text(&ended.output["primaryEndpoint"]).ends_with(":7000"),
        "{ended:?}"
    );
    let prefix = format!("/teams/web/{}", environment.name);
    let leaves: Vec<_> = array(&ended.output["parameters"])
        .map(|name| text(name).replace(&prefix, ""))
        .collect();
    assert_eq!(
        leaves,
        [
            "/primary-endpoint",
            "/host",
            "/port",
            "/url",
            "/reader-endpoint"
        ],
        "a replica brings the reader endpoint"
    );
}

#[test]
fn a_reader_endpoint_goes_with_the_replicas() {
    let world = world();
    let environment = world.environment();
    let with_a_replica = environment.request_with("/cache", json!({ "replicas": 1 }));
    assert_eq!(world.run(&with_a_replica).status, "SUCCEEDED");
    let reader = format!("/{}/cache/reader-endpoint", environment.name);
    let names = || -> Vec<String> {
        let parameters = environment.parameters(world).into_iter();
        parameters.map(|(name, _)| name).collect()
    };
    assert!(names().contains(&reader), "{:?}", names());

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["removed"], json!([reader]));
    assert_eq!(names().len(), 4, "the others stay: {:?}", names());
}

#[test]
fn a_rule_that_somebody_added_is_reported_and_left_there() {
    let world = world();
    let environment = world.environment();
    let first = world.run(&environment.request());
    assert_eq!(first.output["drift"], json!({ "inboundRules": [] }));
    let group = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [
            { "Name": "group-name", "Values": [format!("{}-redis-sg", environment.name)] }
        ] }),
    )["SecurityGroups"][0]["GroupId"]
        .clone();
    let rule = json!([{
        "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379,
        "IpRanges": [{ "CidrIp": "10.0.0.0/8" }]
    }]);
    world.call(
        "ec2",
        "authorize_security_group_ingress",
        &json!({ "GroupId": group, "IpPermissions": rule }),
    );

    for _ in 0..2 {
        let ended = world.run(&environment.request());

        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_eq!(
            ended.output["drift"],
            json!({ "inboundRules": ["tcp 6379 from 10.0.0.0/8"] }),
            "it is reported, and the next run finds it still"
        );
    }
}

#[test]
fn two_environments_at_once_in_two_vpcs_do_not_meet() {
    let world = world();
    let environments = [world.environment(), world.environment()];

    let executions = environments
        .each_ref()
        .map(|environment| world.start(&environment.request()));

    for (environment, execution) in environments.iter().zip(executions) {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
        assert_published(environment);
        let cache = environment.cache(world).expect("the cache");
        assert_eq!(array(&cache["MemberClusters"]).count(), 1);
    }
}

#[test]
fn two_environments_at_once_share_a_vpc() {
    let world = world();
    let environment = world.environment();
    let first = environment.request();
    let mut second = environment.request();
    let other = format!("{}-blue", environment.name);
    second["environment"] = json!(other);

    let executions = [world.start(&first), world.start(&second)];

    for execution in executions {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    assert_eq!(
        world.security_groups(&environment),
        [
            "backend".to_owned(),
            "default".to_owned(),
            format!("{other}-redis-sg"),
            format!("{}-redis-sg", environment.name),
        ],
        "each environment has a group of its own"
    );
}

#[test]
fn a_run_after_one_that_was_stopped_halfway_ends_what_it_began() {
    let world = world();
    let environment = world.environment();
    let stopped = world.start(&environment.request());
    until("the cache is asked for", || environment.cache(world).ok());
    world.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": stopped }),
    );
    assert!(
        environment.parameters(world).is_empty(),
        "it was stopped before it published"
    );

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_published(&environment);
}

#[test]
fn a_changed_event_changes_what_aws_can_change() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");

    let ended = world.run(&environment.request_with(
        "/cache",
        json!({
            "description": "sessions",
            "snapshotRetentionDays": 5,
            "nodeType": "cache.t3.small",
            "replicas": 1
        }),
    ));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let cache = environment.cache(world).expect("the cache");
    assert_eq!(cache["Description"], "sessions");
    assert_eq!(cache["SnapshotRetentionLimit"], 5);
    assert_eq!(cache["CacheNodeType"], "cache.t3.small");
    assert_eq!(
        array(&cache["NodeGroups"][0]["NodeGroupMembers"]).count(),
        2
    );
    assert_eq!(cache["AutomaticFailover"], "enabled");
}

#[test]
fn what_somebody_else_made_is_refused_and_left_as_it_is() {
    let world = world();
    let environment = world.environment();
    let name = format!("{}-redis-sg", environment.name);
    let made = world.call(
        "ec2",
        "create_security_group",
        &json!({ "VpcId": environment.network.vpc, "GroupName": name, "Description": "made by hand" }),
    );

    let ended = world.run(&environment.request());

    assert_eq!(ended.error, "NotOwned", "{ended:?}");
    assert!(
        ended.cause.starts_with(&format!(
            "PlanSecurityGroup: security group `{name}` ({})",
            text(&made["GroupId"])
        )),
        "{}",
        ended.cause
    );
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "GroupIds": [made["GroupId"]] }),
    );
    assert_eq!(found["SecurityGroups"][0]["IpPermissions"], json!([]));
}

#[test]
fn bad_input_fails_with_a_sentence_and_creates_nothing() {
    let world = world();
    let environment = world.environment();
    let twins = [world.environment(), world.environment()];
    name_both_twin_vpc(world, &twins);
    add_subnet_one_too_in_the_zone_of_subnet_one(world, &environment);
    let cases = bad_inputs(&environment, &twins[0]);

    let started: Vec<_> = cases.iter().map(|(input, ..)| world.start(input)).collect();

    for ((input, error, sentence), execution) in cases.iter().zip(started) {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "FAILED", "{input}");
        assert_eq!(ended.error, *error, "{input}\n{}", ended.cause);
        assert!(
            ended.cause.starts_with("ResolveNetwork: ") && ended.cause.contains(sentence),
            "{input}\n  expected …{sentence}…\n  found {}",
            ended.cause
        );
    }
    for environment in [&environment, &twins[0], &twins[1]] {
        assert_eq!(
            world.security_groups(environment),
            ["backend", "default"],
            "nothing was created"
        );
        assert!(environment.cache(world).is_err(), "nothing was created");
        assert!(environment.parameters(world).is_empty());
    }
}

fn name_both_twin_vpc(world: &World, twins: &[Environment; 2]) {
    world.call(
        "ec2",
        "create_tags",
        &json!({
            "Resources": [twins[0].network.vpc, twins[1].network.vpc],
            "Tags": [{ "Key": "Name", "Value": "twin-vpc" }]
        }),
    );
}

fn add_subnet_one_too_in_the_zone_of_subnet_one(world: &World, environment: &Environment) {
    world.call(
        "ec2",
        "create_subnet",
        &json!({
            "VpcId": environment.network.vpc,
            "CidrBlock": "10.0.9.0/24",
            "AvailabilityZone": "ap-southeast-1a",
            "TagSpecifications": [{ "ResourceType": "subnet", "Tags": [{ "Key": "Name", "Value": "subnet-one-too" }] }]
        }),
    );
}

/// Each input with the error's name and a part of the sentence that it fails with.
fn bad_inputs(
    environment: &Environment,
    elsewhere: &Environment,
) -> Vec<(Value, &'static str, &'static str)> {
    let with = |pointer: &str, value: Value| environment.request_with(pointer, value);
    let without_environment = {
        let mut request = environment.request();
        request
            .as_object_mut()
            .expect("an object")
            .remove("environment");
        request
    };
    vec![
        (
            without_environment,
            "InvalidSpec",
            "missing field `environment`",
        ),
        (json!([]), "InvalidSpec", "the input: must be a JSON object"),
        (
            with("/environment", json!("Band_Up")),
            "InvalidSpec",
            "environment: `Band_Up` may only hold lower-case letters",
        ),
        (
            with("/environment", json!("a".repeat(35))),
            "InvalidSpec",
            "environment: `aaa",
        ),
        (
            with("/enviroment", json!("x")),
            "InvalidSpec",
            "unknown field `enviroment`",
        ),
        (
            with("/cache", json!({ "replicas": "one" })),
            "InvalidSpec",
            "cache.replicas: invalid type: string",
        ),
        (
            with("/cache", json!({ "replicas": 6 })),
            "InvalidSpec",
            "cache.replicas: 6 is out of range: 0 to 5",
        ),
        (
            with("/cache", json!({ "name": "band--up" })),
            "InvalidSpec",
            "cache.name: `band--up` must not hold two hyphens",
        ),
        (
            with("/cache", json!({ "name": "cache-" })),
            "InvalidSpec",
            "cache.name: `cache-` must not end with a hyphen",
        ),
        (
            with("/parameterPrefix", json!("/aws/cache")),
            "InvalidSpec",
            "parameterPrefix: `/aws/cache` begins with `aws`",
        ),
        (
            with("/network/subnets", json!(["subnet-one", "subnet-one-too"])),
            "InvalidSpec",
            "all of them stand in one zone, ap-southeast-1a",
        ),
        (
            with("/network/vpc", json!("no-such-vpc")),
            "NotFound",
            "network.vpc: there is no VPC with the id or Name tag `no-such-vpc`",
        ),
        (
            with("/network/vpc", json!("twin-vpc")),
            "Ambiguous",
            "network.vpc: there is more than one VPC with the id or Name tag `twin-vpc`",
        ),
        (
            with(
                "/network/subnets",
                json!(["subnet-one", elsewhere.network.subnets[1]]),
            ),
            "NotFound",
            "network.subnets: there is no subnet",
        ),
        (
            with("/network/backendSecurityGroup", json!("no-such-group")),
            "NotFound",
            "network.backendSecurityGroup: there is no security group",
        ),
    ]
}

/// Errors of Step Functions' own, with the beginning of the cause, and the names that they end with.
const FOREIGN: [(&str, &str, &str); 16] = [
    ("States.Permissions", "x", "AccessDenied"),
    ("Lambda.ENILimitReachedException", "x", "QuotaExceeded"),
    (
        "Lambda.SubnetIPAddressLimitReachedException",
        "x",
        "QuotaExceeded",
    ),
    (
        "DynamoDB.ProvisionedThroughputExceededException",
        "x",
        "Throttled",
    ),
    ("DynamoDB.ThrottlingException", "x", "Throttled"),
    ("DynamoDB.RequestLimitExceeded", "x", "Throttled"),
    (
        "Lambda.ResourceNotReadyException",
        "x",
        "ServiceUnavailable",
    ),
    (
        "Lambda.ResourceConflictException",
        "x",
        "ServiceUnavailable",
    ),
    (
        "Lambda.CodeArtifactUserPendingException",
        "x",
        "ServiceUnavailable",
    ),
    ("Lambda.EC2UnexpectedException", "x", "ServiceUnavailable"),
    ("Lambda.SdkClientException", "x", "ServiceUnavailable"),
    ("Lambda.AWSLambdaException", "x", "ServiceUnavailable"),
    (
        "Lambda.ClientExecutionTimeoutException",
        "x",
        "ServiceUnavailable",
    ),
    (
        "DynamoDB.AmazonDynamoDBException",
        "x (Service: DynamoDB; Status Code: 500; Error Code: x)",
        "ServiceUnavailable",
    ),
    (
        "DynamoDB.InternalServerErrorException",
        "x",
        "ServiceUnavailable",
    ),
    (
        "EventBridge.EventBridgeException",
        "x (Error Code: ServiceUnavailable)",
        "ServiceUnavailable",
    ),
];

/// What a state can catch: an error, its cause, the name that it ends with, and how the reason begins.
fn caught_errors() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        (
            "NotFound",
            json!(r#"{"errorType":"NotFound","errorMessage":"no VPC `x`"}"#),
            "NotFound",
            "no VPC `x`",
        ),
        (
            "NotFound",
            json!(r#"{"errorMessage":"a \"quoted\" word","errorType":"NotFound"}"#),
            "NotFound",
            r#"a "quoted" word"#,
        ),
        ("Internal", json!("plain text"), "Internal", "plain text"),
        ("Internal", json!("{oops}"), "Internal", "{oops}"),
        (
            "Internal",
            json!(r#"{"errorMessage": null}"#),
            "Internal",
            r#"{"errorMessage": null}"#,
        ),
        (
            "Internal",
            json!(r#"{"errorMessage": "cut in the mid"#),
            "Internal",
            "cut in the mid",
        ),
        (
            "NotFound",
            json!(r#"{"errorMessage":"first","nested":{"errorMessage":"second"}}"#),
            "NotFound",
            "first",
        ),
        (
            "NotFound",
            json!({ "no": "text" }),
            "NotFound",
            "no cause was given",
        ),
        ("Internal", json!(""), "Internal", "no cause was given"),
        (
            "States.Timeout",
            Value::Null,
            "Timeout",
            "States.Timeout: no cause was given. Start again",
        ),
        (
            "Sandbox.Timedout",
            json!(
                r#"{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 30.00 seconds"}"#
            ),
            "Timeout",
            "Sandbox.Timedout: Task timed out after 30.00 seconds. Start again",
        ),
        (
            "Lambda.TooManyRequestsException",
            json!("Rate Exceeded."),
            "Throttled",
            "Lambda.TooManyRequestsException: Rate",
        ),
        (
            "Lambda.ServiceException",
            json!("Service"),
            "ServiceUnavailable",
            "Lambda.ServiceException: Service",
        ),
        (
            "Lambda.AccessDeniedException",
            json!("no"),
            "AccessDenied",
            "Lambda.AccessDeniedException: no",
        ),
        (
            "NotFound",
            json!(r#"{"errorMessage":"\"quoted\" first"}"#),
            "NotFound",
            r#""quoted" first"#,
        ),
        (
            "States.QueryEvaluationError",
            json!("x"),
            "Internal",
            "States.QueryEvaluationError: x",
        ),
        (
            "Runtime.ExitError",
            json!("exit status 101"),
            "Internal",
            "Runtime.ExitError: exit status 101",
        ),
    ]
}

#[test]
fn whatever_was_caught_is_explained_under_a_name_of_the_contract() {
    let world = world();
    let machine = world.create_state_machine("explain", &failure_states());
    // Error and cause as Step Functions and Lambda report them, and as they should never be.
    let foreign = FOREIGN.map(|(error, cause, name)| (error, json!(cause), name, error));
    for (error, cause, name, reason) in caught_errors().into_iter().chain(foreign) {
        // A cause that is null, and none at all.
        let mut failures = vec![json!({ "Error": error, "Cause": cause })];
        if cause.is_null() {
            failures.push(json!({ "Error": error }));
        }
        for failure in failures {
            let caught = json!({ "step": "PublishEndpoint", "failure": failure });

            let ended = world.run_on(&machine, &caught);

            assert_eq!(ended.status, "SUCCEEDED", "{caught}: {ended:?}");
            assert_eq!(ended.output["step"], "PublishEndpoint", "{caught}");
            assert_eq!(ended.output["error"], name, "{caught}");
            assert!(
                text(&ended.output["reason"]).starts_with(reason),
                "{caught}: {}",
                ended.output["reason"]
            );
        }
    }
}

/// The two states that parse and classify a failure, as a machine of their own.
fn failure_states() -> Value {
    let path = local::Workspace::root().join("statemachine/provision.asl.json");
    let machine: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the file"))
        .expect("the state machine is JSON");
    let mut classify = machine["States"]["ClassifyFailure"].clone();
    classify["End"] = json!(true);
    classify.as_object_mut().expect("a state").remove("Next");
    json!({
        "QueryLanguage": "JSONata",
        "StartAt": "ParseFailure",
        "States": { "ParseFailure": machine["States"]["ParseFailure"], "ClassifyFailure": classify }
    })
}

#[test]
fn a_new_backend_is_let_in_instead_of_the_old_one() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let new = world.call(
        "ec2",
        "create_security_group",
        &json!({ "VpcId": environment.network.vpc, "GroupName": "new-backend", "Description": "tasks" }),
    );

    let ended =
        world.run(&environment.request_with("/network/backendSecurityGroup", json!("new-backend")));

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": [format!("{}-redis-sg", environment.name)] }] }),
    );
    let sources: Vec<_> = array(&found["SecurityGroups"][0]["IpPermissions"])
        .flat_map(|rule| array(&rule["UserIdGroupPairs"]))
        .map(|pair| text(&pair["GroupId"]))
        .collect();
    assert_eq!(sources, [text(&new["GroupId"])]);
}

#[test]
fn a_success_and_a_failure_are_announced_on_the_bus() {
    let world = world();
    let (good, bad) = (world.environment(), world.environment());
    let announcements = world.listen("envcache");

    assert_eq!(world.run(&good.request()).status, "SUCCEEDED");
    let failed = world.run(&bad.request_with("/network/vpc", json!("no-such-vpc")));

    assert_eq!(failed.error, "NotFound", "{failed:?}");
    let available = announcements.wait_for(&good.name);
    assert_eq!(available["detail-type"], "Cache Available");
    assert_eq!(
        available["detail"]["primaryEndpoint"],
        good.primary_endpoint(world)
    );
    let failure = announcements.wait_for(&bad.name);
    assert_eq!(failure["detail-type"], "Cache Provisioning Failed");
    assert_eq!(failure["detail"]["step"], "ResolveNetwork");
    assert_eq!(failure["detail"]["error"], "NotFound");
    assert!(
        text(&failure["detail"]["reason"]).contains("no-such-vpc"),
        "{failure}"
    );
}
