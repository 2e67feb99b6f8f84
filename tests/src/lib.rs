//! Test support: deploys the stack on the local simulator, starts executions, and reads what they leave.

pub mod definition;
pub mod diagram;
pub mod lambda;
pub mod matrix;
pub mod messages;
pub mod page;
pub mod reference;
pub mod resources;
pub mod schemas;
pub mod unmanaged;

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use local::gateway::elasticache::Lifecycle;
use local::gateway::fault_scope::FaultScope;
use local::network::{CreatedNetwork, Network};
use local::{Aws, Cloud, Gateway, Interrupt, Settings, Stack, Workspace};
use serde_json::{Value, json};

use crate::definition::Machine;
use crate::schemas::Schema;

/// How long a run may take. A run takes about 5 seconds. A run that waits for 60 minutes of simulated time takes some
/// minutes if many run at once.
const RUN_TIMEOUT: Duration = Duration::from_mins(6);
/// The shortest and the longest time between two polls, in seconds. In between, it is a tenth of the time that has passed:
/// many tests poll at once, and polls would take most of the CPU time.
const POLL_INTERVALS: (f64, f64) = (0.1, 1.0);

/// A stack that is deployed on its own simulator.
pub struct World {
    pub aws: Aws,
    pub stack: Stack,
    cloud: Cloud,
}

/// The result of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT`, or `ABORTED`.
    pub status: String,
    pub output: Value,
    pub error: String,
    pub cause: String,
}

impl World {
    /// Starts a simulator and deploys the stack.
    ///
    /// # Errors
    /// Returns an error if the tools are missing or the deployment fails.
    pub fn deploy() -> Result<Self> {
        Self::deploy_with(Settings {
            scale: 0.05,
            valkey: false,
            ..Settings::default()
        })
    }

    /// Starts a simulator with these settings and deploys the stack, with log delivery.
    ///
    /// # Errors
    /// Returns the errors of [`World::deploy`].
    pub fn deploy_with(settings: Settings) -> Result<Self> {
        let cloud = Cloud::start(Workspace::find()?, Interrupt::default(), settings)?;
        Self::deploy_on(cloud, &["AllowLogDelivery=true".to_owned()])
    }

    /// Deploys the stack on a simulator, with parameters such as `EventSource=tests`.
    ///
    /// # Errors
    /// Returns an error if the deployment fails.
    pub fn deploy_on(cloud: Cloud, parameters: &[String]) -> Result<Self> {
        let aws = Aws::connect(&cloud)?;
        let stack = Stack::deploy(&cloud, &aws, parameters)?;
        Ok(Self { aws, stack, cloud })
    }

    /// Deploys the stack again, with parameters such as `EventSource=tests`.
    ///
    /// # Errors
    /// Returns an error if the deployment fails.
    pub fn redeploy(&mut self, parameters: &[String]) -> Result<()> {
        self.stack = Stack::deploy(&self.cloud, &self.aws, parameters)?;
        Ok(())
    }

    /// Deploys another build of the stack, from a template that names packaged functions.
    ///
    /// # Errors
    /// Returns what `sam deploy` printed if the deployment fails.
    pub fn deploy_template(&mut self, template: &Path) -> Result<()> {
        self.stack = Stack::deploy_template(&self.cloud, &self.aws, template, &[])?;
        Ok(())
    }

    /// Restarts the simulator behind its gateway.
    ///
    /// # Errors
    /// Returns an error if it doesn't start again.
    pub fn restart(&mut self) -> Result<()> {
        self.cloud.restart()
    }

    /// Returns a command that runs envcache's command line against this simulator.
    ///
    /// # Panics
    /// Panics if the command line isn't built.
    #[must_use]
    pub fn envcache(&self, arguments: &[&str]) -> Command {
        let program = Workspace::program("envcache").unwrap_or_else(|error| panic!("{error:#}"));
        let mut command = Command::new(program);
        self.cloud.direct(&mut command).args(arguments);
        command
    }

