//! The fault matrix: each fault on each AWS call of a run.
//!
//! A baseline run of each scenario, without faults, determines the calls. Each cell then injects one fault into one of
//! them. Either the cell's run succeeds with the resources of the baseline run, or it fails with the expected error
//! name and a rerun without faults succeeds with those resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::lambda::is_read_only;
use anyhow::{Result, anyhow, ensure};
use local::Settings;
use local::gateway::call::RecordedCall;
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

use crate::{Ended, Environment, World, resources, unmanaged};

/// Settings of the matrix's simulator: time passes 50 times as fast as on AWS, and no Valkey runs behind the endpoints.
pub const SETTINGS: Settings = Settings {
    scale: 0.02,
    valkey: false,
    persistent: false,
    functions_at_once: None,
};
/// How many cells run concurrently on a simulator. They mostly wait, for simulated time to pass or for responses that never
/// arrive.
const CONCURRENCY: usize = 24;
/// How many cells run on a simulator.
const BATCH: usize = 150;
/// How many simulators run concurrently.
const SIMULATORS: usize = 2;

/// What an environment has before the run with faults, and what that run requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// Has nothing. The run creates everything.
    Create,
    /// Has everything. The run changes nothing.
    Again,
    /// Has everything, with tags, parameters, a log, and an overwritten endpoint parameter. The run requests more replicas,
    /// other settings, tags, parameters, and logs, another backend, and one more subnet. It resets a parameter of the parameter
    /// group and modifies others.
    Change,
    /// Has everything, with a replica and parameters. The run requests neither, so it deletes the parameter group.
    Shrink,
    /// Has only the claim of an execution that doesn't exist, and a KMS key. The run takes the claim over and creates
    /// everything, with the key and parameters.
    Stale,
    /// Has nothing, and the first creation fails. The run replaces the cache.
    Replace,
    /// Has a cache, with its security group and an endpoint parameter, that were created outside envcache, in a shared subnet
    /// group. The run adopts them.
    Adopt,
    /// Has everything, with a replica, parameters, and a log. The run removes it, with a final snapshot, and keeps the log group.
    Remove,
}

/// The state machines that the scenarios run on.
#[derive(Clone, Copy, Debug)]
pub struct Machines<'a> {
    pub provision: &'a str,
    pub deprovision: &'a str,
}

impl<'a> Machines<'a> {
    /// Returns the stack's state machines.
    #[must_use]
    pub fn deployed(world: &'a World) -> Self {
        Self {
            provision: &world.stack.provision_state_machine_arn,
            deprovision: &world.stack.deprovision_state_machine_arn,
        }
    }

