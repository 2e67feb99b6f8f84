//! Attacks by a user who can put events on the bus. Each test checks that an attack affects at most the environment's own
//! cache.

use envcache_tests::{
    Ended, Environment, World, array, fast_world as world, matrix, text, unmanaged,
};
use local::aws::ErrorResponse;
use serde_json::{Value, json};

/// Puts `Environment Created` on the bus and waits until its run has ended.
fn created(detail: &Value) -> Ended {
    world().deliver("Environment Created", detail)
}

/// Puts `Environment Deleted` on the bus and waits until its run has ended.
fn deleted(detail: &Value) -> Ended {
    world().deliver("Environment Deleted", detail)
}

#[track_caller]
fn assert_rejected(ended: &Ended, field: &str) {
    assert_eq!(ended.error, "InvalidSpec", "{ended:?}");
    assert!(
        ended.cause.contains(field),
        "the cause names {field}: {ended:?}"
    );
}

/// Returns a security group's tags and inbound rules.
fn security_group(id: &str) -> (Vec<Value>, Vec<Value>) {
    let found = world().call(
        "ec2",
        "describe_security_groups",
        &json!({ "GroupIds": [id] }),
    );
    let group = &found["SecurityGroups"][0];
    let list = |field: &str| array(&group[field]).cloned().collect();
    (list("Tags"), list("IpPermissions"))
}

fn security_group_named(environment: &Environment, name: &str) -> String {
    security_group_of(world(), environment, name)
}

fn security_group_of(world: &World, environment: &Environment, name: &str) -> String {
    text(&environment.security_group(world, name)["GroupId"])
}

/// Creates a security group outside envcache, and returns its ID.
fn foreign_security_group(environment: &Environment) -> String {
    unmanaged::security_group_named(environment, world(), "rds-prod-sg")
}

fn put_parameter(name: &str, kind: &str, value: &str) {
    let parameter = json!({ "Name": name, "Value": value, "Type": kind });
    world().call("ssm", "put_parameter", &parameter);
}

fn parameter_tags(name: &str) -> Value {
    let found = world().call(
        "ssm",
        "list_tags_for_resource",
        &json!({ "ResourceType": "Parameter", "ResourceId": name }),
    );
    found["TagList"].clone()
}

#[test]
fn event_cannot_adopt_a_security_group() {
    let environment = world().environment();
    let foreign = foreign_security_group(&environment);
    let default = security_group_named(&environment, "default");
    let before = [security_group(&foreign), security_group(&default)];

    for name in ["rds-prod-sg", "default"] {
        let mut detail =
            environment.request_with("/cache", json!({ "securityGroupName": name, "port": 5432 }));
        detail["adopt"] = json!(true);

        let ended = created(&detail);

        assert_eq!(ended.error, "InvalidSpec", "{name}: {ended:?}");
        let removed = deleted(&json!({ "environment": environment.name }));
        assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
        let after = [security_group(&foreign), security_group(&default)];
        assert_eq!(before, after, "{name} is unchanged");
    }
}

#[test]
fn event_cannot_adopt_a_cache_subnet_group_or_parameters() {
    let environment = world().environment();
    unmanaged::cache(&environment, world(), &json!({}));
    let parameter = unmanaged::parameter(&environment, world(), "url", "unmanaged");
    unmanaged::wait_until_available(&environment, world());
    let tags = |arn: &str| {
        let found = world().call(
            "elasticache",
            "list_tags_for_resource",
            &json!({ "ResourceName": arn }),
        );
        found["TagList"].clone()
    };
    let group = arn("replicationgroup", &format!("{}-redis", environment.name));
    let subnets = arn(
        "subnetgroup",
        &format!("{}-cached-subnet-group", environment.name),
    );

    let ended = created(&environment.request_with("/adopt", json!(true)));

    assert_rejected(&ended, "adopt");
    for found in [tags(&group), tags(&subnets), parameter_tags(&parameter)] {
        assert_eq!(found, json!([]), "nothing was tagged");
    }
}

