//! Runs every function against moto, an AWS emulator that this project doesn't patch, in the order of the state machines.
//! Each function's input comes from the outputs before it. `docs/second-emulator.md` describes what moto lacks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;
use envcache_tests::definition::{Machine, resources, state_machine, states};
use envcache_tests::lambda::{Answer, Function};
use envcache_tests::{World, array, text};
use local::moto::Moto;
use local::network::{CreatedNetwork, Network};
use local::{Aws, Workspace};
use serde_json::{Value, json};

const STACK: &str = "envcache";
const TABLE: &str = "environments";
/// The time at which the first run of an environment starts, in milliseconds since 1970.
const STARTED_AT: i64 = 1_795_341_600_000;

/// moto, with what the stack and the state machines would create.
struct Emulator {
    moto: Moto,
    aws: Aws,
    provision: String,
    deprovision: String,
}

/// Returns the emulator that all tests share. Each test uses environments of its own.
fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(|| Emulator::start().unwrap_or_else(|error| panic!("{error:#}")))
}

impl Emulator {
    fn start() -> Result<Self> {
        let moto = Moto::start(Workspace::find()?)?;
        let aws = Aws::connect_to_moto(&moto)?;
        // The table has the keys of the template.
        let table = resources("AWS::DynamoDB::Table")["Environments"]["Properties"].clone();
        aws.call(
            "dynamodb",
            "create_table",
            &json!({
                "TableName": TABLE,
                "AttributeDefinitions": table["AttributeDefinitions"],
                "KeySchema": table["KeySchema"],
                "BillingMode": table["BillingMode"],
            }),
        )?;
        let create = |machine: Machine| -> Result<String> {
            let created = aws.call(
                "stepfunctions",
                "create_state_machine",
                &json!({
                    "name": machine.name(),
                    "definition": state_machine(machine).to_string(),
                    "roleArn": "arn:aws:iam::123456789012:role/state-machine",
                }),
            )?;
            Ok(text(&created["stateMachineArn"]))
        };
        let provision = create(Machine::Provision)?;
        let deprovision = create(Machine::Deprovision)?;
        Ok(Self {
            moto,
            aws,
            provision,
            deprovision,
        })
    }

    /// Calls moto and returns the response.
    fn call(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.aws
            .call(service, operation, parameters)
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Creates the network of a new environment.
    fn environment(&self) -> Environment<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("moto-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let network = Network {
            vpc: &name,
            subnets: &[("one", 'a'), ("two", 'b')],
            backend_security_group: "backend",
        }
        .create(&self.aws)
        .unwrap_or_else(|error| panic!("{error:#}"));
        Environment {
            emulator: self,
            name,
            network,
        }
    }

    /// Invokes a function of the stack in a new process.
    fn invoke(&self, function: &str, event: &Value) -> Answer {
        let endpoint_url = self.moto.endpoint_url();
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint_url.as_str()),
            ("DEPROVISION_STATE_MACHINE_ARN", &self.deprovision),
            ("ENVCACHE_STACK", STACK),
            ("ENVIRONMENTS_TABLE", TABLE),
            ("EVENT_BUS_NAME", "default"),
            ("PROVISION_STATE_MACHINE_ARN", &self.provision),
        ];
        Function::start(function, &variables)
            .and_then(|mut process| process.invoke(event))
            .unwrap_or_else(|error| panic!("{function}: {error:#}"))
    }

    /// Invokes a function and returns its output.
    fn output(&self, function: &str, event: &Value) -> Value {
        match self.invoke(function, event) {
            Answer::Returned(output) => output,
            failed @ Answer::Failed { .. } => panic!("{function}: {failed:?}"),
        }
    }

    /// Invokes a function that fails, and returns the error and its message.
    fn error(&self, function: &str, event: &Value) -> (String, String) {
        match self.invoke(function, event) {
            Answer::Failed { error, message } => (error, message),
            Answer::Returned(output) => panic!("{function} succeeded: {output}"),
        }
    }
}

/// An environment whose network exists.
struct Environment<'a> {
    emulator: &'a Emulator,
    name: String,
    network: CreatedNetwork,
}

