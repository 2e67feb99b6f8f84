//! The local AWS simulator rejects what AWS rejects, so that a run fails in a test and not on AWS.

use envcache_tests::{Environment, array, fast_world as world, text, unmanaged};
use serde_json::{Value, json};

/// Returns a configuration that delivers the slow log to a log group.
fn slow_log(log_group: &str) -> Value {
    json!({
        "LogType": "slow-log",
        "DestinationType": "cloudwatch-logs",
        "DestinationDetails": { "CloudWatchLogsDetails": { "LogGroup": log_group } },
        "LogFormat": "json",
    })
}

#[test]
fn simulator_rejects_requests_that_aws_rejects() {
    let world = world();
    let (environment, elsewhere) = (world.environment(), world.environment());
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let group = |changes: Value| {
        let mut request = json!({
            "ReplicationGroupId": format!("{}-other", environment.name),
            "ReplicationGroupDescription": "created outside envcache",
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": "cache.t3.micro",
            "NumCacheClusters": 1,
            "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            request[field] = value.clone();
        }
        request
    };
    let subnet_group = |subnets: Value| {
        json!({
            "CacheSubnetGroupName": format!("{}-other", environment.name),
            "CacheSubnetGroupDescription": "created outside envcache",
            "SubnetIds": subnets,
        })
    };
    let create = "create_replication_group";
    let cases = [
        (
            create,
            group(json!({ "CacheSubnetGroupName": "no-such-group" })),
            "CacheSubnetGroupNotFoundFault",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": ["sg-0123456789abcdef0"] })),
            "InvalidParameterValue",
        ),
        (
            create,
            group(json!({ "SecurityGroupIds": [elsewhere.network.backend_security_group] })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "LogDeliveryConfigurations": [slow_log("no-such-group")] })),
            "InvalidParameterValue",
        ),
        (
            create,
            group(json!({ "CacheParameterGroupName": "no-such-group" })),
            "CacheParameterGroupNotFound",
        ),
        (
            create,
            group(json!({ "CacheParameterGroupName": "default.redis7" })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "AutomaticFailoverEnabled": true })),
            "InvalidParameterCombination",
        ),
        (
            create,
            group(json!({ "EngineVersion": "8.9" })),
            "InvalidParameterCombination",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!(["subnet-0123456789abcdef0"])),
            "InvalidParameterValue",
        ),
        (
            "create_cache_subnet_group",
            subnet_group(json!([
                environment.network.subnets[0],
                elsewhere.network.subnets[1]
            ])),
            "InvalidSubnet",
        ),
        (
            "delete_cache_subnet_group",
            json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) }),
            "CacheSubnetGroupInUse",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("elasticache", operation, &request),
            Some(code.to_owned()),
            "{operation} {request}"
        );
    }
}

/// The codes are those of the API reference, such as
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html>. The sources of the
/// messages are in `local/src/gateway/elasticache/parameter_group.rs`.
#[test]
fn simulator_rejects_parameters_that_aws_rejects() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let name = format!("{}-parameters", environment.name);
    let create = |name: &str, family: &str| {
        json!({
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": family,
            "Description": "created outside envcache",
        })
    };
    world.call(
        "elasticache",
        "create_cache_parameter_group",
        &create(&name, "valkey8"),
    );
    let use_group = json!({
        "ReplicationGroupId": format!("{}-redis", environment.name),
        "CacheParameterGroupName": name,
        "ApplyImmediately": true,
    });
    world.call("elasticache", "modify_replication_group", &use_group);
    let set = |group: &str, parameter: &str, value: &str| {
        json!({
            "CacheParameterGroupName": group,
            "ParameterNameValues": [{ "ParameterName": parameter, "ParameterValue": value }],
        })
    };
    let invalid = "InvalidParameterValue";
    let (create_group, modify) = (
        "create_cache_parameter_group",
        "modify_cache_parameter_group",
    );
    let cases = [
        (
            create_group,
            create(&name, "valkey8"),
            "CacheParameterGroupAlreadyExists",
        ),
        (create_group, create("other", "valkey8.0"), invalid),
        (create_group, create("other.group", "valkey8"), invalid),
        (modify, set(&name, "maxmemory-policy", "fifo"), invalid),
        (modify, set(&name, "maxclients", "10"), invalid),
        (modify, set(&name, "databases", "4"), invalid),
        (modify, set(&name, "no-such-parameter", "1"), invalid),
        (modify, set("default.valkey8", "timeout", "20"), invalid),
        (
            modify,
            set("missing", "timeout", "20"),
            "CacheParameterGroupNotFound",
        ),
        (
            "delete_cache_parameter_group",
            json!({ "CacheParameterGroupName": name }),
            "InvalidCacheParameterGroupState",
        ),
        (
            "describe_engine_default_parameters",
            json!({ "CacheParameterGroupFamily": "valkey8.0" }),
            invalid,
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("elasticache", operation, &request).as_deref(),
            Some(code),
            "{operation} {request}"
        );
    }
}

