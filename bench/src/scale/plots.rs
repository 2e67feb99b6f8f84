//! Draws how time, published environments, and calls grow with the number of environments.

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;

use super::Simulated;
use super::measure::Measured;
use super::simulation::Outcome;
use crate::plot::{Axis, Series, lines, percent, plain};
use crate::report::plot_file;
use crate::statistics::{grouped, number};

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
            title: "Time until the last environment is published, if all are",
            y: Axis {
                label: "seconds",
                range: 2.0..4.5,
                format: rounded_number,
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
            value: |environments, outcome| Some(f64::from(outcome.all_calls()) / environments),
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
        format: rounded_number,
    };
    let mut images = Vec::new();
    for plot in plots() {
        let mut series: Vec<_> = simulated
            .iter()
            .zip((2..=7).rev())
            .map(|(variant, line_width)| Series {
                label: variant.name.to_owned(),
                points: points(
                    &plot,
                    variant
                        .outcomes
                        .iter()
                        .map(|(size, outcome)| (*size, outcome)),
                ),
                // Narrower and narrower, because lines cover each other.
                line_width,
                point_size: 4,
            })
            .collect();
        let measured = measured
            .iter()
            .map(|(size, measured)| (*size, &measured.outcome));
        series.push(Series {
            label: "now, measured on the simulator".to_owned(),
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

/// Returns the number with this logarithm, rounded down to one digit, at powers of ten and in the middle between them. An axis
/// has no text elsewhere.
fn rounded_number(logarithm: f64) -> String {
    let halves = logarithm * 2.0;
    if (halves - halves.round()).abs() > 1e-6 {
        return String::new();
    }
    let digit = 10.0_f64.powf((logarithm + 1e-6).floor());
    let number = (10.0_f64.powf(logarithm) / digit + 1e-6).floor() * digit;
    grouped(&format!("{number:.0}"))
}

#[cfg(test)]
mod tests {
    use super::{Axis, Outcome, Series, including, plain, rounded_number, time};

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
            time(2.0, &outcome).map(rounded_number).as_deref(),
            Some("1,000")
        );
        assert_eq!(time(3.0, &outcome), None);
        assert_eq!(time(1.0, &Outcome::default()), None);
    }

    #[test]
    fn axis_has_texts_at_powers_of_ten_and_between() {
        for (logarithm, text) in [
            (0.0, "1"),
            (0.5, "3"),
            (2.0, "100"),
            (2.5, "300"),
            (2.7, ""),
            (4.0, "10,000"),
        ] {
            assert_eq!(rounded_number(logarithm), text, "{logarithm}");
        }
    }
}
