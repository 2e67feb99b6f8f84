//! Takes out one Retry, Catch or ownership check after the other, and sees whether a test notices.
//!
//! What the state machine holds is taken out of copies of it beside the deployed one, and the cells of the
//! fault matrix that are about it run on each copy. What stands in the code, and what no cell can make fail, is
//! taken out in a checkout of its own, and the tests run there.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use envcache_tests::definition::Machine;
use envcache_tests::matrix::{self, Baseline, Cell, Frequency, Machines, Scenario};
use envcache_tests::{World, page, text};
use local::Workspace;
use local::gateway::fault::Fault;
use serde_json::{Value, json};

/// The checks of who owns a resource and who may request what: a file, what stands in it, and what takes its place.
const CHECKS: [(&str, &str, &str); 62] = [
    (
        "functions/replication-group/src/decide.rs",
        "let remedy = if recorded.is_none() {",
        "let remedy = if false {",
    ),
    (
        "functions/replication-group/src/delete.rs",
        "\"create-failed\" if input.creation_recorded =>",
        "\"create-failed\" if true || input.creation_recorded =>",
    ),
    (
        "functions/replication-group/src/delete.rs",
        "if owner.owns_created_by(created_by, find::pairs(&tags)) =>",
        "if owner.owns_created_by(created_by, find::pairs(&tags)) || true =>",
    ),
    (
        "functions/subnet-group/src/delete.rs",
        "if !owner.owns_created_by(",
        "if false && !owner.owns_created_by(",
    ),
    (
        "functions/security-group/src/delete.rs",
        "groups.retain(|group| owner",
        "groups.retain(|group| true || owner",
    ),
    (
        "functions/security-group/src/delete.rs",
        "owner.owns_created_by(created_by, pairs",
        "true || owner.owns_created_by(created_by, pairs",
    ),
    (
        "functions/endpoint/src/retract.rs",
        "if owner.owns_created_by(",
        "if true || owner.owns_created_by(",
    ),
    (
        "functions/endpoint/src/publish.rs",
        "            adopt,",
        "            true || adopt,",
    ),
    (
        "functions/security-group/src/ensure.rs",
        "        spec.options.adopt,",
        "        true,",
    ),
    (
        "functions/subnet-group/src/ensure.rs",
        "                spec.options.adopt,",
        "                true,",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "let adopts = self.input.spec.options.adopt;",
        "let adopts = true;",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "if !input.plan && record.holder",
        "if false && record.holder",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        ".map(|answer| answer.is_ok())",
        ".map(|_| true)",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "if status == \"modifying\" =>",
        "if status.is_empty() =>",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "(checks.len() < CHECKS_OF_FAILED_MEMBER)",
        "(checks.len() < CHECKS_OF_FAILED_MEMBER + 9)",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "if !checks.contains(&waited) {",
        "if true {",
    ),
    (
        "functions/replication-group/src/decide.rs",
        ".filter(|member| member.id == id)",
        ".filter(|_| true)",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "observed.replica_requests.len() <= REPLICA_REQUESTS",
        "observed.replica_requests.len() <= REPLICA_REQUESTS + 9",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "if !observed.replica_requests.contains(&waited) {",
        "if true {",
    ),
    (
        "functions/replication-group/src/version.rs",
        "requested.major == recorded.major && requested < *recorded",
        "requested.major == recorded.major && requested > *recorded",
    ),
    (
        "functions/replication-group/src/version.rs",
        "} else if found.major == requested.major {",
        "} else if true || found.major == requested.major {",
    ),
    (
        "functions/replication-group/src/version.rs",
        "Some((name, _)) => Err(name.to_owned()),",
        "Some((_, _)) => Ok(Some(default(requested))),",
    ),
    (
        "functions/replication-group/src/compare.rs",
        "if version::compare(found, requested) != Comparison::Older {",
        "if version::compare(found, requested) == Comparison::Older {",
    ),
    (
        "functions/replication-group/src/find.rs",
        "is_still_changing(code) || code == Some(\"CacheClusterNotFound\")",
        "is_still_changing(code)",
    ),
    (
        "functions/replication-group/src/find.rs",
        "cluster.replication_group_id().is_none()",
        "cluster.replication_group_id().is_none() || true",
    ),
    (
        "functions/replication-group/src/reason.rs",
        "from_hours(14 * 24 - 1)",
        "from_hours(14 * 24)",
    ),
    (
        "functions/security-group/src/find.rs",
        "name.replace(|letter: char| letter.is_ascii_alphabetic(), \"?\")",
        "name.to_owned()",
    ),
    (
        "functions/security-group/src/rule.rs",
        "shown.is_egress() == Some(false)",
        "shown.is_egress().is_some()",
    ),
    (
        "functions/security-group/src/ensure.rs",
        "Some(\"InvalidSecurityGroupRuleId.NotFound\")",
        "Some(\"\")",
    ),
    (
        "functions/security-group/src/delete.rs",
        "Self::Outbound => \"egress.ip-permission.group-id\"",
        "Self::Outbound => \"ip-permission.group-id\"",
    ),
    (
        "functions/subnet-group/src/ensure.rs",
        "const ATTEMPTS: u32 = 2;",
        "const ATTEMPTS: u32 = 9;",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "own.replaced && !no_capacity",
        "false && !no_capacity",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "replaced: own.replaced || own.deletion_requested,",
        "replaced: own.replaced,",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "if !creation.tried.contains(&creation.placement) {",
        "if true {",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "Some(creation) if creation.execution == input.execution =>",
        "Some(creation) =>",
    ),
    (
        "functions/environment/src/decide.rs",
        "if let Some(identity) = &record.identity {",
        "if let Some(identity) = record.identity.as_ref().filter(|_| false) {",
    ),
    (
        "functions/environment/src/decide.rs",
        "if record.protected && created_by.is_none() {",
        "if false && created_by.is_none() {",
    ),
    (
        "functions/environment/src/decide.rs",
        "groups.retain(|group| *group != requested.subnet_group_name);",
        "",
    ),
    (
        "functions/environment/src/decide.rs",
        "        .remove(&OUTDATED_ATTRIBUTES)\n",
        "",
    ),
    (
        "functions/environment/src/claim.rs",
        "if writes_nothing => {",
        "if false => {",
    ),
    (
        "functions/security-group/src/delete.rs",
        ".filter(|(_, id)| !known.contains(id))",
        ".filter(|(_, id)| true || !known.contains(id))",
    ),
    (
        "shared/contract/src/ownership.rs",
        "if self.owns(tags.iter().copied()) {",
        "if true || self.owns(tags.iter().copied()) {",
    ),
    (
        "shared/contract/src/ownership.rs",
        "(true, true) => return",
        "(_, true) => return",
    ),
    (
        "shared/contract/src/ownership.rs",
        "self.owns(tags) && is_its_makers",
        "self.owns(tags) && (true || is_its_makers)",
    ),
    (
        "shared/contract/src/policy.rs",
        "Adoption::Manual if spec.event.is_some() =>",
        "Adoption::Manual if false =>",
    ),
    (
        "shared/contract/src/policy.rs",
        "if !self.node_types.is_empty() && ",
        "if false && ",
    ),
    (
        "shared/contract/src/removal.rs",
        "if request.rollback.is_some() && request.event.is_some() {",
        "if false {",
    ),
    (
        "shared/contract/src/value.rs",
        "!text.eq_ignore_ascii_case(\"default\"),",
        "true,",
    ),
    (
        "functions/endpoint/src/publish.rs",
        "if *kind == ParameterType::String {",
        "if true {",
    ),
    (
        "functions/endpoint/src/publish.rs",
        "                ANOTHER_VALUE.to_owned()",
        "                if false { ANOTHER_VALUE.to_owned() } else { value.clone() }",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;\n        if !self.record(None, requesting.as_ref()).await? {",
        "        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED).unwrap_or(30);\n        if !self.record(None, requesting.as_ref()).await? {",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;\n        if !self.record(None, None).await? {",
        "        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED).unwrap_or(30);\n        if !self.record(None, None).await? {",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "known.differences == differences && known.at != waited",
        "false && known.differences == differences && known.at != waited",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "requesting.map(|_| before)",
        "requesting.filter(|_| false).map(|_| before)",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "Members::Failed { id, status } if is_recorded =>",
        "Members::Failed { id, status } if is_recorded || true =>",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "                self.forget_request().await?;\n",
        "                if false {\n                    self.forget_request().await?;\n                }\n",
    ),
    (
        "functions/replication-group/src/decide.rs",
        ".filter(|observed| observed.execution == input.execution)",
        ".filter(|_| true)",
    ),
    (
        "functions/replication-group/src/check.rs",
        "if found != \"modifying\" =>",
        "if !found.is_empty() =>",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "any(|found| found.current_role() == Some(\"primary\"))",
        "any(|found| found.current_role() == Some(\"\"))",
    ),
    (
        "functions/subnet-group/src/ensure.rs",
        "if step::modifies_nothing(&error) =>",
        "if false && step::modifies_nothing(&error) =>",
    ),
    (
        "functions/security-group/src/rule.rs",
        "shown.filter(|port| *port != -1)",
        "shown.filter(|_| true)",
    ),
    (
        "functions/security-group/src/find.rs",
        "let exact = groups.iter().find(is_exact);",
        "let exact = groups.iter().find(is_exact).filter(|_| false);",
    ),
];
const TEXT: &str = "One Retry, one Catch or one ownership check after the other is taken out, and a test has to \
notice. A state machine without its part runs the cells of the fault matrix that are about that state. What no cell can \
make fail, and what stands in the code, is taken out of a checkout, and its tests run.";
/// What no cell of the matrix meets: a claim that was lost to another run.
const NO_CELLS_ERRORS: [&str; 1] = ["DynamoDB.ConditionalCheckFailedException"];

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(unnoticed) => {
            eprintln!("{unnoticed} were not noticed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("The mutation run failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells how many were not noticed.
fn run() -> Result<usize> {
    let path = page::asked_for()?;
    let mut unnoticed = 0;
    let mut lines = vec![
        "| taken out | noticed by |".to_owned(),
        "| --- | --- |".to_owned(),
    ];
    let mut tell = |what: &str, noticed: Option<String>| {
        unnoticed += usize::from(noticed.is_none());
        let noticed = noticed.as_deref().unwrap_or("**nothing**");
        let line = format!("| {what} | {noticed} |");
        eprintln!("{line}");
        lines.push(line);
    };
    let unmet = in_the_state_machines(&mut tell)?;
    in_a_checkout(&unmet, &mut tell)?;
    let table = format!(
        "{}\n\n{} were taken out, {unnoticed} of them unnoticed.",
        lines.join("\n"),
        lines.len() - 2
    );
    page::write(
        &path,
        "Mutation test results",
        "make mutation",
        TEXT,
        &table,
    )?;
    Ok(unnoticed)
}

/// A part of a state machine, to be taken out.
struct Mutant {
    machine: Machine,
    what: String,
    state: String,
    /// The first error that the part was for.
    error: String,
    part: Part,
}

/// Where a retrier or catcher stands in a definition.
struct Part {
    /// A JSON pointer to the list.
    list: String,
    index: usize,
}

impl Mutant {
    /// Whether a cell is about it. None is about a state that an undisturbed run does not pass, such as that of a
    /// failure, or that calls nothing.
    fn is_met_by(&self, cells: &[Cell]) -> bool {
        let state = self.state.as_str();
        cells.iter().any(|cell| is_about(cell, state))
            && !NO_CELLS_ERRORS.contains(&self.error.as_str())
    }
}

/// Gives back what no cell meets.
fn in_the_state_machines(tell: &mut impl FnMut(&str, Option<String>)) -> Result<Vec<Mutant>> {
    let world = World::deploy_with(matrix::SETTINGS)?;
    let baseline = Baseline::run(&world, Machines::deployed(&world))?;
    let mut unmet = Vec::new();
    for machine in Machine::ALL {
        unmet.extend(in_one(&world, &baseline, machine, tell)?);
    }
    Ok(unmet)
}

fn in_one(
    world: &World,
    baseline: &Baseline,
    machine: Machine,
    tell: &mut impl FnMut(&str, Option<String>),
) -> Result<Vec<Mutant>> {
    let machines = Machines::deployed(world);
    let (arn, scenarios): (_, &[Scenario]) = match machine {
        Machine::Provision => (
            machines.provision,
            &[Scenario::Create, Scenario::Stale, Scenario::Replace],
        ),
        Machine::Deprovision => (machines.deprovision, &[Scenario::Remove]),
    };
    let cells = baseline.cells(scenarios, &Frequency::ALL);
    let deployed = world.call(
        "stepfunctions",
        "describe_state_machine",
        &json!({ "stateMachineArn": arn }),
    );
    let definition: Value = serde_json::from_str(&text(&deployed["definition"]))?;
    let (mutants, unmet): (Vec<_>, Vec<_>) = mutants(machine, &definition)
        .into_iter()
        .partition(|mutant| mutant.is_met_by(&cells));
    let is_tried = |cell: &&Cell| mutants.iter().any(|one| is_about(cell, &one.state));
    let tried: Vec<_> = cells.iter().filter(is_tried).cloned().collect();
    let control = matrix::run(baseline, world, machines, &tried)?;
    ensure!(
        control.wrong.is_empty(),
        "{} cells end wrong without any mutation, such as {:?}",
        control.wrong.len(),
        control.wrong.first()
    );
    for (number, mutant) in mutants.iter().enumerate() {
        let name = format!("mutant-{}-{number}", machine.name());
        let without = without(definition.clone(), &mutant.part);
        let without = world.create_state_machine(&name, &without);
        let machines = match machine {
            Machine::Provision => Machines {
                provision: &without,
                ..machines
            },
            Machine::Deprovision => Machines {
                deprovision: &without,
                ..machines
            },
        };
        let about_it: Vec<Cell> = cells
            .iter()
            .filter(|cell| is_about(cell, &mutant.state))
            .cloned()
            .collect();
        let report = matrix::run(baseline, world, machines, &about_it)?;
        let noticed = (!report.wrong.is_empty()).then(|| {
            format!(
                "the fault matrix, {} of {} cells",
                report.wrong.len(),
                about_it.len()
            )
        });
        tell(&mutant.what, noticed);
    }
    Ok(unmet)
}

/// The cells of a state's own calls that end soon: a reply lost, which the SDK's second try then meets; some calls
/// failing in every way; and every call denied.
fn is_about(cell: &Cell, state: &str) -> bool {
    cell.call.step == state
        && match cell.frequency {
            Frequency::First => cell.fault == Fault::LostReply,
            Frequency::Some => cell.fault != Fault::NoReply,
            Frequency::Every => cell.fault == Fault::AccessDenied,
        }
}

/// Each retrier and each catcher that the definition holds, as one to be taken out.
fn mutants(machine: Machine, definition: &Value) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (state, pointer) in states(definition) {
        for part in ["Retry", "Catch"] {
            let at = format!("{pointer}/{part}");
            let rules = definition.pointer(&at).and_then(Value::as_array);
            for (index, rule) in rules.into_iter().flatten().enumerate() {
                let error = text(&rule["ErrorEquals"][0]);
                all.push(Mutant {
                    machine,
                    what: format!("{}: {part} on {error} of {state}", machine.name()),
                    state: state.clone(),
                    error,
                    part: Part {
                        list: at.clone(),
                        index,
                    },
                });
            }
        }
    }
    all
}

fn without(mut definition: Value, part: &Part) -> Value {
    if let Some(Value::Array(rules)) = definition.pointer_mut(&part.list) {
        rules.remove(part.index);
    }
    definition
}

/// Every state, also of branches, with a pointer to it.
fn states(definition: &Value) -> Vec<(String, String)> {
    fn gather(machine: &Value, at: &str, found: &mut Vec<(String, String)>) {
        for (name, state) in machine["States"].as_object().into_iter().flatten() {
            let pointer = format!("{at}/States/{name}");
            for (index, branch) in envcache_tests::array(&state["Branches"]).enumerate() {
                gather(branch, &format!("{pointer}/Branches/{index}"), found);
            }
            found.push((name.clone(), pointer));
        }
    }
    let mut found = Vec::new();
    gather(definition, "", &mut found);
    found
}

fn in_a_checkout(unmet: &[Mutant], tell: &mut impl FnMut(&str, Option<String>)) -> Result<()> {
    // What is committed: the run never touches the files that a person works on. Always in one place, so that
    // what cargo builds for it is built once.
    let checkout = Workspace::root().join("target/mutation");
    if checkout.exists() {
        std::fs::remove_dir_all(&checkout)?;
    }
    clone(&checkout)?;
    mutate_checkout(&checkout, unmet, tell)
}

fn mutate_checkout(
    checkout: &Path,
    unmet: &[Mutant],
    tell: &mut impl FnMut(&str, Option<String>),
) -> Result<()> {
    // What is taken out leaves warnings behind, which are no test.
    let manifest = checkout.join("Cargo.toml");
    let lenient = std::fs::read_to_string(&manifest)?.replace("warnings = \"deny\"", "");
    std::fs::write(&manifest, lenient)?;
    ensure!(
        test(checkout, &["--lib"])? && test(checkout, &["--test", "definitions"])?,
        "the tests fail without any mutation"
    );
    for (file, found, instead) in CHECKS {
        let path = checkout.join(file);
        let before = std::fs::read_to_string(&path)?;
        ensure!(before.contains(found), "{file} holds no `{found}`");
        std::fs::write(&path, before.replace(found, instead))?;
        let passed = test(checkout, &["--lib"])?;
        std::fs::write(&path, before)?;
        tell(
            &format!("the check `{found}` in {file}"),
            (!passed).then(|| "the replayed requests".to_owned()),
        );
    }
    for mutant in unmet {
        let machine = mutant.machine.name();
        let path = checkout.join(format!("statemachine/{machine}.asl.json"));
        let before = std::fs::read_to_string(&path)?;
        // As it stands in the checkout: what was deployed has the stack's names in it.
        let definition = serde_json::from_str(&before)?;
        let without = without(definition, &mutant.part);
        std::fs::write(&path, without.to_string())?;
        let passed = test(checkout, &["--test", "definitions"])?;
        std::fs::write(&path, before)?;
        tell(
            &mutant.what,
            (!passed).then(|| "the state machine read as data".to_owned()),
        );
    }
    Ok(())
}

/// Whether the tests pass there.
///
/// # Errors
/// Where they do not compile: that notices nothing.
fn test(checkout: &Path, arguments: &[&str]) -> Result<bool> {
    ensure!(
        cargo_test(checkout, arguments, &["--no-run"])?,
        "the mutated code does not compile"
    );
    cargo_test(checkout, arguments, &[])
}

fn cargo_test(checkout: &Path, arguments: &[&str], more: &[&str]) -> Result<bool> {
    let status = Command::new("cargo")
        .args(["test", "--locked", "--workspace", "--quiet"])
        .args(arguments)
        .args(more)
        .current_dir(checkout)
        .env("CARGO_TARGET_DIR", Workspace::root().join("target"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cargo")?;
    Ok(status.success())
}

fn clone(checkout: &Path) -> Result<()> {
    let status = Command::new("git")
        .args(["clone", "--quiet", "--shared"])
        .args([&Workspace::root(), checkout])
        .status()
        .context("git")?;
    ensure!(status.success(), "git clone ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use local::Workspace;

    use super::CHECKS;

    #[test]
    fn each_check_occurs_once_in_its_file() {
        for (file, check, _) in CHECKS {
            let text = std::fs::read_to_string(Workspace::root().join(file)).expect(file);

            assert_eq!(text.matches(check).count(), 1, "{file}: {check}");
        }
    }
}