impl Environment<'_> {
    /// Returns a request with only the required fields.
    fn request(&self) -> Value {
        json!({
            "environment": self.name,
            "network": { "vpc": self.name, "subnets": ["one", "two"], "backendSecurityGroup": "backend" },
        })
    }

    /// Returns an execution's ARN.
    fn execution(&self, name: &str) -> String {
        World::execution(&self.emulator.provision, &self.execution_name(name))
    }

    /// Returns an execution's name, which is unique among those of all environments.
    fn execution_name(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Returns a function's message: the fields, and those that every message has.
    fn message(&self, execution: &str, mut fields: Value) -> Value {
        fields["environment"] = json!(self.name);
        fields["execution"] = json!(self.execution_name(execution));
        fields
    }

    /// Validates a request, as the state `ResolveNetwork` does, and returns a run for it.
    fn resolve(&self, request: &Value) -> Run<'_> {
        let resolved = self.emulator.output(
            "ResolveNetwork",
            &self.message(
                "run-1",
                json!({
                    "policy": { "adoption": "manual", "allowedNodeTypes": "", "allowLogDelivery": "true" },
                    "request": request,
                }),
            ),
        );
        Run {
            environment: self,
            spec: resolved["spec"].clone(),
            network: resolved["network"].clone(),
            security_group: String::new(),
        }
    }

    /// Returns the input of `ClaimEnvironment`.
    fn claim(&self, execution: &str, started_at: i64, request: &Value) -> Value {
        let fields = json!({
            "executionArn": self.execution(execution),
            "startedAt": started_at,
            "secondsWaited": 0,
            "waitedFor": null,
            "plan": false,
            "request": request,
        });
        self.message(execution, fields)
    }

    /// Updates the environment's record as a state does. The expression is the state's, unless it depends on the input.
    /// `names` is null if the expression contains no placeholders for names.
    fn update_record(
        &self,
        machine: Machine,
        state: &str,
        expression: Option<&str>,
        names: &Value,
        values: &Value,
    ) {
        let arguments = states(machine)[state]["Arguments"].clone();
        let expression =
            expression.map_or_else(|| text(&arguments["UpdateExpression"]), str::to_owned);
        let mut request = json!({
            "TableName": TABLE,
            "Key": self.key(),
            "UpdateExpression": expression,
            "ConditionExpression": arguments["ConditionExpression"],
            "ExpressionAttributeValues": values,
        });
        if !names.is_null() {
            request["ExpressionAttributeNames"] = names.clone();
        }
        self.emulator.call("dynamodb", "update_item", &request);
    }

    fn key(&self) -> Value {
        json!({ "environment": { "S": self.name } })
    }

    /// Returns the environment's record in DynamoDB's JSON.
    fn record(&self) -> Value {
        let query = json!({ "TableName": TABLE, "Key": self.key(), "ConsistentRead": true });
        self.emulator.call("dynamodb", "get_item", &query)["Item"].clone()
    }

    /// Returns the security groups of the VPC with this name.
    fn security_groups(&self, name: &str) -> Vec<Value> {
        let found = self.emulator.call(
            "ec2",
            "describe_security_groups",
            &json!({ "Filters": [
                { "Name": "vpc-id", "Values": [self.network.vpc] },
                { "Name": "group-name", "Values": [name] },
            ] }),
        );
        array(&found["SecurityGroups"]).cloned().collect()
    }

    /// Returns the tags of an ElastiCache resource, such as `subnetgroup:a`, as sorted pairs of key and value.
    fn cache_tags(&self, resource: &str) -> Vec<(String, String)> {
        let arn = format!(
            "arn:aws:elasticache:{}:123456789012:{resource}",
            local::REGION
        );
        let query = json!({ "ResourceName": arn });
        pairs(
            &self
                .emulator
                .call("elasticache", "list_tags_for_resource", &query)["TagList"],
        )
    }

    fn parameter_tags(&self, name: &str) -> Vec<(String, String)> {
        let query = json!({ "ResourceType": "Parameter", "ResourceId": name });
        pairs(&self.emulator.call("ssm", "list_tags_for_resource", &query)["TagList"])
    }

    /// Returns the tags of a resource that the environment owns.
    fn owner_tags(&self) -> Vec<(String, String)> {
        [
            ("envcache:environment", self.name.as_str()),
            ("envcache:stack", STACK),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn parameters(&self) -> Vec<(String, String)> {
        self.emulator
            .aws
            .parameters(&format!("/{}/cache", self.name))
            .unwrap_or_else(|error| panic!("{error:#}"))
            .into_iter()
            .collect()
    }
}

/// Returns tags as sorted pairs of key and value.
fn pairs(tags: &Value) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = array(tags)
        .map(|tag| (text(&tag["Key"]), text(&tag["Value"])))
        .collect();
    pairs.sort();
    pairs
}

/// A provisioning run, with the variables of the state machine.
struct Run<'a> {
    environment: &'a Environment<'a>,
    spec: Value,
    network: Value,
    security_group: String,
}

