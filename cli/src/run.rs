//! Starts runs.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use aws_sdk_sfn::Client;

use crate::account::aws_error;
use crate::request::StartRequest;

/// Starts an execution, and tells its ARN. `verb` stands in its name, for the person who reads the list of executions.
pub async fn start(
    sfn: &Client,
    state_machine: &str,
    asked: &StartRequest,
    verb: &str,
) -> Result<String> {
    let milliseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    // An environment's name has at most 34 characters, an execution's 80.
    let started = sfn
        .start_execution()
        .state_machine_arn(state_machine)
        .name(format!("{}-{verb}-{milliseconds}", asked.environment))
        .input(asked.input.to_string())
        .send()
        .await
        .map_err(|error| aws_error("StartExecution", error))?;
    Ok(started.execution_arn)
}
