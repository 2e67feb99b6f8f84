//! The whole fault matrix: every scenario, every call, every fault, on the first, on some and on every call.
//!
//! `make matrix` runs it, and writes the summary that docs/faults.md holds.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use envcache_tests::World;
use envcache_tests::matrix::{self, Scenario, Spell, Undisturbed};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The matrix failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True where every cell ended well.
fn run() -> Result<bool> {
    let begin = Instant::now();
    let world = World::deploy_with(matrix::SETTINGS)?;
    let machine = &world.stack.provision_state_machine_arn;
    let undisturbed = Undisturbed::run(&world, machine)?;
    let cells = undisturbed.cells(&Scenario::ALL, &Spell::ALL);
    eprintln!("{} cells", cells.len());
    let report = matrix::run(&undisturbed, &world, machine, &cells)?;
    println!("{}", report.table());
    println!();
    println!("{} cells in {} s.", cells.len(), begin.elapsed().as_secs());
    for wrong in &report.wrong {
        eprintln!("{wrong}");
    }
    Ok(report.wrong.is_empty())
}
