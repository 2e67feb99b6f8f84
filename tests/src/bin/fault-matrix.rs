//! The fault matrix: every call, every fault, on the first, on some and on every call; of every scenario, or of those that
//! the arguments after the page name, such as `create`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use envcache_tests::matrix::{self, Baseline, Frequency, Machines, Scenario};
use envcache_tests::{World, page, resources};

/// Cells that end wrong mostly do so for one reason.
const SHOWN: usize = 10;
const TEXT: &str = "Every call that the workflow makes to AWS fails in every way, in a first run (*create*), in one \
that finds everything there (*again*), in one that asks for more replicas, other settings, another backend and one more \
subnet (*change*), in one that asks for fewer replicas (*shrink*), in one that takes over a stale claim (*stale*), in one \
whose first creation fails (*replace*) and in one that takes everything away (*remove*). \"Some calls\" are more than a function's own second try can bear, so that the state machine has to try \
again. A run recovers and ends with the resources of an baseline run; or it fails under the right error name, with \
nothing untagged and no wrong endpoint behind it, and a plain re-run ends with those same resources.";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} cells ended wrong");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("The matrix failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The scenarios that the arguments name; all of them if there are none.
fn scenarios() -> Result<Vec<Scenario>> {
    let named: Vec<_> = std::env::args().skip(2).collect();
    let name = |scenario: &Scenario| format!("{scenario:?}").to_lowercase();
    if let Some(unknown) = named
        .iter()
        .find(|named| !Scenario::ALL.iter().any(|one| name(one) == **named))
    {
        bail!("{unknown} is no scenario");
    }
    let is_meant = |scenario: &Scenario| named.is_empty() || named.contains(&name(scenario));
    Ok(Scenario::ALL.into_iter().filter(is_meant).collect())
}

/// Tells how many cells ended wrong.
fn run() -> Result<usize> {
    let path = page::asked_for()?;
    let begin = Instant::now();
    let world = World::deploy_with(matrix::SETTINGS)?;
    let machines = Machines::deployed(&world);
    let baseline = Baseline::run(&world, machines)?;
    let cells = baseline.cells(&scenarios()?, &Frequency::ALL);
    let report = matrix::run(&baseline, &world, machines, &cells)?;
    let strange = resources::nobodys(&world)?;
    ensure!(strange.is_empty(), "made under another name: {strange:?}");
    for wrong in report.wrong.iter().take(SHOWN) {
        eprintln!("{wrong}");
    }
    let table = format!(
        "{}\n\n{} cells in {} minutes; {} ended wrong.",
        report.table(),
        cells.len(),
        begin.elapsed().as_secs() / 60,
        report.wrong.len()
    );
    page::write(&path, "The fault matrix", "make matrix", TEXT, &table)?;
    Ok(report.wrong.len())
}
