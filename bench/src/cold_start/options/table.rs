//! Writes the options: what each one changes, and the measurements of each function.

use super::builds::{BUILDS, Build, TODAY};
use crate::cold_start::package::{Package, in_mebibytes};
use crate::cold_start::summary::in_milliseconds;
use crate::cold_start::{Measured, table};
use crate::statistics::{mean, number};

/// A function that was built with an option.
pub struct Built {
    pub build: &'static Build,
    pub package: Package,
    pub measured: Measured,
}

/// What an option changes.
#[derive(Clone, Copy)]
enum Value {
    Package,
    Time,
    Instructions,
    Memory,
}

impl Built {
    fn function(&self) -> &str {
        &self.measured.name
    }

    /// Returns a value over HTTPS, in any unit; none if it wasn't measured.
    fn value(&self, value: Value) -> Option<f64> {
        let tls = &self.measured.tls;
        let as_float = |count: u64| u32::try_from(count).ok().map(f64::from);
        match value {
            Value::Package => Some(number(self.package.zipped)),
            Value::Time => Some(tls.median.as_secs_f64()),
            Value::Instructions => as_float(self.measured.instructions?[1] / 1_000),
            Value::Memory => as_float(tls.memory?),
        }
    }
}

/// Returns the tables.
pub fn write(functions: &[&str], all: &[Built]) -> String {
    let tables = functions.iter().map(|function| table_of(function, all));
    [changes(all)]
        .into_iter()
        .chain(tables)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Compares each option with today's build, and tells why it isn't used.
fn changes(all: &[Built]) -> String {
    let is_built = |build: &&Build| all.iter().any(|built| built.build.name == build.name);
    let options = BUILDS.iter().filter(|build| build.name != TODAY);
    let rows: Vec<_> = options
        .filter(is_built)
        .map(|build| {
            let change = |value| change(all, build, value);
            format!(
                "| `{}` | {} | {} | {} | {} | {} | {} |",
                build.name,
                build.what,
                change(Value::Package),
                change(Value::Time),
                change(Value::Instructions),
                change(Value::Memory),
                build.verdict
            )
        })
        .collect();
    format!(
        "### Verdicts\n\n\
         What pays off is in today's build. Each option replaces a part of it, and is compared with it as the mean of the \
         functions. Times vary by about a tenth from run to run; packages and instructions hardly do.\n\n\
         | option | difference | package | time, HTTPS | instructions | memory | why it isn't used |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- |\n{}",
        rows.join("\n")
    )
}

/// Returns by how many percent a value of an option differs from today's, as the mean of the functions.
fn change(all: &[Built], build: &Build, value: Value) -> String {
    let ratios: Option<Vec<_>> = all
        .iter()
        .filter(|built| built.build.name == build.name)
        .map(|built| {
            let today = all
                .iter()
                .find(|other| other.build.name == TODAY && other.function() == built.function())?;
            Some(built.value(value)? / today.value(value)?)
        })
        .collect();
    ratios.map_or_else(|| "–".to_owned(), |ratios| percentage(mean(&ratios)))
}

/// Returns a ratio as a change in percent.
fn percentage(ratio: f64) -> String {
    let change = ((ratio - 1.0) * 100.0).round();
    if change == 0.0 {
        "0 %".to_owned()
    } else {
        format!("{change:+.0} %")
    }
}

/// Returns the measurements of a function.
fn table_of(function: &str, all: &[Built]) -> String {
    let rows: Vec<_> = all
        .iter()
        .filter(|built| built.function() == function)
        .map(|built| {
            let Measured {
                plain,
                tls,
                instructions,
                ..
            } = &built.measured;
            let instructions =
                instructions.map_or_else(|| "–".to_owned(), |[_, tls]| table::millions(tls));
            format!(
                "| `{}` | {:.2} | {} | {} | {:.1} | {} | {instructions} |",
                built.build.name,
                in_mebibytes(built.package.zipped),
                plain.milliseconds(),
                tls.milliseconds(),
                in_milliseconds(tls.init),
                tls.mebibytes(),
            )
        })
        .collect();
    format!(
        "### {function}\n\n\
         | build | package | HTTP | HTTPS | init, HTTPS | memory | instructions |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n{}",
        rows.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BUILDS, Built, percentage, write};
    use crate::cold_start::Measured;
    use crate::cold_start::candidate::Kind;
    use crate::cold_start::package::Package;
    use crate::cold_start::summary::Summary;

    fn measured(name: &str, milliseconds: u64, instructions: u64) -> Measured {
        let median = Duration::from_millis(milliseconds);
        let summary = Summary {
            init: median,
            median,
            quartiles: [median, median],
            memory: Some(2_048),
        };
        Measured {
            kind: Kind::Function,
            name: name.to_owned(),
            calls: 1,
            plain: summary.clone(),
            tls: summary,
            instructions: Some([0, instructions]),
        }
    }

    #[test]
    fn option_is_compared_with_the_same_function_of_today() {
        let built = |build: usize, zipped, measured| Built {
            build: &BUILDS[build],
            package: Package { program: 0, zipped },
            measured,
        };
        let all = [
            built(0, 1_000, measured("a", 10, 10_000_000)),
            built(0, 2_000, measured("b", 20, 20_000_000)),
            built(1, 1_500, measured("a", 12, 10_000_000)),
            built(1, 3_000, measured("b", 20, 10_000_000)),
        ];

        let text = write(&["a", "b"], &all);

        let lto_off = text.lines().find(|line| line.starts_with("| `lto-off` |"));
        let changes = "| +50 % | +10 % | -25 % | 0 % |";
        assert!(lto_off.is_some_and(|line| line.contains(changes)), "{text}");
        assert!(text.contains("\n### b\n"), "{text}");
    }

    #[test]
    fn percentage_is_rounded_and_signed() {
        for (ratio, expected) in [
            (1.0, "0 %"),
            (0.999, "0 %"),
            (1.256, "+26 %"),
            (0.5, "-50 %"),
        ] {
            assert_eq!(percentage(ratio), expected);
        }
    }
}