    /// Returns the ARN of the state machine that a scenario runs on.
    #[must_use]
    pub const fn of(self, scenario: Scenario) -> &'a str {
        match scenario {
            Scenario::Remove => self.deprovision,
            _ => self.provision,
        }
    }
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Again,
        Self::Change,
        Self::Shrink,
        Self::Stale,
        Self::Replace,
        Self::Adopt,
        Self::Remove,
    ];

    /// Creates what the environment has before the run.
    ///
    /// # Errors
    /// Returns an error if AWS rejects a request, or if a preparing run doesn't succeed.
    pub fn prepare(self, world: &World, environment: &Environment) -> Result<()> {
        match self {
            Self::Create => return Ok(()),
            Self::Stale => {
                unmanaged::alias(environment, world, &unmanaged::key(world));
                let machine = &world.stack.provision_state_machine_arn;
                let ended = format!("{}-ended", environment.name);
                return environment.hold(world, &World::execution(machine, &ended));
            }
            Self::Replace => {
                let failing = Lifecycle {
                    outcome: Outcome::Failed {
                        reason: "the first creation fails".to_owned(),
                    },
                    ..Lifecycle::default()
                };
                for lifecycle in [failing, Lifecycle::default()] {
                    environment.set_lifecycle(world, lifecycle);
                }
                return Ok(());
            }
            Self::Adopt => {
                let settings = json!({ "CacheSubnetGroupName": shared_subnet_group(environment) });
                unmanaged::cache_with(environment, world, &settings);
                unmanaged::parameter(environment, world, "url", resources::OVERWRITTEN);
                return Ok(());
            }
            Self::Again | Self::Change | Self::Shrink | Self::Remove => {}
        }
        let ended = world.run(&match self {
            Self::Shrink => environment.request_with(
                "/cache",
                json!({ "replicas": 1, "parameters": { "timeout": 300 } }),
            ),
            Self::Remove => environment.request_with(
                "/cache",
                json!({ "replicas": 1, "parameters": { "timeout": 300 }, "logs": { "slow": {} } }),
            ),
            Self::Change => {
                let cache = json!({
                    "parameters": { "maxmemory-samples": 5, "timeout": 300 },
                    "logs": { "slow": {} },
                });
                let mut request = environment.request_with("/cache", cache);
                request["tags"] = json!({ "stage": "test", "team": "web" });
                request
            }
            _ => environment.request(),
        });
        ensure!(ended.status == "SUCCEEDED", "the preparing run: {ended:?}");
        if self == Self::Change {
            world.aws.call(
                "ssm",
                "put_parameter",
                &json!({
                    "Name": format!("/{}/cache/host", environment.name),
                    "Value": resources::OVERWRITTEN,
                    "Overwrite": true,
                }),
            )?;
            world.aws.call(
                "ec2",
                "create_security_group",
                &json!({ "VpcId": environment.network.vpc, "GroupName": "new-backend", "Description": "tasks" }),
            )?;
        }
        Ok(())
    }

    /// Returns the run's request.
    #[must_use]
    pub fn request(self, environment: &Environment) -> Value {
        if self == Self::Remove {
            return json!({ "environment": environment.name, "finalSnapshot": true });
        }
        let mut request = environment.request();
        if self == Self::Change {
            request["network"]["backendSecurityGroup"] = json!("new-backend");
            request["network"]["subnets"] = json!(["subnet-one", "subnet-two", "subnet-three"]);
            request["tags"] = json!({ "cost center": "17", "team": "core" });
            request["cache"] = json!({
                "replicas": 1,
                "multiAz": false,
                "autoMinorVersionUpgrade": false,
                "snapshotRetentionDays": 5,
                "snapshotWindow": "05:00-06:00",
                "maintenanceWindow": "sat:23:00-sun:00:30",
                "parameters": { "maxmemory-policy": "allkeys-lru", "timeout": 60 },
                "logs": { "slow": { "format": "text" }, "engine": {}, "retentionDays": 7 },
            });
        }
        if self == Self::Stale {
            request["cache"] = json!({
                "kmsKey": unmanaged::alias_name(environment),
                "parameters": { "timeout": 300 },
            });
        }
        if self == Self::Adopt {
            request["adopt"] = json!(true);
            request["network"] = json!({
                "vpc": request["network"]["vpc"],
                "subnetGroup": shared_subnet_group(environment),
                "backendSecurityGroup": request["network"]["backendSecurityGroup"],
            });
        }
        request
    }

    /// Returns whether the resource of a call has existed for a while, so that AWS shows it.
    #[must_use]
    pub fn uses_existing_resource(self, call: &RecordedCall) -> bool {
        match self {
            Self::Adopt | Self::Remove => true,
            // An earlier run created the parameter group, and a group that can't be found counts as deleted.
            Self::Shrink => call.step.ends_with("ParameterGroup"),
            _ => false,
        }
    }

    /// Returns the violations of what must hold after a failed run. What a run hasn't adopted yet has no owner tags.
    #[must_use]
    pub fn violations(self, found: &Value) -> Vec<String> {
        let mut violations = resources::violations(found);
        violations.retain(|violation| {
            self != Self::Adopt || !violation.contains(resources::WITHOUT_OWNER_TAGS)
        });
        violations
    }
}

fn shared_subnet_group(environment: &Environment) -> String {
    format!("{}-vpc-caches", environment.name)
}

/// How many attempts of a call fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Only the first: the SDK's own second attempt succeeds.
    First,
    /// More than one invocation of the function makes: a retry of the state machine succeeds.
    Some,
    /// All of them.
    Every,
}

impl Frequency {
    /// Every frequency.
    pub const ALL: [Self; 3] = [Self::First, Self::Some, Self::Every];

