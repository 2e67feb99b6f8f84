//! Follows an execution by its history.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::HistoryEvent;
use tokio::time::sleep;

use crate::account::refused;
use crate::execution::{Outcome, describe};
use crate::progress::Progress;
use crate::view::View;

/// How often to look: often enough to seem live. A look is two calls, and one more for each 1,000 events.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long AWS may not answer before the following ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that a page of the history holds.
const PAGE: i32 = 1000;

/// Shows each state as it is entered and left, until the execution ends. What cannot be asked for a while is asked
/// again: an execution that has only just started is not shown everywhere, and a run outlives a lost connection.
pub async fn follow(sfn: &Client, execution: &str, view: &mut View) -> Result<Outcome> {
    let mut progress = Progress::default();
    let mut answered = Instant::now();
    loop {
        match look(sfn, execution, &mut progress, view).await {
            Ok(Some(outcome)) => {
                view.close();
                return Ok(outcome);
            }
            Ok(None) => answered = Instant::now(),
            Err(error) if answered.elapsed() >= PATIENCE => {
                view.close();
                return Err(error.context(format!(
                    "the run could not be followed any further, and may go on: envcache watch {execution}"
                )));
            }
            Err(_) => {}
        }
        sleep(INTERVAL).await;
    }
}

/// Shows what is new. None while it runs.
async fn look(
    sfn: &Client,
    execution: &str,
    progress: &mut Progress,
    view: &mut View,
) -> Result<Option<Outcome>> {
    // Asked before the history, so that the history read after the end is whole.
    let description = describe(sfn, execution)
        .await?
        .with_context(|| format!("there is no execution {execution}"))?;
    for event in history(sfn, execution).await? {
        if let Some(moment) = progress.take(&event) {
            view.show(&moment);
        }
    }
    Outcome::of(&description)
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
        .map_err(|error| refused("GetExecutionHistory", error))
}