    /// Configures a command so that its AWS client calls only this simulator, as the root user.
    pub fn direct<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.cloud.direct(command)
    }

    /// Returns the gateway, which can make AWS calls fail.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        self.cloud.gateway()
    }

    /// Returns the certificate (PEM) that clients of the caches must trust.
    ///
    /// # Panics
    /// Panics if Valkey isn't installed.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.cloud.authority().expect("an installed valkey-server")
    }

    /// Calls AWS and returns the response.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    pub fn call(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.aws
            .call(service, operation, parameters)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.cloud.log()))
    }

    /// Returns a new environment and creates its network.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn environment(&self) -> Environment {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("env-{:04}", COUNT.fetch_add(1, Ordering::Relaxed));
        let vpc = format!("{name}-vpc");
        let network = Network {
            vpc: &vpc,
            subnets: &[
                ("subnet-one", 'a'),
                ("subnet-two", 'b'),
                ("subnet-three", 'c'),
            ],
            backend_security_group: "backend",
        }
        .create(&self.aws)
        .unwrap_or_else(|error| panic!("{error:#}"));
        let fault_scope = self
            .gateway()
            .fault_scope([name.clone(), network.vpc.clone()]);
        Environment {
            name,
            vpc,
            network,
            fault_scope,
        }
    }

    /// Starts a manual provisioning run and waits until it ends.
    ///
    /// # Panics
    /// Panics if it doesn't start, or doesn't end in time.
    #[must_use]
    pub fn run(&self, input: &Value) -> Ended {
        let execution = self.start(input);
        self.wait(&execution)
    }

    /// Starts a manual provisioning run, as the console does, and returns the execution's ARN.
    ///
    /// # Panics
    /// Panics if it doesn't start.
    #[must_use]
    pub fn start(&self, input: &Value) -> String {
        self.start_on(&self.stack.provision_state_machine_arn, input)
    }

    /// Starts a manual removal and waits until it ends.
    ///
    /// # Panics
    /// Panics if it doesn't start, or doesn't end in time.
    #[must_use]
    pub fn remove(&self, input: &Value) -> Ended {
        self.run_on(&self.stack.deprovision_state_machine_arn, input)
    }

    /// Returns the ARN of a state machine's execution with this name.
    #[must_use]
    pub fn execution(state_machine: &str, name: &str) -> String {
        let executions = state_machine.replacen(":stateMachine:", ":execution:", 1);
        format!("{executions}:{name}")
    }

    /// Returns the name in an execution's ARN.
    ///
    /// # Panics
    /// Panics if `execution` isn't an ARN.
    #[must_use]
    pub fn name_of(execution: &str) -> &str {
        let (_, name) = execution.rsplit_once(':').expect("an ARN");
        name
    }

    /// Returns an execution's history, including the data of its events.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn history(&self, execution: &str) -> Value {
        self.call(
            "stepfunctions",
            "get_execution_history",
            &json!({ "executionArn": execution, "maxResults": 1000, "includeExecutionData": true }),
        )
    }

    /// Returns the states that an execution has entered, in order.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn entered_states(&self, execution: &str) -> Vec<String> {
        array(&self.history(execution)["events"])
            .map(|event| text(&event["stateEnteredEventDetails"]["name"]))
            .filter(|state| !state.is_empty())
            .collect()
    }

    /// Starts an execution of any state machine and returns its ARN.
    ///
    /// # Panics
    /// Panics if it doesn't start.
    #[must_use]
    pub fn start_on(&self, state_machine: &str, input: &Value) -> String {
        let started = self.call(
            "stepfunctions",
            "start_execution",
            &json!({ "stateMachineArn": state_machine, "input": input.to_string() }),
        );
        text(&started["executionArn"])
    }

    /// Starts an execution of any state machine and waits until it ends.
    ///
    /// # Panics
    /// Panics if it doesn't start, or doesn't end in time.
    pub fn run_on(&self, state_machine: &str, input: &Value) -> Ended {
        self.wait(&self.start_on(state_machine, input))
    }

    /// Creates a state machine in addition to the stack's and returns its ARN.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    pub fn create_state_machine(&self, name: &str, definition: &Value) -> String {
        let created = self.call(
            "stepfunctions",
            "create_state_machine",
            &json!({
                "name": name,
                "definition": definition.to_string(),
                "roleArn": format!(
                    "arn:aws:iam::000000000000:role/{}",
                    self.physical_id("ProvisionStateMachineRole")
                ),
            }),
        );
        text(&created["stateMachineArn"])
    }

    /// Allows `ClaimEnvironment` to describe executions of other state machines than the stack's, so that a test can
    /// use them as holders of a claim. The function's role allows only the stack's.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    pub fn allow_other_holders(&self) {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "states:DescribeExecution", "Resource": "*" }],
        });
        self.call(
            "iam",
            "put_role_policy",
            &json!({
                "RoleName": self.physical_id("ClaimEnvironmentRole"),
                "PolicyName": "other-holders",
                "PolicyDocument": policy.to_string(),
            }),
        );
    }

    /// Waits until an execution ends, and checks that every request and response so far conforms to AWS's service
    /// models, and that the output of an execution of the stack conforms to its schema.
    ///
    /// # Panics
    /// Panics if the execution doesn't end in time, if a request or response violated a model, or if an output violates
    /// its schema.
    #[must_use]
    pub fn wait(&self, execution: &str) -> Ended {
        self.wait_at_most(execution, RUN_TIMEOUT)
    }

    /// Does the same as [`World::wait`], with another timeout.
    ///
    /// # Panics
    /// Same as [`World::wait`].
    #[must_use]
    pub fn wait_at_most(&self, execution: &str, timeout: Duration) -> Ended {
        let ended = until_timeout(timeout, &format!("{execution} ends"), || {
            let found = self.call(
                "stepfunctions",
                "describe_execution",
                &json!({ "executionArn": execution }),
            );
            (found["status"] != "RUNNING").then(|| Ended {
                status: text(&found["status"]),
                output: serde_json::from_str(&text(&found["output"])).unwrap_or_default(),
                error: text(&found["error"]),
                cause: text(&found["cause"]),
            })
        });
        let violations = self.gateway().violations();
        assert!(
            violations.is_empty(),
            "violations of AWS's service models: {violations:#?}"
        );
        if let Some(machine) = self.machine_of(execution)
            && ended.status == "SUCCEEDED"
        {
            Schema::of_output(machine)
                .validate(&ended.output)
                .unwrap_or_else(|error| panic!("{execution}: {error:#}"));
        }
        ended
    }

    /// Returns the state machine that an execution belongs to; none if it isn't one of the stack's.
    fn machine_of(&self, execution: &str) -> Option<Machine> {
        Machine::ALL.into_iter().find(|machine| {
            let arn = match machine {
                Machine::Provision => &self.stack.provision_state_machine_arn,
                Machine::Deprovision => &self.stack.deprovision_state_machine_arn,
            };
            execution.starts_with(&Self::execution(arn, ""))
        })
    }

    /// Puts an event on the bus and waits until the execution that it starts ends.
    ///
    /// # Panics
    /// Panics if the event starts no execution, or if the execution doesn't end in time.
    #[must_use]
    pub fn deliver(&self, kind: &str, detail: &Value) -> Ended {
        let before = self.executions_of(detail);
        self.put(kind, detail);
        let execution = until("the event starts an execution", || {
            self.executions_of(detail)
                .into_iter()
                .find(|execution| !before.contains(execution))
        });
        self.wait(&execution)
    }

    /// Puts an event on the bus. `kind` is its detail-type.
    ///
    /// # Panics
    /// Panics if the bus rejects it.
    pub fn put(&self, kind: &str, detail: &Value) {
        let event = json!({
            "source": "envcache.environments",
            "detail-type": kind,
            "detail": detail,
        });
        self.stack
            .put_event(&self.aws, &event)
            .unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Returns the ARNs of the executions that an environment's events have started.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn executions_of(&self, detail: &Value) -> Vec<String> {
        let prefix = format!("{}-", text(&detail["environment"]));
        let machines = [
            &self.stack.provision_state_machine_arn,
            &self.stack.deprovision_state_machine_arn,
        ];
        machines
            .into_iter()
            .flat_map(|machine| {
                Stack::executions(&self.aws, machine).unwrap_or_else(|error| panic!("{error:#}"))
            })
            .filter(|execution| execution.name.starts_with(&prefix))
            .map(|execution| execution.arn)
            .collect()
    }

    /// Returns the names of the security groups in an environment's VPC, sorted.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn security_groups(&self, environment: &Environment) -> Vec<String> {
        let found = self.call(
            "ec2",
            "describe_security_groups",
            &json!({ "Filters": [{ "Name": "vpc-id", "Values": [environment.network.vpc] }] }),
        );
        let mut names: Vec<_> = array(&found["SecurityGroups"])
            .map(|group| text(&group["GroupName"]))
            .collect();
        names.sort();
        names
    }

    /// Invokes a function of the stack, as EventBridge does, and returns its response.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    pub fn invoke(&self, function: &str, event: &Value) -> Value {
        let response = self.call(
            "lambda",
            "invoke",
            &json!({ "FunctionName": self.physical_id(function), "Payload": event.to_string() }),
        );
        serde_json::from_str(&text(&response["Payload"])).expect("a function returns JSON")
    }

    /// Returns the physical ID of a resource of the template.
    ///
    /// # Panics
    /// Panics if AWS rejects the request, for example because the stack has no such resource.
    #[must_use]
    pub fn physical_id(&self, logical_id: &str) -> String {
        let found = self.call(
            "cloudformation",
            "describe_stack_resources",
            &json!({ "StackName": local::stack::NAME, "LogicalResourceId": logical_id }),
        );
        text(&found["StackResources"][0]["PhysicalResourceId"])
    }

    /// Subscribes to the events of a source on the bus.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn listen(&self, source: &str) -> Listener<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("announcements-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let queue = self.call("sqs", "create_queue", &json!({ "QueueName": name }));
        let queue = text(&queue["QueueUrl"]);
        let attributes = self.call(
            "sqs",
            "get_queue_attributes",
            &json!({ "QueueUrl": queue, "AttributeNames": ["QueueArn"] }),
        );
        self.call(
            "events",
            "put_rule",
            &json!({
                "Name": name,
                "EventBusName": self.stack.event_bus_name,
                "EventPattern": json!({ "source": [source] }).to_string(),
            }),
        );
        self.call(
            "events",
            "put_targets",
            &json!({
                "Rule": name,
                "EventBusName": self.stack.event_bus_name,
                "Targets": [{ "Id": "queue", "Arn": attributes["Attributes"]["QueueArn"] }],
            }),
        );
        Listener {
            world: self,
            queue,
            received: RefCell::default(),
        }
    }
}

