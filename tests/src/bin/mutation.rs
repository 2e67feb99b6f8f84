//! Runs the mutation tests and writes their results page: removes one Retry, Catch, or check at a time and checks that
//! a test fails.
//!
//! A Retry or Catch is removed from a copy of the deployed state machine, and the cells of the fault matrix that
//! concern its state run on the copy. Checks in the code, and Retries and Catches without such a cell, are removed in a
//! separate checkout, and its tests run.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use envcache_tests::definition::Machine;
use envcache_tests::matrix::{self, Baseline, Cell, Frequency, Machines, Scenario};
use envcache_tests::page::Page;
use envcache_tests::{World, text};
use local::Workspace;
use local::gateway::fault::Fault;
use serde_json::{Value, json};

/// Mutations of the code's checks: a file, a fragment of it, and the fragment's replacement.
const CHECKS: [(&str, &str, &str); 117] = [
    (
        "functions/log-group/src/ensure.rs",
        "if requested.retention_days.is_some() || found == Some(default) {",
        "if true || requested.retention_days.is_some() || found == Some(default) {",
    ),
    (
        "functions/parameter-group/src/ensure.rs",
        "self.check_cache(elasticache, &found).await?;",
        "let _ = self.check_cache(elasticache, &found).await;",
    ),
    (
        "functions/parameter-group/src/ensure.rs",
        "check_return_to_default(elasticache, cache_name, &groups, &output).await?;",
        "let _ = check_return_to_default(elasticache, cache_name, &groups, &output).await;",
    ),
    (
        "shared/contract/src/cache.rs",
        "&& !TIERED_POLICIES.contains(&policy)",
        "&& !TIERED_POLICIES.contains(&policy) && false",
    ),
    (
        "functions/parameter-group/src/ensure.rs",
        "if !owner.owns(pairs(&tags)) {",
        "if false && !owner.owns(pairs(&tags)) {",
    ),
    (
        "functions/parameter-group/src/ensure.rs",
        "Ok(tags) => Ok(owner.owns(pairs(&tags))),",
        "Ok(tags) => Ok(true || owner.owns(pairs(&tags))),",
    ),
    (
        "functions/parameter-group/src/ensure.rs",
        "validate::check(parameters, &defaults, version)?;",
        "let _ = validate::check(parameters, &defaults, version);",
    ),
    (
        "functions/parameter-group/src/delete.rs",
        "if !owner.owns_created_by(",
        "if false && !owner.owns_created_by(",
    ),
    (
        "functions/parameter-group/src/delete.rs",
        "let Some(selected) = &input.parameter_groups else {",
        "let Some(selected) = input.parameter_groups.as_ref().filter(|_| false) else {",
    ),
    (
        "functions/replication-group/src/parameter_group.rs",
        "if has_pending_upgrade(found) {",
        "if false && has_pending_upgrade(found) {",
    ),
    (
        "functions/replication-group/src/setting/parameter_group.rs",
        "former.any(|name| in_use == Some(name.as_str()))",
        "former.any(|name| true || in_use == Some(name.as_str()))",
    ),
    (
        "shared/contract/src/policy.rs",
        "if spec.cache.logs.is_some() && !self.log_delivery {",
        "if false && spec.cache.logs.is_some() && !self.log_delivery {",
    ),
    (
        "shared/contract/src/setting/logs.rs",
        "if fields.slow.is_none() && fields.engine.is_none() {",
        "if false && fields.slow.is_none() && fields.engine.is_none() {",
    ),
    (
        "functions/replication-group/src/setting/logs.rs",
        "!= Some(&LogDeliveryConfigurationStatus::Disabling)",
        "!= None::<&LogDeliveryConfigurationStatus>",
    ),
    (
        "functions/replication-group/src/setting/logs.rs",
        "log_group == Some(kind.group_name_of(id).as_str())",
        "log_group.is_some() || log_group == Some(kind.group_name_of(id).as_str())",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "&& let Some(changing) = logs::changing(group)",
        "&& let Some(changing) = logs::changing(group).filter(|_| false)",
    ),
    (
        "functions/log-group/src/find.rs",
        ".find(|group| group.log_group_name() == Some(name))",
        ".next()",
    ),
    (
        "shared/contract/src/ownership.rs",
        "if missing.is_some() && adoption.belongs_here =>",
        "if missing.is_some() =>",
    ),
    (
        "functions/environment/src/evidence.rs",
        "&& !others.iter().any(may_be_named_in)",
        "&& (true || !others.iter().any(may_be_named_in))",
    ),
    (
        "functions/environment/src/claim.rs",
        "ClaimRequest::Provision { spec, .. } => spec.options.adopt,",
        "ClaimRequest::Provision { .. } => true,",
    ),
    (
        "functions/replication-group/src/adoption.rs",
        "if !rejected.is_empty() {",
        "if false && !rejected.is_empty() {",
    ),
    (
        "functions/replication-group/src/adoption.rs",
        "require_explicit(found, input)?;",
        "let _ = require_explicit(found, input);",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "return if may_adopt {",
        "return if false && may_adopt {",
    ),
    (
        "functions/network/src/select.rs",
        "if group.vpc != vpc {",
        "if false && group.vpc != vpc {",
    ),
    (
        "functions/environment/src/decide.rs",
        ".filter(|names| !names.shares_subnet_group)",
        ".filter(|names| true || !names.shares_subnet_group)",
    ),
    (
        "functions/subnet-group/src/ensure.rs",
        "if owner_tags.is_empty() {",
        "if true || owner_tags.is_empty() {",
    ),
    (
        "functions/replication-group/src/delete.rs",
        "let Some(obstacle) = obstacle(&group) else {",
        "let Some(obstacle) = obstacle(&group).filter(|_| false) else {",
    ),
    (
        "functions/replication-group/src/delete.rs",
        "Ok(Some(tags)) if !is_owned(&tags) => possible,",
        "Ok(Some(tags)) if false && !is_owned(&tags) => possible,",
    ),
    (
        "functions/replication-group/src/create.rs",
        "zones.iter().any(|zone| message.contains(zone.as_str()))",
        "zones.iter().any(|zone| false && message.contains(zone.as_str()))",
    ),
    (
        "shared/contract/src/ownership.rs",
        "if is_set(environment) && is_missing(stack.0) {",
        "if false && is_set(environment) && is_missing(stack.0) {",
    ),
    (
        "shared/contract/src/ownership.rs",
        "} else if is_set(stack) && is_missing(environment.0) {",
        "} else if false && is_set(stack) && is_missing(environment.0) {",
    ),
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
        "if owner.owns_created_by(created_by, pairs(&tags)) =>",
        "if owner.owns_created_by(created_by, pairs(&tags)) || true =>",
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
        "let adoption = spec.adoption(belongs_here);",
        "let adoption = contract::Adoption { requested: true, belongs_here };",
    ),
    (
        "functions/security-group/src/ensure.rs",
        "spec.adoption(belongs_here),",
        "contract::Adoption { requested: true, belongs_here },",
    ),
    (
        "functions/subnet-group/src/ensure.rs",
        "spec.adoption(belongs_here),",
        "contract::Adoption { requested: true, belongs_here },",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "let adoption = self.input.spec.adoption(self.input.belongs_here);",
        "let adoption = contract::Adoption { requested: true, belongs_here: false };",
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
        "(requests.len() <= limit)",
        "(requests.len() <= limit + 9)",
    ),
    (
        "functions/replication-group/src/decide.rs",
        "if !requests.contains(&waited) {",
        "if true {",
    ),
    (
        "shared/contract/src/version.rs",
        "requested.major == recorded.major && requested < *recorded",
        "requested.major == recorded.major && requested > *recorded",
    ),
    (
        "shared/contract/src/version.rs",
        "} else if found.major == requested.major {",
        "} else if true || found.major == requested.major {",
    ),
    (
        "functions/replication-group/src/version.rs",
        "Some((name, _)) => Err(name.to_owned()),",
        "Some((_, _)) => Ok(Some(default(requested))),",
    ),
    (
        "functions/replication-group/src/setting/parameter_group.rs",
        "if version::compare(current, wanted) != version::Comparison::Older {",
        "if version::compare(current, wanted) == version::Comparison::Older {",
    ),
    (
        "functions/replication-group/src/compare.rs",
        "require_none(&immutable(found, input, |_| true), input)?;",
        "let _ = require_none(&immutable(found, input, |_| true), input);",
    ),
    (
        "functions/replication-group/src/timing.rs",
        "if pending.is_empty() || applying.is_empty() {",
        "if true || pending.is_empty() || applying.is_empty() {",
    ),
    (
        "functions/replication-group/src/setting/mod.rs",
        "values.all(|other| other == Some(first))",
        "values.all(|_| true)",
    ),
    (
        "functions/replication-group/src/setting/notification_topic.rs",
        "configuration.topic_status() == Some(\"active\")",
        "configuration.topic_status().is_some()",
    ),
    (
        "functions/replication-group/src/setting/engine.rs",
        "input.spec.options.upgrade_engine && engine == Some(\"redis\")",
        "(true || input.spec.options.upgrade_engine) && engine == Some(\"redis\")",
    ),
    (
        "shared/contract/src/cache.rs",
        "if cache.multi_az == Some(true) && !cache.fails_over() {",
        "if false && cache.multi_az == Some(true) && !cache.fails_over() {",
    ),
    (
        "shared/contract/src/setting/windows.rs",
        "!overlaps,",
        "true || !overlaps,",
    ),
    (
        "shared/contract/src/request.rs",
        "if self.upgrade_engine && !self.adopt {",
        "if false && self.upgrade_engine && !self.adopt {",
    ),
    (
        "functions/replication-group/src/key.rs",
        "let Some((problem, remedy)) = problem(&key) else {",
        "let Some((problem, remedy)) = problem(&key).filter(|_| false) else {",
    ),
    (
        "functions/replication-group/src/scope.rs",
        "(Some(found), Some(own)) if found != own =>",
        "(Some(found), Some(own)) if false && found != own =>",
    ),
    (
        "functions/replication-group/src/timing.rs",
        "is_deferrable || contradicts(*setting, found, input)",
        "is_deferrable && contradicts(*setting, found, input)",
    ),
    (
        "functions/replication-group/src/restore.rs",
        "if restored_from != Some(source.as_str()) {",
        "if true || restored_from != Some(source.as_str()) {",
    ),
    (
        "functions/replication-group/src/restore.rs",
        "let Some((problem, remedy)) = problem(&snapshot, input) else {",
        "let Some((problem, remedy)) = problem(&snapshot, input).filter(|_| false) else {",
    ),
    (
        "functions/replication-group/src/ensure.rs",
        "if source == self.record.restored_from {",
        "if true || source == self.record.restored_from {",
    ),
    (
        "functions/replication-group/src/setting/kms_key.rs",
        "is_some_and(|key| is_same(key, arn))",
        "is_some_and(|key| true || is_same(key, arn))",
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
        "if !is_rejected(&creation, &creation.placement) {",
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
        "self.owns(tags) && is_created_by",
        "self.owns(tags) && (true || is_created_by)",
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
    (
        "functions/report-outcome/src/ended_execution.rs",
        "is_dry_run: input[\"dryRun\"] == true,",
        "is_dry_run: false,",
    ),
    (
        "functions/report-outcome/src/ended_execution.rs",
        ".is_none_or(|error| ErrorName::from_name(error).is_none())",
        ".is_none_or(|error| error.is_empty())",
    ),
    (
        "functions/environment/src/decide.rs",
        ".filter(|key| !spec.tags.contains(key))",
        ".filter(|_| true)",
    ),
    (
        "functions/environment/src/decide.rs",
        "        .chain(&record.tags)\n",
        "",
    ),
    (
        "shared/contract/src/tag_changes.rs",
        "Ownership::Adoptable => ANOTHER_VALUE.to_owned(),",
        "Ownership::Adoptable => value.to_owned(),",
    ),
    (
        "shared/record/src/table.rs",
        ".condition_expression(\"attribute_not_exists(resultAt) OR resultAt < :at\")",
        ".condition_expression(\"attribute_exists(environment)\")",
    ),
    (
        "cli/src/follow.rs",
        "if is_denial(&error) || last_success",
        "if last_success",
    ),
    (
        "cli/src/last_run.rs",
        "recorded.filter(|_| prefers_recorded)",
        "recorded.filter(|_| false)",
    ),
    (
        "cli/src/watch.rs",
        "if !machine.is_empty() && !name.is_empty() =>",
        "if machine != name =>",
    ),
];
const TEXT: &str = "Each mutation removes one Retry, one Catch, or one check of the code, and a test must fail. A Retry or \
Catch is removed from a copy of the state machine, which then runs the cells of the fault matrix that concern its state. \
Checks of the code, and Retries and Catches that no cell detects, are removed in a separate checkout, which then runs its \
tests.";
/// The errors that no cell causes: a claim that was lost to another run, and an inactive function.
const UNCOVERED_ERRORS: [&str; 2] = [
    "DynamoDB.ConditionalCheckFailedException",
    "Lambda.ResourceNotReadyException",
];

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(undetected) => {
            eprintln!("{undetected} mutations were not detected");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("The mutation run failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns how many mutations were not detected.
fn run() -> Result<usize> {
    let page = Page::begin()?;
    let mut undetected = 0;
    let mut lines = vec![
        "| mutation | detected by |".to_owned(),
        "| --- | --- |".to_owned(),
    ];
    let mut report = |what: &str, detected_by: Option<String>| {
        undetected += usize::from(detected_by.is_none());
        let detected_by = detected_by.as_deref().unwrap_or("**nothing**");
        let line = format!("| {what} | {detected_by} |");
        eprintln!("{line}");
        lines.push(line);
    };
    let uncovered = mutate_state_machines(&mut report)?;
    run_in_checkout(&uncovered, &mut report)?;
    let table = format!(
        "{}\n\n{} mutations, {undetected} of them not detected.",
        lines.join("\n"),
        lines.len() - 2
    );
    page.write("Mutation test results", "make mutation", TEXT, &table)?;
    Ok(undetected)
}

/// A state machine without one retrier or catcher.
struct Mutant {
    machine: Machine,
    what: String,
    state: String,
    /// The first error of the removed retrier or catcher.
    error: String,
    part: Part,
}

/// The position of a retrier or catcher in a definition.
struct Part {
    /// A JSON pointer to the list.
    list: String,
    index: usize,
}

impl Mutant {
    /// Returns whether a cell concerns it. No cell concerns a state that calls nothing, or that a baseline run doesn't
    /// enter, such as those of the failure path.
    fn is_covered_by(&self, cells: &[Cell]) -> bool {
        let state = self.state.as_str();
        cells.iter().any(|cell| concerns(cell, state))
            && !UNCOVERED_ERRORS.contains(&self.error.as_str())
    }
}

/// Tests the mutants that a cell concerns. Returns the others, and those that no cell detected.
fn mutate_state_machines(report: &mut impl FnMut(&str, Option<String>)) -> Result<Vec<Mutant>> {
    let world = World::deploy_with(matrix::SETTINGS)?;
    let baseline = Baseline::run(&world, Machines::deployed(&world))?;
    let mut uncovered = Vec::new();
    for machine in Machine::ALL {
        uncovered.extend(mutate_state_machine(&world, &baseline, machine, report)?);
    }
    Ok(uncovered)
}

fn mutate_state_machine(
    world: &World,
    baseline: &Baseline,
    machine: Machine,
    report: &mut impl FnMut(&str, Option<String>),
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
    let (mutants, mut uncovered): (Vec<_>, Vec<_>) = mutants(machine, &definition)
        .into_iter()
        .partition(|mutant| mutant.is_covered_by(&cells));
    let mut trials = Vec::new();
    for (number, mutant) in mutants.iter().enumerate() {
        let name = format!("mutant-{}-{number}", machine.name());
        let without = without(definition.clone(), &mutant.part);
        let mut concerned: Vec<_> = cells
            .iter()
            .filter(|cell| concerns(cell, &mutant.state))
            .collect();
        // Different faults first: the cells are in the order of their calls.
        concerned.sort_by_key(|cell| (cell.fault.to_string(), cell.frequency));
        trials.push(Trial {
            mutant,
            arn: world.create_state_machine(&name, &without),
            concerned,
            tried: 0,
        });
    }
    let mut controlled = BTreeSet::new();
    for round in ROUNDS {
        let mut batch = Vec::new();
        for (index, trial) in trials.iter_mut().enumerate() {
            batch.extend(trial.next(round).into_iter().map(|cell| (index, cell)));
        }
        // Without a mutation, none of the cells has a wrong result.
        let control: Vec<_> = batch
            .iter()
            .filter(|(_, cell)| controlled.insert(cell.to_string()))
            .map(|(_, cell)| (machines, *cell))
            .collect();
        for ended in matrix::run_each(baseline, world, &control, |_, _| ())? {
            ended.context("a cell has a wrong result without any mutation")?;
        }
        let mutated: Vec<_> = batch
            .iter()
            .map(|(index, cell)| (trials[*index].machines(machines), *cell))
            .collect();
        let ended = matrix::run_each(baseline, world, &mutated, |_, _| ())?;
        let mut wrong = vec![0; trials.len()];
        for ((index, _), ended) in batch.iter().zip(ended) {
            wrong[*index] += usize::from(ended.is_err());
        }
        let mut undetected = Vec::new();
        for (trial, wrong) in trials.into_iter().zip(wrong) {
            if wrong > 0 {
                let detected_by = format!("the fault matrix, {wrong} of {} cells", trial.tried);
                report(&trial.mutant.what, Some(detected_by));
            } else {
                undetected.push(trial);
            }
        }
        trials = undetected;
    }
    // A definition test may still detect the others.
    let undetected: BTreeSet<_> = trials
        .iter()
        .map(|trial| trial.mutant.what.clone())
        .collect();
    uncovered.extend(
        mutants
            .into_iter()
            .filter(|mutant| undetected.contains(&mutant.what)),
    );
    Ok(uncovered)
}

/// How many more cells each round tries of a mutant that no cell has detected.
const ROUNDS: [usize; 3] = [6, 14, usize::MAX];

/// A mutant, and the cells that may detect it.
struct Trial<'a> {
    mutant: &'a Mutant,
    /// The ARN of its state machine.
    arn: String,
    concerned: Vec<&'a Cell>,
    /// How many of the cells were tried.
    tried: usize,
}

impl<'a> Trial<'a> {
    /// Returns the next cells to try, spread over those that are left.
    fn next(&mut self, count: usize) -> Vec<&'a Cell> {
        let left = &mut self.concerned[self.tried..];
        let count = count.min(left.len());
        let step = (left.len() / count.max(1)).max(1);
        for index in 0..count {
            left.swap(index, index * step);
        }
        let next = left[..count].to_vec();
        self.tried += count;
        next
    }

    fn machines<'b>(&'b self, deployed: Machines<'b>) -> Machines<'b> {
        match self.mutant.machine {
            Machine::Provision => Machines {
                provision: &self.arn,
                ..deployed
            },
            Machine::Deprovision => Machines {
                deprovision: &self.arn,
                ..deployed
            },
        }
    }
}

