//! What a run may do with an environment. Pure functions; no AWS calls.

use chrono::{DateTime, SecondsFormat};
use contract::Spec;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{
    Claim, ClaimEnvironmentInput, ClaimRequest, EnvironmentPlan, Protection, ProvisionClaim,
    RemovalClaim, ResolvedNetwork, ResolvedRemoval, ResourceNames, Rollback, WaitedFor,
};
use record::{Identity, Record, Update};

/// How long a run waits for another one to end: 90 minutes. It is shorter than the state machine's `TimeoutSeconds`,
/// because no state can announce that timeout.
pub const DEADLINE_SECONDS: u32 = 90 * 60;
/// How long a run waits before it tries to claim again.
pub const WAIT_SECONDS: u32 = 30;
/// How long a function that the former holder invoked may still write: Lambda ends the function after 30 seconds, and
/// an SDK call that is in flight then may take 15 more.
pub const IN_FLIGHT_SECONDS: u32 = 45;
/// How long Step Functions may not return an execution that has only just started. `DescribeExecution` is eventually
/// consistent
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>).
const NOT_YET_RETURNED_SECONDS: u32 = 60;

/// What Step Functions says about the execution that holds an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HolderStatus {
    /// It runs, or waits to be redriven.
    Running,
    /// It has ended: it was stopped, or it timed out, before it released the environment.
    Ended,
    /// Step Functions doesn't return it: it has only just started, or it ended more than 90 days ago.
    NotReturned,
}

/// The attributes of earlier versions of envcache, which `requestedAt`, `cacheIdentity`, and `creation` replace. A
/// claim removes them.
const OUTDATED_ATTRIBUTES: [&str; 7] = [
    "askedAt",
    "askedForCache",
    "vpcId",
    "cacheName",
    "securityGroupName",
    "subnetGroupName",
    "parameterPrefix",
];
/// The attributes that a removal and a rollback remove from the record.
const CACHE_ATTRIBUTES: [&str; 6] = [
    "creation",
    "cacheIdentity",
    "engineVersion",
    "restoredFrom",
    "observed",
    "rollbackOf",
];
/// The attributes that only a removal removes from the record. A rollback keeps them: a later removal needs the names
/// of the resources that earlier runs created, and a failed run doesn't end the protection.
const ENVIRONMENT_ATTRIBUTES: [&str; 4] = ["spec", "formerSubnetGroups", "formerTags", "protected"];
/// How long the record of a removed environment is kept, in milliseconds: 90 days, as long as Step Functions keeps an
/// execution's name.
const RETENTION_MILLISECONDS: i64 = 90 * 24 * 60 * 60 * 1000;

/// When the record of an environment that was rolled back expires, in seconds since 1970: at the end of the year 9999,
/// because resources of earlier runs may still exist.
const NEVER: i64 = 253_402_300_799;

/// What a run does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may begin, once its request is written.
    Claim(Box<Begin>),
    /// It takes over the claim from an execution that has ended. It may begin after it has waited for that execution's
    /// functions.
    TakeOver { former: String, begin: Box<Begin> },
    /// It waits, for the reason in `outcome`.
    Wait {
        outcome: String,
        seconds: u32,
        waited_for: Option<WaitedFor>,
    },
    /// It changes nothing, for this reason.
    Superseded(String),
}

/// The update of a run that may begin, and the values that its next states need.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    pub claim: Claim,
    /// The update that makes the run the holder and records its request.
    pub update: Update,
    pub plan: EnvironmentPlan,
    /// The keys of the tags to remove from the resources.
    pub former_tags: Vec<String>,
}

