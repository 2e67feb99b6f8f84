//! The stack from outside, for the tests: one deployed stack a test program, and what they ask of it.

pub mod definition;
pub mod diagram;
pub mod lambda;
pub mod matrix;
pub mod messages;
pub mod page;
pub mod resources;
pub mod unmanaged;

use std::cell::RefCell;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use local::gateway::fault_scope::FaultScope;
use local::network::{CreatedNetwork, Network};
use local::{Aws, Cloud, Gateway, Interrupt, Settings, Stack, Workspace};
use serde_json::{Value, json};

/// How long a run may take. One takes about 5 seconds; one that waits for 60 minutes of AWS's time, in a fiftieth of
/// it and many at once, some minutes.
const RUN: Duration = Duration::from_mins(6);
/// How often it is looked at: many look at once, and each look costs.
const LOOK: Duration = Duration::from_millis(150);

/// A deployed stack on a cloud of its own.
pub struct World {
    pub aws: Aws,
    pub stack: Stack,
    cloud: Cloud,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    pub output: Value,
    pub error: String,
    pub cause: String,
}

impl World {
    /// Starts a cloud and deploys the stack.
    ///
    /// # Errors
    /// Where the tools are missing or the deployment fails.
    pub fn deploy() -> Result<Self> {
        Self::deploy_with(Settings {
            scale: 0.05,
            valkey: false,
            ..Settings::default()
        })
    }

    /// Starts a cloud that runs as the settings say, and deploys the stack.
    ///
    /// # Errors
    /// As [`World::deploy`].
    pub fn deploy_with(settings: Settings) -> Result<Self> {
        let cloud = Cloud::start(Workspace::find()?, Interrupt::default(), settings)?;
        let aws = Aws::connect(&cloud)?;
        let stack = Stack::deploy(&cloud, &aws, &[])?;
        Ok(Self { aws, stack, cloud })
    }

    /// Deploys the stack again, with parameters such as `EventSource=tests`.
    ///
    /// # Errors
    /// Where the deployment fails.
    pub fn redeploy(&mut self, parameters: &[String]) -> Result<()> {
        self.stack = Stack::deploy(&self.cloud, &self.aws, parameters)?;
        Ok(())
    }

    /// Deploys another build of the stack: a folder like the one that `sam build` writes.
    ///
    /// # Errors
    /// Returns what `sam deploy` printed if the deployment fails.
    pub fn deploy_build(&mut self, build: &Path) -> Result<()> {
        self.stack = Stack::deploy_build(&self.cloud, &self.aws, build)?;
        Ok(())
    }

    /// Restarts AWS behind its gateway.
    ///
    /// # Errors
    /// Where it does not start again.
    pub fn restart(&mut self) -> Result<()> {
        self.cloud.restart()
    }

    /// envcache's command line, pointed at this cloud.
    ///
    /// # Panics
    /// Where it is not built.
    #[must_use]
    pub fn envcache(&self, arguments: &[&str]) -> Command {
        let test = std::env::current_exe().expect("this test");
        let folder = test.ancestors().nth(2).expect("cargo's folder");
        let program = folder.join("envcache");
        assert!(program.exists(), "make test builds {}", program.display());
        let mut command = Command::new(program);
        self.cloud.direct(&mut command).args(arguments);
        command
    }

    /// What stands before AWS, and makes calls fail.
    #[must_use]
    pub const fn gateway(&self) -> &Gateway {
        self.cloud.gateway()
    }