impl Run<'_> {
    fn cache(&self, field: &str) -> String {
        text(&self.spec["cache"][field])
    }

    /// Claims the environment for the execution `run-1`.
    fn claim(&self) -> Value {
        let request = json!({ "provision": { "spec": self.spec, "network": self.network } });
        let message = self.environment.claim("run-1", STARTED_AT, &request);
        self.environment
            .emulator
            .output("ClaimEnvironment", &message)
    }

    /// Returns the message to `EnsureSecurityGroup` and `EnsureSubnetGroup`.
    fn group(&self, plan: bool) -> Value {
        let fields = json!({
            "plan": plan,
            "spec": self.spec,
            "belongsHere": false,
            "formerTags": [],
            "network": self.network,
        });
        self.environment.message("run-1", fields)
    }

    fn ensure_security_group(&mut self) -> Value {
        let output = self
            .environment
            .emulator
            .output("EnsureSecurityGroup", &self.group(false));
        self.security_group = text(&output["securityGroupId"]);
        output
    }

    fn ensure_subnet_group(&self) -> Value {
        self.environment
            .emulator
            .output("EnsureSubnetGroup", &self.group(false))
    }

    /// Returns the message to `EnsureParameterGroup`.
    fn parameter_group(&self) -> Value {
        let fields = json!({
            "plan": true,
            "spec": self.spec,
            "formerTags": [],
            "recordedEngineVersion": null,
            "defaultEngineVersion": "8.2",
        });
        self.environment.message("run-1", fields)
    }

    /// Returns the message to `EnsureReplicationGroup`.
    fn replication_group(&self, plan: bool, seconds_waited: u32) -> Value {
        let fields = json!({
            "executionArn": self.environment.execution("run-1"),
            "plan": plan,
            "spec": self.spec,
            "belongsHere": false,
            "formerTags": [],
            "network": self.network,
            "securityGroupId": self.security_group,
            "parameterGroup": null,
            "formerParameterGroups": [],
            "pendingParameters": [],
            "defaultEngineVersion": "8.2",
            "secondsWaited": seconds_waited,
        });
        self.environment.message("run-1", fields)
    }

    /// Returns the message to `CheckReplicationGroup`.
    fn check(&self) -> Value {
        let fields =
            json!({ "cacheName": self.cache("name"), "restores": false, "secondsWaited": 30 });
        self.environment.message("run-1", fields)
    }

    fn ensure_replication_group(&self, seconds_waited: u32) -> Value {
        let message = self.replication_group(false, seconds_waited);
        self.environment
            .emulator
            .output("EnsureReplicationGroup", &message)
    }

    /// Returns the replication group as moto describes it.
    fn described(&self) -> Value {
        let query = json!({ "ReplicationGroupId": self.cache("name") });
        let found =
            self.environment
                .emulator
                .call("elasticache", "describe_replication_groups", &query);
        found["ReplicationGroups"][0].clone()
    }

    /// Returns the endpoints as `EnsureReplicationGroup` does for a cache that is up to date, which moto never has.
    fn endpoints(&self) -> Value {
        let endpoint = &self.described()["NodeGroups"][0]["PrimaryEndpoint"];
        json!({ "primary": { "host": endpoint["Address"], "port": endpoint["Port"] } })
    }

    /// Returns the message to `PublishEndpoint`.
    fn endpoint(&self, plan: bool, endpoints: &Value) -> Value {
        let fields = json!({
            "plan": plan,
            "spec": self.spec,
            "belongsHere": false,
            "formerTags": [],
            "endpoints": endpoints,
        });
        self.environment.message("run-1", fields)
    }

    fn publish(&self) -> Value {
        self.environment
            .emulator
            .output("PublishEndpoint", &self.endpoint(false, &self.endpoints()))
    }

    /// Creates and publishes everything, as far as moto supports it.
    fn provision(&mut self) {
        assert_eq!(self.claim()["status"], "claimed");
        self.ensure_security_group();
        self.ensure_subnet_group();
        assert_eq!(self.ensure_replication_group(0)["outcome"], "created");
        self.publish();
    }

    /// Releases the claim, as the last states of a run do.
    fn release(&self) {
        self.environment.update_record(
            Machine::Provision,
            "ReleaseEnvironment",
            None,
            &json!({ "#done": "formerTags", "#kept": "none" }),
            &json!({
                ":me": { "S": self.environment.execution("run-1") },
                ":new": { "S": "{}" },
                ":at": { "N": STARTED_AT.to_string() },
            }),
        );
    }
}

