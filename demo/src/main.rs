//! The main job on one machine: an event goes in, an endpoint comes out.
//!
//! `make demo` runs it. It starts the one-machine cloud, deploys the stack, lays the reference set-up's
//! network, puts the sample event on the bus, follows the run, and compares what was made with what the
//! contract asks for. It ends all that it started, also on Ctrl-C.

mod report;
mod steps;

use std::process::ExitCode;

use local::Interrupt;

/// How a shell's command ends on Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let interrupt = Interrupt::default();
    let asked = interrupt.clone();
    if let Err(error) = ctrlc::set_handler(move || asked.set()) {
        eprintln!("Ctrl-C cannot be handled here: {error}");
        return ExitCode::FAILURE;
    }
    match steps::run(&interrupt) {
        _ if interrupt.is_set() => {
            eprintln!("\nInterrupted. All that was started is ended.");
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
