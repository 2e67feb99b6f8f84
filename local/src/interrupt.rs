//! Ending early, when a person asks for it.

use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Whether the work should end. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks for the end.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error where the end was asked for, so that everything started is ended on the way out.
    ///
    /// # Errors
    /// As said.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Runs a command to its end, or ends it when asked to.
    ///
    /// # Errors
    /// Where it cannot be started, or was interrupted.
    pub fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command
            .spawn()
            .with_context(|| format!("{} could not be started", command.get_program().display()))?;
        loop {
            if let Some(status) = child.try_wait()? {
                self.check()?;
                return Ok(status);
            }
            if self.is_set() {
                let _ = child.kill();
                let _ = child.wait();
                bail!("interrupted");
            }
            sleep(Duration::from_millis(50));
        }
    }
}