#[test]
fn manual_run_cannot_adopt_the_default_security_group() {
    let environment = world().environment();
    let default = security_group_named(&environment, "default");
    let before = security_group(&default);

    for name in ["default", "Default"] {
        let mut request = environment.request_with("/cache", json!({ "securityGroupName": name }));
        request["adopt"] = json!(true);

        assert_rejected(&world().run(&request), "cache.securityGroupName");
    }
    assert_eq!(security_group(&default), before, "unchanged");
}

#[test]
fn plan_does_not_show_the_value_of_a_foreign_parameter() {
    let environment = world().environment();
    let prefix = format!("/{}/database", environment.name);
    let secret = "postgres://admin:hunter2@db.internal:5432";
    put_parameter(&format!("{prefix}/url"), "String", secret);
    put_parameter(&format!("{prefix}/host"), "String", "hunter2.internal");
    let mut request = environment.request_with("/parameterPrefix", json!(prefix));
    request["adopt"] = json!(true);
    request["dryRun"] = json!(true);

    let execution = world().start(&request);
    let ended = world().wait(&execution);

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let plan = ended.output.to_string();
    assert!(plan.contains("another value"), "{plan}");
    assert!(
        !plan.contains("hunter2"),
        "the plan shows the value: {plan}"
    );
    let history = world().history(&execution).to_string();
    assert!(!history.contains("hunter2"), "the history shows the value");
}

#[test]
fn secure_string_is_not_adopted_and_nothing_is_tagged() {
    let environment = world().environment();
    let prefix = format!("/{}/database", environment.name);
    let names = ["primary-endpoint", "url"].map(|leaf| format!("{prefix}/{leaf}"));
    put_parameter(&names[0], "String", "db.internal:5432");
    put_parameter(&names[1], "SecureString", "hunter2");
    let mut request = environment.request_with("/parameterPrefix", json!(prefix));
    request["adopt"] = json!(true);

    let execution = world().start(&request);
    let ended = world().wait(&execution);

    assert_eq!(ended.error, "Immutable", "{ended:?}");
    for name in &names {
        assert_eq!(parameter_tags(name), json!([]), "{name} was not tagged");
    }
    assert!(ended.cause.contains(&names[1]), "{}", ended.cause);
    assert_eq!(
        world().security_groups(&environment),
        ["backend", "default"],
        "nothing was created either"
    );
    assert!(!world().history(&execution).to_string().contains("hunter2"));
}

/// Returns the name of the execution in the environment's record.
fn last_execution(environment: &Environment) -> String {
    let record = environment.record(world()).expect("a record");
    let arn = text(&record["lastExecution"]["S"]);
    World::name_of(&arn).to_owned()
}

#[test]
fn event_cannot_start_a_rollback_or_lock_the_environment() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let record = environment.request_record(world()).expect("a record");
    let rollbacks = [
        json!({ "execution": "x", "requestedAt": 253_402_300_799_000_i64, "askedForCache": false }),
        json!({ "execution": last_execution(&environment), "requestedAt": 253_402_300_799_000_i64, "askedForCache": true }),
        json!({ "execution": last_execution(&environment) }),
    ];

    for rollback in rollbacks {
        let ended = deleted(&json!({ "environment": environment.name, "rollback": rollback }));

        assert_rejected(&ended, "rollback");
        assert_eq!(
            environment.request_record(world()).expect("a record"),
            record
        );
    }
    let again = world().run(&environment.request());
    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    assert_eq!(again.output["superseded"], Value::Null, "{again:?}");
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn rollback_without_a_failed_run_removes_nothing() {
    let environment = world().environment();
    // If this run had failed, it could be rolled back: its resources have its execution tag.
    let created = world().run(&environment.request_with("/onFailure", json!("rollback")));
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    let record = environment.record(world()).expect("a record");

    let ended = world().remove(&json!({
        "environment": environment.name,
        "rollback": { "execution": last_execution(&environment) },
    }));

    assert_eq!(ended.output["superseded"], true, "{ended:?}");
    assert_eq!(environment.record(world()).expect("a record"), record);
    assert_eq!(environment.parameters(world()).len(), 4);
}

