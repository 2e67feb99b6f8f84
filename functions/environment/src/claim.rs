//! Claims an environment for an execution, or plans it.

use aws_sdk_sfn::types::{ExecutionStatus, IncludedData};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{BelongsHere, ClaimEnvironmentInput, ClaimEnvironmentOutput, ClaimRequest};
use record::{Condition, Identity, Record, Table};

use crate::decide::{
    Decision, HolderStatus, IN_FLIGHT_SECONDS, decide, is_dry_run, take_over_update,
};
use crate::evidence::{belongs_here, sharing_environment};

/// How often a claim is decided if other runs write the record. After that, the state machine waits.
const ATTEMPTS: u32 = 3;
/// How long it waits then: the other run has only just written.
const BUSY_SECONDS: u32 = 5;

/// The services that a claim calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Stores the records.
    pub records: Table,
    /// Returns the status of a holder.
    pub sfn: aws_sdk_sfn::Client,
}

/// Reads the record, decides, and writes at most once, only if the record is still as it was read. A plan writes
/// nothing: an environment that could be claimed or taken over is free.
///
/// # Errors
/// Returns the error of `decide`, DynamoDB, or Step Functions.
pub async fn claim(
    clients: &Clients,
    input: ClaimEnvironmentInput,
) -> StepResult<ClaimEnvironmentOutput> {
    let environment = input.environment.as_str();
    // A dry run writes nothing, whichever state invokes this function.
    let writes_nothing = input.plan || is_dry_run(&input.request);
    let mut record = clients
        .records
        .read(environment)
        .await
        .map_err(|error| step::failure("GetItem", environment, error))?
        .unwrap_or_default();
    let others = other_records(clients, &input).await?;
    for _ in 0..ATTEMPTS {
        let belongs_here = evidence_for(&input, &record, others.as_deref())?;
        let holder = holder_status(&clients.sfn, &record, &input).await?;
        let (update, output) = match decide(&input, &record, holder)? {
            Decision::Superseded(reason) => {
                return Ok(ClaimEnvironmentOutput::Superseded { reason });
            }
            Decision::Wait {
                outcome,
                seconds,
                waited_for,
            } => {
                return Ok(ClaimEnvironmentOutput::Held {
                    outcome,
                    wait_seconds: seconds,
                    waited_for,
                });
            }
            Decision::Claim(begin) | Decision::TakeOver { begin, .. } if writes_nothing => {
                return Ok(ClaimEnvironmentOutput::Free {
                    plan: begin.plan,
                    belongs_here,
                    former_tags: begin.former_tags,
                    engine_version: record.engine_version.clone(),
                });
            }
            Decision::Claim(begin) => (
                begin.update,
                ClaimEnvironmentOutput::Claimed {
                    claim: begin.claim,
                    belongs_here,
                    former_tags: begin.former_tags,
                    engine_version: record.engine_version.clone(),
                },
            ),
            Decision::TakeOver { former, .. } => (
                take_over_update(&input),
                ClaimEnvironmentOutput::Held {
                    outcome: format!("taken over from {former}, which has ended"),
                    wait_seconds: IN_FLIGHT_SECONDS,
                    waited_for: None,
                },
            ),
        };
        let condition = Condition::AsRead(&record);
        let written = clients.records.write(environment, condition, update).await;
        match written.map_err(|error| step::failure("UpdateItem", environment, error))? {
            Ok(()) => return Ok(output),
            Err(current) => record = current,
        }
    }
    Ok(ClaimEnvironmentOutput::Held {
        outcome: "other runs are claiming it".to_owned(),
        wait_seconds: BUSY_SECONDS,
        waited_for: input.waited_for,
    })
}

/// Returns the records of the other environments if the request adopts; only then, they are needed.
async fn other_records(
    clients: &Clients,
    input: &ClaimEnvironmentInput,
) -> StepResult<Option<Vec<Record>>> {
    let adopts = match &input.request {
        ClaimRequest::Provision { spec, .. } => spec.options.adopt,
        ClaimRequest::Remove(_) => false,
    };
    if !adopts {
        return Ok(None);
    }
    let records = &clients.records;
    let others = records.read_others(input.environment.as_str()).await;
    others
        .map(Some)
        .map_err(|error| step::failure("Scan", &records.name, error))
}

/// Returns which of the requested resources belong to the environment; none if the request doesn't adopt.
///
/// # Errors
/// Returns `NotOwned` if another environment uses the subnet group as a shared one.
fn evidence_for(
    input: &ClaimEnvironmentInput,
    record: &Record,
    others: Option<&[Record]>,
) -> StepResult<BelongsHere> {
    let (ClaimRequest::Provision { spec, network }, Some(others)) = (&input.request, others) else {
        return Ok(BelongsHere::default());
    };
    let requested = Identity::requested(spec, network);
    if let Some(sharing) = sharing_environment(others, &requested) {
        return Err(StepError::new(
            ErrorName::NotOwned,
            format!(
                "environment `{sharing}` uses the cache subnet group `{}` as a shared one, so no environment can adopt it. \
                 Nothing was changed. Name it in network.subnetGroup instead",
                requested.subnet_group_name
            ),
        ));
    }
    Ok(belongs_here(&input.environment, record, others, &requested))
}

/// Returns what Step Functions says about the other execution that holds the environment, if one does. A dry run
/// doesn't wait for a holder, so it doesn't need the status.
async fn holder_status(
    sfn: &aws_sdk_sfn::Client,
    record: &Record,
    input: &ClaimEnvironmentInput,
) -> StepResult<Option<HolderStatus>> {
    let other = record
        .holder
        .as_ref()
        .filter(|holder| **holder != input.execution_arn && !is_dry_run(&input.request));
    let Some(holder) = other else {
        return Ok(None);
    };
    let answer = sfn
        .describe_execution()
        .execution_arn(holder)
        .included_data(IncludedData::MetadataOnly)
        .send()
        .await;
    Ok(Some(match answer {
        Ok(execution) => match execution.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => HolderStatus::Running,
            _ => HolderStatus::Ended,
        },
        Err(error) => match step::code(&error) {
            Some("ExecutionDoesNotExist" | "InvalidArn") => HolderStatus::NotReturned,
            _ => return Err(step::failure("DescribeExecution", holder, error)),
        },
    }))
}
