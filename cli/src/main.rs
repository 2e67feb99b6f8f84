//! envcache's command line: follows a run of the workflow, state by state.

mod client;
mod follow;
mod progress;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use follow::Outcome;
use view::View;

/// Every new environment gets its cache.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Follow an execution until it ends: exit 0 where it succeeded, 1 where it failed, 2 where it could not be followed.
    Watch {
        /// The execution's ARN, as Step Functions shows it.
        execution_arn: String,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Command::Watch { execution_arn } = Arguments::parse().command;
    let sfn = client::step_functions().await;
    match follow::follow(&sfn, &execution_arn, &mut View::of_this_output()).await {
        Ok(Outcome::Succeeded) => ExitCode::SUCCESS,
        Ok(Outcome::Failed { error, cause }) => {
            eprintln!("{error}: {cause}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("the execution could not be followed: {error:#}");
            ExitCode::from(2)
        }
    }
}
