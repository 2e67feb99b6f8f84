//! The fault matrix: every call of the workflow to AWS, every way in which it can fail.
//!
//! The calls are not listed by hand: each scenario runs once undisturbed, and what it called is what fails
//! afterwards. A cell ends in one of two ways. The run succeeds, with the resources of the undisturbed run;
//! or it fails under the right name, and a plain re-run then succeeds with those same resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use local::Settings;
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use local::gateway::call::RecordedCall;
use crate::lambda::reads;
use serde_json::{Value, json};

use crate::{Ended, Environment, World, resources};

/// How the matrix's cloud runs: a fiftieth of AWS's time, and no Valkey behind the endpoints.
pub const SETTINGS: Settings = Settings {
    scale: 0.02,
    valkey: false,
    persistent: false,
};
/// Cells at once. They mostly wait: for AWS's time, and for replies that never come.
const AT_ONCE: usize = 16;

/// What an environment has before the run that is disturbed, and what that run asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scenario {
    /// Nothing: the run makes everything.
    Create,
    /// Everything: the run finds it as it is.
    Again,
    /// Everything, with a parameter that somebody overwrote: the run asks for more replicas, other settings,
    /// another backend and one more subnet.
    Change,
    /// Everything, with a replica: the run asks for none.
    Shrink,
    /// Nothing but the claim of a run that is over.
    Stale,
    /// Nothing, and the first creation fails: the run replaces the cache.
    Replace,
    /// Everything, with a replica: the run takes it away, with a last backup.
    Remove,
}

/// The state machines that the scenarios run on.
#[derive(Clone, Copy, Debug)]
pub struct Machines<'a> {
    pub provision: &'a str,
    pub deprovision: &'a str,
}

impl<'a> Machines<'a> {
    /// Those of the stack.
    #[must_use]
    pub fn deployed(world: &'a World) -> Self {
        Self {
            provision: &world.stack.provision_state_machine_arn,
            deprovision: &world.stack.deprovision_state_machine_arn,
        }
    }