/// A subscription to events on the bus. Each received announcement of envcache is checked against its schema.
pub struct Listener<'a> {
    world: &'a World,
    queue: String,
    received: RefCell<Vec<Value>>,
}

impl Listener<'_> {
    /// Returns the first event of an environment.
    ///
    /// # Panics
    /// Panics if there is none in time, or if an announcement violates its schema.
    #[must_use]
    pub fn wait_for(&self, environment: &str) -> Value {
        self.wait_until(environment, |_| true)
    }

    /// Returns the detail of an environment's first event that reports an error.
    ///
    /// # Panics
    /// Panics if there is none in time, or if an announcement violates its schema.
    #[must_use]
    pub fn wait_for_error(&self, environment: &str) -> Value {
        self.wait_until(environment, |event| event["detail"]["error"].is_string())["detail"].take()
    }

    fn wait_until(&self, environment: &str, matches: impl Fn(&Value) -> bool) -> Value {
        until(&format!("an event of {environment} arrives"), || {
            let response = self.world.call(
                "sqs",
                "receive_message",
                &json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 10 }),
            );
            let events = array(&response["Messages"])
                .filter_map(|message| serde_json::from_str::<Value>(&text(&message["Body"])).ok())
                .inspect(validate_announcement);
            self.received.borrow_mut().extend(events);
            self.received
                .borrow()
                .iter()
                .find(|event| event["detail"]["environment"] == environment && matches(event))
                .cloned()
        })
    }
}

