//! Follows an execution through its history.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEvent;
use tokio::time::sleep;

use crate::account::{aws_error, is_denial};
use crate::execution::{Outcome, describe};
use crate::progress::Progress;
use crate::view::View;

/// How often to poll: often enough to seem live. A poll makes two calls, and one more for each 1,000 events.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long AWS may not answer before following stops.
const GRACE_PERIOD: Duration = Duration::from_secs(30);
/// The maximum that a page of the history holds.
const PAGE_SIZE: i32 = 1000;

/// Shows each state as the execution enters and exits it, until the execution ends. Retries failed calls for a while:
/// Step Functions may not return an execution that has only just started, and a run continues when a connection is lost.
/// A denied call ends it at once.
pub async fn follow(sfn: &Client, execution: &str, view: &mut View) -> Result<Outcome> {
    let mut progress = Progress::default();
    let mut answered = Instant::now();
    loop {
        match poll(sfn, execution, &mut progress, view).await {
            Ok(Some(outcome)) => {
                view.close();
                return Ok(outcome);
            }
            Ok(None) => answered = Instant::now(),
            Err(error) if is_denial(&error) || answered.elapsed() >= GRACE_PERIOD => {
                view.close();
                return Err(error.context(format!(
                    "the run can't be followed any further, but may still be running. To follow it again: envcache watch \
                     {execution}"
                )));
            }
            Err(_) => {}
        }
        sleep(INTERVAL).await;
    }
}

/// Shows what is new, and returns the outcome once the execution has ended.
async fn poll(
    sfn: &Client,
    execution: &str,
    progress: &mut Progress,
    view: &mut View,
) -> Result<Option<Outcome>> {
    // Read before the history, so that a history that is read after the end is complete.
    let description = describe(sfn, execution)
        .await?
        .with_context(|| format!("there is no execution {execution}"))?;
    for event in history(sfn, execution).await? {
        if let Some(progress_event) = progress.take(&event) {
            view.show(&progress_event);
        }
    }
    Outcome::of(&description)
}

async fn history(sfn: &Client, execution: &str) -> Result<Vec<HistoryEvent>> {
    sfn.get_execution_history()
        .execution_arn(execution)
        .max_results(PAGE_SIZE)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws_error("GetExecutionHistory", error))
}