    /// The one that a scenario runs on.
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
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Again,
        Self::Change,
        Self::Shrink,
        Self::Stale,
        Self::Replace,
        Self::Remove,
    ];

    /// From nothing to a cache, and back.
    pub const FIRST: [Self; 4] = [Self::Create, Self::Stale, Self::Replace, Self::Remove];

    /// Makes what the environment has before the run.
    ///
    /// # Errors
    /// Where the run before does not succeed.
    pub fn prepare(self, world: &World, environment: &Environment) -> Result<()> {
        match self {
            Self::Create => return Ok(()),
            Self::Stale => {
                let machine = &world.stack.provision_state_machine_arn;
                let over = format!("{}-over", environment.name);
                return environment.hold(world, &World::execution(machine, &over));
            }
            Self::Replace => {
                let failing = Lifecycle {
                    outcome: Outcome::Failed {
                        reason: "no luck".to_owned(),
                    },
                    ..Lifecycle::default()
                };
                for lifecycle in [failing, Lifecycle::default()] {
                    world
                        .gateway()
                        .set_lifecycle(&format!("{}-redis", environment.name), lifecycle);
                }
                return Ok(());
            }
            Self::Again | Self::Change | Self::Shrink | Self::Remove => {}
        }
        let ended = world.run(&match self {
            Self::Shrink | Self::Remove => {
                environment.request_with("/cache", json!({ "replicas": 1 }))
            }
            _ => environment.request(),
        });
        ensure!(ended.status == "SUCCEEDED", "the run before: {ended:?}");
        if self == Self::Change {
            world.aws.call(
                "ssm",
                "put_parameter",
                &json!({
                    "Name": format!("/{}/cache/host", environment.name),
                    "Value": resources::SOMEBODYS,
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

    /// What the run asks for.
    #[must_use]
    pub fn request(self, environment: &Environment) -> Value {
        if self == Self::Remove {
            return json!({ "environment": environment.name, "finalSnapshot": true });
        }
        let mut request = environment.request();
        if self == Self::Change {
            request["network"]["backendSecurityGroup"] = json!("new-backend");
            request["network"]["subnets"] = json!(["subnet-one", "subnet-two", "subnet-three"]);
            request["cache"] = json!({ "replicas": 1, "snapshotRetentionDays": 5 });
        }
        request
    }
}

/// How many tries of a call fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// The first alone: the SDK's own second try goes through.
    First,
    /// More than one try of the function can bear: the state machine has to call it again.
    Some,
    Every,
}

impl Frequency {
    /// Every spell.
    pub const ALL: [Self; 3] = [Self::First, Self::Some, Self::Every];

    fn when(self, fault: Fault) -> When {
        match self {
            Self::First => When::First(1),
            // A function tries a call twice; but once where the answer is final, or its process gone.
            Self::Some => When::First(if is_final(fault) { 2 } else { 3 }),
            Self::Every => When::Every,
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::First => "first call",
            Self::Some => "some calls",
            Self::Every => "every call",
        })
    }
}

/// Whether the SDK does not try again by itself.
const fn is_final(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::AccessDenied
            | Fault::QuotaExceeded
            | Fault::Unseen
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

/// What a run owes in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected<'a> {
    Recovers,
    Fails(Failure<'a>),
    /// The call took effect, which a later try may find: either is right.
    RecoversOrFails(Failure<'a>),
}

/// How an execution fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure<'a> {
    step: &'a str,
    name: &'static str,
}

impl Cell {
    fn expected(&self) -> Expected<'_> {
        // An announcement that fails, or a claim that is not released, does not fail a run that succeeded.
        let bears_all = ["AnnounceAvailable", "AnnounceRemoved", "ReleaseEnvironment"];
        if bears_all.contains(&self.call.step.as_str()) {
            return Expected::Recovers;
        }
        // Before there is one, none is what it should see.
        if self.fault == Fault::Unseen
            && self.scenario == Scenario::Create
            && self.call.operation == "DescribeCacheSubnetGroups"
        {
            return Expected::Recovers;
        }
        // The poll and the plan only read: EnsureReplicationGroup looks for itself and decides.
        let decides_nothing = ["CheckReplicationGroup", "PlanReplicationGroup"];
        let looks = ["DescribeCacheClusters", "DescribeReplicationGroups"];
        if self.fault == Fault::Unseen
            && decides_nothing.contains(&self.call.step.as_str())
            && looks.contains(&self.call.operation.as_str())
        {
            return Expected::Recovers;
        }
        // A reason that cannot be read hides no failure, and hinders no replacement.
        let is_killed = [Fault::KilledBefore, Fault::KilledAfter].contains(&self.fault);
        if self.call.operation == "DescribeEvents" && !is_killed {
            return Expected::Recovers;
        }
        let failure = self.failure();
        // No second try makes room.
        if self.fault == Fault::QuotaExceeded {
            return Expected::Fails(failure);
        }
        if self.frequency == Frequency::Every {
            return if self.fault.takes_effect() && !reads(&self.call.operation) {
                Expected::RecoversOrFails(failure)
            } else {
                Expected::Fails(failure)
            };
        }
        // A role that was only just made may be denied for a while, and so may a role that is allowed by the tags of
        // what has only just come, or gone: these steps bear it.
        let bears_denial = [
            "EnsureSecurityGroup",
            "EnsureSubnetGroup",
            "EnsureReplicationGroup",
            "PublishEndpoint",
            "RetractEndpoint",
            "DeleteSubnetGroup",
            "DeleteSecurityGroup",
        ];
        if self.fault == Fault::AccessDenied
            && self.call.by_function
            && !bears_denial.contains(&self.call.step.as_str())
        {
            return Expected::Fails(failure);
        }
        Expected::Recovers
    }

    /// How it fails, where every try of the call does.
    fn failure(&self) -> Failure<'_> {
        // A cache that is not shown is waited for until the deadline.
        let waited_for = ["DescribeReplicationGroups", "DescribeCacheClusters"];
        let step = self.call.step.as_str();
        let name = match self.fault {
            // It is found create-failed until the deadline.
            Fault::Unseen if self.call.operation == "DeleteReplicationGroup" => "CreateFailed",
            Fault::Unseen if waited_for.contains(&self.call.operation.as_str()) => "Timeout",
            // A state by itself has no SDK that gives up before Step Functions does.
            Fault::NoReply if !self.call.by_function => "Timeout",
            Fault::Unseen => "NotFound",
            Fault::Throttled => "Throttled",
            Fault::AccessDenied => "AccessDenied",
            Fault::QuotaExceeded => "QuotaExceeded",
            Fault::KilledBefore | Fault::KilledAfter => "Internal",
            _ => "ServiceUnavailable",
        };
        Failure { step, name }
    }
}

/// How a cell ended, where it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Recovered,
    FailedAndConverged,
}

