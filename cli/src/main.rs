//! The command line: starts runs, follows them, and shows the status of the caches.

// Everything is printed by `output`, which makes text from AWS and from events safe for a terminal.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod account;
mod arguments;
mod cache;
mod confirm;
mod doctor;
mod endpoint;
mod environment_record;
mod execution;
mod exit;
mod follow;
mod last_run;
mod line_filter;
mod output;
mod progress;
mod request;
mod run;
mod service_linked_role;
mod sign_in;
mod stack;
mod status;
mod summary;
mod view;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use arguments::{Arguments, Command, Options};
use aws_config::SdkConfig;
use clap::CommandFactory;
use exit::{Exit, Usage};
use output::{print_error_line, print_json, print_line, print_own_text};
use request::StartRequest;
use serde_json::json;
use stack::Stack;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let arguments = match arguments::parse(&typed) {
        Ok(arguments) => arguments,
        Err(error) => return print_usage(&error),
    };
    let is_json = arguments.options.json;
    match dispatch(arguments).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = if error.is::<Usage>() {
                Exit::Usage
            } else {
                Exit::Unreachable
            };
            if is_json {
                print_json(json!({ "error": format!("{error:#}"), "exit": exit as u8 }));
            } else {
                print_error_line(format!("envcache: {error:#}"));
            }
            exit.into()
        }
    }
}

/// Prints what clap returns instead of arguments: the help, the version, or an error.
fn print_usage(error: &clap::Error) -> ExitCode {
    if arguments::is_own_text(error) {
        // Ignores write errors as `output` does.
        let _ = error.print();
    } else {
        // An error quotes the arguments, and clap would print their terminal escape sequences.
        for line in error.render().to_string().lines() {
            print_error_line(line);
        }
    }
    let exit = if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Success
    };
    exit.into()
}

async fn dispatch(arguments: Arguments) -> Result<Exit> {
    let Arguments { command, options } = arguments;
    let Options { stack, json, .. } = &options;
    match command {
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            let mut completions = Vec::new();
            clap_complete::generate(shell, &mut command, "envcache", &mut completions);
            print_own_text(String::from_utf8(completions)?.trim_end());
            Ok(Exit::Success)
        }
        Command::Up { file, detach } => {
            let request = request::read(&file)?;
            let (settings, stack) = find_stack(&options).await?;
            start(&settings, &stack, request, Verb::Up, detach, *json).await
        }
        Command::Plan { file } => {
            let request = request::read(&file)?.into_dry_run();
            let (settings, stack) = find_stack(&options).await?;
            start(&settings, &stack, request, Verb::Plan, false, *json).await
        }
        Command::Down {
            environment,
            final_snapshot,
            yes,
            detach,
        } => {
            let request = StartRequest::removal(&environment, final_snapshot)?;
            let needs_confirmation = confirm::is_needed(&environment, yes)?;
            let (settings, stack) = find_stack(&options).await?;
            if needs_confirmation {
                confirm::prompt(&environment, final_snapshot, &stack)?;
            }
            start(&settings, &stack, request, Verb::Down, detach, *json).await
        }
        Command::Status { environment } => {
            let settings = account::settings(&options).await?;
            status::print(&settings, stack, environment.as_deref(), *json).await
        }
        Command::Watch { subject } => {
            let settings = account::settings(&options).await?;
            let Some(execution) = watch::find(&settings, stack, &subject).await? else {
                print_error_line(format!(
                    "envcache: no run of `{subject}` was found within 30 seconds. To start one, use `envcache up`"
                ));
                return Ok(Exit::NoCache);
            };
            watch::follow_to_end(&settings, &execution, *json).await
        }
        Command::Doctor { file } => {
            let request = file.as_deref().map(request::read).transpose()?;
            let settings = account::settings(&options).await?;
            doctor::run_checks(&settings, stack, request, *json).await
        }
    }
}

/// The command that starts a run.
#[derive(Clone, Copy)]
enum Verb {
    Up,
    Plan,
    Down,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Plan => "plan",
            Self::Down => "down",
        }
    }

    fn state_machine(self, stack: &Stack) -> &str {
        match self {
            Self::Up | Self::Plan => &stack.provision,
            Self::Down => &stack.deprovision,
        }
    }
}

/// Returns the account's settings and the deployed stack.
async fn find_stack(options: &Options) -> Result<(SdkConfig, Stack)> {
    let settings = account::settings(options).await?;
    let stack = Stack::find(&settings, &options.stack).await?;
    Ok((settings, stack))
}

async fn start(
    settings: &SdkConfig,
    stack: &Stack,
    request: StartRequest,
    verb: Verb,
    detach: bool,
    json: bool,
) -> Result<Exit> {
    let sfn = aws_sdk_sfn::Client::new(settings);
    let execution = run::start(&sfn, verb.state_machine(stack), &request, verb.as_str()).await?;
    if detach {
        if json {
            print_json(json!({ "execution": execution }));
        } else {
            print_line(&execution);
        }
        return Ok(Exit::Success);
    }
    watch::follow_to_end(settings, &execution, json).await
}
