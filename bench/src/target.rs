//! The targets, and whether a run met them.

use crate::report::table;

/// A target with the measured value that is furthest from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// What is compared.
    pub what: &'static str,
    /// The limit.
    pub limit: Limit,
    /// The unit of limit and value, after a space if there is one.
    pub unit: &'static str,
    /// The worst measured value, and the name of what it was measured for; none if nothing was measured.
    pub worst: Option<(f64, String)>,
}

/// The limit of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    /// Returns whether a value is within the limit.
    pub fn allows(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    /// Returns the value that is furthest from the limit.
    pub fn worst(self, values: impl IntoIterator<Item = (f64, String)>) -> Option<(f64, String)> {
        values.into_iter().reduce(|worst, other| match self {
            Self::AtMost(_) if other.0 > worst.0 => other,
            Self::AtLeast(_) if other.0 < worst.0 => other,
            _ => worst,
        })
    }
}

/// Returns the section of a part's targets.
pub fn section(targets: &[Target]) -> String {
    let rows: Vec<_> = targets.iter().map(Target::row).collect();
    let heading = ["target", "limit", "measured, at worst", "result"];
    format!("### Targets\n\n{}", table(&heading, &rows))
}

impl Target {
    /// Returns the target's row of the table.
    fn row(&self) -> Vec<String> {
        let Self {
            what,
            limit,
            unit,
            worst,
        } = self;
        let limit_text = match limit {
            Limit::AtMost(limit) => format!("at most {limit}{unit}"),
            Limit::AtLeast(limit) => format!("at least {limit}{unit}"),
        };
        let (measured, result) = match worst {
            Some((value, name)) => (
                format!("{value:.2}{unit} ({name})"),
                if limit.allows(*value) {
                    "met"
                } else {
                    "**not met**"
                },
            ),
            None => ("not measured".to_owned(), "–"),
        };
        vec![(*what).to_owned(), limit_text, measured, result.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Target, section};

    fn target(limit: Limit, values: &[f64]) -> Target {
        let values = values
            .iter()
            .map(|value| (*value, format!("function {value}")));
        Target {
            what: "time",
            limit,
            unit: " ms",
            worst: limit.worst(values),
        }
    }

    #[test]
    fn worst_value_decides() {
        let cases = [
            (
                Limit::AtMost(2.5),
                &[1.0, 2.5][..],
                "| time | at most 2.5 ms | 2.50 ms (function 2.5) | met |",
            ),
            (
                Limit::AtMost(2.5),
                &[2.6, 1.0][..],
                "| time | at most 2.5 ms | 2.60 ms (function 2.6) | **not met** |",
            ),
            (
                Limit::AtLeast(30.0),
                &[30.0, 47.0][..],
                "| time | at least 30 ms | 30.00 ms (function 30) | met |",
            ),
            (
                Limit::AtLeast(30.0),
                &[47.0, 29.0][..],
                "| time | at least 30 ms | 29.00 ms (function 29) | **not met** |",
            ),
            (
                Limit::AtLeast(30.0),
                &[][..],
                "| time | at least 30 ms | not measured | – |",
            ),
        ];
        for (limit, values, expected) in cases {
            let found = section(&[target(limit, values)]);
            assert!(found.ends_with(expected), "{found}");
        }
    }
}