    /// Calls AWS and expects it to succeed.
    ///
    /// # Panics
    /// Where AWS refuses.
    pub fn call(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.aws
            .call(service, operation, parameters)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.cloud.log()))
    }

    /// A new environment with a network of its own.
    ///
    /// # Panics
    /// Where AWS refuses.
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

    /// Starts the workflow by hand and waits until it ends.
    ///
    /// # Panics
    /// Where it does not start or does not end.
    #[must_use]
    pub fn run(&self, input: &Value) -> Ended {
        let execution = self.start(input);
        self.wait(&execution)
    }

    /// Starts the workflow by hand, as the console does, and tells the execution's ARN.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(&self, input: &Value) -> String {
        self.start_on(&self.stack.provision_state_machine_arn, input)
    }

    /// Takes an environment's cache away, by hand, and waits until the run ends.
    ///
    /// # Panics
    /// Where it does not start or does not end.
    #[must_use]
    pub fn remove(&self, input: &Value) -> Ended {
        self.run_on(&self.stack.deprovision_state_machine_arn, input)
    }

    /// The ARN of a state machine's execution of this name.
    #[must_use]
    pub fn execution(state_machine: &str, name: &str) -> String {
        let executions = state_machine.replacen(":stateMachine:", ":execution:", 1);
        format!("{executions}:{name}")
    }

    /// The name in an execution's ARN.
    ///
    /// # Panics
    /// Where it is no ARN.
    #[must_use]
    pub fn name_of(execution: &str) -> &str {
        let (_, name) = execution.rsplit_once(':').expect("an ARN");
        name
    }

    /// An execution's history, with the data of its events.
    ///
    /// # Panics
    /// Where AWS refuses.
    #[must_use]
    pub fn history(&self, execution: &str) -> Value {
        self.call(
            "stepfunctions",
            "get_execution_history",
            &json!({ "executionArn": execution, "maxResults": 1000, "includeExecutionData": true }),
        )
    }

    /// The states that an execution has entered, one after the other.
    ///
    /// # Panics
    /// Where AWS refuses.
    #[must_use]
    pub fn entered(&self, execution: &str) -> Vec<String> {
        array(&self.history(execution)["events"])
            .map(|event| text(&event["stateEnteredEventDetails"]["name"]))
            .filter(|state| !state.is_empty())
            .collect()
    }

    /// Starts another state machine by hand, and tells the execution's ARN.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start_on(&self, state_machine: &str, input: &Value) -> String {
        let started = self.call(
            "stepfunctions",
            "start_execution",
            &json!({ "stateMachineArn": state_machine, "input": input.to_string() }),
        );
        text(&started["executionArn"])
    }

    /// Runs another state machine and waits until it ends.
    ///
    /// # Panics
    /// Where it does not start or does not end.
    pub fn run_on(&self, state_machine: &str, input: &Value) -> Ended {
        self.wait(&self.start_on(state_machine, input))
    }

    /// Creates a state machine beside the stack's, and tells its ARN.
    ///
    /// # Panics
    /// Where AWS refuses.
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

    /// Lets `ClaimEnvironment` ask about executions of other state machines than the stack's, which a test takes for the
    /// holders of a claim. Its role allows only the stack's.
    ///
    /// # Panics
    /// Where AWS refuses.
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

    /// Waits until an execution ends. Every request and response so far was one that AWS's service models allow.
    ///
    /// # Panics
    /// If it doesn't end in time, or if something violated a model.
    #[must_use]
    pub fn wait(&self, execution: &str) -> Ended {
        let ended = until(&format!("{execution} ends"), || {
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
            "AWS's models don't allow: {violations:#?}"
        );
        ended
    }

    /// Puts an event on the bus and waits until the executions of its environment have ended.
    ///
    /// # Panics
    /// Where it starts none.
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
    /// Where the bus refuses it.
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

    /// The ARNs of the executions that an environment's events have started.
    ///
    /// # Panics
    /// Where AWS refuses.
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

    /// The names of the security groups in an environment's VPC, in their order.
    ///
    /// # Panics
    /// Where AWS refuses.
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

    /// Invokes a function of the stack, as EventBridge does, and tells what it answers.
    ///
    /// # Panics
    /// Where AWS refuses.
    pub fn invoke(&self, function: &str, event: &Value) -> Value {
        let answer = self.call(
            "lambda",
            "invoke",
            &json!({ "FunctionName": self.physical_id(function), "Payload": event.to_string() }),
        );
        serde_json::from_str(&text(&answer["Payload"])).expect("a function answers JSON")
    }

    /// What CloudFormation named a resource of the template.
    ///
    /// # Panics
    /// Where the stack has no such resource.
    #[must_use]
    pub fn physical_id(&self, logical_id: &str) -> String {
        let found = self.call(
            "cloudformation",
            "describe_stack_resources",
            &json!({ "StackName": local::stack::NAME, "LogicalResourceId": logical_id }),
        );
        text(&found["StackResources"][0]["PhysicalResourceId"])
    }

    /// Listens on the bus from now on to the events of a source.
    ///
    /// # Panics
    /// Where AWS refuses.
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
            heard: RefCell::default(),
        }
    }
}

/// What is said on the bus.
pub struct Listener<'a> {
    world: &'a World,
    queue: String,
    heard: RefCell<Vec<Value>>,
}