/// Returns whether a cell concerns a state's own calls and ends soon: a lost reply on the first attempt, each fault
/// except `NoReply` on some attempts, or a denial of every attempt.
fn concerns(cell: &Cell, state: &str) -> bool {
    cell.call.step == state
        && match cell.frequency {
            Frequency::First => cell.fault == Fault::LostReply,
            Frequency::Some => cell.fault != Fault::NoReply,
            Frequency::Every => cell.fault == Fault::AccessDenied,
        }
}

/// Returns a mutant for each retrier and each catcher of the definition.
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

/// Returns the name of every state, including those of branches, with a pointer to it.
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

/// Tests the mutations of the code, and the mutants that no cell concerns.
fn run_in_checkout(
    uncovered: &[Mutant],
    report: &mut impl FnMut(&str, Option<String>),
) -> Result<()> {
    // A clone of the last commit leaves the user's files alone. Its path is fixed so that cargo can reuse its build.
    let checkout = Workspace::root().join("target/mutation");
    if checkout.exists() {
        std::fs::remove_dir_all(&checkout)?;
    }
    clone(&checkout)?;
    mutate_checkout(&checkout, uncovered, report)
}

fn mutate_checkout(
    checkout: &Path,
    uncovered: &[Mutant],
    report: &mut impl FnMut(&str, Option<String>),
) -> Result<()> {
    // A mutation may cause compiler warnings, which must not count as a detection.
    let manifest = checkout.join("Cargo.toml");
    let lenient = std::fs::read_to_string(&manifest)?.replace("warnings = \"deny\"", "");
    std::fs::write(&manifest, lenient)?;
    ensure!(
        test(checkout, &["--lib"])?
            && test(checkout, &["--bin", "envcache"])?
            && test(checkout, &["--test", "definitions"])?,
        "the tests fail without any mutation"
    );
    for (file, fragment, replacement) in CHECKS {
        let path = checkout.join(file);
        let before = std::fs::read_to_string(&path)?;
        ensure!(
            before.contains(fragment),
            "{file} doesn't contain `{fragment}`"
        );
        std::fs::write(&path, before.replace(fragment, replacement))?;
        let unit_tests: &[&str] = if file.starts_with("cli/") {
            &["--bin", "envcache"]
        } else {
            &["--lib"]
        };
        let passed = test(checkout, unit_tests)?;
        std::fs::write(&path, before)?;
        report(
            &format!("the check `{fragment}` in {file}"),
            (!passed).then(|| "the unit tests".to_owned()),
        );
    }
    for mutant in uncovered {
        let machine = mutant.machine.name();
        let path = checkout.join(format!("statemachine/{machine}.asl.json"));
        let before = std::fs::read_to_string(&path)?;
        // The deployed definition contains the stack's names, so take the file's.
        let definition = serde_json::from_str(&before)?;
        let without = without(definition, &mutant.part);
        std::fs::write(&path, without.to_string())?;
        let passed = test(checkout, &["--test", "definitions"])?;
        std::fs::write(&path, before)?;
        report(
            &mutant.what,
            (!passed).then(|| "the definition tests".to_owned()),
        );
    }
    Ok(())
}

/// Returns whether the checkout's tests pass.
///
/// # Errors
/// Returns an error if they don't compile, which isn't a detection.
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
    ensure!(status.success(), "git clone failed: {status}");
    // The tests read botocore's models from it.
    let tools = Workspace::root().join(".venv");
    symlink(tools, checkout.join(".venv")).context("the virtual environment's link")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use local::Workspace;

    use super::CHECKS;

    #[test]
    fn each_check_occurs_once_in_its_file() {
        for (file, fragment, _) in CHECKS {
            let text = std::fs::read_to_string(Workspace::root().join(file)).expect(file);

            assert_eq!(text.matches(fragment).count(), 1, "{file}: {fragment}");
        }
    }
}