#[test]
fn event_time_before_1970_is_rejected() {
    let environment = world().environment();
    for time in ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
        let stamped = json!({ "id": "an-event", "time": time });

        let ended = world().run(&environment.request_with("/event", stamped));

        assert_rejected(&ended, "event.time");
    }
    let record = environment.request_record(world()).expect("a record");
    assert_eq!(record, json!({ "environment": { "S": environment.name } }));
}

/// Creates a role with the permissions of a function's role, and returns credentials for it.
fn credentials_like(world: &World, step: &str) -> Value {
    let role = world.physical_id(&format!("{step}Role"));
    let names = world.call("iam", "list_role_policies", &json!({ "RoleName": role }));
    let policy = world.call(
        "iam",
        "get_role_policy",
        &json!({ "RoleName": role, "PolicyName": names["PolicyNames"][0] }),
    );
    let name = format!("intruder-{}", step.to_lowercase());
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::000000000000:root" },
            "Action": "sts:AssumeRole",
        }],
    });
    let created = world.call(
        "iam",
        "create_role",
        &json!({ "RoleName": name, "AssumeRolePolicyDocument": trust.to_string() }),
    );
    world.call(
        "iam",
        "put_role_policy",
        &json!({
            "RoleName": name,
            "PolicyName": "copied",
            "PolicyDocument": policy["PolicyDocument"].to_string(),
        }),
    );
    let assumed = world.call(
        "sts",
        "assume_role",
        &json!({ "RoleArn": created["Role"]["Arn"], "RoleSessionName": "intruder" }),
    );
    assumed["Credentials"].clone()
}

/// Returns whether IAM denies a call by a caller. Any other result means that the policies allow it.
fn is_denied(
    world: &World,
    credentials: &Value,
    service: &str,
    operation: &str,
    parameters: &Value,
) -> bool {
    let answer = world
        .aws
        .call_as(credentials, service, operation, parameters);
    answer.is_err_and(|error| {
        let error_response = error.downcast_ref::<ErrorResponse>();
        error_response.is_some_and(|error_response| {
            [
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
            ]
            .contains(&error_response.code.as_str())
        })
    })
}

fn tag(key: &str, value: &str) -> Value {
    json!({ "Key": key, "Value": value })
}

/// Checks what a role's policies deny and allow. Without an allowed call, a role without permissions would pass.
#[track_caller]
fn assert_permissions(caller: &Value, call: (&str, &str), denied: &[Value], allowed: &[Value]) {
    let (service, operation) = call;
    let cases = denied.iter().map(|parameters| (parameters, true));
    for (parameters, expected) in cases.chain(allowed.iter().map(|parameters| (parameters, false)))
    {
        let found = is_denied(world(), caller, service, operation, parameters);

        assert_eq!(found, expected, "{operation} {parameters}");
    }
}

/// Returns the tags that a step sets, and two sets that no step may set: without the environment's tag, and without the
/// stack's.
fn tag_sets(environment: &Environment) -> (Value, [Value; 2]) {
    let stack = tag("envcache:stack", local::stack::NAME);
    let environment = tag("envcache:environment", &environment.name);
    let team = tag("team", "web");
    (
        json!([environment, stack, team]),
        [json!([stack, team]), json!([environment, team])],
    )
}

/// Returns an environment that has a cache.
fn provisioned() -> Environment {
    let environment = world().environment();
    let created = world().run(&environment.request());
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    environment
}

fn arn(kind: &str, name: &str) -> String {
    let region = local::REGION;
    format!("arn:aws:elasticache:{region}:000000000000:{kind}:{name}")
}

