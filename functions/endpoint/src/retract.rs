//! Retracts the endpoint before its cache is deleted, so that no task starts with an address that stops answering.

use aws_sdk_ssm::Client;
use contract::Owner;
use contract::error::{ErrorName, StepResult};
use contract::message::{RetractEndpointInput, RetractEndpointOutput};
use contract::parameter;

use crate::delete::delete;
use crate::find::{pairs, read, tags};

/// Deletes the owned parameters, and keeps all others.
///
/// # Errors
/// Returns Systems Manager's error.
pub async fn retract(
    ssm: &Client,
    stack: &str,
    input: RetractEndpointInput,
) -> StepResult<RetractEndpointOutput> {
    let owner = Owner::new(&input.environment, stack);
    let names = parameter::names(&input.parameter_prefix);
    let found = read(ssm, names.to_vec()).await?;
    let mut retracted = RetractEndpointOutput {
        removed: Vec::new(),
        left: Vec::new(),
    };
    for name in names.into_iter().filter(|name| found.contains_key(name)) {
        let tags = match tags(ssm, &name).await {
            // Another run or a user deleted the parameter after `read` listed it.
            Err(error) if error.name() == ErrorName::NotFound => continue,
            tags => tags?,
        };
        let created_by = input.created_by.as_deref();
        if owner.owns_created_by(created_by, pairs(&tags)) {
            delete(ssm, &name).await?;
            retracted.removed.push(name);
        } else {
            let why = step::skip_reason(created_by);
            retracted.left.push(format!("parameter {name} {why}"));
        }
    }
    Ok(retracted)
}
