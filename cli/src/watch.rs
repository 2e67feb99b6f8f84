//! Which execution a person means, and what its end tells them.

use std::time::{Duration, Instant};

use anyhow::Result;
use aws_config::SdkConfig;
use tokio::time::sleep;

use crate::execution::{Outcome, describe};
use crate::exit::Exit;
use crate::follow::follow;
use crate::output::print_error_line;
use crate::record;
use crate::rejected;
use crate::request;
use crate::stack::Stack;
use crate::view::View;

/// An event may still be on its way to its execution, which then has to claim the environment.
const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(2);

/// Finds the execution to follow: the one named, the one that holds the environment, or the environment's last. Where
/// there is none yet it waits for half a minute.
pub async fn find(settings: &SdkConfig, stack_name: &str, subject: &str) -> Result<Option<String>> {
    if subject.starts_with("arn:") {
        return Ok(Some(subject.to_owned()));
    }
    request::check_name(subject)?;
    let stack = Stack::find(settings, stack_name).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(settings);
    let sfn = aws_sdk_sfn::Client::new(settings);
    let begin = Instant::now();
    loop {
        let record = record::find(&dynamodb, &stack.environments_table, subject).await?;
        let record = record.unwrap_or_default();
        if record.holder.is_some() {
            return Ok(record.holder);
        }
        // One that was refused before it began is in no record.
        let recorded = match &record.last_execution {
            Some(execution) => describe(&sfn, execution).await?,
            None => None,
        };
        let failed = rejected::latest(&sfn, &stack)
            .await?
            .by_environment
            .remove(subject);
        let last = rejected::later(recorded, failed);
        if last.is_some() || begin.elapsed() >= PATIENCE {
            return Ok(last.map(|description| description.execution_arn));
        }
        sleep(INTERVAL).await;
    }
}

/// Follows an execution to its end, and says how it ended. On Ctrl-C the run goes on.
pub async fn to_the_end(settings: &SdkConfig, execution: &str, json: bool) -> Result<Exit> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    let mut view = View::of_this_output(json);
    let outcome = tokio::select! {
        outcome = follow(&sfn, execution, &mut view) => Some(outcome?),
        _ = tokio::signal::ctrl_c() => None,
    };
    let Some(outcome) = outcome else {
        view.close();
        print_error_line(format!(
            "The run goes on. Follow it again: envcache watch {execution}"
        ));
        return Ok(Exit::AtWork);
    };
    view.end(execution, &outcome);
    Ok(match outcome {
        Outcome::Succeeded(_) => Exit::Done,
        Outcome::Failed { .. } => Exit::Failed,
    })
}