/// What each scenario calls and makes when nothing fails.
pub struct Baseline {
    calls: BTreeMap<Scenario, Vec<RecordedCall>>,
    resources: BTreeMap<Scenario, Value>,
}

impl Baseline {
    /// Runs each scenario once.
    ///
    /// # Errors
    /// Where one does not succeed.
    pub fn run(world: &World, machines: Machines<'_>) -> Result<Self> {
        let mut baseline = Self {
            calls: BTreeMap::new(),
            resources: BTreeMap::new(),
        };
        for scenario in Scenario::ALL {
            let environment = world.environment();
            scenario.prepare(world, &environment)?;
            let before = environment.fault_scope.calls().len();
            let machine = machines.of(scenario);
            let ended = world.run_on(machine, &scenario.request(&environment));
            ensure!(ended.status == "SUCCEEDED", "{scenario:?}: {ended:?}");
            let mut calls: Vec<RecordedCall> = Vec::new();
            for call in environment.fault_scope.calls().drain(before..) {
                if !calls.contains(&call) {
                    calls.push(call);
                }
            }
            let unmatched_calls = world.gateway().unmatched_calls();
            ensure!(
                unmatched_calls.is_empty(),
                "{scenario:?}: calls that are of no environment: {unmatched_calls:?}"
            );
            let made = resources::of(&environment, world)?;
            let broken = resources::broken_promises(&made);
            ensure!(broken.is_empty(), "{scenario:?}: {broken:?}");
            // A first run but for its claim, or its second creation: the rest has been listed.
            if [Scenario::Stale, Scenario::Replace].contains(&scenario) {
                calls.retain(|call| !baseline.calls[&Scenario::Create].contains(call));
            }
            baseline.calls.insert(scenario, calls);
            baseline.resources.insert(scenario, made);
        }
        Ok(baseline)
    }