#[test]
fn every_function_runs_in_these_tests() {
    let source = include_str!("second_emulator.rs");

    let missing: Vec<_> = resources("AWS::Serverless::Function")
        .into_keys()
        .filter(|function| !source.contains(&format!("\"{function}\"")))
        .collect();

    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn plans_list_what_provisioning_then_creates() {
    let emulator = emulator();
    let environment = emulator.environment();
    let run = environment.resolve(&environment.request());
    let operations = |output: &Value| -> Vec<String> {
        array(&output["actions"])
            .map(|action| text(&action["operation"]))
            .collect()
    };

    let security_group = emulator.output("EnsureSecurityGroup", &run.group(true));
    let subnet_group = emulator.output("EnsureSubnetGroup", &run.group(true));
    let parameter_group = emulator.error("EnsureParameterGroup", &run.parameter_group());
    let replication_group =
        emulator.output("EnsureReplicationGroup", &run.replication_group(true, 0));
    let endpoint = emulator.output("PublishEndpoint", &run.endpoint(true, &Value::Null));

    assert_eq!(
        operations(&security_group),
        ["CreateSecurityGroup", "AuthorizeSecurityGroupIngress"]
    );
    assert_eq!(operations(&subnet_group), ["CreateCacheSubnetGroup"]);
    assert_is_lacking(&parameter_group, "DescribeCacheParameterGroups");
    assert_eq!(operations(&replication_group), ["CreateReplicationGroup"]);
    assert_eq!(operations(&endpoint), ["PutParameter"; 4]);
    let groups = environment.security_groups(&run.cache("securityGroupName"));
    assert!(groups.is_empty(), "{groups:?}");
    assert_eq!(environment.record(), Value::Null);
}

#[test]
fn provisioning_creates_what_the_request_names() {
    let emulator = emulator();
    let environment = emulator.environment();
    let mut run = environment.resolve(&environment.request());
    assert_eq!(run.network["vpcId"], environment.network.vpc);
    assert_eq!(run.network["subnetIds"], json!(environment.network.subnets));
    let claim = run.claim();
    assert_eq!(claim["status"], "claimed");

    run.ensure_security_group();
    run.ensure_subnet_group();
    let created = run.ensure_replication_group(0);
    let checked = emulator.output("CheckReplicationGroup", &run.check());
    let compared = run.ensure_replication_group(30);
    environment.update_record(
        Machine::Provision,
        "ConfirmClaim",
        None,
        &Value::Null,
        &json!({
            ":me": { "S": environment.execution("run-1") },
            ":identity": { "S": claim["identity"] },
            ":version": { "S": "8.2" },
            ":one": { "N": "1" },
        }),
    );
    let published = run.publish();
    run.release();

    assert_security_group(&run);
    assert_subnet_group(&run);
    assert_eq!(created["outcome"], "created");
    // moto creates the group at once, but no members: a run would wait for them until its timeout.
    assert_eq!(checked, json!({ "status": "ready", "found": "available" }));
    assert_eq!(
        compared["outcome"],
        json!(format!(
            "found changing: {}-001 is not there",
            run.cache("name")
        ))
    );
    assert_replication_group(&run);
    assert_parameters(&run);
    let host = text(&run.endpoints()["primary"]["host"]);
    assert_eq!(published["url"], json!(format!("rediss://{host}:6379")));
    let record = environment.record();
    assert_eq!(record["engineVersion"]["S"], "8.2");
    assert_eq!(record["cacheIdentity"]["S"], claim["identity"]);
    assert_eq!(record["holder"], Value::Null);
}

/// Checks that the security group allows inbound traffic only from the backend, to the cache's port.
fn assert_security_group(run: &Run<'_>) {
    let environment = run.environment;
    let groups = environment.security_groups(&run.cache("securityGroupName"));
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0]["GroupId"], json!(run.security_group));
    assert_eq!(pairs(&groups[0]["Tags"]), environment.owner_tags());
    let rules: Vec<_> = array(&groups[0]["IpPermissions"]).collect();
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0]["IpProtocol"], "tcp");
    assert_eq!(rules[0]["FromPort"], 6379);
    assert_eq!(rules[0]["ToPort"], 6379);
    let sources: Vec<_> = array(&rules[0]["UserIdGroupPairs"])
        .map(|source| text(&source["GroupId"]))
        .collect();
    assert_eq!(
        sources,
        [environment.network.backend_security_group.as_str()]
    );
}

fn assert_subnet_group(run: &Run<'_>) {
    let environment = run.environment;
    let name = run.cache("subnetGroupName");
    let found = environment.emulator.call(
        "elasticache",
        "describe_cache_subnet_groups",
        &json!({ "CacheSubnetGroupName": name }),
    );
    let group = &found["CacheSubnetGroups"][0];
    assert_eq!(group["VpcId"], environment.network.vpc);
    let subnets: Vec<_> = array(&group["Subnets"])
        .map(|subnet| text(&subnet["SubnetIdentifier"]))
        .collect();
    assert_eq!(subnets, environment.network.subnets);
    assert_eq!(
        environment.cache_tags(&format!("subnetgroup:{name}")),
        environment.owner_tags()
    );
}

fn assert_replication_group(run: &Run<'_>) {
    let cache = run.described();
    for (field, expected) in [
        ("AtRestEncryptionEnabled", json!(true)),
        ("AutomaticFailover", json!("disabled")),
        ("CacheNodeType", json!("cache.t3.micro")),
        ("ClusterEnabled", json!(false)),
        ("Engine", json!("valkey")),
        ("MultiAZ", json!("disabled")),
        ("SnapshotRetentionLimit", json!(1)),
        ("TransitEncryptionEnabled", json!(true)),
    ] {
        assert_eq!(cache[field], expected, "{field}");
    }
    let resource = format!("replicationgroup:{}", run.cache("name"));
    assert_eq!(
        run.environment.cache_tags(&resource),
        run.environment.owner_tags()
    );
}

fn assert_parameters(run: &Run<'_>) {
    let environment = run.environment;
    let host = text(&run.endpoints()["primary"]["host"]);
    let prefix = format!("/{}/cache", environment.name);
    assert_eq!(
        environment.parameters(),
        [
            (format!("{prefix}/host"), host.clone()),
            (format!("{prefix}/port"), "6379".to_owned()),
            (format!("{prefix}/primary-endpoint"), format!("{host}:6379")),
            (format!("{prefix}/url"), format!("rediss://{host}:6379")),
        ]
    );
    for (name, _) in environment.parameters() {
        assert_eq!(
            environment.parameter_tags(&name),
            environment.owner_tags(),
            "{name}"
        );
    }
}