/// Decides what a run does, based on the environment's record. `holder` is the status of another execution that holds
/// the environment.
///
/// # Errors
/// Returns `Immutable` if the request has another identity than the environment's cache, `Protected` if a removal is
/// rejected, and `Timeout` if another run has held the environment for 90 minutes.
pub fn decide(
    input: &ClaimEnvironmentInput,
    record: &Record,
    holder: Option<HolderStatus>,
) -> StepResult<Decision> {
    // A superseded request stays superseded, so it needn't wait for the holder.
    if let Some(reason) = superseded(input, record) {
        return Ok(Decision::Superseded(reason));
    }
    if is_dry_run(&input.request) {
        return begin(input, record).map(Decision::Claim);
    }
    let Some(other) = record
        .holder
        .as_ref()
        .filter(|other| **other != input.execution_arn)
    else {
        return after_take_over(input, record);
    };
    let waited_for = waited_for(input, other);
    let seconds_for_holder = input.seconds_waited.saturating_sub(waited_for.since);
    match holder {
        Some(HolderStatus::Running) if input.seconds_waited >= DEADLINE_SECONDS => {
            Err(StepError::new(
                ErrorName::Timeout,
                format!(
                    "environment `{}` is held by {other}, which still runs after 90 minutes of waiting. Nothing was \
                     changed. Check that execution, stop it if it hangs, then start again",
                    input.environment
                ),
            ))
        }
        Some(HolderStatus::NotReturned) if seconds_for_holder < NOT_YET_RETURNED_SECONDS => {
            Ok(wait_for(waited_for))
        }
        Some(HolderStatus::Ended | HolderStatus::NotReturned) => Ok(Decision::TakeOver {
            former: other.clone(),
            begin: begin(input, record)?,
        }),
        Some(HolderStatus::Running) | None => Ok(wait_for(waited_for)),
    }
}

/// Returns the holder, and since when this execution has waited for it.
fn waited_for(input: &ClaimEnvironmentInput, holder: &str) -> WaitedFor {
    match &input.waited_for {
        Some(known) if known.holder == holder => known.clone(),
        _ => WaitedFor {
            holder: holder.to_owned(),
            since: input.seconds_waited,
        },
    }
}

fn wait_for(waited_for: WaitedFor) -> Decision {
    Decision::Wait {
        outcome: format!("held by {}", waited_for.holder),
        seconds: WAIT_SECONDS,
        waited_for: Some(waited_for),
    }
}

/// Begins, unless this run took the claim over and hasn't waited since. The seconds are the state machine's, so a lost
/// reply, a retry, or a redrive doesn't shorten the wait.
fn after_take_over(input: &ClaimEnvironmentInput, record: &Record) -> StepResult<Decision> {
    let is_holder = record.holder.is_some();
    let until = record
        .taken_over_at
        .filter(|_| is_holder)
        .map(|at| at.saturating_add(IN_FLIGHT_SECONDS));
    match until {
        Some(until) if input.seconds_waited < until => Ok(Decision::Wait {
            outcome: "taken over; the former holder's functions may still write".to_owned(),
            seconds: until - input.seconds_waited,
            waited_for: None,
        }),
        _ => begin(input, record).map(Decision::Claim),
    }
}

/// Compares the request with the record.
fn begin(input: &ClaimEnvironmentInput, record: &Record) -> StepResult<Box<Begin>> {
    match &input.request {
        ClaimRequest::Provision { spec, network } => provision(input, record, spec, network),
        ClaimRequest::Remove(removal) => remove(input, record, removal),
    }
    .map(Box::new)
}