    fn when(self, fault: Fault) -> When {
        match self {
            Self::First => When::First(1),
            // The SDK attempts a call twice, but only once if the error is final or the process was killed.
            Self::Some => When::First(if is_final(fault) { 2 } else { 3 }),
            Self::Every => When::Every,
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::First => "first attempt",
            Self::Some => "some attempts",
            Self::Every => "every attempt",
        })
    }
}

/// Returns whether the SDK doesn't retry a call after this fault.
const fn is_final(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::AccessDenied
            | Fault::QuotaExceeded
            | Fault::NotYetVisible
            | Fault::KilledBefore
            | Fault::KilledAfter
    )
}

/// A cell of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub scenario: Scenario,
    pub call: RecordedCall,
    pub fault: Fault,
    pub frequency: Frequency,
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            call,
            fault,
            frequency,
        } = self;
        write!(
            formatter,
            "{scenario:?}: {} {}, {fault}, {frequency}",
            call.step, call.operation
        )
    }
}

/// The expected result of a cell's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected<'a> {
    Recovers,
    Fails(Failure<'a>),
    /// The call took effect, and a later attempt may find that out: both results are right.
    RecoversOrFails(Failure<'a>),
}

/// The step and the error name that a run fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure<'a> {
    step: &'a str,
    name: &'static str,
}

impl Cell {
    fn expected(&self) -> Expected<'_> {
        // A failed announcement or release doesn't fail a successful run.
        let optional = ["AnnounceAvailable", "AnnounceRemoved", "ReleaseEnvironment"];
        if optional.contains(&self.call.step.as_str()) {
            return Expected::Recovers;
        }
        // The subnet group doesn't exist yet, so the response is the usual one; or the plan, which is read-only, doesn't see
        // it, and EnsureSubnetGroup does.
        if self.fault == Fault::NotYetVisible
            && (self.scenario == Scenario::Create || self.call.step == "PlanSubnetGroup")
            && self.call.operation == "DescribeCacheSubnetGroups"
        {
            return Expected::Recovers;
        }
        // The poll and the plans are read-only: a later state describes the group again and decides. For the parameter group, the
        // recorded engine version or the stack's default replaces that of the cache, and has the same major version.
        let decided_elsewhere = [
            "CheckReplicationGroup",
            "PlanReplicationGroup",
            "PlanDeletion",
            "PlanParameterGroup",
            "EnsureParameterGroup",
        ];
        let descriptions = ["DescribeCacheClusters", "DescribeReplicationGroups"];
        if self.fault == Fault::NotYetVisible
            && decided_elsewhere.contains(&self.call.step.as_str())
            && descriptions.contains(&self.call.operation.as_str())
        {
            return Expected::Recovers;
        }
        // The reason of a failed creation is optional: the failure is reported, and the cache replaced, without it.
        let is_killed = [Fault::KilledBefore, Fault::KilledAfter].contains(&self.fault);
        if self.call.operation == "DescribeEvents" && !is_killed {
            return Expected::Recovers;
        }
        let failure = self.failure();
        // A retry doesn't help against a quota. The SDK attempts this call again nevertheless, because other services return the
        // code of its quota, `LimitExceededException`, for rates.
        let is_attempted_again =
            self.call.operation == "CreateLogGroup" && self.frequency == Frequency::First;
        if self.fault == Fault::QuotaExceeded && !is_attempted_again {
            return Expected::Fails(failure);
        }
        if self.frequency == Frequency::Every {
            return if self.fault.takes_effect() && !is_read_only(&self.call.operation) {
                Expected::RecoversOrFails(failure)
            } else {
                Expected::Fails(failure)
            };
        }
        // IAM may deny a call for a while after the role was created, or after the resource whose tags allow the call
        // was created or deleted: these steps retry it.
        let retries_denial = [
            "EnsureSecurityGroup",
            "EnsureSubnetGroup",
            "EnsureParameterGroup",
            "EnsureLogGroup",
            "EnsureReplicationGroup",
            "PublishEndpoint",
            "RetractEndpoint",
            "DeleteSubnetGroup",
            "DeleteParameterGroup",
            "DeleteSecurityGroup",
        ];
        if self.fault == Fault::AccessDenied
            && self.call.by_function
            && !retries_denial.contains(&self.call.step.as_str())
        {
            return Expected::Fails(failure);
        }
        Expected::Recovers
    }

    /// Returns whether the run waits for the timeouts of several attempts, for all retries of a throttled call, or until a
    /// deadline.
    fn is_slow(&self) -> bool {
        let waits_for_long =
            ["CreateFailed", "Timeout", "Throttled"].contains(&self.failure().name);
        self.frequency != Frequency::First && (self.fault == Fault::NoReply || waits_for_long)
    }

    /// Returns how the run fails if every attempt of the call fails.
    fn failure(&self) -> Failure<'_> {
        // A run waits until the deadline for a cache that AWS doesn't show.
        let waited_for = ["DescribeReplicationGroups", "DescribeCacheClusters"];
        let step = self.call.step.as_str();
        let name = match self.fault {
            // The group stays create-failed until the deadline.
            Fault::NotYetVisible if self.call.operation == "DeleteReplicationGroup" => {
                "CreateFailed"
            }
            Fault::NotYetVisible if waited_for.contains(&self.call.operation.as_str()) => "Timeout",
            // A direct service integration has no SDK timeout before the state's own timeout.
            Fault::NoReply if !self.call.by_function => "Timeout",
            Fault::NotYetVisible => "NotFound",
            Fault::Throttled => "Throttled",
            Fault::AccessDenied => "AccessDenied",
            Fault::QuotaExceeded => "QuotaExceeded",
            Fault::KilledBefore | Fault::KilledAfter => "Internal",
            _ => "ServiceUnavailable",
        };
        Failure { step, name }
    }
}

