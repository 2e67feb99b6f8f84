//! Shows a run: a live view on a terminal, selected lines if standard output isn't a terminal, or every event as JSON.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use crate::execution::Outcome;
use crate::line_filter::LineFilter;
use crate::output::{print_error_line, print_json, print_line, safe};
use crate::progress::{Change, ProgressEvent};
use crate::summary;

/// How long the creation of one small node takes on AWS.
const TYPICAL_DURATION: &str = "usually 4 to 8 minutes for one small node";

/// How the progress of a run is shown.
pub enum View {
    Terminal {
        lines: MultiProgress,
        running: HashMap<String, ProgressBar>,
        filter: LineFilter,
        /// The note of the last state that wasn't a wait.
        found: Option<String>,
    },
    Plain {
        filter: LineFilter,
    },
    Json,
    /// Only the outcome is needed.
    Silent,
}

impl View {
    /// Returns the view that fits standard output.
    pub fn of_this_output(json: bool) -> Self {
        if json {
            Self::Json
        } else if std::io::stdout().is_terminal() {
            Self::Terminal {
                lines: MultiProgress::new(),
                running: HashMap::new(),
                filter: LineFilter::default(),
                found: None,
            }
        } else {
            Self::Plain {
                filter: LineFilter::default(),
            }
        }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &ProgressEvent) {
        match self {
            Self::Silent => {}
            Self::Json => print_json(object(event)),
            Self::Plain { filter } => {
                if filter.should_print(event) {
                    print_line(line(event));
                }
            }
            Self::Terminal {
                lines,
                running,
                filter,
                found,
            } => {
                match &event.change {
                    Change::Entered => {
                        let message = live(&event.state, event.is_wait, found.as_deref());
                        let bar = spinner(lines, &message, event.elapsed);
                        running.insert(event.state.clone(), bar);
                    }
                    Change::Exited { note, .. } => {
                        if let Some(bar) = running.remove(&event.state) {
                            bar.finish_and_clear();
                        }
                        if !event.is_wait {
                            found.clone_from(note);
                        }
                    }
                    Change::AttemptFailed(_) => {}
                }
                if filter.should_print(event) {
                    lines.suspend(|| print_line(line(event)));
                }
            }
        }
    }

    /// Clears the live lines of a terminal.
    pub fn close(&mut self) {
        if let Self::Terminal { running, .. } = self {
            for (_, bar) in running.drain() {
                bar.finish_and_clear();
            }
        }
    }

    /// Shows how the run ended.
    pub fn end(&self, execution: &str, outcome: &Outcome) {
        match (self, outcome) {
            (Self::Json, Outcome::Succeeded(output) | Outcome::Rejected { output, .. }) => {
                print_json(
                    json!({ "execution": execution, "status": "SUCCEEDED", "output": output }),
                );
            }
            (Self::Json, Outcome::Failed { error, cause }) => print_json(
                json!({ "execution": execution, "status": "FAILED", "error": error, "cause": cause }),
            ),
            (_, Outcome::Succeeded(output)) => {
                for line in summary::of(output) {
                    print_line(line);
                }
            }
            (_, Outcome::Failed { error, cause } | Outcome::Rejected { error, cause, .. }) => {
                print_error_line(format!("{error}: {cause}"));
                print_error_line(execution);
            }
        }
    }
}

/// Adds a live line that shows the time since the run started, which was `elapsed` ago.
fn spinner(lines: &MultiProgress, message: &str, elapsed: Duration) -> ProgressBar {
    let bar = lines.add(ProgressBar::new_spinner().with_elapsed(elapsed));
    bar.set_style(
        ProgressStyle::with_template("          {spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.set_message(safe(message));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Returns the text of a live line, such as
/// `WaitForReplicationGroup (creating; usually 4 to 8 minutes for one small node)`
fn live(state: &str, is_wait: bool, found: Option<&str>) -> String {
    match found.filter(|_| is_wait) {
        Some(found @ ("created" | "creating")) => format!("{state} ({found}; {TYPICAL_DURATION})"),
        Some(found) => format!("{state} ({found})"),
        None => state.to_owned(),
    }
}

/// Returns the line for an event, such as `    1.8 s  EnsureReplicationGroup      0.6 s  created`.
fn line(event: &ProgressEvent) -> String {
    let (took, note) = match &event.change {
        Change::Entered => (String::new(), "…".to_owned()),
        Change::Exited { took, note } => (seconds(*took), note.clone().unwrap_or_default()),
        Change::AttemptFailed(error) => (String::new(), format!("attempt failed: {error}")),
    };
    format!(
        "{:>9}  {:<24} {took:>8}  {note}",
        seconds(event.elapsed),
        event.state
    )
    .trim_end()
    .to_owned()
}

fn object(event: &ProgressEvent) -> serde_json::Value {
    let elapsed = event.elapsed.as_secs_f64();
    let state = &event.state;
    match &event.change {
        Change::Entered => {
            json!({ "elapsedSeconds": elapsed, "state": state, "change": "entered" })
        }
        Change::Exited { took, note } => json!({
            "elapsedSeconds": elapsed,
            "state": state,
            "change": "exited",
            "tookSeconds": took.as_secs_f64(),
            "note": note,
        }),
        Change::AttemptFailed(error) => {
            json!({ "elapsedSeconds": elapsed, "state": state, "change": "attemptFailed", "error": error })
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::live;

    #[test]
    fn shows_status_and_typical_duration_while_waiting() {
        assert_eq!(
            live("WaitForReplicationGroup", true, Some("creating")),
            "WaitForReplicationGroup (creating; usually 4 to 8 minutes for one small node)"
        );
        assert_eq!(
            live("WaitForRemoval", true, Some("deleting")),
            "WaitForRemoval (deleting)"
        );
        assert_eq!(
            live("PublishEndpoint", false, Some("available")),
            "PublishEndpoint"
        );
    }
}
