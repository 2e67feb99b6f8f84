//! Retracts the endpoint, before its cache goes: nobody new reads an address that dies.

use aws_sdk_ssm::Client;
use contract::Owner;
use contract::error::{ErrorName, StepResult};
use contract::message::{RetractEndpointInput, Retracted};
use contract::parameter;

use crate::delete::delete;
use crate::find::{pairs, read, tags};

/// Removes the parameters that are ours, and leaves every other.
///
/// # Errors
/// What Systems Manager answered.
pub async fn retract(
    ssm: &Client,
    stack: &str,
    input: RetractEndpointInput,
) -> StepResult<Retracted> {
    let owner = Owner::new(&input.environment, stack);
    let names = parameter::names(&input.parameter_prefix);
    let found = read(ssm, names.to_vec()).await?;
    let mut retracted = Retracted {
        removed: Vec::new(),
        left: Vec::new(),
    };
    for name in names.into_iter().filter(|name| found.contains_key(name)) {
        let tags = match tags(ssm, &name).await {
            // Somebody was faster.
            Err(error) if error.name() == ErrorName::NotFound => continue,
            tags => tags?,
        };
        if owner.made(input.maker.as_deref(), pairs(&tags)) {
            delete(ssm, &name).await?;
            retracted.removed.push(name);
        } else {
            retracted.left.push(name);
        }
    }
    Ok(retracted)
}