/// Validates the detail of an event if it is an announcement of envcache.
fn validate_announcement(event: &Value) {
    if event["source"] != "envcache" {
        return;
    }
    Schema::of_detail(&text(&event["detail-type"]))
        .unwrap_or_else(|| panic!("no schema describes {event}"))
        .validate(&event["detail"])
        .unwrap_or_else(|error| panic!("{error:#}"));
}

/// A test environment and its network.
pub struct Environment {
    pub name: String,
    pub vpc: String,
    pub network: CreatedNetwork,
    /// Records the environment's AWS calls and makes them fail.
    pub fault_scope: Arc<FaultScope>,
}

impl Environment {
    /// Returns a request for its cache with only the required fields.
    #[must_use]
    pub fn request(&self) -> Value {
        json!({
            "environment": self.name,
            "network": {
                "vpc": self.vpc,
                "subnets": ["subnet-one", "subnet-two"],
                "backendSecurityGroup": "backend"
            }
        })
    }

    /// Returns that request with one field set, which a JSON pointer such as `/cache` names.
    ///
    /// # Panics
    /// Panics if the pointer's parent doesn't exist.
    #[must_use]
    pub fn request_with(&self, pointer: &str, value: Value) -> Value {
        let mut request = self.request();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
        request.pointer_mut(parent).expect("the parent exists")[field] = value;
        request
    }

