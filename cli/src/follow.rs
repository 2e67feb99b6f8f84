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

/// The time between polls. A poll makes two calls, and one more for each additional 1,000 events.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long calls may fail before following stops.
const GRACE_PERIOD: Duration = Duration::from_secs(30);
/// The maximum size of a page of the history.
const PAGE_SIZE: i32 = 1000;

/// Shows each state as the execution enters and exits it, until the execution ends. Retries failed calls for
/// [`GRACE_PERIOD`]: Step Functions may not return an execution that has just started, and a run continues if the
/// connection is lost. A denied call isn't retried.
pub async fn follow(sfn: &Client, execution: &str, view: &mut View) -> Result<Outcome> {
    let mut progress = Progress::default();
    let mut last_success = Instant::now();
    loop {
        match poll(sfn, execution, &mut progress, view).await {
            Ok(Some(outcome)) => {
                view.close();
                return Ok(outcome);
            }
            Ok(None) => last_success = Instant::now(),
            Err(error) if is_denial(&error) || last_success.elapsed() >= GRACE_PERIOD => {
                view.close();
                return Err(error.context(format!(
                    "the run can't be followed any longer, but may still be in progress. To follow it again: envcache \
                     watch {execution}"
                )));
            }
            Err(_) => {}
        }
        sleep(INTERVAL).await;
    }
}

/// Shows new events, and returns the outcome once the execution has ended.
async fn poll(
    sfn: &Client,
    execution: &str,
    progress: &mut Progress,
    view: &mut View,
) -> Result<Option<Outcome>> {
    // Read before the history, so that a history that is read after the end is complete.
    let description = describe(sfn, execution)
        .await?
        .with_context(|| format!("execution `{execution}` doesn't exist"))?;
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

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::Client;
    use replay::{Answer, Replay};

    use super::follow;
    use crate::view::View;

    #[tokio::test]
    async fn stops_at_once_when_a_call_is_denied() {
        let denied = Answer::json_fault(400, "AccessDeniedException", "no");
        // A second call would get no answer.
        let replay = Replay::new([denied]);
        let sfn = Client::new(&replay.config());

        let error = follow(&sfn, "arn", &mut View::Silent)
            .await
            .expect_err("a denied call");

        assert_eq!(replay.documents().len(), 1);
        let text = format!("{error:#}");
        assert!(text.contains("AccessDeniedException: no"), "{text}");
        assert!(text.contains("envcache watch arn"), "{text}");
    }
}