#[test]
fn cache_is_encrypted_with_the_key_of_an_alias() {
    let emulator = emulator();
    let environment = emulator.environment();
    // moto has no default usage.
    let usage = json!({ "KeyUsage": "ENCRYPT_DECRYPT" });
    let key = emulator.call("kms", "create_key", &usage)["KeyMetadata"]["Arn"].clone();
    let alias = format!("alias/{}-caches", environment.name);
    let request = |alias: &str| {
        let mut request = environment.request();
        request["cache"] = json!({ "kmsKey": alias });
        request
    };
    let missing = environment.resolve(&request(&alias));
    let (error, message) = emulator.error(
        "EnsureReplicationGroup",
        &missing.replication_group(true, 0),
    );
    assert_eq!(error, "NotFound", "{message}");
    let named = json!({ "AliasName": alias, "TargetKeyId": key });
    emulator.call("kms", "create_alias", &named);
    let mut run = environment.resolve(&request(&alias));

    run.provision();

    assert_eq!(run.described()["KmsKeyId"], key);
}

#[test]
fn log_groups_are_created_and_changed() {
    let emulator = emulator();
    let environment = emulator.environment();
    let request = |logs: Value, tags: Value| {
        let mut request = environment.request();
        request["cache"] = json!({ "logs": logs });
        request["tags"] = tags;
        request
    };
    let ensure = |request: &Value, former_tags: Value| {
        let run = environment.resolve(request);
        let fields = json!({
            "plan": false,
            "spec": run.spec,
            "belongsHere": false,
            "formerTags": former_tags,
        });
        let message = environment.message("run-1", fields);
        let output = emulator.output("EnsureLogGroup", &message);
        array(&output["actions"])
            .map(|action| text(&action["operation"]))
            .collect::<Vec<_>>()
    };
    let first = request(json!({ "slow": {} }), json!({ "stage": "test" }));
    let changed = request(
        json!({ "slow": {}, "retentionDays": 7 }),
        json!({ "team": "web" }),
    );

    let created = ensure(&first, json!([]));
    let again = ensure(&first, json!([]));
    let updated = ensure(&changed, json!(["stage"]));

    assert_eq!(created, ["CreateLogGroup", "PutRetentionPolicy"]);
    assert!(again.is_empty(), "{again:?}");
    assert_eq!(
        updated,
        ["UntagResource", "TagResource", "PutRetentionPolicy"]
    );
    let name = format!(
        "/aws/vendedlogs/elasticache/{}-redis/slow-log",
        environment.name
    );
    let query = json!({ "logGroupNamePrefix": name });
    let found = emulator.call("logs", "describe_log_groups", &query);
    let group = &found["logGroups"][0];
    assert_eq!(group["retentionInDays"], 7);
    let query = json!({ "resourceArn": group["logGroupArn"] });
    let found = emulator.call("logs", "list_tags_for_resource", &query);
    assert_eq!(
        found["tags"],
        json!({ "envcache:environment": environment.name, "envcache:stack": STACK, "team": "web" })
    );
}