impl Listener<'_> {
    /// The first event about an environment.
    ///
    /// # Panics
    /// Where there is none in time.
    #[must_use]
    pub fn wait_for(&self, environment: &str) -> Value {
        self.wait_until(environment, |_| true)
    }

    /// The detail of the first event of an environment that tells of an error.
    ///
    /// # Panics
    /// Where there is none in time.
    #[must_use]
    pub fn wait_for_error(&self, environment: &str) -> Value {
        self.wait_until(environment, |event| event["detail"]["error"].is_string())["detail"].take()
    }

    fn wait_until(&self, environment: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        until(&format!("an event about {environment}"), || {
            let received = self.world.call(
                "sqs",
                "receive_message",
                &json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 10 }),
            );
            let events = array(&received["Messages"])
                .filter_map(|message| serde_json::from_str(&text(&message["Body"])).ok());
            self.heard.borrow_mut().extend(events);
            self.heard
                .borrow()
                .iter()
                .find(|event| event["detail"]["environment"] == environment && is_it(event))
                .cloned()
        })
    }
}

/// An environment and its network.
pub struct Environment {
    pub name: String,
    pub vpc: String,
    pub network: CreatedNetwork,
    /// Its calls to AWS, and how they fail.
    pub fault_scope: Arc<FaultScope>,
}

impl Environment {
    /// The smallest request for its cache.
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

    /// That request with one more field, named by a pointer such as `/cache`.
    ///
    /// # Panics
    /// Where the pointer's parent does not exist.
    #[must_use]
    pub fn request_with(&self, pointer: &str, value: Value) -> Value {
        let mut request = self.request();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
        request.pointer_mut(parent).expect("the parent exists")[field] = value;
        request
    }

    /// Its published parameters, name and value, in the order of their names.
    ///
    /// # Panics
    /// Where AWS refuses.
    #[must_use]
    pub fn parameters(&self, world: &World) -> Vec<(String, String)> {
        world
            .aws
            .parameters(&format!("/{}/cache", self.name))
            .unwrap_or_else(|error| panic!("{error:#}"))
            .into_iter()
            .collect()
    }

    /// Its record, as DynamoDB writes it; null where there is none.
    ///
    /// # Errors
    /// What AWS refused.
    pub fn record(&self, world: &World) -> Result<Value> {
        let found = world.aws.call(
            "dynamodb",
            "get_item",
            &json!({
                "TableName": world.physical_id("Environments"),
                "Key": { "environment": { "S": self.name } },
                "ConsistentRead": true,
            }),
        )?;
        Ok(found["Item"].clone())
    }

    /// Says that an execution holds it.
    ///
    /// # Errors
    /// What AWS refused.
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

    /// Its cache's primary endpoint, `host:port`, as ElastiCache describes it.
    ///
    /// # Panics
    /// Where there is no cache.
    #[must_use]
    pub fn primary_endpoint(&self, world: &World) -> String {
        let cache = self
            .cache(world)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let endpoint = &cache["NodeGroups"][0]["PrimaryEndpoint"];
        format!("{}:{}", text(&endpoint["Address"]), endpoint["Port"])
    }

    /// Its cache, as ElastiCache describes it, or the error's code.
    ///
    /// # Errors
    /// Where it does not exist.
    pub fn cache(&self, world: &World) -> Result<Value> {
        let found = world.aws.call(
            "elasticache",
            "describe_replication_groups",
            &json!({ "ReplicationGroupId": format!("{}-redis", self.name) }),
        )?;
        Ok(found["ReplicationGroups"][0].clone())
    }
}

/// The stack that a test program shares, deployed once.
///
/// # Panics
/// Where it could not be deployed.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::deploy().unwrap_or_else(|error| panic!("{error:#}")))
}

/// The stack that the tests of a program share if they need nothing of it but its speed: AWS's time passes as in the fault
/// matrix.
///
/// # Panics
/// If it can't be deployed.
pub fn fast_world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let world =
            World::deploy_with(matrix::SETTINGS).unwrap_or_else(|error| panic!("{error:#}"));
        // A call that is refused for its rate is made again, and some tests count calls. The tests of an account's limits
        // have a stack of their own.
        world.gateway().limit("ssm", "PutParameter", 1_000, 1_000.0);
        world
    })
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// Where there is none in time.
pub fn until<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begin = Instant::now();
    while begin.elapsed() < RUN {
        if let Some(answer) = ask() {
            return answer;
        }
        sleep(LOOK);
    }
    panic!("not within {RUN:?}: {what}");
}

/// The elements of a JSON array; none for anything else.
pub fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A JSON string's text; empty for anything else.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
