//! Measures envcache next to what users would use instead, and writes the results to `docs/benchmarks.md`: all parts, or
//! those that the arguments name, such as `polling`. The part `options` runs only if it is named, because it builds functions
//! for hours. More arguments can then name the options to compare and the functions to build, such as
//! `options lto-off lto-thin start-workflow`.

mod cold_start;
mod comparison;
mod distribution;
mod peers;
mod plot;
mod polling;
mod report;
mod retry;
mod scale;
mod statistics;
mod target;
mod versions;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::report::{Page, Section};

/// A part of the benchmarks.
struct Part {
    name: &'static str,
    /// Whether it runs without being named.
    is_default: bool,
    run: fn() -> Result<Section>,
}

static PARTS: [Part; 5] = [
    Part {
        name: "cold-start",
        is_default: true,
        run: cold_start::run,
    },
    Part {
        name: "options",
        is_default: false,
        run: cold_start::options::run,
    },
    Part {
        name: "polling",
        is_default: true,
        run: polling::run,
    },
    Part {
        name: "scale",
        is_default: true,
        run: scale::run,
    },
    Part {
        name: "comparison",
        is_default: true,
        run: comparison::run,
    },
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The benchmark failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let parts = selected()?;
    let page = Page::begin()?;
    for part in parts {
        eprintln!("{}", part.name);
        // Writes each section at once, so that a part that fails doesn't lose the others.
        page.write(&(part.run)()?)?;
    }
    Ok(())
}

/// Returns the parts that the arguments name, or all default parts if there are none.
///
/// # Errors
/// Returns an error if an argument is unknown.
fn selected() -> Result<Vec<&'static Part>> {
    let named: Vec<_> = std::env::args().skip(1).collect();
    let compares_options = named.iter().any(|name| name == "options");
    let is_known = |name: &str| {
        PARTS.iter().any(|part| part.name == name)
            || (compares_options && cold_start::options::is_selectable(name))
    };
    if let Some(unknown) = named.iter().find(|name| !is_known(name.as_str())) {
        bail!("unknown part: {unknown}");
    }
    let is_selected = |part: &&Part| {
        (named.is_empty() && part.is_default) || named.iter().any(|name| name == part.name)
    };
    Ok(PARTS.iter().filter(is_selected).collect())
}