fn provision(
    input: &ClaimEnvironmentInput,
    record: &Record,
    spec: &Spec,
    network: &ResolvedNetwork,
) -> StepResult<Begin> {
    let requested = Identity::requested(spec, network);
    if let Some(identity) = &record.identity {
        require_identity(input, identity, &requested)?;
    }
    let protection = Protection {
        found: record.protected,
        wanted: spec.protect.unwrap_or(record.protected),
    };
    let former_tags = former_tags(record, spec);
    let recorded = serde_json::to_string(spec).map_err(|error| {
        StepError::new(ErrorName::Internal, format!("the specification: {error}"))
    })?;
    Ok(Begin {
        claim: Claim::Provision(ProvisionClaim {
            identity: requested.to_json(),
            rollback_requested: spec.options.rolls_back() && record.identity.is_none(),
            protected: protection.wanted,
        }),
        update: request_update(input, record)
            .set_text("spec", &recorded)
            .set_flag("protected", protection.wanted)
            .set_former_subnet_groups(&former_subnet_groups(record, &requested))
            .set_former_tags(&former_tags)
            .remove(&["expiresAt", "rollbackOf"]),
        plan: EnvironmentPlan {
            environment: input.environment.clone(),
            protected: protection.wanted,
            protection_change: (protection.found != protection.wanted).then_some(protection),
        },
        former_tags,
    })
}

fn remove(
    input: &ClaimEnvironmentInput,
    record: &Record,
    removal: &ResolvedRemoval,
) -> StepResult<Begin> {
    let created_by = removal.rollback.as_ref();
    if record.protected && created_by.is_none() {
        return Err(StepError::new(
            ErrorName::Protected,
            format!(
                "environment `{}` is protected from removal. Nothing was changed. To remove its cache, first start a \
                 provisioning run with \"protect\": false, then remove it again",
                input.environment
            ),
        ));
    }
    let ResourceNames {
        cache_name,
        security_group_name,
        subnet_group_name,
        shares_subnet_group,
        parameter_prefix,
    } = record.names.as_ref().unwrap_or(&removal.names).clone();
    let environment_attributes = ENVIRONMENT_ATTRIBUTES
        .into_iter()
        .filter(|_| created_by.is_none());
    let forgotten: Vec<_> = CACHE_ATTRIBUTES
        .into_iter()
        .chain(environment_attributes)
        .collect();
    let expires_at = if created_by.is_some() {
        NEVER
    } else {
        input.started_at.saturating_add(RETENTION_MILLISECONDS) / 1000
    };
    let claim = RemovalClaim {
        creation_recorded: record.creation.is_some(),
        final_snapshot: removal
            .final_snapshot
            .then(|| format!("{cache_name}-final-{}", input.started_at)),
        subnet_group_names: {
            let mut names = record.former_subnet_groups.clone();
            names.retain(|name| *name != subnet_group_name);
            if !shares_subnet_group {
                names.insert(0, subnet_group_name.clone());
            }
            names
        },
        shared_subnet_group: shares_subnet_group.then_some(subnet_group_name),
        vpc_id: record
            .identity
            .as_ref()
            .map(|identity| identity.vpc_id.clone()),
        created_by: created_by.map(|rollback| rollback.execution.to_string()),
        forgotten: forgotten.join(", "),
        expires_at: expires_at.to_string(),
        cache_name,
        security_group_name,
        parameter_prefix,
    };
    let update = if created_by.is_some() {
        // The failed execution stays the last recorded one, because it explains why there is no cache.
        holder_update(input, record).set_requested_at(record.requested_at)
    } else {
        request_update(input, record).remove(&["rollbackOf"])
    };
    Ok(Begin {
        claim: Claim::Removal(Box::new(claim)),
        update,
        plan: EnvironmentPlan {
            environment: input.environment.clone(),
            protected: record.protected,
            protection_change: None,
        },
        former_tags: Vec::new(),
    })
}

