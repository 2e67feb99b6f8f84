//! The tables of the results page.

use super::Measured;
use super::candidate::Kind;
use super::package::{Package, in_mebibytes};
use super::summary;
use crate::report::table;
use crate::target::{self, Limit, Target};

/// The cell of a value that doesn't exist.
const NONE: &str = "–";

/// The target for the time without an AWS call, next to the empty handler.
const WITHOUT_CALLS: Limit = Limit::AtMost(1.5);
/// The target for Python's time with the same calls, next to the function.
const NEXT_TO_PYTHON: Limit = Limit::AtLeast(30.0);
/// The target for a function's peak memory, in MiB.
const MEMORY: Limit = Limit::AtMost(10.0);
/// The target for a package, in MiB.
pub const MOST_PACKAGE: f64 = 2.5;
const PACKAGE: Limit = Limit::AtMost(MOST_PACKAGE);

/// Returns the table of the targets.
pub fn targets(measured: &[Measured], packages: &[(String, Package)]) -> String {
    target::section(&[
        without_calls(measured),
        next_to_python(measured),
        memory(measured),
        size(packages),
    ])
}

/// Compares the function that calls nothing with the empty handler.
fn without_calls(measured: &[Measured]) -> Target {
    let limit = WITHOUT_CALLS;
    let empty = measured.iter().find(|found| found.kind == Kind::Empty);
    let is_compared =
        |found: &&Measured| found.kind == Kind::Function && found.name == "resolve-removal";
    let values = measured
        .iter()
        .filter(is_compared)
        .filter_map(|found| Some(ratios(found, empty?, &found.name)))
        .flatten();
    Target {
        what: "time of a function that makes no call, next to the empty handler",
        limit,
        unit: " times",
        worst: limit.worst(values),
    }
}

/// Returns how many times as long as `shorter` another candidate takes, over each transport, with the function's name.
fn ratios(longer: &Measured, shorter: &Measured, function: &str) -> [(f64, String); 2] {
    [
        ("HTTP", &longer.plain, &shorter.plain),
        ("HTTPS", &longer.tls, &shorter.tls),
    ]
    .map(|(transport, longer, shorter)| (longer.ratio(shorter), format!("{function}, {transport}")))
}

fn next_to_python(measured: &[Measured]) -> Target {
    let limit = NEXT_TO_PYTHON;
    let values = functions(measured)
        .filter_map(|function| {
            Some(ratios(
                peer_of(function, measured)?,
                function,
                &function.name,
            ))
        })
        .flatten();
    Target {
        what: "time of Python with the same calls, next to the function",
        limit,
        unit: " times",
        worst: limit.worst(values),
    }
}

fn memory(measured: &[Measured]) -> Target {
    let limit = MEMORY;
    let values = functions(measured)
        .filter_map(|function| Some((peak_memory(function)?, function.name.clone())));
    Target {
        what: "peak memory of a function",
        limit,
        unit: " MiB",
        worst: limit.worst(values),
    }
}

fn size(packages: &[(String, Package)]) -> Target {
    let limit = PACKAGE;
    let values = packages
        .iter()
        .map(|(name, package)| (in_mebibytes(package.zipped), name.clone()));
    Target {
        what: "package of a function",
        limit,
        unit: " MiB",
        worst: limit.worst(values),
    }
}

/// Returns the table of times and memory.
pub fn times(measured: &[Measured]) -> String {
    let empty = measured
        .iter()
        .filter(|found| found.kind == Kind::Empty)
        .map(|found| row("empty handler", found, None));
    let functions = functions(measured)
        .map(|function| row(&function.name, function, peer_of(function, measured)));
    let rows: Vec<_> = empty.chain(functions).collect();
    let heading = [
        "function",
        "AWS calls",
        "HTTP",
        "HTTPS",
        "memory",
        "Python, HTTP",
        "Python, HTTPS",
        "Python, memory",
        "ratio, HTTP",
        "ratio, HTTPS",
    ];
    format!(
        "### Time and memory\n\n\
         Times in ms. Memory in MiB: the largest resident memory of any run. A ratio is Python's time divided by that of \
         the function. A value in bold misses its target. `resolve-removal` makes no call. `verify-endpoint` calls no AWS \
         service, but connects to a cache, in both columns over TLS.\n\n{}",
        table(&heading, &rows)
    )
}

/// Returns the largest memory of any run in MiB, if it was measured.
fn peak_memory(found: &Measured) -> Option<f64> {
    let memory = found.plain.memory.max(found.tls.memory)?;
    Some(summary::in_mebibytes(memory))
}

/// Returns a value with a number of decimals, in bold if it misses its target.
fn compared(value: f64, decimals: usize, target: Option<Limit>) -> String {
    let text = format!("{value:.decimals$}");
    if target.is_none_or(|target| target.allows(value)) {
        text
    } else {
        format!("**{text}**")
    }
}

fn row(name: &str, found: &Measured, peer: Option<&Measured>) -> Vec<String> {
    let memory = |found: &Measured, target| {
        peak_memory(found).map_or_else(|| NONE.to_owned(), |value| compared(value, 1, target))
    };
    let of_functions = (found.kind == Kind::Function).then_some(MEMORY);
    let mut cells = vec![
        name.to_owned(),
        found.calls.to_string(),
        found.plain.milliseconds(),
        found.tls.milliseconds(),
        memory(found, of_functions),
    ];
    match peer {
        None => cells.extend([NONE; 5].map(str::to_owned)),
        Some(peer) => cells.extend([
            peer.plain.milliseconds(),
            peer.tls.milliseconds(),
            memory(peer, None),
            compared(peer.plain.ratio(&found.plain), 1, Some(NEXT_TO_PYTHON)),
            compared(peer.tls.ratio(&found.tls), 1, Some(NEXT_TO_PYTHON)),
        ]),
    }
    cells
}