    /// Returns the names and values of its published parameters, sorted by name.
    ///
    /// # Panics
    /// Panics if AWS rejects the request.
    #[must_use]
    pub fn parameters(&self, world: &World) -> Vec<(String, String)> {
        world
            .aws
            .parameters(&format!("/{}/cache", self.name))
            .unwrap_or_else(|error| panic!("{error:#}"))
            .into_iter()
            .collect()
    }

    /// Sets how its next cache is created, changed, and deleted.
    pub fn set_lifecycle(&self, world: &World, lifecycle: Lifecycle) {
        let cache = format!("{}-redis", self.name);
        world.gateway().set_lifecycle(&cache, lifecycle);
    }

    /// Returns a security group of its VPC, or null if there is none with this name.
    #[must_use]
    pub fn security_group(&self, world: &World, name: &str) -> Value {
        let found = world.call(
            "ec2",
            "describe_security_groups",
            &json!({ "Filters": [
                { "Name": "vpc-id", "Values": [self.network.vpc] },
                { "Name": "group-name", "Values": [name] },
            ] }),
        );
        found["SecurityGroups"][0].clone()
    }

    /// Returns its record in DynamoDB's JSON, or null if there is none.
    ///
    /// # Errors
    /// Returns AWS's error if it rejects the request.
    pub fn record(&self, world: &World) -> Result<Value> {
        let mut query = self.record_key(world);
        query["ConsistentRead"] = json!(true);
        let found = world.aws.call("dynamodb", "get_item", &query)?;
        Ok(found["Item"].clone())
    }