#[test]
fn repeated_steps_change_nothing() {
    let emulator = emulator();
    let environment = emulator.environment();
    let mut run = environment.resolve(&environment.request());
    run.provision();

    let security_group = run.ensure_security_group();
    let subnet_group = run.ensure_subnet_group();
    let published = run.publish();

    assert_eq!(security_group["actions"], json!([]));
    assert_eq!(subnet_group["actions"], json!([]));
    assert_eq!(
        (&published["written"], &published["removed"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn new_port_replaces_the_rule() {
    let emulator = emulator();
    let environment = emulator.environment();
    let mut run = environment.resolve(&environment.request());
    run.ensure_security_group();
    run.spec["cache"]["port"] = json!(6380);

    run.ensure_security_group();

    let groups = environment.security_groups(&run.cache("securityGroupName"));
    let ports: Vec<_> = array(&groups[0]["IpPermissions"])
        .map(|rule| (rule["FromPort"].clone(), rule["ToPort"].clone()))
        .collect();
    assert_eq!(ports, [(json!(6380), json!(6380))]);
}

#[test]
fn changed_endpoint_replaces_the_parameters() {
    let emulator = emulator();
    let environment = emulator.environment();
    let run = environment.resolve(&environment.request());
    let endpoints = |host: &str, reader: bool| {
        let mut endpoints = json!({ "primary": { "host": host, "port": 6379 } });
        if reader {
            endpoints["reader"] = json!({ "host": "reader.example", "port": 6379 });
        }
        endpoints
    };
    emulator.output(
        "PublishEndpoint",
        &run.endpoint(false, &endpoints("a.example", true)),
    );

    let published = emulator.output(
        "PublishEndpoint",
        &run.endpoint(false, &endpoints("b.example", false)),
    );

    let prefix = format!("/{}/cache", environment.name);
    assert_eq!(
        published["removed"],
        json!([format!("{prefix}/reader-endpoint")])
    );
    let expected = [
        (format!("{prefix}/host"), "b.example".to_owned()),
        (format!("{prefix}/port"), "6379".to_owned()),
        (
            format!("{prefix}/primary-endpoint"),
            "b.example:6379".to_owned(),
        ),
        (
            format!("{prefix}/url"),
            "rediss://b.example:6379".to_owned(),
        ),
    ];
    assert_eq!(environment.parameters(), expected);
}

#[test]
fn unowned_resources_are_adopted_only_on_request() {
    let emulator = emulator();
    let environment = emulator.environment();
    let run = environment.resolve(&environment.request());
    emulator.call(
        "ec2",
        "create_security_group",
        &json!({
            "VpcId": environment.network.vpc,
            "GroupName": run.cache("securityGroupName"),
            "Description": "created manually",
        }),
    );
    let subnet_group = run.cache("subnetGroupName");
    emulator.call(
        "elasticache",
        "create_cache_subnet_group",
        &json!({
            "CacheSubnetGroupName": subnet_group,
            // With another description, the function would call ModifyCacheSubnetGroup, which moto lacks.
            "CacheSubnetGroupDescription": format!("Cache of environment {}", environment.name),
            "SubnetIds": environment.network.subnets,
        }),
    );
    let host = format!("/{}/cache/host", environment.name);
    emulator.call(
        "ssm",
        "put_parameter",
        &json!({ "Name": host, "Value": "manual.example", "Type": "String" }),
    );
    let endpoints = json!({ "primary": { "host": "a.example", "port": 6379 } });
    for (function, message) in [
        ("EnsureSecurityGroup", run.group(false)),
        ("EnsureSubnetGroup", run.group(false)),
        ("PublishEndpoint", run.endpoint(false, &endpoints)),
    ] {
        assert_eq!(
            emulator.error(function, &message).0,
            "NotOwned",
            "{function}"
        );
    }
    let mut request = environment.request();
    request["adopt"] = json!(true);

    let mut run = environment.resolve(&request);
    run.ensure_security_group();
    run.ensure_subnet_group();
    emulator.output("PublishEndpoint", &run.endpoint(false, &endpoints));

    let groups = environment.security_groups(&run.cache("securityGroupName"));
    assert_eq!(pairs(&groups[0]["Tags"]), environment.owner_tags());
    assert_eq!(
        environment.cache_tags(&format!("subnetgroup:{subnet_group}")),
        environment.owner_tags()
    );
    assert_eq!(environment.parameter_tags(&host), environment.owner_tags());
}

#[test]
fn claim_is_taken_over_once_its_execution_has_ended() {
    let emulator = emulator();
    let environment = emulator.environment();
    let run = environment.resolve(&environment.request());
    let holder = environment.execution("run-1");
    emulator.call(
        "stepfunctions",
        "start_execution",
        &json!({
            "stateMachineArn": emulator.provision,
            "name": environment.execution_name("run-1"),
            "input": "{}",
        }),
    );
    run.claim();
    let request = json!({ "provision": { "spec": run.spec, "network": run.network } });
    let claim = |seconds_waited: u32| {
        let mut message = environment.claim("run-2", STARTED_AT + 1_000, &request);
        message["secondsWaited"] = json!(seconds_waited);
        emulator.output("ClaimEnvironment", &message)
    };

    let while_running = claim(0);
    emulator.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": holder }),
    );
    let taken_over = claim(30);
    let waited = claim(75);

    assert_eq!(while_running["outcome"], json!(format!("held by {holder}")));
    assert_eq!(
        taken_over["outcome"],
        json!(format!("taken over from {holder}, which has ended"))
    );
    assert_eq!(waited["status"], "claimed");
    assert_eq!(
        environment.record()["holder"]["S"],
        json!(environment.execution("run-2"))
    );
}

/// A removal, with the variable `claim` of the state machine.
struct Removal<'a> {
    environment: &'a Environment<'a>,
    claim: Value,
}

impl<'a> Removal<'a> {
    /// Validates and claims a removal with a final snapshot, as the execution `run-2`.
    fn begin(environment: &'a Environment<'a>) -> Self {
        let emulator = environment.emulator;
        let request = json!({ "environment": environment.name, "finalSnapshot": true });
        let message = environment.message("run-2", json!({ "request": request }));
        let resolved = emulator.output("ResolveRemoval", &message);
        let request = json!({ "remove": resolved });
        let message = environment.claim("run-2", STARTED_AT + 1_000, &request);
        let claim = emulator.output("ClaimEnvironment", &message);
        assert_eq!(claim["status"], "claimed", "{claim}");
        Self { environment, claim }
    }

    /// Returns a message with fields of the claim and further fields.
    fn message(&self, of_claim: &[&str], mut fields: Value) -> Value {
        for field in of_claim {
            fields[*field] = self.claim[*field].clone();
        }
        self.environment.message("run-2", fields)
    }

    fn replication_group(&self, plan: bool) -> Value {
        let of_claim = [
            "cacheName",
            "creationRecorded",
            "finalSnapshot",
            "createdBy",
        ];
        let message = self.message(&of_claim, json!({ "plan": plan, "secondsWaited": 0 }));
        self.environment
            .emulator
            .output("DeleteReplicationGroup", &message)
    }

    /// Updates the record as the state `ForgetEnvironment` does.
    fn forget(&self) {
        let expression = format!(
            "SET expiresAt = :expiresAt REMOVE {} ADD version :one",
            text(&self.claim["forgotten"])
        );
        self.environment.update_record(
            Machine::Deprovision,
            "ForgetEnvironment",
            Some(&expression),
            &Value::Null,
            &json!({
                ":me": { "S": self.environment.execution("run-2") },
                ":expiresAt": { "N": self.claim["expiresAt"] },
                ":one": { "N": "1" },
            }),
        );
    }
}

#[test]
fn removal_deletes_what_the_environment_owns() {
    let emulator = emulator();
    let environment = emulator.environment();
    let mut run = environment.resolve(&environment.request());
    run.provision();
    run.release();
    let removal = Removal::begin(&environment);
    let waited = json!({ "secondsWaited": 0 });

    let planned = removal.replication_group(true);
    let retracted = emulator.output(
        "RetractEndpoint",
        &removal.message(&["parameterPrefix", "createdBy"], json!({})),
    );
    let deleted = removal.replication_group(false);
    let deleting = removal.replication_group(false);
    let not_deleted = emulator.error(
        "DeleteSubnetGroup",
        &removal.message(
            &["subnetGroupNames", "sharedSubnetGroup", "createdBy"],
            waited.clone(),
        ),
    );
    let parameters_not_found = emulator.error(
        "DeleteParameterGroup",
        &removal.message(
            &["cacheName", "createdBy"],
            json!({ "parameterGroups": null, "secondsWaited": 0 }),
        ),
    );
    let security_group = emulator.output(
        "DeleteSecurityGroup",
        &removal.message(&["securityGroupName", "vpcId", "createdBy"], waited),
    );
    removal.forget();

    assert_eq!(planned, json!({ "status": "possible" }));
    assert_eq!(array(&retracted["removed"]).count(), 4, "{retracted}");
    assert_eq!(retracted["left"], json!([]));
    assert!(environment.parameters().is_empty());
    assert_eq!(deleted["outcome"], "deleted");
    // moto never ends a deletion.
    assert_eq!(deleting["outcome"], "found deleting");
    assert_is_lacking(&not_deleted, "DeleteCacheSubnetGroup");
    assert_is_lacking(&parameters_not_found, "DescribeCacheParameterGroups");
    assert_eq!(
        security_group,
        json!({ "status": "absent", "outcome": "deleted" })
    );
    let groups = environment.security_groups(&run.cache("securityGroupName"));
    assert!(groups.is_empty(), "{groups:?}");
    let record = environment.record();
    assert_eq!(record["cacheIdentity"], Value::Null);
    assert_eq!(record["spec"], Value::Null);
    assert_eq!(record["expiresAt"]["N"], removal.claim["expiresAt"]);
}

#[test]
fn repeated_event_starts_one_execution() {
    let emulator = emulator();
    let environment = emulator.environment();
    let event = json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Environment Created",
        "source": "envcache.environments",
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": local::REGION,
        "resources": [],
        "detail": environment.request(),
    });
    let executions = || -> Vec<Value> {
        let query = json!({ "stateMachineArn": emulator.provision });
        let found = emulator.call("stepfunctions", "list_executions", &query);
        array(&found["executions"])
            .filter(|execution| {
                text(&execution["name"]).starts_with(&format!("{}-", environment.name))
            })
            .cloned()
            .collect()
    };

    let first = emulator.output("StartWorkflow", &event);
    // StartExecution succeeds, because the execution runs and its input is the same:
    // https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    let while_running = emulator.output("StartWorkflow", &event);
    let started = executions();
    emulator.call(
        "stepfunctions",
        "stop_execution",
        &json!({ "executionArn": started[0]["executionArn"] }),
    );
    let after_end = emulator.output("StartWorkflow", &event);

    assert_eq!(first["executionName"], started[0]["name"]);
    assert_eq!([while_running, after_end], [first.clone(), first]);
    assert_eq!(executions().len(), 1);
}

