//! Prompts for confirmation before a removal starts.

use std::io::{BufRead, IsTerminal, stderr, stdin};

use crate::exit::Usage;
use crate::output::{print_error_line, print_question};
use crate::stack::Stack;

/// Returns whether the user must confirm the removal of an environment's cache. Makes no AWS call.
///
/// # Errors
///
/// Returns `Usage` if confirmation is required and there is no terminal.
pub fn is_needed(environment: &str, yes: bool) -> Result<bool, Usage> {
    // The question is written to standard error, so that standard output holds only the result.
    let is_terminal = stdin().is_terminal() && stderr().is_terminal();
    must_confirm(environment, is_terminal, yes)
}

/// Prompts for confirmation before an environment's cache is removed. The warning names the stack, the account, and the
/// Region, because the settings of another account (`AWS_PROFILE`) are easily overlooked.
///
/// # Errors
///
/// Returns `Usage` if the answer isn't the environment's name.
pub fn prompt(environment: &str, final_snapshot: bool, stack: &Stack) -> Result<(), Usage> {
    print_error_line(warning(environment, final_snapshot, stack));
    print_question("Type the environment's name to confirm: ");
    check_answer(environment, &read_answer())
}

fn must_confirm(environment: &str, is_terminal: bool, yes: bool) -> Result<bool, Usage> {
    if !yes && !is_terminal {
        return Err(Usage(format!(
            "the removal of `{environment}` wasn't confirmed: standard input or standard error isn't a terminal. \
             Nothing was changed. Pass `--yes` to remove it without confirmation"
        )));
    }
    Ok(!yes)
}

fn check_answer(environment: &str, answer: &str) -> Result<(), Usage> {
    if answer.trim() == environment {
        return Ok(());
    }
    Err(Usage(format!(
        "the removal of `{environment}` wasn't confirmed: the answer isn't the environment's name. Nothing was changed"
    )))
}

/// Returns the line that the user types. It is empty if it can't be read.
fn read_answer() -> String {
    let mut answer = Vec::new();
    let _ = stdin().lock().read_until(b'\n', &mut answer);
    if !answer.ends_with(b"\n") {
        // After Ctrl-D, the cursor is still on the question's line.
        print_error_line("");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns the warning. ElastiCache deletes automatic backups with the replication group, but keeps a final snapshot:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-deleting.html>
fn warning(environment: &str, final_snapshot: bool, stack: &Stack) -> String {
    let snapshot = if final_snapshot {
        "A final snapshot is created first."
    } else {
        "No final snapshot will be created. To create one, cancel and add `--final-snapshot`."
    };
    format!(
        "Remove the cache of `{environment}` and all of its data? It belongs to stack `{}` in account {}, Region {}. AWS \
         deletes its automatic backups too. {snapshot}",
        stack.name,
        stack.account(),
        stack.region()
    )
}

#[cfg(test)]
mod tests {
    use super::{check_answer, must_confirm, warning};
    use crate::stack::Stack;

    #[test]
    fn prompts_on_terminal_unless_yes_is_given() {
        let cases = [
            // is_terminal, yes
            (true, false, Some(true)),
            (true, true, Some(false)),
            (false, true, Some(false)),
            (false, false, None),
        ];
        for (is_terminal, yes, expected) in cases {
            let found = must_confirm("bandup", is_terminal, yes);

            assert_eq!(found.ok(), expected, "{is_terminal} {yes}");
        }
    }

    #[test]
    fn accepts_only_the_environment_name_as_confirmation() {
        let cases = [
            ("bandup\n", true),
            ("bandup\r\n", true),
            ("bandup", true),
            (" bandup \n", true),
            ("\n", false),
            ("", false),
            ("y\n", false),
            ("yes\n", false),
            ("Bandup\n", false),
            ("bandup2\n", false),
            ("\u{fffd}bandup\n", false),
        ];
        for (answer, expected) in cases {
            let found = check_answer("bandup", answer);

            assert_eq!(found.is_ok(), expected, "{answer:?}");
        }
    }

    #[test]
    fn warning_names_stack_account_region_and_lost_data() {
        let stack = Stack {
            name: "envcache".to_owned(),
            provision: "arn:aws:states:ap-southeast-1:123456789012:stateMachine:envcache-provision"
                .to_owned(),
            ..Stack::default()
        };
        let cases = [
            (
                false,
                "Remove the cache of `bandup` and all of its data? It belongs to stack `envcache` in account \
                 123456789012, Region ap-southeast-1. AWS deletes its automatic backups too. No final snapshot will \
                 be created. To create one, cancel and add `--final-snapshot`.",
            ),
            (
                true,
                "Remove the cache of `bandup` and all of its data? It belongs to stack `envcache` in account \
                 123456789012, Region ap-southeast-1. AWS deletes its automatic backups too. A final snapshot is \
                 created first.",
            ),
        ];
        for (final_snapshot, expected) in cases {
            assert_eq!(warning("bandup", final_snapshot, &stack), expected);
        }
    }
}