#[test]
fn role_tags_and_changes_only_owned_security_groups() {
    let environment = provisioned();
    let owned = security_group_named(&environment, &format!("{}-redis-sg", environment.name));
    let foreign = foreign_security_group(&environment);
    let (own_tags, bad_tags) = tag_sets(&environment);
    let create = |tags: &Value| {
        json!({
            "VpcId": environment.network.vpc, "GroupName": "created", "Description": "created by an intruder",
            "TagSpecifications": [{ "ResourceType": "security-group", "Tags": tags }],
        })
    };
    let add = |group: &str, tags: &Value| json!({ "Resources": [group], "Tags": tags });
    let rule = |group: &str| {
        json!({
            "GroupId": group,
            "IpPermissions": [{
                "IpProtocol": "tcp", "FromPort": 7000, "ToPort": 7000,
                "UserIdGroupPairs": [{ "GroupId": environment.network.backend_security_group }],
            }],
        })
    };
    let ensure = credentials_like(world(), "EnsureSecurityGroup");

    assert_permissions(
        &ensure,
        ("ec2", "create_security_group"),
        &bad_tags.each_ref().map(create),
        &[create(&own_tags)],
    );
    let [without_environment, without_stack] = &bad_tags;
    let denied = [
        add(&foreign, without_environment),
        add(&foreign, without_stack),
        add(&owned, without_environment),
        add(&owned, without_stack),
    ];
    let allowed = [add(&owned, &own_tags)];
    assert_permissions(&ensure, ("ec2", "create_tags"), &denied, &allowed);
    let remove = |group: &str, key: &str| json!({ "Resources": [group], "Tags": [{ "Key": key }] });
    let denied = [
        remove(&owned, "envcache:environment"),
        remove(&owned, "envcache:stack"),
        remove(&foreign, "team"),
        // EC2 would remove all tags.
        json!({ "Resources": [owned] }),
    ];
    let allowed = [remove(&owned, "team")];
    assert_permissions(&ensure, ("ec2", "delete_tags"), &denied, &allowed);
    for operation in ["authorize", "revoke"] {
        let operation = format!("{operation}_security_group_ingress");
        let call = ("ec2", operation.as_str());
        assert_permissions(&ensure, call, &[rule(&foreign)], &[rule(&owned)]);
    }
    let delete = credentials_like(world(), "DeleteSecurityGroup");
    let group = |id: &str| json!({ "GroupId": id });
    let call = ("ec2", "delete_security_group");
    assert_permissions(&delete, call, &[group(&foreign)], &[group(&owned)]);
}

#[test]
fn role_tags_and_changes_only_owned_subnet_groups() {
    let environment = provisioned();
    let owned = format!("{}-cached-subnet-group", environment.name);
    let foreign = format!("{}-foreign", environment.name);
    let (own_tags, bad_tags) = tag_sets(&environment);
    let create = |name: &str, tags: &Value| {
        json!({
            "CacheSubnetGroupName": name, "CacheSubnetGroupDescription": "created by an intruder",
            "SubnetIds": environment.network.subnets, "Tags": tags,
        })
    };
    let untagged = create(&foreign, &json!([]));
    world().call("elasticache", "create_cache_subnet_group", &untagged);
    let ensure = credentials_like(world(), "EnsureSubnetGroup");

    let created = format!("{}-created", environment.name);
    assert_permissions(
        &ensure,
        ("elasticache", "create_cache_subnet_group"),
        &bad_tags.each_ref().map(|tags| create(&created, tags)),
        &[create(&created, &own_tags)],
    );
    let modify = |name: &str| json!({ "CacheSubnetGroupName": name, "CacheSubnetGroupDescription": "changed" });
    let call = ("elasticache", "modify_cache_subnet_group");
    assert_permissions(&ensure, call, &[modify(&foreign)], &[modify(&owned)]);
    let add = |tags: &Value| json!({ "ResourceName": arn("subnetgroup", &owned), "Tags": tags });
    assert_permissions(
        &ensure,
        ("elasticache", "add_tags_to_resource"),
        &bad_tags.each_ref().map(add),
        &[add(&own_tags)],
    );
    let remove = |name: &str, key: &str| json!({ "ResourceName": arn("subnetgroup", name), "TagKeys": [key] });
    assert_permissions(
        &ensure,
        ("elasticache", "remove_tags_from_resource"),
        &[
            remove(&owned, "envcache:environment"),
            remove(&owned, "envcache:stack"),
            remove(&foreign, "team"),
        ],
        &[remove(&owned, "team")],
    );
    let delete = credentials_like(world(), "DeleteSubnetGroup");
    let group = |name: &str| json!({ "CacheSubnetGroupName": name });
    let call = ("elasticache", "delete_cache_subnet_group");
    assert_permissions(&delete, call, &[group(&foreign)], &[group(&owned)]);
}

