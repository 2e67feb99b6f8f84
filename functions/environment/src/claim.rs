//! Claims an environment for an execution.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_sdk_sfn::types::{ExecutionStatus, IncludedData};
use contract::claim::{ClaimEnvironmentInput, ClaimEnvironmentOutput, ClaimRequest};
use contract::error::{ErrorName, StepError, StepResult};

use crate::decide::{Decision, HolderStatus, IN_FLIGHT_SECONDS, Write, decide, is_plan};
use crate::record::{Item, Record};

/// How often a claim is decided anew after another run has written the record. Then the state machine waits.
const ATTEMPTS: u32 = 3;
/// How long it waits then: the other run has only just written.
const BUSY_SECONDS: u32 = 5;

/// The services that it calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Holds the records.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Says whether a holder runs.
    pub sfn: aws_sdk_sfn::Client,
}

/// Reads the record, decides, and writes at most once: only the record that was read.
///
/// # Errors
/// Returns what `decide` returns, or what DynamoDB or Step Functions answered.
pub async fn claim(
    clients: &Clients,
    table: &str,
    input: ClaimEnvironmentInput,
) -> StepResult<ClaimEnvironmentOutput> {
    let mut record = read(&clients.dynamodb, table, &input).await?;
    for _ in 0..ATTEMPTS {
        let holder = holder_status(&clients.sfn, &record, &input).await?;
        let (update, output) = match decide(&input, &record, holder)? {
            Decision::Superseded(reason) => {
                return Ok(ClaimEnvironmentOutput::Superseded { reason });
            }
            Decision::Wait { outcome, seconds } => {
                return Ok(ClaimEnvironmentOutput::Held {
                    outcome,
                    wait_seconds: seconds,
                });
            }
            Decision::Claim(claim, None) => return Ok(ClaimEnvironmentOutput::Claimed(claim)),
            Decision::Claim(claim, Some(write)) => (
                Update::claim(&input, &write)?,
                ClaimEnvironmentOutput::Claimed(claim),
            ),
            Decision::TakeOver { former } => (
                Update::take_over(&input),
                ClaimEnvironmentOutput::Held {
                    outcome: format!("taken over from {former}, which has ended"),
                    wait_seconds: IN_FLIGHT_SECONDS,
                },
            ),
        };
        match write(&clients.dynamodb, table, &input, &record, update).await? {
            Ok(()) => return Ok(output),
            Err(current) => record = current,
        }
    }
    Ok(ClaimEnvironmentOutput::Held {
        outcome: "other runs are claiming it".to_owned(),
        wait_seconds: BUSY_SECONDS,
    })
}

async fn read(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
    input: &ClaimEnvironmentInput,
) -> StepResult<Record> {
    let answer = dynamodb
        .get_item()
        .table_name(table)
        .key("environment", string(input.environment.as_str()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| step::failure("GetItem", input.environment.as_str(), error))?;
    Ok(Record::from_item(&answer.item.unwrap_or_default()))
}

/// What Step Functions says about the other execution that holds the environment, if one does. A plan doesn't wait for
/// it, and so doesn't ask.
async fn holder_status(
    sfn: &aws_sdk_sfn::Client,
    record: &Record,
    input: &ClaimEnvironmentInput,
) -> StepResult<Option<HolderStatus>> {
    let other = record
        .holder
        .as_ref()
        .filter(|holder| **holder != input.execution_arn && !is_plan(&input.request));
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

/// What an update sets and removes, besides the holder and the version.
struct Update {
    set: Vec<(&'static str, AttributeValue)>,
    remove: &'static str,
}

impl Update {
    fn claim(input: &ClaimEnvironmentInput, write: &Write) -> StepResult<Self> {
        let last_execution = ("lastExecution", string(&input.execution_arn));
        Ok(match write {
            Write::Provision {
                requested_at,
                protected,
            } => Self {
                set: vec![
                    last_execution,
                    ("askedAt", number(requested_at)),
                    ("spec", string(&spec(&input.request)?)),
                    ("protected", AttributeValue::Bool(*protected)),
                ],
                remove: "takenOverAt, expiresAt, rollbackOf",
            },
            Write::Remove { requested_at } => Self {
                set: vec![last_execution, ("askedAt", number(requested_at))],
                remove: "takenOverAt, rollbackOf",
            },
            Write::RollBack => Self {
                set: Vec::new(),
                remove: "takenOverAt",
            },
        })
    }

    fn take_over(input: &ClaimEnvironmentInput) -> Self {
        Self {
            set: vec![("takenOverAt", number(&input.seconds_waited))],
            // A claim removes it again.
            remove: "",
        }
    }
}

fn spec(request: &ClaimRequest) -> StepResult<String> {
    let ClaimRequest::Provision { spec, .. } = request else {
        return Ok(String::new());
    };
    serde_json::to_string(spec)
        .map_err(|error| StepError::new(ErrorName::Internal, format!("the specification: {error}")))
}

/// Writes on the condition that nobody else has written since: `Err` is the record as it is now.
async fn write(
    dynamodb: &aws_sdk_dynamodb::Client,
    table: &str,
    input: &ClaimEnvironmentInput,
    read: &Record,
    update: Update,
) -> StepResult<Result<(), Record>> {
    let version = read.version.unwrap_or_default().saturating_add(1);
    let set: Vec<_> = ["holder", "version"]
        .into_iter()
        .chain(update.set.iter().map(|(name, _)| *name))
        .map(|name| format!("{name} = :{name}"))
        .collect();
    let mut expression = format!("SET {}", set.join(", "));
    if !update.remove.is_empty() {
        expression.push_str(" REMOVE ");
        expression.push_str(update.remove);
    }
    let unless = |name: &str, is_known: bool| {
        if is_known {
            format!("{name} = :read_{name}")
        } else {
            format!("attribute_not_exists({name})")
        }
    };
    let condition = format!(
        "{} AND {}",
        unless("holder", read.holder.is_some()),
        unless("version", read.version.is_some())
    );
    let mut values: Item = update
        .set
        .into_iter()
        .map(|(name, value)| (format!(":{name}"), value))
        .collect();
    values.insert(":holder".to_owned(), string(&input.execution_arn));
    values.insert(":version".to_owned(), number(&version));
    if let Some(holder) = &read.holder {
        values.insert(":read_holder".to_owned(), string(holder));
    }
    if let Some(version) = &read.version {
        values.insert(":read_version".to_owned(), number(version));
    }
    let answer = dynamodb
        .update_item()
        .table_name(table)
        .key("environment", string(input.environment.as_str()))
        .update_expression(expression)
        .condition_expression(condition)
        .set_expression_attribute_values(Some(values))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    let Err(error) = answer else {
        return Ok(Ok(()));
    };
    if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
    {
        let current = failed.item.clone().unwrap_or_default();
        return Ok(Err(Record::from_item(&current)));
    }
    Err(step::failure(
        "UpdateItem",
        input.environment.as_str(),
        error,
    ))
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