/// Returns the subnet groups that an earlier request may have created and that this one doesn't name. A shared one wasn't
/// created. Once there is a cache, its subnet group stays.
fn former_subnet_groups(record: &Record, requested: &Identity) -> Vec<String> {
    let last = record
        .names
        .as_ref()
        .filter(|names| !names.shares_subnet_group)
        .map(|names| &names.subnet_group_name);
    let mut groups: Vec<_> = record
        .former_subnet_groups
        .iter()
        .chain(last)
        .cloned()
        .collect();
    groups.retain(|group| *group != requested.subnet_group_name);
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Returns the keys of the tags that earlier requests named and this one doesn't. They are recorded before any tag changes, and
/// forgotten only after a run has updated every resource, so that no crash loses one.
fn former_tags(record: &Record, spec: &Spec) -> Vec<String> {
    let mut keys: Vec<_> = record
        .former_tags
        .iter()
        .chain(&record.tags)
        .filter(|key| !spec.tags.contains(key))
        .cloned()
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Returns the update that makes the execution the holder and rewrites attributes of earlier versions of envcache.
fn holder_update(input: &ClaimEnvironmentInput, record: &Record) -> Update {
    Update::default()
        .set_text("holder", &input.execution_arn)
        .set_identity(record.identity.as_ref())
        .set_creation(record.creation.as_ref())
        .remove(&OUTDATED_ATTRIBUTES)
        .remove(&["takenOverAt"])
}

/// Returns the update that also records the request as the newest.
fn request_update(input: &ClaimEnvironmentInput, record: &Record) -> Update {
    holder_update(input, record)
        .set_text("lastExecution", &input.execution_arn)
        .set_requested_at(Some(requested_at(input)))
}

/// Returns the update of a run that takes over the claim from an execution that has ended. A claim removes
/// `takenOverAt` again.
pub fn take_over_update(input: &ClaimEnvironmentInput) -> Update {
    Update::default()
        .set_text("holder", &input.execution_arn)
        .set_number("takenOverAt", input.seconds_waited.into())
}

fn require_identity(
    input: &ClaimEnvironmentInput,
    identity: &Identity,
    requested: &Identity,
) -> StepResult<()> {
    let differences = identity.differences(requested);
    if differences.is_empty() {
        return Ok(());
    }
    Err(StepError::new(
        ErrorName::Immutable,
        format!(
            "environment `{}` already has a cache with other identity fields: {}. Nothing was changed, because a new \
             identity would orphan the existing cache. Request the current values, or use another environment name",
            input.environment,
            differences.join("; ")
        ),
    ))
}

/// Returns why a request is superseded, if it is.
fn superseded(input: &ClaimEnvironmentInput, record: &Record) -> Option<String> {
    if let Some(rollback) = rollback(&input.request) {
        // Only the record authorizes a rollback, not the rollback's own input.
        let failed = rollback.execution.as_str();
        return (record.rollback_of.as_deref() != Some(failed)).then(|| {
            format!(
                "the environment's record doesn't authorize a rollback of execution `{failed}`: it did not fail, it was \
                 rolled back before, or another run has claimed the environment since. Nothing was removed"
            )
        });
    }
    let (own, newest) = (requested_at(input), record.requested_at?);
    (own < newest).then(|| {
        format!(
            "this request is from {}; a newer request from {} takes precedence. Nothing was changed. To apply this \
             request anyway, start an execution manually without its `event` field",
            time(own),
            time(newest)
        )
    })
}

/// Returns when the run was requested: its event's time, but not later than its own start, so that an event from the
/// future doesn't block later requests.
fn requested_at(input: &ClaimEnvironmentInput) -> i64 {
    let event = match &input.request {
        ClaimRequest::Provision { spec, .. } => {
            spec.event.as_ref().map(|event| event.time.milliseconds())
        }
        ClaimRequest::Remove(removal) => removal.requested_at,
    };
    event.map_or(input.started_at, |time| time.min(input.started_at))
}

/// Returns whether the run ends after its plan. It claims nothing, so it needn't wait.
pub fn is_dry_run(request: &ClaimRequest) -> bool {
    matches!(request, ClaimRequest::Provision { spec, .. } if spec.options.dry_run)
}

fn rollback(request: &ClaimRequest) -> Option<&Rollback> {
    match request {
        ClaimRequest::Remove(removal) => removal.rollback.as_ref(),
        ClaimRequest::Provision { .. } => None,
    }
}

/// Returns a time such as `2026-11-23T10:00:00.000Z`.
fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds).map_or_else(
        || format!("{milliseconds} ms"),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}