/// The result of a cell that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The run succeeded in spite of the fault.
    Recovered,
    /// The run failed as expected, and a rerun succeeded.
    FailedAndConverged,
}

/// The calls and the resources of each scenario's run without faults.
pub struct Baseline {
    calls: BTreeMap<Scenario, Vec<RecordedCall>>,
    resources: BTreeMap<Scenario, Value>,
}

impl Baseline {
    /// Runs each scenario once.
    ///
    /// # Errors
    /// Returns an error if a run doesn't succeed, or if a call or a resource isn't as expected.
    pub fn run(world: &World, machines: Machines<'_>) -> Result<Self> {
        let runs = thread::scope(|scope| {
            let workers: Vec<_> = Scenario::ALL
                .into_iter()
                .map(|scenario| scope.spawn(move || run_without_faults(world, machines, scenario)))
                .collect();
            let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
            joined.collect::<Result<Result<Vec<_>>, _>>()
        });
        let runs = runs.map_err(|_| anyhow!("a run panicked"))??;
        let mut baseline = Self {
            calls: BTreeMap::new(),
            resources: BTreeMap::new(),
        };
        for (scenario, (calls, resources)) in Scenario::ALL.into_iter().zip(runs) {
            baseline.calls.insert(scenario, calls);
            baseline.resources.insert(scenario, resources);
        }
        let unmatched_calls = world.gateway().unmatched_calls();
        ensure!(
            unmatched_calls.is_empty(),
            "calls without an environment: {unmatched_calls:?}"
        );
        // These differ from other scenarios only in the claim, the key, the parameters, the second creation, or the adoption:
        // keep only the additional calls.
        let of = |scenario| baseline.calls[&scenario].clone();
        let others = [of(Scenario::Create), of(Scenario::Again)].concat();
        for scenario in [Scenario::Stale, Scenario::Replace, Scenario::Adopt] {
            if let Some(calls) = baseline.calls.get_mut(&scenario) {
                calls.retain(|call| !others.contains(call));
            }
        }
        Ok(baseline)
    }