    /// The actions that some scenario makes use of, such as `ssm:PutParameter`.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<String> {
        let calls = self.calls.values().flatten();
        calls
            .map(|call| format!("{}:{}", call.service, call.operation))
            .collect()
    }

    /// What a scenario calls, each once, in the order of the first calls.
    #[must_use]
    pub fn calls(&self, scenario: Scenario) -> &[RecordedCall] {
        &self.calls[&scenario]
    }

    /// All cells of these scenarios and spells.
    #[must_use]
    pub fn cells(&self, scenarios: &[Scenario], spells: &[Frequency]) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (scenario, calls) in &self.calls {
            for call in calls.iter().filter(|_| scenarios.contains(scenario)) {
                for fault in Fault::ALL
                    .into_iter()
                    .filter(|fault| fault.is_possible(call))
                    // What is removed was made long ago: every look shows it.
                    .filter(|fault| (*scenario, *fault) != (Scenario::Remove, Fault::Unseen))
                {
                    cells.extend(spells.iter().map(|frequency| Cell {
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

    /// One cell for each operation and each fault that is possible on it: the seed chooses its scenario, step, and spell.
    #[must_use]
    pub fn sample(&self, scenarios: &[Scenario], seed: u64) -> Vec<Cell> {
        let mut choices: BTreeMap<_, Vec<Cell>> = BTreeMap::new();
        for cell in self.cells(scenarios, &Frequency::ALL) {
            let operation = (cell.call.service.clone(), cell.call.operation.clone());
            let of_one_kind = choices.entry((operation, cell.fault.to_string()));
            of_one_kind.or_default().push(cell);
        }
        let mut random = fastrand::Rng::with_seed(seed);
        choices
            .into_values()
            .map(|mut cells| cells.swap_remove(random.usize(..cells.len())))
            .collect()
    }

    /// Runs one cell on these state machines, in an environment of its own.
    ///
    /// # Errors
    /// What is not as it should be, with what was expected.
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
        let outcome = judge(cell, &ended)?;
        let announced = announcements(&environment) - before;
        ensure!(
            announced == expected_announcements(cell, failed),
            "announced {announced} times, {failed} calls failed: {ended:?}"
        );
        if outcome == Ending::FailedAndConverged {
            let left = resources::of(&environment, world)?;
            let broken = resources::broken_promises(&left);
            ensure!(broken.is_empty(), "after the failure {broken:?}");
            let again = world.run_on(machine, &request);
            ensure!(again.status == "SUCCEEDED", "the re-run: {again:?}");
        }
        self.compare(cell.scenario, &environment, world)?;
        if cell.call.step == "ReleaseEnvironment" {
            let holder = &environment.record(world)?["holder"];
            ensure!(
                holder.is_null() || cell.frequency == Frequency::Every,
                "it was to be released, and is held by {holder}"
            );
            let next = world.run_on(machine, &request);
            ensure!(next.status == "SUCCEEDED", "the next run: {next:?}");
        }
        Ok(outcome)
    }

    /// Compares what an environment has with what the undisturbed run made.
    ///
    /// # Errors
    /// Where they differ.
    pub fn compare(
        &self,
        scenario: Scenario,
        environment: &Environment,
        world: &World,
    ) -> Result<()> {
        let made = resources::of(environment, world)?;
        let differences = json_patch::diff(&self.resources[&scenario], &made);
        ensure!(
            differences.is_empty(),
            "the resources differ from the baseline run's: {differences}"
        );
        Ok(())
    }
}

/// How often a state has called to announce.
fn announcements(environment: &Environment) -> usize {
    let calls = environment.fault_scope.calls();
    let announces = |call: &&RecordedCall| call.operation == "PutEvents";
    calls.iter().filter(announces).count()
}

/// A run announces its end once, whichever it is; and again where that failed, until its tries are used up.
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

fn judge(cell: &Cell, ended: &Ended) -> Result<Ending> {
    let expected = cell.expected();
    if ended.status == "SUCCEEDED" {
        return match expected {
            Expected::Fails(failure) => Err(anyhow!("expected {failure:?}, and it succeeded")),
            Expected::Recovers | Expected::RecoversOrFails(_) => Ok(Ending::Recovered),
        };
    }
    let (Expected::Fails(failure) | Expected::RecoversOrFails(failure)) = expected else {
        return Err(anyhow!("expected it to recover: {ended:?}"));
    };
    let Failure { step, name } = failure;
    ensure!(ended.error == name, "expected {name}: {ended:?}");
    let reason = ended.cause.strip_prefix(&format!("{step}: "));
    ensure!(
        reason.is_some_and(|reason| !reason.starts_with('{')),
        "expected a cause that begins with {step} and goes on as a sentence, not as Lambda's JSON: {ended:?}"
    );
    Ok(Ending::FailedAndConverged)
}

/// The cells that were run, and how they ended.
#[derive(Default)]
pub struct Report {
    /// By fault and spell.
    ended: BTreeMap<(String, Frequency), Ends>,
    /// The cells that did not end as they should, with the reason.
    pub wrong: Vec<String>,
}

/// How many cells ended in which way.
#[derive(Clone, Copy, Default)]
struct Ends {
    recovered: usize,
    converged: usize,
    wrong: usize,
}

impl Ends {
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

/// Runs cells, many at once.
///
/// # Errors
/// Where a worker panics.
pub fn run(
    baseline: &Baseline,
    world: &World,
    machines: Machines<'_>,
    cells: &[Cell],
) -> Result<Report> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let ended = guarded(|| baseline.try_cell(world, machines, cell));
                        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                        if done % 100 == 0 {
                            eprintln!("{done} of {} cells", cells.len());
                        }
                        if let Ok(mut report) = report.lock() {
                            report.note(cell, ended);
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow!("a worker panicked"))?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    report.into_inner().ok().context("a worker panicked")
}

/// Runs a trial. What panics in it, such as a wait without end, is a trial that ended wrong.
///
/// # Errors
/// The trial's own, or what it panicked with.
pub fn guarded<T>(trial: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(trial)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow!("{}", said.unwrap_or("it panicked")))
    })
}

impl Report {
    fn note(&mut self, cell: &Cell, ended: Result<Ending>) {
        let row = self
            .ended
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

    /// The summary, as a table in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![
            "| fault | on | cells | recovered | failed cleanly, converged on re-run | ended wrong |"
                .to_owned(),
            "| --- | --- | ---: | ---: | ---: | ---: |".to_owned(),
        ];
        let mut all = Ends::default();
        for ((fault, frequency), ends) in &self.ended {
            all.recovered += ends.recovered;
            all.converged += ends.converged;
            all.wrong += ends.wrong;
            lines.push(ends.row(fault, &frequency.to_string()));
        }
        lines.push(all.row("all", ""));
        lines.join("\n")
    }
}
