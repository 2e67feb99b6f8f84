//! How early envcache and its alternatives find a new cache, and with how many calls.

mod poller;
mod simulation;
mod usage;

use std::collections::BTreeMap;

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;

use self::poller::{BEFORE, POLLERS, Poller};
use self::simulation::{Ideal, Outcome};
use self::usage::{
    MOST_EVENTS, Run, after_redesign, before_redesign, claim_loop, creation_loop, documented,
    longest_wait, longest_wait_for_claim, modification_loop, most_events,
};
use crate::distribution::{DRAWS, LogNormal, REPORTS, SEED};
use crate::plot::{Axis, Bar, Series, bars, lines, percent, plain};
use crate::report::{Section, plot_file, table};
use crate::statistics::{grouped, mean, number};
use crate::target::{self, Limit, Target};

/// The creations that take 6 minutes, in seconds: a whole range, because a single time would show only how it fits the
/// times of the checks.
const SIX_MINUTES: std::ops::Range<f64> = 330.0..390.0;
/// The seconds in which the former schedule checked more often: `INTERVALS` in `functions/replication-group/src/schedule.rs`.
const RARELY_CHECKED: std::ops::Range<f64> = 180.0..320.0;
/// The targets for a creation of 6 minutes.
const MOST_DELAY: f64 = 4.0;
const MOST_CHECKS: f64 = 20.0;

/// The longest creation time in a plot, in seconds.
const LONGEST_PLOTTED: u32 = 900;
/// The width of the ranges of creation times in a plot, in seconds.
const RANGE: u32 = 30;

/// The draws and what each program does with them.
struct Simulation {
    distribution: LogNormal,
    times: Vec<f64>,
    /// In the order of `POLLERS`.
    all: Vec<Outcome>,
    six_minutes: Vec<Outcome>,
}

impl Simulation {
    fn run() -> Self {
        let distribution = LogNormal::fitted();
        let times = distribution.draws(DRAWS, SEED);
        let six_minutes: Vec<f64> = times
            .iter()
            .copied()
            .filter(|time| SIX_MINUTES.contains(time))
            .collect();
        Self {
            all: outcomes(&times),
            six_minutes: outcomes(&six_minutes),
            distribution,
            times,
        }
    }
}

/// Returns the outcome of each program, in the order of `POLLERS`.
fn outcomes(times: &[f64]) -> Vec<Outcome> {
    POLLERS
        .iter()
        .map(|poller| Outcome::of(poller, times))
        .collect()
}

/// Simulates the programs, and draws the plots.
///
/// # Errors
/// Returns an error if the state machine, the costs page, or a plot can't be read or written.
pub fn run() -> Result<Section> {
    let simulation = Simulation::run();
    plot_delays(&simulation)?;
    plot_times()?;
    plot_checks(&simulation)?;
    plot_tradeoff(&simulation)?;
    let text = [
        assumptions(&simulation),
        targets(&simulation),
        comparison(&simulation),
        wrong_median(&simulation),
        costs()?,
    ]
    .join("\n\n");
    Ok(Section {
        marker: "polling",
        // A simulation of the programs' schedules, whose versions the text names.
        programs: &[],
        text,
    })
}

fn assumptions(simulation: &Simulation) -> String {
    let LogNormal { median, sigma } = simulation.distribution;
    let reports: Vec<_> = REPORTS
        .iter()
        .map(|report| {
            vec![
                format!("{}: {}", report.source, report.cache),
                plain(report.seconds),
            ]
        })
        .collect();
    let programs: Vec<_> = POLLERS
        .iter()
        .map(|poller| format!("- **{}:** {}.", poller.name, poller.description))
        .collect();
    let draws = grouped(&DRAWS.to_string());
    format!(
        "A program that waits for a new cache calls `DescribeReplicationGroups` until the cache is *available*. The \
         simulation draws {draws} creation times and counts for each program the calls, and the seconds from the time at \
         which the cache became available to the call that found it. Calls take no time and don't fail.\n\n\
         AWS documents no creation times. The draws are log-normal with a median of {median:.0} seconds and a standard \
         deviation of the logarithm of {sigma:.2}, fitted to Terraform's lines `Creation complete after …` in public files, \
         without those that were invented. Terraform checks every 10 seconds, so 5 are subtracted. {} of the \
         {} reports are by one author, and none is of Valkey. Those without an address are from files whose repository isn't \
         known:\n\n{}\n\n\
         The programs:\n\n{}",
        by_one_author(),
        REPORTS.len(),
        table(&["report", "seconds"], &reports),
        programs.join("\n"),
    )
}