#[test]
fn role_tags_and_changes_only_owned_caches() {
    let environment = provisioned();
    let foreign = world().environment();
    unmanaged::cache(&foreign, world(), &json!({}));
    unmanaged::wait_until_available(&foreign, world());
    let owned = format!("{}-redis", environment.name);
    let foreign = format!("{}-redis", foreign.name);
    let (own_tags, bad_tags) = tag_sets(&environment);
    let ensure = credentials_like(world(), "EnsureReplicationGroup");

    let resources = [
        arn("replicationgroup", &owned),
        arn("cluster", &format!("{owned}-001")),
    ];
    let add = |resource: &str, tags: &Value| json!({ "ResourceName": resource, "Tags": tags });
    let remove = |resource: &str, key: &str| json!({ "ResourceName": resource, "TagKeys": [key] });
    let (adding, removing) = (
        ("elasticache", "add_tags_to_resource"),
        ("elasticache", "remove_tags_from_resource"),
    );
    // What is denied comes first: for a moment after its tags changed, a cache rejects calls that the policy denies or allows.
    let denied = resources
        .each_ref()
        .map(|resource| remove(resource, "envcache:stack"));
    assert_permissions(&ensure, removing, &denied, &[]);
    let of_foreign = remove(&arn("replicationgroup", &foreign), "team");
    assert_permissions(&ensure, removing, &[of_foreign], &[]);
    let denied = resources
        .each_ref()
        .map(|resource| bad_tags.each_ref().map(|tags| add(resource, tags)));
    let allowed = resources
        .each_ref()
        .map(|resource| add(resource, &own_tags));
    assert_permissions(&ensure, adding, denied.as_flattened(), &allowed);
    // Only of the group, which includes its members: MiniStack doesn't find a member by the ARN that AWS gives it.
    let allowed = [remove(&resources[0], "team")];
    assert_permissions(&ensure, removing, &[], &allowed);
    let group = |id: &str| json!({ "ReplicationGroupId": id, "ApplyImmediately": true });
    let with_description = |id: &str| {
        let mut parameters = group(id);
        parameters["ReplicationGroupDescription"] = json!("changed");
        parameters
    };
    let with_replicas = |id: &str| {
        let mut parameters = group(id);
        parameters["NewReplicaCount"] = json!(1);
        parameters
    };
    let call = ("elasticache", "modify_replication_group");
    assert_permissions(
        &ensure,
        call,
        &[with_description(&foreign)],
        &[with_description(&owned)],
    );
    for operation in ["increase_replica_count", "decrease_replica_count"] {
        let call = ("elasticache", operation);
        assert_permissions(
            &ensure,
            call,
            &[with_replicas(&foreign)],
            &[with_replicas(&owned)],
        );
    }
    assert_uses_keys_only_through_elasticache(&ensure);
}

