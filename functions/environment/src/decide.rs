//! What a run may do with an environment. Pure functions; no AWS calls.

use chrono::{DateTime, SecondsFormat};
use contract::Spec;
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{
    Claim, ClaimEnvironmentInput, ClaimRequest, EnvironmentPlan, Protection, ProvisionClaim,
    RemovalClaim, ResolvedNetwork, ResolvedRemoval, ResourceNames, Rollback, WaitedFor,
};
use record::{Identity, Record, Update};

/// How long a run waits for another one to end: 90 minutes. It lies below the state machine's `TimeoutSeconds`, whose
/// end couldn't be announced.
pub const DEADLINE_SECONDS: u32 = 90 * 60;
/// How long a run waits before it asks for the claim again.
const WAIT_SECONDS: u32 = 30;
/// How long a function that the former holder invoked may still write: Lambda ends it after 30 seconds, and a call of
/// its SDK that is under way after 15 more.
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

/// The attributes of earlier versions of envcache: `requestedAt`, `cacheIdentity`, and `creation` hold now what they
/// held. A claim rewrites them.
const OUTDATED_ATTRIBUTES: [&str; 7] = [
    "askedAt",
    "askedForCache",
    "vpcId",
    "cacheName",
    "securityGroupName",
    "subnetGroupName",
    "parameterPrefix",
];
/// What the record loses with the cache.
const OF_THE_CACHE: [&str; 5] = [
    "creation",
    "cacheIdentity",
    "engineVersion",
    "observed",
    "rollbackOf",
];
/// What it loses besides, once nothing of the environment is left. A rollback leaves what earlier runs created, so a later
/// removal needs their names; and the protection of a cache outlives a failed run.
const OF_THE_ENVIRONMENT: [&str; 3] = ["spec", "formerSubnetGroups", "protected"];
/// How long the record of a removed environment remembers when it was removed, in milliseconds: 90 days, as long as Step
/// Functions keeps an execution's name.
const REMEMBERED_MILLISECONDS: i64 = 90 * 24 * 60 * 60 * 1000;

/// When the record of an environment that was rolled back expires, in seconds since 1970: at the end of the year 9999,
/// because what earlier runs created may still exist.
const NEVER: i64 = 253_402_300_799;

/// What a run does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may begin, once its request is written.
    Claim(Box<Begin>),
    /// It takes the claim over from an execution that has ended, waits for that one's functions, and may begin then.
    TakeOver { former: String, begin: Box<Begin> },
    /// It waits, because of what `outcome` says.
    Wait {
        outcome: String,
        seconds: u32,
        waited_for: Option<WaitedFor>,
    },
    /// It changes nothing, for this reason.
    Superseded(String),
}

/// What a run that may begin writes, and what its next states need.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    pub claim: Claim,
    /// What it writes besides the holder.
    pub update: Update,
    pub plan: EnvironmentPlan,
}

/// Decides what a run does, by the environment's record. `holder` is what Step Functions says about another execution
/// that holds it.
///
/// # Errors
/// Returns `Immutable` if the request has another identity than the environment's cache, `Protected` if a removal is
/// rejected, and `Timeout` if another run has held the environment for 90 minutes.
pub fn decide(
    input: &ClaimEnvironmentInput,
    record: &Record,
    holder: Option<HolderStatus>,
) -> StepResult<Decision> {
    // What is superseded now stays so, whoever holds the environment: it need not wait.
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

/// Returns since when this execution has waited for the holder.
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
    let is_ours = record.holder.is_some();
    let until = record
        .taken_over_at
        .filter(|_| is_ours)
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
            .remove(&["expiresAt", "rollbackOf"]),
        plan: EnvironmentPlan {
            environment: input.environment.clone(),
            protected: protection.wanted,
            protection_change: (protection.found != protection.wanted).then_some(protection),
        },
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
        parameter_prefix,
    } = record.names.as_ref().unwrap_or(&removal.names).clone();
    let of_the_environment = OF_THE_ENVIRONMENT
        .into_iter()
        .filter(|_| created_by.is_none());
    let forgotten: Vec<_> = OF_THE_CACHE.into_iter().chain(of_the_environment).collect();
    let expires_at = if created_by.is_some() {
        NEVER
    } else {
        input.started_at.saturating_add(REMEMBERED_MILLISECONDS) / 1000
    };
    let claim = RemovalClaim {
        creation_recorded: record.creation.is_some(),
        final_snapshot: removal
            .final_snapshot
            .then(|| format!("{cache_name}-final-{}", input.started_at)),
        subnet_group_names: {
            let mut former = record.former_subnet_groups.clone();
            former.retain(|name| *name != subnet_group_name);
            former.insert(0, subnet_group_name);
            former
        },
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
        // The failed execution stays the one that was last recorded, and says why there is no cache.
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
    })
}

/// Returns the subnet groups that an earlier request may have created and that this one doesn't name. Once there is a
/// cache, its subnet group stays.
fn former_subnet_groups(record: &Record, requested: &Identity) -> Vec<String> {
    let last = record.names.as_ref().map(|names| &names.subnet_group_name);
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

/// Makes the execution the holder, and rewrites what an earlier version of envcache wrote.
fn holder_update(input: &ClaimEnvironmentInput, record: &Record) -> Update {
    Update::default()
        .set_text("holder", &input.execution_arn)
        .set_identity(record.identity.as_ref())
        .set_creation(record.creation.as_ref())
        .remove(&OUTDATED_ATTRIBUTES)
        .remove(&["takenOverAt"])
}

/// Records the request as the newest.
fn request_update(input: &ClaimEnvironmentInput, record: &Record) -> Update {
    holder_update(input, record)
        .set_text("lastExecution", &input.execution_arn)
        .set_number("requestedAt", requested_at(input))
}

/// Returns what a run writes when it takes the claim over from an execution that has ended: a claim removes the marker
/// again.
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

/// Why a request is not to be carried out any more.
fn superseded(input: &ClaimEnvironmentInput, record: &Record) -> Option<String> {
    if let Some(rollback) = rollback(&input.request) {
        // A rollback is authorized by the record alone, and by nothing that its own input says.
        let failed = rollback.execution.as_str();
        return (record.rollback_of.as_deref() != Some(failed)).then(|| {
            format!(
                "the record of the environment names no failed execution {failed} to roll back: it did not fail, it \
                 was rolled back before, or another run has followed it. Nothing was removed"
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

/// When the run was requested: at its event's time, but not after its own start, so that an event from the future
/// doesn't lock the environment.
fn requested_at(input: &ClaimEnvironmentInput) -> i64 {
    let event = match &input.request {
        ClaimRequest::Provision { spec, .. } => {
            spec.event.as_ref().map(|event| event.time.milliseconds())
        }
        ClaimRequest::Remove(removal) => removal.requested_at,
    };
    event.map_or(input.started_at, |time| time.min(input.started_at))
}

/// Whether the run ends after its plan: it claims nothing, so it needn't wait.
pub fn is_dry_run(request: &ClaimRequest) -> bool {
    matches!(request, ClaimRequest::Provision { spec, .. } if spec.options.dry_run)
}

fn rollback(request: &ClaimRequest) -> Option<&Rollback> {
    match request {
        ClaimRequest::Remove(removal) => removal.rollback.as_ref(),
        ClaimRequest::Provision { .. } => None,
    }
}

/// `2026-11-23T10:00:00.000Z`
fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds).map_or_else(
        || format!("{milliseconds} ms"),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}
