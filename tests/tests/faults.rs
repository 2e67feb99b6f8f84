//! Runs one cell of the fault matrix for each operation and each fault. `make matrix` runs every cell.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;

use envcache_tests::definition::{
    Machine, resources as template_resources, statements, steps, strings,
};
use envcache_tests::matrix::{self, Baseline, Machines, Scenario};
use envcache_tests::{Environment, World, text};
use local::Workspace;
use local::gateway::call::RecordedCall;
use local::gateway::fault::{Fault, Rule, When};
use serde_json::{Value, json};

/// The environment variable that names the seed.
const SEED: &str = "MATRIX_SEED";

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::deploy_with(matrix::SETTINGS).expect("the stack"))
}

#[test]
fn recovers_or_converges_when_a_call_fails() {
    let seed = seed();
    println!("seed {seed}: run the same cells again with {SEED}={seed}");
    let machines = Machines::deployed(world());
    let baseline = Baseline::run(world(), machines).expect("baseline runs");
    assert_eq!(
        baseline.actions(),
        allowed_actions(),
        "the calls of the scenarios and the actions that the functions' roles allow"
    );
    let cells = baseline.sample(&Scenario::ALL, seed);

    let report = matrix::run(&baseline, &cells).expect("the matrix");

    println!("{}", report.table());
    assert!(
        report.wrong.is_empty(),
        "{} of {} cells have a wrong result (seed {seed}):\n{}",
        report.wrong.len(),
        cells.len(),
        report.wrong.join("\n")
    );
}

/// Returns the seed of the environment variable, or one that derives from the checked-out commit. CI therefore tests
/// different cells for each commit, and the same cells if it runs a commit again.
fn seed() -> u64 {
    if let Ok(seed) = std::env::var(SEED) {
        return seed.parse().expect("the seed must be an integer");
    }
    let commit = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(Workspace::root())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let digits = commit.as_deref().ok().and_then(|commit| commit.get(..8));
    digits.map_or(0, |digits| {
        u64::from_str_radix(digits, 16).expect("a commit's hash")
    })
}

/// Returns the actions that the roles of the steps allow, and those of the direct service integrations.
fn allowed_actions() -> BTreeSet<String> {
    // They authorize parts of other calls: a deletion with a final snapshot, and what AWS does with KMS keys, files, and logs
    // for the caller. Lambda's runtime writes the functions' logs.
    let without_call = [
        "elasticache:CreateSnapshot",
        "kms:CreateGrant",
        "kms:Decrypt",
        "logs:CreateLogDelivery",
        "logs:CreateLogStream",
        "logs:DeleteLogDelivery",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutLogEvents",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "s3:GetObject",
    ];
    let roles = template_resources("AWS::IAM::Role");
    let of_steps = Machine::ALL
        .into_iter()
        .flat_map(steps)
        // It calls only the cache, which has its own test. Lambda creates its network interfaces.
        .filter(|(step, _)| step != "VerifyEndpoint")
        .flat_map(|(_, function)| statements(&roles[&format!("{function}Role")]));
    let mut actions: BTreeSet<_> = of_steps
        .flat_map(|statement| {
            strings(&statement["Action"])
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|action| !without_call.contains(&action.as_str()))
        .filter(|action| {
            !["iam:", "xray:"]
                .iter()
                .any(|service| action.starts_with(service))
        })
        .collect();
    let integrations = ["dynamodb:UpdateItem", "events:PutEvents"];
    actions.extend(integrations.map(str::to_owned));
    actions
}

#[test]
fn event_starts_one_run_when_its_start_fails() {
    let start = RecordedCall {
        step: "StartWorkflow".to_owned(),
        by_function: true,
        service: "states".to_owned(),
        operation: "StartExecution".to_owned(),
    };
    let occurrences = [When::First(1), When::First(3), When::Every];
    let results: Vec<_> = Fault::ALL
        .into_iter()
        .filter(|fault| fault.is_possible(&start))
        .flat_map(|fault| occurrences.map(|when| (fault, when)))
        .map(|(fault, when)| (fault, when, start_and_deliver_again(fault, when)))
        .collect();

    for (fault, when, (environment, first)) in results {
        if when == When::Every && !fault.takes_effect() {
            let expected = match fault {
                Fault::Throttled => "Throttled",
                Fault::AccessDenied => "AccessDenied",
                // Lambda's own name for a process that exited.
                Fault::KilledBefore => "Runtime.ExitError",
                _ => "ServiceUnavailable",
            };
            assert_eq!(first["errorType"], expected, "{fault}: {first}");
        }
        let executions = world().executions_of(&environment.request());
        assert_eq!(executions.len(), 1, "{fault}, {when:?}: {executions:?}");
        let ended = world().wait(&executions[0]);
        assert_eq!(ended.status, "SUCCEEDED", "{fault}, {when:?}: {ended:?}");
    }
}

/// Delivers an event while the start of its execution fails, and once more without a fault. Returns the environment and
/// the first response.
fn start_and_deliver_again(fault: Fault, when: When) -> (Environment, Value) {
    let environment = world().environment();
    let event = json!({
        "version": "0",
        "id": format!("6a7e8feb-b491-4cf7-a9f1-{}", environment.network.vpc.trim_start_matches("vpc-")),
        "detail-type": "Environment Created",
        "source": "envcache.environments",
        "time": "2026-11-23T10:00:00Z",
        "detail": environment.request()
    });
    environment.fault_scope.inject(Rule {
        step: "StartWorkflow".to_owned(),
        operation: "StartExecution".to_owned(),
        when,
        fault,
    });

    let first = world().invoke("StartWorkflow", &event);
    assert!(
        environment.fault_scope.clear_faults() > 0,
        "{fault}: {first}"
    );
    let again = world().invoke("StartWorkflow", &event);

    assert_eq!(text(&again["errorType"]), "", "{fault}, {when:?}: {again}");
    (environment, first)
}