/// Checks that a role can describe a KMS key, but can neither use it nor let others use it, except through ElastiCache.
fn assert_uses_keys_only_through_elasticache(caller: &Value) {
    let key = unmanaged::key(world());
    let grant = json!({
        "KeyId": key,
        "GranteePrincipal": "arn:aws:iam::000000000000:role/intruder",
        "Operations": ["Decrypt"],
    });
    let id = json!({ "KeyId": key });
    let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });

    assert_permissions(caller, ("kms", "describe_key"), &[], &[id]);
    assert_permissions(caller, ("kms", "create_grant"), &[grant], &[]);
    assert_permissions(caller, ("kms", "generate_data_key"), &[data_key], &[]);
}

#[test]
fn role_tags_and_overwrites_only_owned_parameters() {
    let environment = provisioned();
    let owned = format!("/{}/cache/url", environment.name);
    let foreign = format!("/{}/database/url", environment.name);
    put_parameter(&foreign, "String", "unmanaged");
    let (own_tags, bad_tags) = tag_sets(&environment);
    let publish = credentials_like(world(), "PublishEndpoint");

    let add =
        |tags: &Value| json!({ "ResourceType": "Parameter", "ResourceId": owned, "Tags": tags });
    assert_permissions(
        &publish,
        ("ssm", "add_tags_to_resource"),
        &bad_tags.each_ref().map(add),
        &[add(&own_tags)],
    );
    let remove = |name: &str, key: &str| json!({ "ResourceType": "Parameter", "ResourceId": name, "TagKeys": [key] });
    assert_permissions(
        &publish,
        ("ssm", "remove_tags_from_resource"),
        &[
            remove(&owned, "envcache:environment"),
            remove(&owned, "envcache:stack"),
            remove(&foreign, "team"),
        ],
        &[remove(&owned, "team")],
    );
    let create = |tags: &Value| {
        let name = format!("/{}/created/url", environment.name);
        json!({ "Name": name, "Value": "x", "Type": "String", "Tags": tags })
    };
    let overwrite =
        |name: &str| json!({ "Name": name, "Value": "x", "Type": "String", "Overwrite": true });
    let [without_environment, without_stack] = bad_tags.each_ref().map(create);
    let denied = [
        without_environment,
        without_stack,
        create(&json!([])),
        overwrite(&foreign),
    ];
    let allowed = [create(&own_tags), overwrite(&owned)];
    assert_permissions(&publish, ("ssm", "put_parameter"), &denied, &allowed);
    let delete = credentials_like(world(), "RetractEndpoint");
    let name = |name: &str| json!({ "Name": name });
    let call = ("ssm", "delete_parameter");
    assert_permissions(&delete, call, &[name(&foreign)], &[name(&owned)]);
}

/// Returns whether the deployed rule matches an event of a detail-type from an account.
fn matches_event_of(world: &World, rule: &str, detail_type: &str, account: &str) -> bool {
    let physical = world.physical_id(rule);
    let name = physical.rsplit('|').next().expect("a name");
    let described = world.call(
        "events",
        "describe_rule",
        &json!({ "Name": name, "EventBusName": world.stack.event_bus_name }),
    );
    // The event structure of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
    let event = json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "envcache.environments",
        "account": account,
        "time": "2026-11-22T10:00:00Z",
        "region": local::REGION,
        "resources": [],
        "detail": { "environment": "bandup" },
    });
    let tested = world.call(
        "events",
        "test_event_pattern",
        &json!({ "EventPattern": described["EventPattern"], "Event": event.to_string() }),
    );
    tested["Result"] == true
}

/// The rule that starts runs, with each detail-type that it matches.
const RULES: [(&str, &str); 2] = [
    ("EnvironmentChanged", "Environment Created"),
    ("EnvironmentChanged", "Environment Deleted"),
];

#[test]
fn event_of_another_account_starts_nothing() {
    for (rule, detail_type) in RULES {
        let matches = |account: &str| matches_event_of(world(), rule, detail_type, account);

        assert!(matches("000000000000"), "{rule}: the stack's own account");
        assert!(!matches("123456789012"), "{rule}: another account");
    }
}

