//! Follows an execution by its history.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use tokio::time::sleep;

use crate::progress::Progress;
use crate::view::View;

/// How often to look: often enough to seem live. A look is two calls, and one more for each 1,000 events.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most that a page of the history holds.
const PAGE: i32 = 1000;

/// How an execution ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed { error: String, cause: String },
}

/// Shows each state as it is entered and left, until the execution ends.
pub async fn follow(sfn: &Client, execution: &str, view: &mut View) -> Result<Outcome> {
    let mut progress = Progress::default();
    loop {
        // Asked before the history, so that the history read after the end is whole.
        let description = sfn
            .describe_execution()
            .execution_arn(execution)
            .send()
            .await
            .context("DescribeExecution")?;
        for event in history(sfn, execution).await? {
            if let Some(moment) = progress.take(&event) {
                view.show(&moment);
            }
        }
        match description.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => sleep(INTERVAL).await,
            ExecutionStatus::Succeeded => {
                view.close();
                return Ok(Outcome::Succeeded);
            }
            status => {
                view.close();
                return Ok(Outcome::Failed {
                    error: description.error().unwrap_or(status.as_str()).to_owned(),
                    cause: description
                        .cause()
                        .unwrap_or("Step Functions gives no cause")
                        .to_owned(),
                });
            }
        }
    }
}

async fn history(sfn: &Client, execution: &str) -> Result<Vec<HistoryEvent>> {
    sfn.get_execution_history()
        .execution_arn(execution)
        .max_results(PAGE)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .context("GetExecutionHistory")
}