#[test]
fn aborted_execution_is_recorded_and_announced() {
    let emulator = emulator();
    let environment = emulator.environment();
    let name = environment.execution_name("run-1");
    let started = emulator.call(
        "stepfunctions",
        "start_execution",
        &json!({ "stateMachineArn": emulator.provision, "name": name, "input": "{}" }),
    );
    let execution = text(&started["executionArn"]);
    let event = json!({
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-11-22T10:00:00Z",
        "region": local::REGION,
        "resources": [execution],
        "detail": {
            "executionArn": execution,
            "stateMachineArn": emulator.provision,
            "name": name,
            "status": "ABORTED",
            "startDate": STARTED_AT,
            "stopDate": STARTED_AT + 1_000,
            "input": json!({ "environment": environment.name }).to_string(),
        },
    });

    let reported = emulator.output("ReportOutcome", &event);

    assert_eq!(
        reported,
        json!({ "outcome": "Aborted", "announced": true, "recorded": true })
    );
    let result: Value = serde_json::from_str(&text(&environment.record()["lastResult"]["S"]))
        .expect("the result is JSON");
    assert_eq!(
        (&result["execution"], &result["error"]),
        (&json!(execution), &json!("Aborted"))
    );
    // moto has the same history for every execution.
    assert_eq!(result["step"], "A State");
}

