//! A flag that ends the work early, for example on Ctrl+C.

use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Whether the work should end. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Requests the end of the work.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the end was requested.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Checks whether the end was requested. The error unwinds the caller, which drops and so stops everything that
    /// it started.
    ///
    /// # Errors
    /// Returns an error if the end was requested.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Runs a command until it exits, or kills it if the end is requested.
    ///
    /// # Errors
    /// Returns an error if the command can't be started or the end is requested.
    pub fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command
            .spawn()
            .with_context(|| format!("could not start `{}`", command.get_program().display()))?;
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