/// One test, because the parameters affect every run of the stack.
#[test]
fn stack_parameters_limit_adoption_nodes_logs_and_accounts() {
    let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let parameters = [
        "Adoption=never",
        "AllowLogDelivery=false",
        "AllowedNodeTypes=cache.t3.micro,cache.t3.small",
        "EventAccounts=123456789012,210987654321",
    ];
    world
        .redeploy(&parameters.map(str::to_owned))
        .expect("a deployment");

    let environment = world.environment();
    unmanaged::security_group(&environment, &world);
    let adopting = world.run(&environment.request_with("/adopt", json!(true)));
    assert_rejected(&adopting, "`Adoption` is `never`");
    let rejected = world.run(&environment.request());
    assert_eq!(rejected.error, "NotOwned", "{rejected:?}");

    let environment = world.environment();
    let large =
        world.run(&environment.request_with("/cache", json!({ "nodeType": "cache.r7g.large" })));
    assert_rejected(&large, "cache.nodeType");
    let logs = environment.request_with("/cache", json!({ "logs": { "slow": {} } }));
    assert_rejected(&world.run(&logs), "`AllowLogDelivery` is `false`");
    for node_type in ["cache.t3.micro", "cache.t3.small"] {
        let request = environment.request_with("/cache", json!({ "nodeType": node_type }));
        let ended = world.run(&request);
        assert_eq!(ended.status, "SUCCEEDED", "{node_type}: {ended:?}");
    }

    // The roles' policies enforce both limits too.
    let (own_tags, _) = tag_sets(&environment);
    let tag_foreign = json!({
        "Resources": [security_group_of(&world, &environment, "backend")],
        "Tags": own_tags,
    });
    let intruder = credentials_like(&world, "EnsureSecurityGroup");
    assert!(is_denied(
        &world,
        &intruder,
        "ec2",
        "create_tags",
        &tag_foreign
    ));
    let intruder = credentials_like(&world, "EnsureReplicationGroup");
    let group = format!("{}-redis", environment.name);
    let denies_change = |field: &str, value: Value| {
        let mut parameters = json!({ "ReplicationGroupId": group, "ApplyImmediately": true });
        parameters[field] = value;
        is_denied(
            &world,
            &intruder,
            "elasticache",
            "modify_replication_group",
            &parameters,
        )
    };
    assert!(denies_change("CacheNodeType", json!("cache.r7g.large")));
    assert!(!denies_change(
        "ReplicationGroupDescription",
        json!("changed")
    ));
    let denies_creation = |node_type: &str| {
        let parameters = json!({
            "ReplicationGroupId": format!("{}-created", environment.name),
            "ReplicationGroupDescription": "created by an intruder",
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": node_type,
            "NumCacheClusters": 1,
            "AutomaticFailoverEnabled": false,
            "CacheSubnetGroupName": format!("{}-cached-subnet-group", environment.name),
            "Tags": own_tags,
        });
        is_denied(
            &world,
            &intruder,
            "elasticache",
            "create_replication_group",
            &parameters,
        )
    };
    assert!(denies_creation("cache.r7g.large"));
    assert!(!denies_creation("cache.t3.small"));

    for (rule, detail_type) in RULES {
        for (account, expected) in [
            ("000000000000", true),
            ("123456789012", true),
            ("210987654321", true),
            ("999999999999", false),
        ] {
            let found = matches_event_of(&world, rule, detail_type, account);
            assert_eq!(found, expected, "{rule}: {account}");
        }
    }
}

#[test]
fn event_can_adopt_when_the_stack_always_allows_it() {
    let mut world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    world
        .redeploy(&["Adoption=always".to_owned()])
        .expect("a deployment");
    let environment = world.environment();
    unmanaged::security_group(&environment, &world);

    let ended = world.deliver(
        "Environment Created",
        &environment.request_with("/adopt", json!(true)),
    );

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
}
