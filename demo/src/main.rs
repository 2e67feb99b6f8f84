//! The demo (`make demo`): creates, uses, and removes a cache in the local AWS simulator.
//!
//! It starts the simulator, creates the reference setup's network, deploys the stack, puts the sample event on the bus,
//! follows the run, and compares the created resources with the contract. It stops everything that it started, also on
//! Ctrl-C.

mod report;
mod steps;

use std::process::ExitCode;

use local::Interrupt;

/// The exit code of a command that Ctrl-C ends in a shell.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let interrupt = Interrupt::default();
    let handler_interrupt = interrupt.clone();
    if let Err(error) = ctrlc::set_handler(move || handler_interrupt.set()) {
        eprintln!("The Ctrl-C handler can't be set: {error}");
        return ExitCode::FAILURE;
    }
    match steps::run(&interrupt) {
        _ if interrupt.is_set() => {
            eprintln!("\nInterrupted. Everything that the demo started was stopped.");
            ExitCode::from(INTERRUPTED)
        }
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
