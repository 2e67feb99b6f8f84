//! Starts runs.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use aws_sdk_sfn::Client;

use crate::account::aws_error;
use crate::request::StartRequest;

/// Starts an execution and returns its ARN. The execution's name contains `verb`, to make the list of executions easy to
/// read.
pub async fn start(
    sfn: &Client,
    state_machine: &str,
    request: &StartRequest,
    verb: &str,
) -> Result<String> {
    let milliseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    // An environment's name has at most 34 characters, and an execution's name at most 80.
    let started = sfn
        .start_execution()
        .state_machine_arn(state_machine)
        .name(format!("{}-{verb}-{milliseconds}", request.environment))
        .input(request.input.to_string())
        .send()
        .await
        .map_err(|error| aws_error("StartExecution", error))?;
    Ok(started.execution_arn)
}
