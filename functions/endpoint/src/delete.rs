//! Deletes one parameter.

use aws_sdk_ssm::Client;
use contract::error::StepResult;

/// Deletes a parameter. `ParameterNotFound` means that it no longer exists.
pub async fn delete(ssm: &Client, name: &str) -> StepResult<()> {
    match ssm.delete_parameter().name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) if step::code(&error) == Some("ParameterNotFound") => Ok(()),
        Err(error) => Err(step::failure("DeleteParameter", name, error)),
    }
}
