//! The tables of the results page.

use super::Measured;
use super::candidate::Kind;
use super::package::{Package, in_mebibytes};
use super::summary::{self, Summary};
use crate::report::table;
use crate::target::{self, Limit, Target};

/// The cell of a value that doesn't exist.
const NONE: &str = "–";

/// The target for a package, in MiB.
pub const MOST_PACKAGE: f64 = 2.5;

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
    let limit = Limit::AtMost(1.5);
    let empty = measured.iter().find(|found| found.kind == Kind::Empty);
    let is_compared =
        |found: &&Measured| found.kind == Kind::Function && found.name == "resolve-removal";
    let values = measured
        .iter()
        .filter(is_compared)
        .filter_map(|found| Some((found.plain.ratio(&empty?.plain), found.name.clone())));
    Target {
        what: "time without an AWS call, next to the empty handler",
        limit,
        unit: " times",
        worst: limit.worst(values),
    }
}

fn next_to_python(measured: &[Measured]) -> Target {
    let limit = Limit::AtLeast(30.0);
    let values = functions(measured).flat_map(|function| {
        let peer = peer_of(function, measured);
        let ratio = |transport: &str, of: fn(&Measured) -> &Summary| {
            Some((
                of(peer?).ratio(of(function)),
                format!("{}, {transport}", function.name),
            ))
        };
        let ratios = [
            ratio("HTTP", |found| &found.plain),
            ratio("HTTPS", |found| &found.tls),
        ];
        ratios.into_iter().flatten()
    });
    Target {
        what: "time of Python with the same calls, next to the function",
        limit,
        unit: " times",
        worst: limit.worst(values),
    }
}

fn memory(measured: &[Measured]) -> Target {
    let limit = Limit::AtMost(10.0);
    let values = functions(measured).flat_map(|function| {
        let memory = [function.plain.memory, function.tls.memory];
        memory
            .into_iter()
            .flatten()
            .map(move |memory| (summary::in_mebibytes(memory), function.name.clone()))
    });
    Target {
        what: "peak memory of a function",
        limit,
        unit: " MiB",
        worst: limit.worst(values),
    }
}

fn size(packages: &[(String, Package)]) -> Target {
    let limit = Limit::AtMost(MOST_PACKAGE);
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
        "ratios",
    ];
    format!(
        "### Time and memory\n\n\
         Times in ms, memory in MiB. Python's ratio is its time divided by that of the function.\n\n{}",
        table(&heading, &rows)
    )
}

fn row(name: &str, found: &Measured, peer: Option<&Measured>) -> Vec<String> {
    let mut cells = vec![
        name.to_owned(),
        found.calls.to_string(),
        found.plain.milliseconds(),
        found.tls.milliseconds(),
        found.tls.mebibytes(),
    ];
    match peer {
        None => cells.extend([NONE; 4].map(str::to_owned)),
        Some(peer) => cells.extend([
            peer.plain.milliseconds(),
            peer.tls.milliseconds(),
            peer.tls.mebibytes(),
            format!(
                "{:.0}, {:.0}",
                peer.plain.ratio(&found.plain),
                peer.tls.ratio(&found.tls)
            ),
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
         In millions, counted by callgrind in one run. Other work on the machine doesn't change them.\n\n{}",
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
            let [program, zipped] = [package.program, package.zipped]
                .map(|bytes| format!("{:.2}", in_mebibytes(bytes)));
            vec![name.clone(), program, zipped]
        })
        .collect();
    format!(
        "### Packages\n\n\
         In MiB. The package is the program, which `make build` compiles, in a ZIP archive.\n\n{}\n\n\
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

    use super::{Kind, Measured, Summary, instructions, millions, targets, times};

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
            "| at most 1.5 times | 1.20 times (resolve-removal) | met |",
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
            "| empty handler | 1 | 10.0 (1.0–2.0) | 10.0 (1.0–2.0) | 9.0 | – | – | – | – |"
        ));
        assert!(found.contains("| 9.0 | 30, 30 |"), "{found}");
    }

    #[test]
    fn says_why_there_are_no_instructions() {
        assert!(instructions(&all()).contains("valgrind isn't installed"));
        assert_eq!(millions(929_012_091), "929.0");
        assert_eq!(millions(2_486_375), "2.4");
    }
}
