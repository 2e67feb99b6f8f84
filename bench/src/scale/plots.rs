//! Draws how time, published environments, and calls grow with the number of environments.

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;

use super::Simulated;
use super::measure::Measured;
use super::simulation::Outcome;
use crate::plot::{Axis, Series, lines, percent, plain};
use crate::report::plot_file;
use crate::statistics::number;

/// A plot: what it shows of a number of environments and their outcome.
struct Plot {
    name: &'static str,
    title: &'static str,
    y: Axis,
    value: fn(f64, &Outcome) -> Option<f64>,
    legend: SeriesLabelPosition,
}

fn plots() -> [Plot; 3] {
    [
        Plot {
            name: "scale-time",
            title: "Time until the last environment is published",
            y: Axis {
                label: "seconds",
                range: 2.0..4.5,
                format: power_of_ten,
            },
            value: time,
            legend: SeriesLabelPosition::UpperLeft,
        },
        Plot {
            name: "scale-published",
            title: "Environments that are published without a second run",
            y: Axis {
                label: "share of the environments",
                range: 0.0..1.05,
                format: percent,
            },
            value: |environments, outcome| Some(published(outcome) / environments),
            legend: SeriesLabelPosition::LowerLeft,
        },
        Plot {
            name: "scale-calls",
            title: "AWS calls of an environment, with throttled ones",
            y: Axis {
                label: "calls",
                range: 0.0..500.0,
                format: plain,
            },
            value: |environments, outcome| Some(calls(outcome) / environments),
            legend: SeriesLabelPosition::UpperLeft,
        },
    ]
}

/// Draws the plots, and returns the Markdown that shows them.
///
/// # Errors
/// Returns an error if a file can't be written.
pub fn draw(measured: &[(u32, Measured)], simulated: &[Simulated]) -> Result<String> {
    let x = Axis {
        label: "environments at once",
        range: 0.0..4.05,
        format: power_of_ten,
    };
    let mut images = Vec::new();
    for plot in plots() {
        let mut series: Vec<_> = simulated
            .iter()
            .map(|variant| Series {
                label: variant.name.to_owned(),
                points: points(
                    &plot,
                    variant
                        .outcomes
                        .iter()
                        .map(|(size, outcome)| (*size, outcome)),
                ),
                line_width: 2,
                point_size: 4,
            })
            .collect();
        let measured = measured
            .iter()
            .map(|(size, measured)| (*size, &measured.outcome));
        series.push(Series {
            label: "measured on the simulator (now)".to_owned(),
            points: points(&plot, measured),
            line_width: 0,
            point_size: 6,
        });
        let file = plot_file(plot.name)?;
        let y = including(&plot.y, &series);
        lines(&file, plot.title, (&x, &y), &series, plot.legend)?;
        images.push(format!("![{}](benchmarks/{}.svg)", plot.title, plot.name));
    }
    Ok(images.join("\n\n"))
}

/// Returns the points of a plot, with the logarithms of the numbers of environments.
fn points<'a>(plot: &Plot, outcomes: impl Iterator<Item = (u32, &'a Outcome)>) -> Vec<(f64, f64)> {
    outcomes
        .filter_map(|(environments, outcome)| {
            let environments = f64::from(environments);
            Some((environments.log10(), (plot.value)(environments, outcome)?))
        })
        .collect()
}

/// Returns the axis, longer if a point is beyond its end.
fn including(axis: &Axis, series: &[Series]) -> Axis {
    let values = series
        .iter()
        .flat_map(|one| &one.points)
        .map(|(_, value)| *value);
    Axis {
        range: axis.range.start..values.fold(axis.range.end, f64::max),
        label: axis.label,
        format: axis.format,
    }
}

/// Returns the logarithm of the time until the last environment was published; none if some were not.
fn time(environments: f64, outcome: &Outcome) -> Option<f64> {
    let last = outcome.published.last()?;
    (published(outcome) >= environments).then(|| last.log10())
}

fn published(outcome: &Outcome) -> f64 {
    number(outcome.published.len())
}

fn calls(outcome: &Outcome) -> f64 {
    let calls = outcome.calls.values().map(|counts| counts.calls);
    f64::from(calls.sum::<u32>())
}

/// Returns the number with this logarithm, if it is a power of ten; otherwise the axis has no text there.
fn power_of_ten(logarithm: f64) -> String {
    if (logarithm - logarithm.round()).abs() > 1e-6 {
        return String::new();
    }
    format!("{:.0}", 10.0_f64.powf(logarithm))
}

#[cfg(test)]
mod tests {
    use super::{Axis, Outcome, Series, including, plain, power_of_ten, time};

    #[test]
    fn axis_includes_every_point() {
        let axis = Axis {
            label: "calls",
            range: 0.0..500.0,
            format: plain,
        };
        let series = |value| Series {
            label: String::new(),
            points: vec![(0.0, value)],
            line_width: 1,
            point_size: 0,
        };

        let [short, long] = [400.0, 600.0].map(|value| including(&axis, &[series(value)]).range);

        assert_eq!((short, long), (0.0..500.0, 0.0..600.0));
    }

    #[test]
    fn time_is_known_only_if_all_are_published() {
        let outcome = Outcome {
            published: vec![370.0, 1_000.0],
            ..Outcome::default()
        };

        assert_eq!(
            time(2.0, &outcome).map(power_of_ten).as_deref(),
            Some("1000")
        );
        assert_eq!(time(3.0, &outcome), None);
        assert_eq!(time(1.0, &Outcome::default()), None);
    }
}
