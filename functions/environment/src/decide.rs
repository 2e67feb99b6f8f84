//! What a run may do with an environment. Pure functions; no AWS calls.

use chrono::{DateTime, SecondsFormat};
use contract::claim::{Claim, ClaimEnvironmentInput, ClaimRequest, Protection};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{Names, ResolvedRemoval};

use crate::record::{Identity, Record};

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

/// What a run does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It may begin, once this is written; a plan writes nothing.
    Claim(Claim, Option<Write>),
    /// It takes the claim over from an execution that has ended, and waits for that one's functions.
    TakeOver { former: String },
    /// It waits, because of what `outcome` says.
    Wait { outcome: String, seconds: u32 },
    /// It changes nothing, for this reason.
    Superseded(String),
}

/// What a claim writes besides the holder.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A request for a cache.
    Provision { requested_at: i64, protected: bool },
    /// A request for a removal.
    Remove { requested_at: i64 },
    /// Nothing: the failed execution stays the one that was last recorded, and says why there is no cache.
    RollBack,
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
    if is_plan(&input.request) {
        return begin(input, record);
    }
    let Some(other) = record
        .holder
        .as_ref()
        .filter(|other| **other != input.execution_arn)
    else {
        return after_take_over(input, record);
    };
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
        Some(HolderStatus::NotReturned) if input.seconds_waited < NOT_YET_RETURNED_SECONDS => {
            Ok(wait_for(other))
        }
        Some(HolderStatus::Ended | HolderStatus::NotReturned) => Ok(Decision::TakeOver {
            former: other.clone(),
        }),
        Some(HolderStatus::Running) | None => Ok(wait_for(other)),
    }
}

fn wait_for(other: &str) -> Decision {
    Decision::Wait {
        outcome: format!("held by {other}"),
        seconds: WAIT_SECONDS,
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
        }),
        _ => begin(input, record),
    }
}

/// Compares the request with the record.
fn begin(input: &ClaimEnvironmentInput, record: &Record) -> StepResult<Decision> {
    match &input.request {
        ClaimRequest::Provision { spec, network } => {
            let requested = Identity::requested(spec, network);
            if let Some(identity) = &record.identity {
                require_identity(input, identity, &requested)?;
            }
            let protection = Protection {
                found: record.protected,
                wanted: spec.protect.unwrap_or(record.protected),
            };
            let claim = Claim {
                creation_recorded: record.creation_recorded,
                rolls_back: spec.switches.rolls_back() && record.identity.is_none(),
                names: Names::of(spec),
                protection,
            };
            let write = Write::Provision {
                requested_at: requested_at(input),
                protected: protection.wanted,
            };
            Ok(Decision::Claim(
                claim,
                (!spec.switches.dry_run).then_some(write),
            ))
        }
        ClaimRequest::Remove(removal) => {
            if record.protected && removal.rollback.is_none() {
                return Err(StepError::new(
                    ErrorName::Protected,
                    format!(
                        "environment `{}` is protected from removal. Nothing was changed. To remove its cache, first \
                         start a provisioning run with \"protect\": false, then remove it again",
                        input.environment
                    ),
                ));
            }
            let claim = Claim {
                creation_recorded: record.creation_recorded,
                rolls_back: false,
                names: record.names.clone().unwrap_or(removal.names.clone()),
                protection: Protection {
                    found: record.protected,
                    wanted: record.protected,
                },
            };
            let write = if removal.rollback.is_some() {
                Write::RollBack
            } else {
                Write::Remove {
                    requested_at: requested_at(input),
                }
            };
            Ok(Decision::Claim(claim, Some(write)))
        }
    }
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
        ClaimRequest::Remove(removal) => removal.asked_at,
    };
    event.map_or(input.started_at, |time| time.min(input.started_at))
}

/// Whether the run only plans: it claims nothing, so it needn't wait.
pub fn is_plan(request: &ClaimRequest) -> bool {
    matches!(request, ClaimRequest::Provision { spec, .. } if spec.switches.dry_run)
}

fn rollback(request: &ClaimRequest) -> Option<&contract::message::Rollback> {
    match request {
        ClaimRequest::Remove(ResolvedRemoval { rollback, .. }) => rollback.as_ref(),
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