    /// Returns the IAM actions of all calls, such as `ssm:PutParameter`.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<String> {
        let calls = self.calls.values().flatten();
        calls
            .map(|call| format!("{}:{}", call.service, call.operation))
            .collect()
    }

    /// Returns a scenario's distinct calls, in the order in which they were first made.
    #[must_use]
    pub fn calls(&self, scenario: Scenario) -> &[RecordedCall] {
        &self.calls[&scenario]
    }

    /// Returns all cells of these scenarios and frequencies.
    #[must_use]
    pub fn cells(&self, scenarios: &[Scenario], frequencies: &[Frequency]) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (scenario, calls) in &self.calls {
            for call in calls.iter().filter(|_| scenarios.contains(scenario)) {
                for fault in Fault::ALL
                    .into_iter()
                    .filter(|fault| fault.is_possible(call))
                    .filter(|fault| {
                        *fault != Fault::NotYetVisible || !scenario.uses_existing_resource(call)
                    })
                {
                    cells.extend(frequencies.iter().map(|frequency| Cell {
                        scenario: *scenario,
                        call: call.clone(),
                        fault,
                        frequency: *frequency,
                    }));
                }
            }
        }
        cells
    }

    /// Returns one cell for each operation and each fault that can occur on it. The seed selects its scenario, step,
    /// and frequency.
    #[must_use]
    pub fn sample(&self, scenarios: &[Scenario], seed: u64) -> Vec<Cell> {
        let mut choices: BTreeMap<_, Vec<Cell>> = BTreeMap::new();
        for cell in self.cells(scenarios, &Frequency::ALL) {
            let operation = (cell.call.service.clone(), cell.call.operation.clone());
            let candidates = choices.entry((operation, cell.fault.to_string()));
            candidates.or_default().push(cell);
        }
        let mut random = fastrand::Rng::with_seed(seed);
        choices
            .into_values()
            .map(|mut cells| cells.swap_remove(random.usize(..cells.len())))
            .collect()
    }

    /// Runs one cell on these state machines, in a new environment.
    ///
    /// # Errors
    /// Returns what isn't as expected.
    pub fn try_cell(&self, world: &World, machines: Machines<'_>, cell: &Cell) -> Result<Ending> {
        let environment = world.environment();
        let machine = machines.of(cell.scenario);
        cell.scenario.prepare(world, &environment)?;
        let request = cell.scenario.request(&environment);
        let before = announcements(&environment);
        environment.fault_scope.inject(Rule {
            step: cell.call.step.clone(),
            operation: cell.call.operation.clone(),
            when: cell.frequency.when(cell.fault),
            fault: cell.fault,
        });
        let ended = world.run_on(machine, &request);
        let failed = environment.fault_scope.clear_faults();
        ensure!(failed > 0, "the call was not made: {ended:?}");
        let outcome = check_result(cell, &ended)?;
        let announced = announcements(&environment) - before;
        ensure!(
            announced == expected_announcements(cell, failed),
            "{announced} announcements, {failed} failed calls: {ended:?}"
        );
        if outcome == Ending::FailedAndConverged {
            let remaining = resources::of(&environment, world)?;
            let broken = cell.scenario.violations(&remaining);
            ensure!(broken.is_empty(), "after the failure: {broken:?}");
            let again = world.run_on(machine, &request);
            ensure!(again.status == "SUCCEEDED", "the rerun: {again:?}");
        }
        self.compare(cell.scenario, &environment, world)?;
        if cell.call.step == "ReleaseEnvironment" {
            let holder = &environment.record(world)?["holder"];
            ensure!(
                holder.is_null() || cell.frequency == Frequency::Every,
                "expected the claim to be released, but the holder is {holder}"
            );
            let next = world.run_on(machine, &request);
            ensure!(next.status == "SUCCEEDED", "the next run: {next:?}");
        }
        Ok(outcome)
    }

    /// Compares an environment's resources with those of the baseline run.
    ///
    /// # Errors
    /// Returns the differences if there are any.
    pub fn compare(
        &self,
        scenario: Scenario,
        environment: &Environment,
        world: &World,
    ) -> Result<()> {
        let found = resources::of(environment, world)?;
        let differences = json_patch::diff(&self.resources[&scenario], &found);
        ensure!(
            differences.is_empty(),
            "the resources differ from the baseline run's: {differences}"
        );
        Ok(())
    }
}