/// Returns the largest number of reports of one author.
fn by_one_author() -> usize {
    let authors = REPORTS.iter().filter_map(|report| {
        let (author, _) = report.source.strip_prefix("github.com/")?.split_once('/')?;
        Some(author)
    });
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for author in authors {
        *counts.entry(author).or_default() += 1;
    }
    counts.into_values().max().unwrap_or_default()
}

fn targets(simulation: &Simulation) -> String {
    let found = &simulation.six_minutes[0];
    let name = POLLERS[0].name.to_owned();
    let targets = [
        Target {
            what: "mean delay of a creation of 6 minutes",
            limit: Limit::AtMost(MOST_DELAY),
            unit: " s",
            worst: Some((found.mean_delay(), name.clone())),
        },
        Target {
            what: "calls for a creation of 6 minutes",
            limit: Limit::AtMost(MOST_CHECKS),
            unit: "",
            worst: Some((found.checks, name)),
        },
    ];
    format!(
        "{}\n\nA creation of 6 minutes is a draw between {:.1} and {:.1} minutes.",
        target::section(&targets),
        SIX_MINUTES.start / 60.0,
        SIX_MINUTES.end / 60.0,
    )
}

fn comparison(simulation: &Simulation) -> String {
    let heading = [
        "program",
        "calls",
        "mean delay",
        "95 % within",
        "longest delay",
        "not found",
    ];
    let rows = |outcomes: &[Outcome]| -> Vec<Vec<String>> {
        POLLERS
            .iter()
            .zip(outcomes)
            .map(|(poller, outcome)| {
                vec![
                    poller.name.to_owned(),
                    format!("{:.1}", outcome.checks),
                    format!("{:.1} s", outcome.mean_delay()),
                    format!("{:.1} s", outcome.quantile(95)),
                    format!("{:.1} s", outcome.longest_delay()),
                    format!("{:.1} %", outcome.missed * 100.0),
                ]
            })
            .collect()
    };
    let checks = simulation.all[0].checks;
    let (fewer_checks, later) = ideal_with(simulation, MOST_CHECKS);
    let (same_checks, earlier) = ideal_with(simulation, checks);
    format!(
        "### Calls and delay\n\nCreations of 6 minutes:\n\n{}\n\nAll draws:\n\n{}\n\n\
         {}\n\n\
         *Not found* is the share of the caches that become available after the program gave up. The delays are those of the \
         others.\n\n\
         ![Share of the caches found within a delay](benchmarks/polling-delay.svg)\n\n\
         ![Calls for each creation](benchmarks/polling-calls.svg)\n\n\
         The best schedule for a known distribution has an interval in proportion to the square root of 1/hazard, where the \
         hazard is the probability that a cache becomes available in the next second. Over all draws, it has a mean delay of \
         {later:.1} seconds with {fewer_checks:.1} calls, and of {earlier:.1} seconds with {same_checks:.1}, as many as envcache \
         makes. envcache's schedule also checks before and after the likely times, because the distribution is an assumption.\n\n\
         ![Mean delay and calls](benchmarks/polling-tradeoff.svg)",
        table(&heading, &rows(&simulation.six_minutes)),
        table(&heading, &rows(&simulation.all)),
        next_to_before(simulation),
    )
}

/// Compares the schedule with the former one over all draws.
fn next_to_before(simulation: &Simulation) -> String {
    let (now, before) = (&simulation.all[0], &simulation.all[1]);
    let than = |difference: f64, less: &str, more: &str| {
        let word = if difference < 0.0 { less } else { more };
        format!("{:.1} {word}", difference.abs())
    };
    let early = simulation
        .times
        .iter()
        .filter(|time| RARELY_CHECKED.contains(time));
    format!(
        "Over all draws, envcache makes {} calls than before, and finds a cache {} on average. Between {:.0} and {:.0} seconds, \
         when {} of the caches become available, it checks every 20 seconds instead of every 10, and later more often than \
         before.",
        than(now.checks - before.checks, "fewer", "more"),
        than(
            now.mean_delay() - before.mean_delay(),
            "seconds earlier",
            "seconds later"
        ),
        RARELY_CHECKED.start,
        RARELY_CHECKED.end,
        percent(number(early.count()) / number(simulation.times.len())),
    )
}

