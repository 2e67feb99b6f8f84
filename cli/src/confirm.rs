//! Asks for confirmation before a removal starts.

use std::io::{BufRead, IsTerminal, stderr, stdin};

use crate::exit::Usage;
use crate::output::{print_error_line, print_question};

/// Asks on the terminal whether to remove an environment's cache, unless `yes` confirms it.
///
/// # Errors
///
/// Returns `Usage` if the answer isn't the environment's name, or if there is no terminal to ask on.
pub fn removal(environment: &str, final_snapshot: bool, yes: bool) -> Result<(), Usage> {
    // The question goes to standard error, so that standard output holds only the result.
    let is_terminal = stdin().is_terminal() && stderr().is_terminal();
    let mut decision = decide(environment, is_terminal, yes, None);
    if decision == Decision::Ask {
        let answer = ask(environment, final_snapshot);
        decision = decide(environment, is_terminal, yes, Some(&answer));
    }
    match decision {
        Decision::Remove => Ok(()),
        Decision::Ask | Decision::Declined => Err(Usage(format!(
            "the removal of `{environment}` wasn't confirmed: the answer isn't the environment's name. Nothing was \
             changed"
        ))),
        Decision::NoTerminal => Err(Usage(format!(
            "the removal of `{environment}` wasn't confirmed: standard input or standard error isn't a terminal. \
             Nothing was changed. Pass `--yes` to remove it without confirmation"
        ))),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Remove,
    Ask,
    Declined,
    NoTerminal,
}

/// Decides whether a removal starts. `answer` is `None` before the question.
fn decide(environment: &str, is_terminal: bool, yes: bool, answer: Option<&str>) -> Decision {
    match answer {
        _ if yes => Decision::Remove,
        _ if !is_terminal => Decision::NoTerminal,
        None => Decision::Ask,
        Some(answer) if answer.trim() == environment => Decision::Remove,
        Some(_) => Decision::Declined,
    }
}

/// Returns the line that the user types. An unreadable one is empty.
fn ask(environment: &str, final_snapshot: bool) -> String {
    print_error_line(warning(environment, final_snapshot));
    print_question("Type the environment's name to confirm: ");
    let mut answer = Vec::new();
    let _ = stdin().lock().read_until(b'\n', &mut answer);
    if !answer.ends_with(b"\n") {
        // Ctrl-D leaves the cursor in the line of the question.
        print_error_line("");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// ElastiCache deletes automatic backups with the replication group; a final snapshot stays:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-deleting.html>
fn warning(environment: &str, final_snapshot: bool) -> String {
    let snapshot = if final_snapshot {
        "A final snapshot is created first."
    } else {
        "No final snapshot is created without `--final-snapshot`."
    };
    format!(
        "Remove the cache of `{environment}` and all of its data? AWS deletes its automatic backups too. {snapshot}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Decision, decide, warning};

    #[test]
    fn removes_only_when_confirmed() {
        let cases = [
            // is_terminal, yes, answer
            (true, false, None, Decision::Ask),
            (true, false, Some("bandup\n"), Decision::Remove),
            (true, false, Some("bandup\r\n"), Decision::Remove),
            (true, false, Some("bandup"), Decision::Remove),
            (true, false, Some(" bandup \n"), Decision::Remove),
            (true, false, Some("\n"), Decision::Declined),
            (true, false, Some(""), Decision::Declined),
            (true, false, Some("y\n"), Decision::Declined),
            (true, false, Some("yes\n"), Decision::Declined),
            (true, false, Some("Bandup\n"), Decision::Declined),
            (true, false, Some("bandup2\n"), Decision::Declined),
            (true, false, Some("\u{fffd}bandup\n"), Decision::Declined),
            (true, true, None, Decision::Remove),
            (false, true, None, Decision::Remove),
            (false, false, None, Decision::NoTerminal),
            (false, false, Some("bandup\n"), Decision::NoTerminal),
        ];
        for (is_terminal, yes, answer, expected) in cases {
            let found = decide("bandup", is_terminal, yes, answer);

            assert_eq!(found, expected, "{is_terminal} {yes} {answer:?}");
        }
    }

    #[test]
    fn warning_says_whether_a_final_snapshot_is_created() {
        let cases = [
            (
                false,
                "Remove the cache of `bandup` and all of its data? AWS deletes its automatic backups too. No final \
                 snapshot is created without `--final-snapshot`.",
            ),
            (
                true,
                "Remove the cache of `bandup` and all of its data? AWS deletes its automatic backups too. A final \
                 snapshot is created first.",
            ),
        ];
        for (final_snapshot, expected) in cases {
            assert_eq!(warning("bandup", final_snapshot), expected);
        }
    }
}