#[test]
fn unreachable_endpoint_fails_verification() {
    let emulator = emulator();
    let environment = emulator.environment();
    // `VerifyEndpoint` calls no AWS service. Nothing listens at port 1.
    let endpoints = json!({ "primary": { "host": "127.0.0.1", "port": 1 } });

    let (error, message) = emulator.error(
        "VerifyEndpoint",
        &environment.message("run-1", json!({ "endpoints": endpoints })),
    );

    assert_eq!(error, "EndpointUnreachable", "{message}");
}

/// Checks that a function reports an operation that moto lacks. moto answers HTTP 500 with a page in HTML.
fn assert_is_lacking((error, message): &(String, String), operation: &str) {
    assert_eq!(error, "ServiceUnavailable", "{message}");
    assert!(message.starts_with(operation), "{message}");
}

#[test]
fn changes_fail_where_moto_lacks_the_operation() {
    let emulator = emulator();
    let environment = emulator.environment();
    let mut run = environment.resolve(&environment.request());
    run.provision();
    // moto creates no members of a replication group.
    emulator.call(
        "elasticache",
        "create_cache_cluster",
        &json!({
            "CacheClusterId": format!("{}-001", run.cache("name")),
            "CacheNodeType": "cache.t3.micro",
            "CacheSubnetGroupName": run.cache("subnetGroupName"),
            "Engine": "valkey",
            "EngineVersion": "8.2",
            "NumCacheNodes": 1,
        }),
    );

    let mut moved = environment.resolve(&environment.request());
    moved.network["subnetIds"] = json!([environment.network.subnets[0]]);
    let subnets = emulator.error("EnsureSubnetGroup", &moved.group(false));
    run.spec["cache"]["replicas"] = json!(1);
    let replicas = emulator.error("EnsureReplicationGroup", &run.replication_group(false, 30));
    run.spec["cache"]["replicas"] = json!(0);
    run.spec["cache"]["description"] = json!("changed");
    let modified = run.ensure_replication_group(60);

    assert_is_lacking(&subnets, "ModifyCacheSubnetGroup");
    assert_is_lacking(&replicas, "IncreaseReplicaCount");
    // moto returns no security groups of a member, so the function changes them in each round.
    assert_eq!(
        modified["outcome"],
        "changing cache.description, security group"
    );
    assert_eq!(run.described()["Description"], "changed");
}

/// The operations that functions call and moto lacks, with the names of boto3 and parameters.
fn lacking() -> [(&'static str, &'static str, Value); 12] {
    let group = || json!({ "CacheParameterGroupName": "a" });
    [
        (
            "CreateCacheParameterGroup",
            "create_cache_parameter_group",
            json!({ "CacheParameterGroupName": "a", "CacheParameterGroupFamily": "valkey8", "Description": "b" }),
        ),
        (
            "DecreaseReplicaCount",
            "decrease_replica_count",
            json!({ "ReplicationGroupId": "a", "NewReplicaCount": 1, "ApplyImmediately": true }),
        ),
        (
            "DeleteCacheParameterGroup",
            "delete_cache_parameter_group",
            group(),
        ),
        (
            "DeleteCacheSubnetGroup",
            "delete_cache_subnet_group",
            json!({ "CacheSubnetGroupName": "a" }),
        ),
        (
            "DescribeCacheParameterGroups",
            "describe_cache_parameter_groups",
            group(),
        ),
        (
            "DescribeCacheParameters",
            "describe_cache_parameters",
            group(),
        ),
        (
            "DescribeEngineDefaultParameters",
            "describe_engine_default_parameters",
            json!({ "CacheParameterGroupFamily": "valkey8" }),
        ),
        ("DescribeEvents", "describe_events", json!({})),
        (
            "IncreaseReplicaCount",
            "increase_replica_count",
            json!({ "ReplicationGroupId": "a", "NewReplicaCount": 1, "ApplyImmediately": true }),
        ),
        (
            "ModifyCacheParameterGroup",
            "modify_cache_parameter_group",
            json!({ "CacheParameterGroupName": "a", "ParameterNameValues": [{ "ParameterName": "timeout", "ParameterValue": "0" }] }),
        ),
        (
            "ModifyCacheSubnetGroup",
            "modify_cache_subnet_group",
            json!({ "CacheSubnetGroupName": "a", "CacheSubnetGroupDescription": "b" }),
        ),
        (
            "ResetCacheParameterGroup",
            "reset_cache_parameter_group",
            json!({ "CacheParameterGroupName": "a", "ResetAllParameters": true }),
        ),
    ]
}

#[test]
fn page_lists_the_operations_that_moto_lacks() {
    let emulator = emulator();
    let page = Workspace::root().join("docs/second-emulator.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Missing operations"))
        .expect("the section");
    let mut listed: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(operation, _)| operation)
        .collect();
    listed.sort_unstable();

    for (operation, name, parameters) in lacking() {
        let error = emulator
            .aws
            .call("elasticache", name, &parameters)
            .expect_err(operation);
        let is_unreadable = error
            .downcast_ref::<local::aws::ErrorResponse>()
            .is_some_and(|response| response.code == "ResponseParserError");
        assert!(is_unreadable, "{operation}: moto answers: {error:#}");
    }

    assert_eq!(listed, lacking().map(|(operation, ..)| operation));
}
