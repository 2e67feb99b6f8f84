//! Tests provisioning on the deployed stack: sends events, starts executions, and checks parameters and resources.

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
fn reference_event_creates_the_reference_setup() {
    let world = world();
    let network = network::REFERENCE.create(&world.aws).expect("the network");
    let sample =
        std::fs::read_to_string(local::Workspace::root().join("events/environment-created.json"))
            .expect("the sample event");
    let event: Value = serde_json::from_str(&sample).expect("JSON");

    let ended = world.deliver("Environment Created", &event["detail"]);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_eq!(ended.output["environment"], "bandup");
    for row in reference::rows(&world.aws, &network).expect("every resource exists") {
        assert!(
            row.matches(),
            "{}: expected {}, current {:?}",
            row.property,
            row.expected,
            row.current
        );
    }
}

#[test]
fn repeated_request_succeeds_and_changes_nothing() {
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
        "no parameter was written"
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
fn repeated_delivery_of_an_event_starts_one_execution() {
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

    // The event is delivered twice in a row, and once more after the run has ended.
    let first = world.invoke("StartWorkflow", &event);
    let while_running = world.invoke("StartWorkflow", &event);
    let executions = world.executions_of(&event["detail"]);
    assert_eq!(executions.len(), 1, "{executions:?}");
    assert_eq!(world.wait(&executions[0]).status, "SUCCEEDED");
    let again = world.invoke("StartWorkflow", &event);

    let name = World::name_of(&executions[0]);
    assert_eq!(first, json!({ "executionName": name }));
    assert_eq!([while_running, again], [first.clone(), first]);
    assert_eq!(world.executions_of(&event["detail"]), executions);
}

#[test]
fn manual_execution_accepts_the_same_input() {
    let world = world();
    let environment = world.environment();

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_published(&environment);
}

#[test]
fn accepts_ids_and_optional_settings() {
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
        "the reader endpoint is published, because there is a replica"
    );
}

#[test]
fn reader_endpoint_is_deleted_with_the_last_replica() {
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
    assert_eq!(
        names().len(),
        4,
        "the other parameters remain: {:?}",
        names()
    );
}

#[test]
fn foreign_inbound_rule_is_reported_and_kept() {
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
            "every run reports the rule"
        );
    }
}

#[test]
fn concurrent_environments_in_two_vpcs_are_independent() {
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
fn concurrent_environments_can_share_a_vpc() {
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
        "each environment has its own group"
    );
}

#[test]
fn new_run_completes_what_a_stopped_run_began() {
    let world = world();
    let environment = world.environment();
    let stopped = world.start(&environment.request());
    until("the cache is requested", || environment.cache(world).ok());
    world.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": stopped }),
    );
    assert!(
        environment.parameters(world).is_empty(),
        "the run was stopped before it published the endpoint"
    );

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_published(&environment);
}

#[test]
fn changed_request_updates_the_cache_in_place() {
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
fn unowned_security_group_is_rejected_and_unchanged() {
    let world = world();
    let environment = world.environment();
    let name = format!("{}-redis-sg", environment.name);
    let unowned = world.call(
        "ec2",
        "create_security_group",
        &json!({ "VpcId": environment.network.vpc, "GroupName": name, "Description": "created manually" }),
    );

    let ended = world.run(&environment.request());

    assert_eq!(ended.error, "NotOwned", "{ended:?}");
    assert!(
        ended.cause.starts_with(&format!(
            "PlanSecurityGroup: security group `{name}` ({})",
            text(&unowned["GroupId"])
        )),
        "{}",
        ended.cause
    );
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "GroupIds": [unowned["GroupId"]] }),
    );
    assert_eq!(found["SecurityGroups"][0]["IpPermissions"], json!([]));
}

#[test]
fn invalid_input_fails_with_a_reason_and_creates_nothing() {
    let world = world();
    let environment = world.environment();
    let twins = [world.environment(), world.environment()];
    give_both_vpcs_the_same_name(world, &twins);
    add_subnet_in_zone_of_subnet_one(world, &environment);
    let cases = invalid_inputs(&environment, &twins[0]);

    let started: Vec<_> = cases.iter().map(|(input, ..)| world.start(input)).collect();

    for ((input, error, reason), execution) in cases.iter().zip(started) {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "FAILED", "{input}");
        assert_eq!(ended.error, *error, "{input}\n{}", ended.cause);
        assert!(
            ended.cause.starts_with("ResolveNetwork: ") && ended.cause.contains(reason),
            "{input}\n  expected …{reason}…\n  found {}",
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

fn give_both_vpcs_the_same_name(world: &World, twins: &[Environment; 2]) {
    world.call(
        "ec2",
        "create_tags",
        &json!({
            "Resources": [twins[0].network.vpc, twins[1].network.vpc],
            "Tags": [{ "Key": "Name", "Value": "twin-vpc" }]
        }),
    );
}

fn add_subnet_in_zone_of_subnet_one(world: &World, environment: &Environment) {
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

/// Returns invalid inputs, each with the expected error name and a part of the expected reason.
fn invalid_inputs(
    environment: &Environment,
    other: &Environment,
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
            "environment: `Band_Up` may only contain lowercase letters",
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
            "cache.name: `band--up` must not contain two",
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
            "all subnets are in one Availability Zone, ap-southeast-1a",
        ),
        (
            with("/network/vpc", json!("no-such-vpc")),
            "NotFound",
            "network.vpc: there is no VPC with the ID or Name tag `no-such-vpc`",
        ),
        (
            with("/network/vpc", json!("twin-vpc")),
            "Ambiguous",
            "network.vpc: there is more than one VPC with the ID or Name tag `twin-vpc`",
        ),
        (
            with(
                "/network/subnets",
                json!(["subnet-one", other.network.subnets[1]]),
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

/// Foreign errors that are mapped to contract names: the error, its cause, and the contract name.
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

/// Returns errors that a state can catch: the error, its cause, the expected name, and the beginning of the expected
/// reason.
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
fn caught_errors_are_reported_under_contract_names() {
    let world = world();
    let machine = world.create_state_machine("classify", &failure_states());
    // Some errors and causes are as Step Functions and Lambda report them; others are malformed.
    let foreign = FOREIGN.map(|(error, cause, name)| (error, json!(cause), name, error));
    for (error, cause, name, reason) in caught_errors().into_iter().chain(foreign) {
        // A null cause is also tested as a missing cause.
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

/// Returns a state machine that consists of the two states that parse and classify a failure.
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
fn new_backend_replaces_the_old_one_in_the_inbound_rule() {
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
fn success_and_failure_are_announced_on_the_bus() {
    let world = world();
    let (succeeding, failing) = (world.environment(), world.environment());
    let announcements = world.listen("envcache");

    assert_eq!(world.run(&succeeding.request()).status, "SUCCEEDED");
    let failed = world.run(&failing.request_with("/network/vpc", json!("no-such-vpc")));

    assert_eq!(failed.error, "NotFound", "{failed:?}");
    let available = announcements.wait_for(&succeeding.name);
    assert_eq!(available["detail-type"], "Cache Available");
    assert_eq!(
        available["detail"]["primaryEndpoint"],
        succeeding.primary_endpoint(world)
    );
    let failure = announcements.wait_for(&failing.name);
    assert_eq!(failure["detail-type"], "Cache Provisioning Failed");
    assert_eq!(failure["detail"]["step"], "ResolveNetwork");
    assert_eq!(failure["detail"]["error"], "NotFound");
    assert!(
        text(&failure["detail"]["reason"]).contains("no-such-vpc"),
        "{failure}"
    );
}