/// Returns the calls and the mean delay of the ideal schedule with this number of calls.
fn ideal_with(simulation: &Simulation, checks: f64) -> (f64, f64) {
    let ideal = Ideal::with_checks(simulation.distribution, checks, &simulation.times);
    let outcome = ideal.outcome(&simulation.times);
    (outcome.checks, outcome.mean_delay())
}

fn wrong_median(simulation: &Simulation) -> String {
    let factors = [0.5, 1.0, 1.5, 2.0];
    let by_factor = factors.map(|factor| {
        let times: Vec<f64> = simulation.times.iter().map(|time| time * factor).collect();
        (mean(&times), outcomes(&times))
    });
    let rows: Vec<Vec<String>> = POLLERS
        .iter()
        .enumerate()
        .map(|(index, poller)| {
            let cells = by_factor.iter().map(|(mean, outcomes)| {
                let outcome = &outcomes[index];
                let delay = outcome.mean_delay();
                format!(
                    "{:.1}, {delay:.1} s ({:.1} %)",
                    outcome.checks,
                    delay / mean * 100.0
                )
            });
            [poller.name.to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    let heading = factors.map(|factor| format!("× {factor}"));
    let heading: Vec<&str> = ["program"]
        .into_iter()
        .chain(heading.iter().map(String::as_str))
        .collect();
    format!(
        "### If the assumption is wrong\n\nThe same draws, with all times multiplied by a factor, as if caches took half as \
         long or up to twice as long. Each cell has the calls, the mean delay, and in parentheses the delay's share of the mean \
         creation time.\n\n{}\n\n\
         ![Mean delay by creation time](benchmarks/polling-time.svg)",
        table(&heading, &rows),
    )
}

fn costs() -> Result<String> {
    let runs = [before_redesign(), after_redesign(), documented()?];
    let row = |name: &str, value: fn(&Run) -> &String| {
        let values = runs.iter().map(|run| value(run).clone());
        [name.to_owned()].into_iter().chain(values).collect()
    };
    let rows: [Vec<_>; 3] = [
        row("state transitions", |run| &run.transitions),
        row("function calls", |run| &run.invocations),
        row("cost", |run| &run.cost),
    ];
    let (creation, modification) = (creation_loop()?, modification_loop()?);
    let waits: Vec<_> = [
        ("another run", longest_wait_for_claim(), &claim_loop()?),
        ("a creation", longest_wait(false), &creation),
        ("a restore", longest_wait(true), &creation),
        ("a change", longest_wait(false), &modification),
        (
            "a change by a request that restores",
            longest_wait(true),
            &modification,
        ),
    ]
    .into_iter()
    .map(|(name, checks, one)| {
        vec![
            name.to_owned(),
            checks.to_string(),
            grouped(&(checks * one.transitions).to_string()),
            grouped(&(checks * one.events).to_string()),
        ]
    })
    .collect();
    Ok(format!(
        "### Transitions and costs\n\nA run that creates a cache in 6 minutes: before the redesign of the state machines, after \
         it, and now. The redesign moved decisions into functions, which saved transitions and added function calls; since then, \
         the schedule has saved polls. The current figures are those of the [costs page](costs.md#cost-of-a-run). A test checks on \
         the simulator that a run takes at most 10 % more. The earlier figures were measured at ten times AWS's speed, which \
         leaves time for fewer polls.\n\n{}\n\n\
         A check takes {} state transitions while the cache is creating, and {} while it is modifying. A run waits until a \
         deadline: first for another run that holds the environment, then for ElastiCache. Its history has at most {} events, of \
         which the two waits use, if they never end earlier:\n\n{}\n\n\
         Retries of throttled checks add events. A run that waits for another run and then for a change by a request that \
         restores has at most about {} events until it times out.",
        table(&["", "before", "after the redesign", "now"], &rows),
        creation.transitions,
        modification.transitions,
        grouped(&MOST_EVENTS.to_string()),
        table(
            &["longest wait for", "checks", "transitions", "events"],
            &waits
        ),
        grouped(&format!("{:.0}", most_events()?)),
    ))
}

/// Draws the share of the caches that each program finds within a delay.
fn plot_delays(simulation: &Simulation) -> Result<()> {
    let longest = 60.0;
    let series: Vec<_> = POLLERS
        .iter()
        .zip(&simulation.all)
        .map(|(poller, outcome)| {
            let points = (0..=100_u32).filter_map(|percentage| {
                let delay = outcome.quantile(usize::try_from(percentage).ok()?);
                let share = f64::from(percentage) / 100.0 * (1.0 - outcome.missed);
                (delay <= longest).then_some((delay, share))
            });
            Series {
                label: poller.name.to_owned(),
                points: points.collect(),
                line_width: width(poller),
                point_size: 0,
            }
        })
        .collect();
    lines(
        &plot_file("polling-delay")?,
        "Caches found within a delay, all draws",
        (
            &Axis {
                label: "seconds since the cache became available",
                range: 0.0..longest,
                format: plain,
            },
            &Axis {
                label: "share of the caches",
                range: 0.0..1.0,
                format: percent,
            },
        ),
        &series,
        SeriesLabelPosition::LowerRight,
    )
}

/// Draws the mean delay by creation time.
fn plot_times() -> Result<()> {
    let step = usize::try_from(RANGE)?;
    let series: Vec<_> = POLLERS
        .iter()
        .map(|poller| {
            let points = (RANGE..LONGEST_PLOTTED).step_by(step).map(|begin| {
                // Every tenth of a second, because few draws are in the first and the last ranges.
                let times: Vec<f64> = (0..RANGE * 10)
                    .map(|tenth| f64::from(begin) + f64::from(tenth) / 10.0)
                    .collect();
                let outcome = Outcome::of(poller, &times);
                let middle = f64::from(begin + RANGE / 2) / 60.0;
                (middle, outcome)
            });
            // A program that gave up has no delay.
            let points = points.filter(|(_, outcome)| outcome.missed < 0.5);
            Series {
                label: poller.name.to_owned(),
                points: points
                    .map(|(middle, outcome)| (middle, outcome.mean_delay()))
                    .collect(),
                line_width: width(poller),
                point_size: 0,
            }
        })
        .collect();
    lines(
        &plot_file("polling-time")?,
        "Mean delay by creation time",
        (
            &Axis {
                label: "creation time in minutes",
                range: 0.0..f64::from(LONGEST_PLOTTED) / 60.0,
                format: plain,
            },
            &Axis {
                label: "mean delay in seconds",
                range: 0.0..70.0,
                format: plain,
            },
        ),
        &series,
        SeriesLabelPosition::UpperRight,
    )
}

/// Draws the calls of each program for a creation.
fn plot_checks(simulation: &Simulation) -> Result<()> {
    let shown: Vec<_> = POLLERS
        .iter()
        .zip(&simulation.six_minutes)
        .map(|(poller, outcome)| Bar {
            text: format!(
                "{}: {:.1} calls, mean delay {:.1} seconds",
                poller.name,
                outcome.checks,
                outcome.mean_delay()
            ),
            value: outcome.checks,
        })
        .collect();
    bars(
        &plot_file("polling-calls")?,
        "Calls for a creation of 6 minutes",
        "DescribeReplicationGroups calls",
        &shown,
        Some((MOST_CHECKS, "target")),
    )
}

/// Returns the width of a program's line. That of the former schedule is wider, because Terraform's covers it.
fn width(poller: &Poller) -> u32 {
    if poller.name == BEFORE { 8 } else { 3 }
}

/// Draws the mean delay and the calls of each program next to what is possible.
fn plot_tradeoff(simulation: &Simulation) -> Result<()> {
    let ideal = (3..=30_u32).map(|step| {
        let ideal = Ideal::new(simulation.distribution, f64::from(step) * 0.1);
        let outcome = ideal.outcome(&simulation.times);
        (outcome.checks, outcome.mean_delay())
    });
    let mut series: Vec<_> = POLLERS
        .iter()
        .zip(&simulation.all)
        .map(|(poller, outcome)| Series {
            label: poller.name.to_owned(),
            points: vec![(outcome.checks, outcome.mean_delay())],
            line_width: 0,
            point_size: 8,
        })
        .collect();
    series.push(Series {
        label: "best schedule".to_owned(),
        points: ideal.collect(),
        line_width: 2,
        point_size: 0,
    });
    lines(
        &plot_file("polling-tradeoff")?,
        "Mean delay and calls, all draws",
        (
            &Axis {
                label: "mean number of calls",
                range: 0.0..50.0,
                format: plain,
            },
            &Axis {
                label: "mean delay in seconds",
                range: 0.0..50.0,
                format: plain,
            },
        ),
        &series,
        SeriesLabelPosition::UpperRight,
    )
}
