//! Shows a run: live lines on a terminal, one plain line a moment elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::{Change, Moment};

/// Where the moments of a run are shown.
pub enum View {
    Terminal {
        lines: MultiProgress,
        running: HashMap<String, ProgressBar>,
    },
    Plain,
}

impl View {
    /// The view that fits standard output.
    pub fn of_this_output() -> Self {
        if std::io::stdout().is_terminal() {
            Self::Terminal {
                lines: MultiProgress::new(),
                running: HashMap::new(),
            }
        } else {
            Self::Plain
        }
    }

    /// Shows one moment.
    pub fn show(&mut self, moment: &Moment) {
        let Self::Terminal { lines, running } = self else {
            println!("{}", line(moment));
            return;
        };
        match &moment.change {
            Change::Entered => {
                let bar = lines.add(ProgressBar::new_spinner());
                bar.set_style(running_style());
                bar.set_message(moment.state.clone());
                bar.enable_steady_tick(Duration::from_millis(100));
                running.insert(moment.state.clone(), bar);
            }
            Change::TryFailed(_) => print_above(lines, moment),
            Change::Left { .. } => {
                if let Some(bar) = running.remove(&moment.state) {
                    bar.finish_and_clear();
                }
                print_above(lines, moment);
            }
        }
    }

    /// Leaves only the lines that stay.
    pub fn close(&mut self) {
        if let Self::Terminal { running, .. } = self {
            for (_, bar) in running.drain() {
                bar.finish_and_clear();
            }
        }
    }
}

fn print_above(lines: &MultiProgress, moment: &Moment) {
    // Where the terminal is gone, so is the reader.
    let _ = lines.println(line(moment));
}

fn running_style() -> ProgressStyle {
    ProgressStyle::with_template("          {spinner} {msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// `    1.8 s  EnsureReplicationGroup      0.6 s  created`
fn line(moment: &Moment) -> String {
    let (took, note) = match &moment.change {
        Change::Entered => (String::new(), "…".to_owned()),
        Change::Left { took, note } => (seconds(*took), note.clone().unwrap_or_default()),
        Change::TryFailed(error) => (String::new(), format!("a try failed: {error}")),
    };
    format!(
        "{:>9}  {:<24} {took:>8}  {note}",
        seconds(moment.elapsed),
        moment.state
    )
    .trim_end()
    .to_owned()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