/// Runs a scenario without faults. Returns its distinct calls, in the order in which they were first made, and the
/// resources after it.
fn run_without_faults(
    world: &World,
    machines: Machines<'_>,
    scenario: Scenario,
) -> Result<(Vec<RecordedCall>, Value)> {
    let environment = world.environment();
    scenario.prepare(world, &environment)?;
    let before = environment.fault_scope.calls().len();
    let request = scenario.request(&environment);
    let ended = world.run_on(machines.of(scenario), &request);
    ensure!(ended.status == "SUCCEEDED", "{scenario:?}: {ended:?}");
    let mut calls: Vec<RecordedCall> = Vec::new();
    for call in environment.fault_scope.calls().drain(before..) {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let created = resources::of(&environment, world)?;
    let broken = resources::violations(&created);
    ensure!(broken.is_empty(), "{scenario:?}: {broken:?}");
    Ok((calls, created))
}

/// Returns how many announcements an environment's runs have attempted.
fn announcements(environment: &Environment) -> usize {
    let calls = environment.fault_scope.calls();
    let announces = |call: &&RecordedCall| call.operation == "PutEvents";
    calls.iter().filter(announces).count()
}

/// Returns how many announcements a run attempts: one, and one more for each failed attempt until its retries are
/// exhausted.
fn expected_announcements(cell: &Cell, failed: u32) -> usize {
    if cell.call.operation != "PutEvents" {
        return 1;
    }
    let failed = failed as usize;
    if cell.frequency == Frequency::Every {
        failed
    } else {
        failed + 1
    }
}

fn check_result(cell: &Cell, ended: &Ended) -> Result<Ending> {
    let expected = cell.expected();
    if ended.status == "SUCCEEDED" {
        return match expected {
            Expected::Fails(failure) => Err(anyhow!("expected {failure:?}, but the run succeeded")),
            Expected::Recovers | Expected::RecoversOrFails(_) => Ok(Ending::Recovered),
        };
    }
    let (Expected::Fails(failure) | Expected::RecoversOrFails(failure)) = expected else {
        return Err(anyhow!("expected the run to recover: {ended:?}"));
    };
    let Failure { step, name } = failure;
    ensure!(ended.error == name, "expected {name}: {ended:?}");
    let reason = ended.cause.strip_prefix(&format!("{step}: "));
    ensure!(
        reason.is_some_and(|reason| !reason.starts_with('{')),
        "expected a cause that begins with {step}, followed by a sentence instead of Lambda's JSON: {ended:?}"
    );
    Ok(Ending::FailedAndConverged)
}

/// The results of the cells that were run.
#[derive(Default)]
pub struct Report {
    /// The results by fault and frequency.
    counts: BTreeMap<(String, Frequency), Counts>,
    /// The failed cells, each with the reason.
    pub wrong: Vec<String>,
}

/// The number of cells with each result.
#[derive(Clone, Copy, Default)]
struct Counts {
    recovered: usize,
    converged: usize,
    wrong: usize,
}

impl Counts {
    const fn cells(self) -> usize {
        self.recovered + self.converged + self.wrong
    }

    fn row(self, fault: &str, frequency: &str) -> String {
        format!(
            "| {fault} | {frequency} | {} | {} | {} | {} |",
            self.cells(),
            self.recovered,
            self.converged,
            self.wrong
        )
    }
}

/// Runs cells, and prints each wrong result as soon as there is one.
///
/// Each batch of cells has a simulator of its own: MiniStack searches all resources in many calls, and becomes slower with
/// each environment. It also uses only one core, so several simulators run concurrently.
///
/// # Errors
/// Returns an error if the stack can't be deployed, if a worker panics, or if a run created a resource with an unexpected
/// name.
pub fn run(baseline: &Baseline, cells: &[Cell]) -> Result<Report> {
    let batches: Vec<_> = cells
        .chunks(BATCH.min(cells.len().div_ceil(SIMULATORS)).max(1))
        .collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let on_end = |cell: &Cell, ended: &Result<Ending>| {
        if let Err(error) = ended {
            eprintln!("{cell}: {error:#}");
        }
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(100) {
            eprintln!("{done} of {} cells", cells.len());
        }
    };
    let run_batches = || -> Result<Report> {
        let mut report = Report::default();
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let part = run_batch(baseline, batch, on_end);
            // The others don't begin another batch either.
            report.extend(part.inspect_err(|_| next.store(batches.len(), Ordering::Relaxed))?);
        }
        Ok(report)
    };
    let reports = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIMULATORS).map(|_| scope.spawn(run_batches)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.collect::<Result<Result<Vec<_>>, _>>()
    });
    let mut report = Report::default();
    for part in reports.map_err(|_| anyhow!("a worker panicked"))?? {
        report.extend(part);
    }
    Ok(report)
}