#[test]
fn parameter_group_has_the_parameters_and_tags_that_were_set() {
    let world = world();
    let name = format!("{}-parameters", world.environment().name);
    let group = json!({ "CacheParameterGroupName": name });
    let created = world.call(
        "elasticache",
        "create_cache_parameter_group",
        &json!({
            "CacheParameterGroupName": name,
            "CacheParameterGroupFamily": "valkey9",
            "Description": "created outside envcache",
            "Tags": [{ "Key": "team", "Value": "band" }],
        }),
    );
    let arn = text(&created["CacheParameterGroup"]["ARN"]);
    let timeout = json!({
        "CacheParameterGroupName": name,
        "ParameterNameValues": [{ "ParameterName": "timeout", "ParameterValue": "20" }],
    });
    world.call("elasticache", "modify_cache_parameter_group", &timeout);

    let by_user = json!({ "CacheParameterGroupName": name, "Source": "user" });
    let by_user = world.call("elasticache", "describe_cache_parameters", &by_user);
    let defaults = json!({ "CacheParameterGroupFamily": "valkey9" });
    let defaults = world.call(
        "elasticache",
        "describe_engine_default_parameters",
        &defaults,
    );
    let all = world.call("elasticache", "describe_cache_parameters", &group);
    let tags = world.call(
        "elasticache",
        "list_tags_for_resource",
        &json!({ "ResourceName": arn }),
    );

    assert!(arn.ends_with(&format!(":parametergroup:{name}")), "{arn}");
    let named: Vec<_> = array(&by_user["Parameters"])
        .map(|parameter| {
            [
                text(&parameter["ParameterName"]),
                text(&parameter["ParameterValue"]),
            ]
        })
        .collect();
    assert_eq!(named, [["timeout", "20"]]);
    let defaults = array(&defaults["EngineDefaults"]["Parameters"]).count();
    assert_eq!(array(&all["Parameters"]).count(), defaults);
    assert_eq!(tags["TagList"], json!([{ "Key": "team", "Value": "band" }]));
    world.call("elasticache", "delete_cache_parameter_group", &group);
    let found = error_code("elasticache", "describe_cache_parameter_groups", &group);
    assert_eq!(found.as_deref(), Some("CacheParameterGroupNotFound"));
}

#[test]
fn simulator_rejects_keys_that_elasticache_cannot_use() {
    let world = world();
    let environment = world.environment();
    let disabled = unmanaged::key(world);
    world.call("kms", "disable_key", &json!({ "KeyId": disabled }));
    let missing = "1234abcd-12ab-34cd-56ef-1234567890ab";
    for (key, is_encrypted, code) in [
        (missing, true, "InvalidParameterValue"),
        (disabled.as_str(), true, "InvalidParameterValue"),
        (missing, false, "InvalidParameterCombination"),
    ] {
        let request = json!({
            "ReplicationGroupId": format!("{}-other", environment.name),
            "ReplicationGroupDescription": "created outside envcache",
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": "cache.t3.micro",
            "NumCacheClusters": 1,
            "AtRestEncryptionEnabled": is_encrypted,
            "KmsKeyId": key,
        });

        let found = error_code("elasticache", "create_replication_group", &request);

        assert_eq!(found.as_deref(), Some(code), "{request}");
    }
}

#[test]
fn simulator_rejects_changes_and_reads_that_aws_rejects() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let cases = [
        (
            "modify_replication_group",
            json!({
                "ReplicationGroupId": format!("{}-redis", environment.name),
                "EngineVersion": "9.0",
            }),
            "InvalidParameterCombination",
        ),
        (
            "modify_replication_group",
            json!({ "ReplicationGroupId": format!("{}-redis", environment.name) }),
            "InvalidParameterCombination",
        ),
        (
            "increase_replica_count",
            json!({
                "ReplicationGroupId": format!("{}-redis", environment.name),
                "NewReplicaCount": 1,
                "ApplyImmediately": false,
            }),
            "InvalidParameterValue",
        ),
        (
            "describe_events",
            json!({ "StartTime": "2020-01-01T00:00:00Z" }),
            "InvalidParameterValue",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("elasticache", operation, &request),
            Some(code.to_owned()),
            "{operation} {request}"
        );
    }
}