/// Returns the table of instructions, or why there is none.
pub fn instructions(measured: &[Measured]) -> String {
    let cells = |counts: Option<[u64; 2]>| match counts {
        Some(counts) => counts.map(millions),
        None => [NONE; 2].map(str::to_owned),
    };
    let rows: Vec<Vec<String>> = measured
        .iter()
        .filter(|found| found.kind != Kind::Peer && found.instructions.is_some())
        .map(|found| {
            let name = match found.kind {
                Kind::Empty => "empty handler",
                Kind::Function | Kind::Peer => found.name.as_str(),
            };
            let peer = peer_of(found, measured).and_then(|peer| peer.instructions);
            [name.to_owned()]
                .into_iter()
                .chain(cells(found.instructions))
                .chain(cells(peer))
                .collect()
        })
        .collect();
    if rows.is_empty() {
        return "### Instructions\n\nNot counted, because valgrind isn't installed.".to_owned();
    }
    let heading = ["function", "HTTP", "HTTPS", "Python, HTTP", "Python, HTTPS"];
    format!(
        "### Instructions\n\n\
         In millions, counted by callgrind in one run. Other work on the machine hardly changes them.\n\n{}",
        table(&heading, &rows)
    )
}

/// Returns a number in millions.
pub fn millions(number: u64) -> String {
    format!("{}.{}", number / 1_000_000, number / 100_000 % 10)
}

/// Returns the table of packages, and their plot.
pub fn packages(packages: &[(String, Package)]) -> String {
    let rows: Vec<_> = packages
        .iter()
        .map(|(name, package)| {
            let [program, zipped] = [package.program, package.zipped].map(in_mebibytes);
            vec![
                name.clone(),
                compared(program, 2, None),
                compared(zipped, 2, Some(PACKAGE)),
            ]
        })
        .collect();
    format!(
        "### Packages\n\n\
         In MiB. The package is the program, which `make build` compiles, in a ZIP archive. A value in bold misses its \
         target.\n\n{}\n\n\
         ![Sizes of the packages](benchmarks/package-sizes.svg)",
        table(&["function", "program", "package"], &rows)
    )
}

fn functions(measured: &[Measured]) -> impl Iterator<Item = &Measured> {
    measured.iter().filter(|found| found.kind == Kind::Function)
}

/// Returns the peer of a function. The empty handler has none.
fn peer_of<'a>(function: &Measured, measured: &'a [Measured]) -> Option<&'a Measured> {
    measured.iter().find(|found| {
        function.kind == Kind::Function && found.kind == Kind::Peer && found.name == function.name
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Kind, Measured, Package, instructions, millions, packages, targets, times};
    use crate::cold_start::summary::Summary;

    fn measured(kind: Kind, name: &str, milliseconds: u64) -> Measured {
        let summary = Summary {
            init: Duration::from_millis(1),
            median: Duration::from_millis(milliseconds),
            quartiles: [1, 2].map(Duration::from_millis),
            memory: Some(9 * 1024),
        };
        Measured {
            kind,
            name: name.to_owned(),
            calls: 1,
            plain: summary.clone(),
            tls: summary,
            instructions: None,
        }
    }

    fn all() -> [Measured; 4] {
        [
            measured(Kind::Empty, "resolve-removal", 10),
            measured(Kind::Function, "resolve-removal", 12),
            measured(Kind::Function, "resolve-network", 10),
            measured(Kind::Peer, "resolve-network", 300),
        ]
    }

    #[test]
    fn targets_compare_with_empty_handler_and_peer() {
        let found = targets(&all(), &[]);

        for expected in [
            "| at most 1.5 times | 1.20 times (resolve-removal, HTTP) | met |",
            "| at least 30 times | 30.00 times (resolve-network, HTTP) | met |",
            "| at most 10 MiB | 9.00 MiB (resolve-removal) | met |",
            "| at most 2.5 MiB | not measured | – |",
        ] {
            assert!(found.contains(expected), "{expected} in {found}");
        }
    }

    #[test]
    fn row_has_the_peer_only_when_there_is_one() {
        let found = times(&all());

        assert!(found.contains(
            "| empty handler | 1 | 10.0 (1.0–2.0) | 10.0 (1.0–2.0) | 9.0 | – | – | – | – | – |"
        ));
        assert!(found.contains("| 9.0 | 30.0 | 30.0 |"), "{found}");
    }

    #[test]
    fn value_that_misses_its_target_is_bold() {
        let mut measured = all();
        measured[2].tls = Summary {
            median: Duration::from_millis(11),
            memory: Some(11 * 1024),
            ..measured[2].tls.clone()
        };
        let large = Package {
            program: 6 << 20,
            zipped: 3 << 20,
        };

        let times = times(&measured);
        let packages = packages(&[("resolve-network".to_owned(), large)]);

        assert!(times.contains("| **11.0** |"), "{times}");
        assert!(times.contains("| 9.0 | 30.0 | **27.3** |"), "{times}");
        assert!(
            packages.contains("| resolve-network | 6.00 | **3.00** |"),
            "{packages}"
        );
    }

    #[test]
    fn says_why_there_are_no_instructions() {
        assert!(instructions(&all()).contains("valgrind isn't installed"));
        assert_eq!(millions(929_012_091), "929.0");
        assert_eq!(millions(2_486_375), "2.4");
    }
}
