//! The command-line arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Error, Parser, Subcommand};
use clap_complete::Shell;

use crate::output::safe;

/// Manage the ElastiCache cache of each environment
#[derive(Parser)]
#[command(version, about, bin_name = "envcache", after_help = crate::exit::HELP)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub options: Options,
}

/// The options of every command.
#[derive(Args)]
pub struct Options {
    /// Name of the envcache CloudFormation stack
    #[arg(
        long,
        global = true,
        env = "ENVCACHE_STACK",
        // Without it, `--help` prints the variable's value, which can contain terminal escape sequences.
        hide_env_values = true,
        default_value = "envcache",
        value_name = "NAME"
    )]
    pub stack: String,
    /// AWS profile; by default, from `AWS_PROFILE`
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// AWS Region; by default, from `AWS_REGION` or the profile
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// Print JSON, one object per line
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Create or update an environment's cache and follow the run
    Up {
        /// The request: an event or only its `detail`; `-` reads standard input
        file: PathBuf,
        /// Start the run and return without following it
        #[arg(long)]
        detach: bool,
    },
    /// Show what `up` would change, and change nothing
    Plan {
        /// The request, as for `up`
        file: PathBuf,
    },
    /// Show the cache status of all environments, or of one
    Status {
        /// The environment; by default, all environments
        environment: Option<String>,
    },
    /// Follow an environment's current run, or show how its last run ended
    Watch {
        /// The environment, or the ARN of an execution
        #[arg(value_name = "ENVIRONMENT")]
        subject: String,
    },
    /// Remove an environment's cache and its data, and follow the run; prompts for confirmation first
    Down {
        /// The environment
        environment: String,
        /// Create a final snapshot before deleting the cache
        #[arg(long)]
        final_snapshot: bool,
        /// Remove without confirmation; required if there is no terminal
        #[arg(short, long)]
        yes: bool,
        /// Start the run and return without following it
        #[arg(long)]
        detach: bool,
    },
    /// Check credentials, the stack, its state machines and table, the default engine version, and the service-linked
    /// role; with a request, also start a dry run
    Doctor {
        /// The request of the dry run
        file: Option<PathBuf>,
    },
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Parses the command line, which begins with the program's name.
///
/// # Errors
///
/// Returns clap's error, or its request to print the help or the version. The text of an error contains the arguments
/// only as `output::safe` returns them.
pub fn parse(typed: &[OsString]) -> Result<Arguments, Error> {
    Arguments::try_parse_from(typed).map_err(|error| {
        // clap quotes the arguments in its errors. A line break in one would start a line that looks like envcache's
        // own, so the error is created again from safe arguments.
        let safe_arguments = typed
            .iter()
            .map(|argument| safe(&argument.to_string_lossy()));
        Arguments::try_parse_from(safe_arguments)
            .err()
            .filter(|safe_error| safe_error.kind() == error.kind())
            .unwrap_or(error)
    })
}

/// Returns whether clap shows only text of this program, such as the help, and quotes no arguments.
pub fn is_own_text(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command, is_own_text, parse};

    fn typed(arguments: &[&[u8]]) -> Vec<OsString> {
        [b"envcache".as_slice()]
            .iter()
            .chain(arguments)
            .map(|argument| OsString::from_vec(argument.to_vec()))
            .collect()
    }

    #[test]
    fn errors_quote_arguments_only_in_safe_form() {
        let hostile = b"\x1b[31mred\x1b[0m\nbandup  available\r\xc2\x9b1A\xe2\x80\xae";
        let option = [b"--".as_slice(), hostile].concat();
        let value = [b"--json=".as_slice(), hostile].concat();
        let cases: [(&str, &[&[u8]], &str); 7] = [
            ("an option", &[b"status", &option], "unexpected argument"),
            ("a command", &[hostile], "unrecognized subcommand"),
            (
                "an extra argument",
                &[b"status", b"bandup", hostile],
                "unexpected argument",
            ),
            (
                "a value of a flag",
                &[b"status", &value],
                "unexpected value",
            ),
            (
                "a value that isn't in the list",
                &[b"completions", hostile],
                "invalid value",
            ),
            (
                "invalid UTF-8",
                &[b"status", b"\xff\x1b[31m", b"--help"],
                "invalid UTF-8",
            ),
            (
                "a missing argument",
                &[b"status", b"--stack"],
                "a value is required",
            ),
        ];
        for (case, arguments, expected) in cases {
            let error = parse(&typed(arguments)).err().expect(case);

            let text = error.render().to_string();
            assert!(text.contains(expected), "{case}: {text}");
            assert!(!is_own_text(&error), "{case}: {text}");
            assert_eq!(error.exit_code(), 2, "{case}: {text}");
            let is_plain = |character: char| {
                character == '\n' || !(character.is_control() || character == '\u{202e}')
            };
            assert!(text.chars().all(is_plain), "{case}: {text:?}");
            assert!(
                !text.lines().any(|line| line.starts_with("bandup")),
                "{case}: {text}"
            );
        }
    }

    #[test]
    fn help_and_version_contain_only_own_text() {
        let cases: [(&[&[u8]], i32); 5] = [
            (&[b"--help"], 0),
            (&[b"help", b"down"], 0),
            (&[b"down", b"--help"], 0),
            (&[b"--version"], 0),
            (&[], 2),
        ];
        for (arguments, exit) in cases {
            let error = parse(&typed(arguments)).err().expect("no command to run");

            assert!(is_own_text(&error), "{arguments:?}: {error}");
            assert_eq!(error.exit_code(), exit, "{arguments:?}");
        }
    }

    #[test]
    fn argument_definitions_are_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn down_prompts_unless_yes_is_given() {
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