/// Returns the error code of a call, or `None` if the call succeeds.
fn error_code(service: &str, operation: &str, request: &Value) -> Option<String> {
    let error = world().aws.call(service, operation, request).err()?;
    Some(
        error
            .downcast::<local::aws::ErrorResponse>()
            .expect("an error response")
            .code,
    )
}

#[test]
fn deletion_takes_time_and_blocks_the_groups_of_the_cache() {
    let world = world();
    let environment = world.environment();
    assert_eq!(world.run(&environment.request()).status, "SUCCEEDED");
    let cache = json!({ "ReplicationGroupId": format!("{}-redis", environment.name) });
    let subnets =
        json!({ "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name) });
    let name = format!("{}-redis-sg", environment.name);
    let found = world.call(
        "ec2",
        "describe_security_groups",
        &json!({ "Filters": [{ "Name": "group-name", "Values": [name] }] }),
    );
    let security_group = json!({ "GroupId": found["SecurityGroups"][0]["GroupId"] });

    let deleted = world.call("elasticache", "delete_replication_group", &cache);

    assert_eq!(deleted["ReplicationGroup"]["Status"], "deleting");
    assert_eq!(
        environment.cache(world).expect("the cache")["Status"],
        "deleting"
    );
    assert_eq!(
        error_code("elasticache", "delete_cache_subnet_group", &subnets).as_deref(),
        Some("CacheSubnetGroupInUse")
    );
    envcache_tests::until("the cache is deleted", || environment.cache(world).err());
    assert_eq!(
        error_code("ec2", "delete_security_group", &security_group).as_deref(),
        Some("DependencyViolation"),
        "its network interfaces still exist"
    );
    envcache_tests::until("the network interfaces are deleted", || {
        world
            .aws
            .call("ec2", "delete_security_group", &security_group)
            .ok()
    });
    world.call("elasticache", "delete_cache_subnet_group", &subnets);
}

#[test]
fn update_expression_changes_each_attribute_once() {
    let environment = world().environment();
    let names = json!({ "#holder": "holder" });
    let cases = [
        ("SET holder = :value SET lastResult = :value", Value::Null),
        ("SET holder = :value REMOVE holder", Value::Null),
        ("SET #holder = :value REMOVE holder", names),
    ];
    for (expression, names) in cases {
        let mut request = json!({
            "TableName": world().physical_id("Environments"),
            "Key": { "environment": { "S": environment.name } },
            "UpdateExpression": expression,
            "ExpressionAttributeValues": { ":value": { "S": "a" } },
        });
        if !names.is_null() {
            request["ExpressionAttributeNames"] = names;
        }

        let code = error_code("dynamodb", "update_item", &request);

        assert_eq!(code.as_deref(), Some("ValidationException"), "{expression}");
    }
    let record = environment.record(world()).expect("an answer");
    assert!(record.is_null(), "nothing was written: {record}");
}

/// Creates a security group and returns its ID.
fn create_security_group(environment: &Environment, name: &str) -> String {
    let request =
        json!({ "VpcId": environment.network.vpc, "GroupName": name, "Description": "of a test" });
    let created = world().call("ec2", "create_security_group", &request);
    text(&created["GroupId"])
}

/// Returns the request for a rule of a group from or to another group.
fn rule(group: &str, other: &str, description: &str) -> Value {
    json!({
        "GroupId": group,
        "IpPermissions": [{
            "IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379,
            "UserIdGroupPairs": [{ "GroupId": other, "Description": description }],
        }],
    })
}

#[test]
fn security_group_filters_match_ids_and_referenced_groups() {
    let environment = world().environment();
    let cache = create_security_group(&environment, "cache");
    let client = create_security_group(&environment, "client");
    let inbound = rule(&cache, &client, "inbound");
    world().call("ec2", "authorize_security_group_ingress", &inbound);
    let outbound = rule(&client, &cache, "outbound");
    world().call("ec2", "authorize_security_group_egress", &outbound);
    let cases = [
        ("group-id", &cache, vec!["cache"]),
        ("ip-permission.group-id", &client, vec!["cache"]),
        ("ip-permission.group-id", &cache, vec![]),
        ("egress.ip-permission.group-id", &cache, vec!["client"]),
        ("egress.ip-permission.group-id", &client, vec![]),
    ];
    for (filter, value, expected) in cases {
        let request = json!({ "Filters": [{ "Name": filter, "Values": [value] }] });

        let found = world().call("ec2", "describe_security_groups", &request);

        let names: Vec<_> = array(&found["SecurityGroups"])
            .map(|group| text(&group["GroupName"]))
            .collect();
        assert_eq!(names, expected, "{filter} {value}");
    }
    let misspelled =
        json!({ "Filters": [{ "Name": "ip-permissions.group-id", "Values": [client] }] });
    assert_eq!(
        error_code("ec2", "describe_security_groups", &misspelled).as_deref(),
        Some("InvalidParameterValue")
    );
}

#[test]
fn rules_and_tags_need_existing_groups_and_rules_are_unique() {
    let environment = world().environment();
    let cache = create_security_group(&environment, "cache");
    let backend = &environment.network.backend_security_group;
    let existing = rule(&cache, backend, "first");
    world().call("ec2", "authorize_security_group_ingress", &existing);
    let missing = "sg-0123456789abcdef0";
    let cases = [
        (
            "authorize_security_group_ingress",
            existing,
            "InvalidPermission.Duplicate",
        ),
        (
            "authorize_security_group_ingress",
            rule(&cache, backend, "another description"),
            "InvalidPermission.Duplicate",
        ),
        (
            "authorize_security_group_ingress",
            rule(&cache, missing, "first"),
            "InvalidGroup.NotFound",
        ),
        (
            "create_tags",
            json!({ "Resources": [missing], "Tags": [{ "Key": "a", "Value": "b" }] }),
            "InvalidGroup.NotFound",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("ec2", operation, &request).as_deref(),
            Some(code),
            "{operation} {request}"
        );
    }
}

#[test]
fn start_execution_is_idempotent_while_the_execution_runs() {
    let machine = world().create_state_machine(
        &format!("idle-{}", world().environment().name),
        &json!({
            "StartAt": "Idle",
            "States": { "Idle": { "Type": "Wait", "Seconds": 1_000_000, "End": true } },
        }),
    );
    let request =
        |input: &str| json!({ "stateMachineArn": machine, "name": "run-1", "input": input });
    let start = |input: &str| world().call("stepfunctions", "start_execution", &request(input));
    let start_error = |input: &str| error_code("stepfunctions", "start_execution", &request(input));

    let first = start("{}");
    let second = start("{}");
    let other_input = start_error("[]");
    world().call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": first["executionArn"] }),
    );
    let after_end = start_error("{}");

    assert_eq!(second, first);
    assert_eq!(other_input.as_deref(), Some("ExecutionAlreadyExists"));
    assert_eq!(after_end.as_deref(), Some("ExecutionAlreadyExists"));
}

#[test]
fn simulator_rejects_texts_that_step_functions_rejects() {
    let machine = &world().stack.provision_state_machine_arn;
    let start = |name: &str, input: &str| json!({ "stateMachineArn": machine, "name": name, "input": input });
    let cases = [
        ("start_execution", start("band up", "{}"), "InvalidName"),
        (
            "start_execution",
            start("not-json", "{"),
            "InvalidExecutionInput",
        ),
        (
            "describe_execution",
            json!({ "executionArn": "another" }),
            "InvalidArn",
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("stepfunctions", operation, &request).as_deref(),
            Some(code),
            "{operation} {request}"
        );
    }
}

#[test]
fn parameters_have_limited_levels_and_only_existing_ones_have_tags() {
    let environment = world().environment();
    let missing = format!("/{}/missing", environment.name);
    let levels = |count: usize| format!("/{}{}", environment.name, "/level".repeat(count - 1));
    let put = |name: String| json!({ "Name": name, "Value": "a", "Type": "String" });
    let cases = [
        (
            "list_tags_for_resource",
            json!({ "ResourceType": "Parameter", "ResourceId": missing }),
            Some("InvalidResourceId"),
        ),
        (
            "add_tags_to_resource",
            json!({
                "ResourceType": "Parameter",
                "ResourceId": missing,
                "Tags": [{ "Key": "a", "Value": "b" }],
            }),
            Some("InvalidResourceId"),
        ),
        ("put_parameter", put(levels(15)), None),
        (
            "put_parameter",
            put(levels(16)),
            Some("HierarchyLevelLimitExceededException"),
        ),
    ];
    for (operation, request, code) in cases {
        assert_eq!(
            error_code("ssm", operation, &request).as_deref(),
            code,
            "{operation} {request}"
        );
    }
}

#[test]
fn resources_have_at_most_50_tags_and_lose_only_existing_ones() {
    let environment = world().environment();
    let group = create_security_group(&environment, "cache");
    let parameter = format!("/{}/cache/url", environment.name);
    let put = json!({ "Name": parameter, "Value": "a", "Type": "String" });
    world().call("ssm", "put_parameter", &put);
    let create = json!({
        "CacheSubnetGroupName": format!("{}-tagged", environment.name),
        "CacheSubnetGroupDescription": "created outside envcache",
        "SubnetIds": environment.network.subnets,
    });
    let created = world().call("elasticache", "create_cache_subnet_group", &create);
    let arn = &created["CacheSubnetGroup"]["ARN"];
    let tags = |numbers: std::ops::Range<u32>| {
        let tag = |number: u32| json!({ "Key": format!("tag-{number}"), "Value": "a" });
        numbers.map(tag).collect::<Vec<_>>()
    };
    let cases = [
        (
            "ec2",
            "create_tags",
            json!({ "Resources": [group] }),
            "TagLimitExceeded",
        ),
        (
            "elasticache",
            "add_tags_to_resource",
            json!({ "ResourceName": arn }),
            "TagQuotaPerResourceExceeded",
        ),
        (
            "ssm",
            "add_tags_to_resource",
            json!({ "ResourceType": "Parameter", "ResourceId": parameter }),
            "TooManyTagsError",
        ),
    ];
    for (service, operation, mut request, code) in cases {
        let mut added = |tags: Vec<Value>| {
            request["Tags"] = json!(tags);
            error_code(service, operation, &request)
        };
        assert_eq!(added(tags(0..50)), None, "{service}");
        assert_eq!(added(tags(40..50)), None, "{service}: values of its tags");
        assert_eq!(added(tags(50..51)).as_deref(), Some(code), "{service}");
    }
    let missing = json!({ "ResourceName": arn, "TagKeys": ["tag-0", "tag-50"] });
    let removal = error_code("elasticache", "remove_tags_from_resource", &missing);
    assert_eq!(removal.as_deref(), Some("TagNotFound"));
    world().call("ec2", "delete_tags", &json!({ "Resources": [group] }));
    let found = world().call(
        "ec2",
        "describe_security_groups",
        &json!({ "GroupIds": [group] }),
    );
    let left = &found["SecurityGroups"][0]["Tags"];
    assert!(left.as_array().is_none_or(Vec::is_empty), "{left}");
}

#[test]
fn creation_rejects_a_snapshot_that_does_not_exist() {
    let request = json!({
        "ReplicationGroupId": "restored",
        "ReplicationGroupDescription": "restored",
        "Engine": "valkey",
        "EngineVersion": "8.2",
        "CacheNodeType": "cache.t3.micro",
        "SnapshotName": "no-such-snapshot",
    });

    let code = error_code("elasticache", "create_replication_group", &request);

    assert_eq!(code.as_deref(), Some("InvalidParameterValue"));
}

#[test]
fn describe_snapshots_rejects_a_name_that_does_not_exist() {
    let request = json!({ "SnapshotName": "no-such-snapshot" });

    let code = error_code("elasticache", "describe_snapshots", &request);

    assert_eq!(code.as_deref(), Some("SnapshotNotFoundFault"));
}

#[test]
fn put_events_rejects_entries_whose_detail_is_not_an_object() {
    let entries = ["{}", "not JSON", "[]"].map(|detail| {
        json!({
            "EventBusName": world().stack.event_bus_name,
            "Source": "of a test",
            "DetailType": "Test",
            "Detail": detail,
        })
    });

    let answer = world().call("events", "put_events", &json!({ "Entries": entries }));

    let codes: Vec<_> = array(&answer["Entries"])
        .map(|entry| entry["ErrorCode"].clone())
        .collect();
    let malformed = json!("MalformedDetail");
    assert_eq!(codes, [Value::Null, malformed.clone(), malformed]);
    assert_eq!(answer["FailedEntryCount"], 2);
}