    /// Returns the parameters that name its record.
    fn record_key(&self, world: &World) -> Value {
        json!({
            "TableName": world.physical_id("Environments"),
            "Key": { "environment": { "S": self.name } },
        })
    }

    /// Returns its record without the result of its last run, which also a run that claims nothing writes.
    ///
    /// # Errors
    /// Returns AWS's error if it rejects the request.
    pub fn request_record(&self, world: &World) -> Result<Value> {
        let mut record = self.record(world)?;
        if let Some(attributes) = record.as_object_mut() {
            attributes.remove("lastResult");
            attributes.remove("resultAt");
        }
        Ok(record)
    }

    /// Deletes the record, as if the table were lost.
    ///
    /// # Errors
    /// Returns AWS's error if it rejects the request.
    pub fn lose_record(&self, world: &World) -> Result<()> {
        let key = self.record_key(world);
        world.aws.call("dynamodb", "delete_item", &key)?;
        Ok(())
    }

    /// Writes a record that names an execution as the environment's holder.
    ///
    /// # Errors
    /// Returns AWS's error if it rejects the request.
    pub fn hold(&self, world: &World, execution: &str) -> Result<()> {
        world.aws.call(
            "dynamodb",
            "put_item",
            &json!({
                "TableName": world.physical_id("Environments"),
                "Item": { "environment": { "S": self.name }, "holder": { "S": execution } },
            }),
        )?;
        Ok(())
    }

    /// Returns its cache's primary endpoint, `host:port`, as ElastiCache describes it.
    ///
    /// # Panics
    /// Panics if there is no cache.
    #[must_use]
    pub fn primary_endpoint(&self, world: &World) -> String {
        let cache = self
            .cache(world)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let endpoint = &cache["NodeGroups"][0]["PrimaryEndpoint"];
        format!("{}:{}", text(&endpoint["Address"]), endpoint["Port"])
    }

    /// Returns its cache, as ElastiCache describes it.
    ///
    /// # Errors
    /// Returns AWS's error if the cache doesn't exist.
    pub fn cache(&self, world: &World) -> Result<Value> {
        let found = world.aws.call(
            "elasticache",
            "describe_replication_groups",
            &json!({ "ReplicationGroupId": format!("{}-redis", self.name) }),
        )?;
        Ok(found["ReplicationGroups"][0].clone())
    }
}

/// Returns the stack that the tests of a program share. It is deployed once.
///
/// # Panics
/// Panics if it can't be deployed.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::deploy().unwrap_or_else(|error| panic!("{error:#}")))
}

/// Returns the stack that the tests of a program share if they need only a fast simulator: time passes as fast as in
/// the fault matrix.
///
/// # Panics
/// Panics if it can't be deployed.
pub fn fast_world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world =
            World::deploy_with(matrix::SETTINGS).unwrap_or_else(|error| panic!("{error:#}"));
        // A throttled call is retried, and some tests count calls. The tests of account limits have their own stack.
        world.gateway().limit("ssm", "PutParameter", 1_000, 1_000.0);
        world
    })
}

/// Polls until `check` returns a value. `what` describes the wait in the panic message.
///
/// # Panics
/// Panics if `check` returns no value in time.
pub fn until<T>(what: &str, check: impl Fn() -> Option<T>) -> T {
    until_timeout(RUN_TIMEOUT, what, check)
}

fn until_timeout<T>(timeout: Duration, what: &str, check: impl Fn() -> Option<T>) -> T {
    let begin = Instant::now();
    while begin.elapsed() < timeout {
        if let Some(value) = check() {
            return value;
        }
        let (shortest, longest) = POLL_INTERVALS;
        let pause = (begin.elapsed().as_secs_f64() / 10.0).clamp(shortest, longest);
        sleep(Duration::from_secs_f64(pause));
    }
    panic!("timed out after {timeout:?}: {what}");
}

/// Returns the elements of a JSON array, or none for any other value.
pub fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns a JSON string's text, or an empty text for any other value.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
