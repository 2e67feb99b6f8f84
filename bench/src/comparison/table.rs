//! Writes the recorded runs.

use super::tool::{Recorded, Tool};
use crate::statistics::{mean, number};

/// Longer results are cut after a word.
const LONGEST_RESULT: usize = 160;

const INTRODUCTION: &str = "\
     Both tools create the same cache with a security group and a subnet group, and publish four parameters, on the same \
     simulator, where time passes as on AWS, with the rate limits of [Scale](#scale). envcache's functions are those of the \
     development build, which are slower than the deployed ones. `PutParameter` isn't limited, because \
     runs at the same time would throttle each other. The script is `bench/peers/provision.py`: it accepts what exists, so that \
     it can run again, and uses botocore's waiter with its default interval and boto3's default retries, which are three \
     attempts (mode `standard`; before 1.44, five in mode `legacy`) and can be raised by a setting. It does nothing else: unlike \
     envcache, it compares nothing with the request, tags nothing, and tests no endpoint.\n\n\
     *Beyond the creation* is the time from the start until the last parameter was written, without the time that ElastiCache \
     takes. Calls include throttled ones, and envcache's include those of its plan and of its record. *Left* is what exists at \
     the end.\n\n\
     - A storm throttles the first attempts of each of three calls: the request for the cache, the first poll, and the \
     publication. The simulator draws no jitter for the state machine: on AWS, envcache's waits are \
     random and on average half as long. The script fails at the first of the three calls, so its rows for 4, 8, and 12 attempts \
     are alike. Nobody starts it again here.\n\
     - In the scenario *killed*, the process is that of the function `EnsureReplicationGroup`, which the state machine calls \
     again, or the script, which a user has to start again. Both runs of the script count.\n\
     - In the last two scenarios, envcache runs on a stack that verifies endpoints. No other row includes a verification.\n\
     - The five creation times are the 10th, 30th, 50th, 70th, and 90th percentiles of the draws in [Polling](#polling), each of \
     which stands for a fifth of them.\n\
     - The benchmark fails if the two tools' caches differ in any setting that ElastiCache describes.";

/// Returns the section's text.
pub fn write(recorded: &[Recorded]) -> String {
    let heading = "| scenario | tool | result | ended after, s | beyond the creation, s | calls | left |\n\
                   | --- | --- | --- | ---: | ---: | ---: | --- |";
    let rows: Vec<_> = recorded.iter().map(row).collect();
    let summaries: Vec<_> = Tool::ALL
        .into_iter()
        .filter_map(|tool| summary(recorded, tool))
        .collect();
    format!(
        "{INTRODUCTION}\n\n{heading}\n{}\n\n{}",
        rows.join("\n"),
        summaries.join("\n")
    )
}

fn row(recorded: &Recorded) -> String {
    let beyond = recorded
        .beyond_creation
        .map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1}"));
    format!(
        "| {} | {} | {} | {:.0} | {beyond} | {} | {} |",
        recorded.scenario,
        recorded.tool,
        cell(&recorded.result),
        recorded.seconds,
        recorded.calls,
        recorded.left
    )
}

/// Returns a text on one line that doesn't end a cell.
fn cell(text: &str) -> String {
    let line = text.replace(['|', '\n'], " ");
    match line.char_indices().nth(LONGEST_RESULT) {
        Some((end, _)) => {
            let end = line[..end].rfind(' ').unwrap_or(end);
            format!("{} …", line[..end].trim_end())
        }
        None => line,
    }
}

/// Returns the mean of a tool's runs without a fault; none if there are none, or if one wasn't published.
fn summary(recorded: &[Recorded], tool: Tool) -> Option<String> {
    let of_tool = recorded
        .iter()
        .filter(|run| run.tool == tool && run.is_undisturbed);
    let runs = of_tool
        .map(|run| Some((run.beyond_creation?, number(run.calls))))
        .collect::<Option<Vec<_>>>()?;
    let (beyond, calls): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    (!calls.is_empty()).then(|| {
        format!(
            "- Mean of the {} creations with {tool}: {:.1} s beyond the creation, {:.0} calls.",
            calls.len(),
            mean(&beyond),
            mean(&calls)
        )
    })
}

#[cfg(test)]
pub mod tests {
    use super::{Recorded, Tool, cell, summary, write};

    pub fn recorded(tool: Tool, beyond_creation: Option<f64>) -> Recorded {
        Recorded {
            scenario: "a creation of 360 s".to_owned(),
            is_undisturbed: true,
            tool,
            result: "succeeded".to_owned(),
            seconds: 370.0,
            beyond_creation,
            calls: 40,
            left: "cache available, 4 parameters".to_owned(),
            cache: None,
        }
    }

    #[test]
    fn table_has_a_row_for_each_run_and_the_means() {
        let runs = [
            recorded(Tool::Envcache, Some(4.0)),
            recorded(Tool::Envcache, Some(5.0)),
            recorded(Tool::Script, Some(9.3)),
        ];

        let text = write(&runs);

        let row = "| a creation of 360 s | boto3 | succeeded | 370 | 9.3 | 40 | cache available, 4 parameters |";
        assert!(text.contains(row), "{text}");
        let mean = "- Mean of the 2 creations with envcache: 4.5 s beyond the creation, 40 calls.";
        assert!(text.contains(mean), "{text}");
    }

    #[test]
    fn failed_creation_has_no_mean() {
        assert_eq!(summary(&[recorded(Tool::Script, None)], Tool::Script), None);
        assert_eq!(summary(&[], Tool::Script), None);
    }

    #[test]
    fn cell_is_one_short_line() {
        assert_eq!(cell("one | two\nthree"), "one   two three");
        assert_eq!(
            cell(&"é ".repeat(100)),
            format!("{} …", "é ".repeat(80).trim_end())
        );
        assert_eq!(cell(&"é".repeat(200)).chars().count(), 162, "one long word");
    }
}
