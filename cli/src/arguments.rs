//! What a person types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Every new environment gets its cache.
#[derive(Parser)]
#[command(version, about, after_help = crate::exit::HELP)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub options: Options,
}

/// Where to ask, and how to answer.
#[derive(Args)]
pub struct Options {
    /// The CloudFormation stack that envcache was deployed as
    #[arg(
        long,
        global = true,
        env = "ENVCACHE_STACK",
        default_value = "envcache",
        value_name = "NAME"
    )]
    pub stack: String,
    /// The AWS profile; else `AWS_PROFILE`'s
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The AWS region; else the environment's or the profile's
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// Answer in JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Give an environment its cache, and follow the run
    Up {
        /// The request: an event, or its detail alone; `-` is standard input
        file: PathBuf,
        /// Start the run, and do not follow it
        #[arg(long)]
        detach: bool,
    },
    /// Tell what `up` would do, and do nothing
    Plan {
        /// The request, as for `up`
        file: PathBuf,
    },
    /// Tell which environment has its cache, or how one fares
    Status {
        /// The environment; without it, all of them
        environment: Option<String>,
    },
    /// Follow the run that is at work on an environment; where none is, tell how the last one ended
    Watch {
        /// The environment, or an execution's ARN
        #[arg(value_name = "ENVIRONMENT")]
        subject: String,
    },
    /// Remove an environment's cache and its data, and follow the run; asks for confirmation first
    Down {
        /// The environment
        environment: String,
        /// Create a final snapshot before deleting the cache
        #[arg(long)]
        final_snapshot: bool,
        /// Remove without asking for confirmation; required if there is no terminal
        #[arg(short, long)]
        yes: bool,
        /// Start the run and return without following it
        #[arg(long)]
        detach: bool,
    },
    /// Check that envcache can work here: credentials, stack, service-linked role; with a request, its network too
    Doctor {
        /// A request: its network is looked for by a plan
        file: Option<PathBuf>,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn down_asks_for_confirmation_unless_yes_is_given() {
        let cases = [
            (vec!["down", "bandup"], false),
            (vec!["down", "bandup", "--final-snapshot"], false),
            (vec!["down", "bandup", "--yes"], true),
            (vec!["down", "-y", "bandup", "--json"], true),
        ];
        for (arguments, expected) in cases {
            let typed = ["envcache"].into_iter().chain(arguments.iter().copied());

            let parsed = Arguments::try_parse_from(typed).expect("valid arguments");

            let found = match parsed.command {
                Command::Down { yes, .. } => Some(yes),
                _ => None,
            };
            assert_eq!(found, Some(expected), "{arguments:?}");
        }
    }
}