/// Runs cells on a simulator of their own.
fn run_batch(
    baseline: &Baseline,
    batch: &[Cell],
    on_end: impl Fn(&Cell, &Result<Ending>) + Sync,
) -> Result<Report> {
    let world = World::deploy_with(SETTINGS)?;
    let machines = Machines::deployed(&world);
    // The slow ones first, so that the others run meanwhile.
    let mut trials: Vec<_> = batch.iter().map(|cell| (machines, cell)).collect();
    trials.sort_by_key(|(_, cell)| !cell.is_slow());
    let ended = run_each(baseline, &world, &trials, on_end)?;
    let mut report = Report::default();
    for ((_, cell), ended) in trials.into_iter().zip(ended) {
        report.add(cell, ended);
    }
    let unexpected = resources::unexpected_names(&world)?;
    ensure!(
        unexpected.is_empty(),
        "resources with unexpected names: {unexpected:?}"
    );
    Ok(report)
}

/// Runs cells concurrently, each on its own state machines, and returns how each ended, in their order. Calls
/// `on_end` when a cell ends.
///
/// # Errors
/// Returns an error if a worker panics.
pub fn run_each(
    baseline: &Baseline,
    world: &World,
    trials: &[(Machines<'_>, &Cell)],
    on_end: impl Fn(&Cell, &Result<Ending>) + Sync,
) -> Result<Vec<Result<Ending>>> {
    let next = AtomicUsize::new(0);
    let mut ended: Vec<(usize, Result<Ending>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CONCURRENCY)
            .map(|_| {
                scope.spawn(|| {
                    let mut ended = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((machines, cell)) = trials.get(index) else {
                            return ended;
                        };
                        let trial = catch_panic(|| baseline.try_cell(world, *machines, cell));
                        on_end(cell, &trial);
                        ended.push((index, trial));
                    }
                })
            })
            .collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .collect::<Result<Vec<_>, _>>()
            .map(|ended| ended.into_iter().flatten().collect())
            .map_err(|_| anyhow!("a worker panicked"))
    })?;
    ended.sort_by_key(|(index, _)| *index);
    Ok(ended.into_iter().map(|(_, trial)| trial).collect())
}

/// Runs a trial. A panic in it, for example of a wait that timed out, becomes an error.
///
/// # Errors
/// Returns the trial's error, or the message of its panic.
pub fn catch_panic<T>(trial: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(trial)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("{}", message.unwrap_or("the trial panicked")))
    })
}

impl Report {
    fn add(&mut self, cell: &Cell, ended: Result<Ending>) {
        let row = self
            .counts
            .entry((cell.fault.to_string(), cell.frequency))
            .or_default();
        match ended {
            Ok(Ending::Recovered) => row.recovered += 1,
            Ok(Ending::FailedAndConverged) => row.converged += 1,
            Err(error) => {
                row.wrong += 1;
                self.wrong.push(format!("{cell}: {error:#}"));
            }
        }
    }

    /// Adds the results of other cells.
    fn extend(&mut self, other: Self) {
        self.wrong.extend(other.wrong);
        for (row, counts) in other.counts {
            let sum = self.counts.entry(row).or_default();
            sum.recovered += counts.recovered;
            sum.converged += counts.converged;
            sum.wrong += counts.wrong;
        }
    }

    /// Returns the counts as a Markdown table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![
            "| fault | affects | cells | recovered | failed as expected, converged on rerun | wrong result |"
                .to_owned(),
            "| --- | --- | ---: | ---: | ---: | ---: |".to_owned(),
        ];
        let mut all = Counts::default();
        for ((fault, frequency), counts) in &self.counts {
            all.recovered += counts.recovered;
            all.converged += counts.converged;
            all.wrong += counts.wrong;
            lines.push(counts.row(fault, &frequency.to_string()));
        }
        lines.push(all.row("all", ""));
        lines.join("\n")
    }
}
