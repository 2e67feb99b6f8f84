//! Identifies the caller of a call: a function, or a state machine's direct service integration.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::spawn_blocking;

use super::call::Call;

/// The number of attempts to find a connection. The list of connections isn't an atomic snapshot, so an open
/// connection can be missing from it.
const ATTEMPTS: usize = 20;

/// The caller of a call.
pub(super) enum Caller {
    /// A state's function.
    Function(String),
    /// A state's direct service integration.
    State(String),
    /// The account's root user, as which the tests call.
    Root,
    /// A function whose process was not found.
    Unknown,
}

/// The functions that have made calls, by access key. Each function has its own role, and so its own key.
pub(super) struct Callers {
    /// The process group of MiniStack and its functions; 0 before MiniStack runs.
    group: Arc<AtomicI32>,
    steps: Mutex<HashMap<String, String>>,
}

impl Callers {
    pub(super) fn new(group: Arc<AtomicI32>) -> Self {
        Self {
            group,
            steps: Mutex::default(),
        }
    }

    /// Returns the caller of a call.
    pub(super) async fn identify(&self, call: &Call) -> Caller {
        if let Some(state) = &call.state {
            return Caller::State(state.clone());
        }
        // Only roles have temporary keys
        // (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
        let key = &call.access_key;
        if !key.starts_with("ASIA") {
            return Caller::Root;
        }
        let known = self.steps().get(key).cloned();
        if let Some(step) = known {
            return Caller::Function(step);
        }
        let function = self.function_with(key.clone()).await;
        // CloudFormation names a function `{stack}-{logical ID}-{suffix}`.
        let step = function
            .as_ref()
            .and_then(|function| function.split('-').nth(1));
        let Some(step) = step else {
            return Caller::Unknown;
        };
        self.steps().insert(key.clone(), step.to_owned());
        Caller::Function(step.to_owned())
    }

    /// Returns the name of the function whose process has this access key.
    async fn function_with(&self, key: String) -> Option<String> {
        let group = self.group.load(Ordering::Relaxed);
        spawn_blocking(move || process::function_with(&key, group))
            .await
            .ok()?
    }

    /// Kills the process that calls from this address, which simulates a crash.
    ///
    /// # Errors
    /// Returns an error if the process isn't found.
    pub(super) async fn kill(&self, address: SocketAddr) -> Result<()> {
        let process = self
            .process(address)
            .await
            .context("the caller's process was not found")?;
        Ok(kill(Pid::from_raw(process), Signal::SIGKILL)?)
    }

    async fn process(&self, address: SocketAddr) -> Option<i32> {
        let group = self.group.load(Ordering::Relaxed);
        spawn_blocking(move || (0..ATTEMPTS).find_map(|_| process::connected_from(address, group)))
            .await
            .ok()?
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the functions' processes in Linux's `/proc`.
#[cfg(target_os = "linux")]
mod process {
    use std::ffi::OsStr;
    use std::net::SocketAddr;

    use procfs::process::{FDTarget, Process, all_processes};

    /// A function's process, and the function's name from the process's environment.
    type Function = (Process, String);

    /// Returns the name of the function in a process group that has this access key.
    pub(super) fn function_with(key: &str, group: i32) -> Option<String> {
        let has_key = |(process, _): &Function| {
            variable(process, "AWS_ACCESS_KEY_ID").as_deref() == Some(key)
        };
        functions(group)?.find(has_key).map(|(_, name)| name)
    }

    /// Returns the ID of the function process in a process group that connected from this address.
    pub(super) fn connected_from(address: SocketAddr, group: i32) -> Option<i32> {
        let socket = procfs::net::tcp()
            .ok()?
            .into_iter()
            .find(|entry| entry.local_address == address)?
            .inode;
        functions(group)?
            .map(|(process, _)| process)
            .find(|process| {
                process.fd().is_ok_and(|mut files| {
                    files.any(|file| {
                        file.is_ok_and(
                            |file| matches!(file.target, FDTarget::Socket(inode) if inode == socket),
                        )
                    })
                })
            })
            .map(|process| process.pid())
    }

    /// Returns the functions' processes in a process group. MiniStack is in the group too, but isn't searched, because
    /// it has thousands of open files.
    fn functions(group: i32) -> Option<impl Iterator<Item = Function>> {
        let all = all_processes().ok()?.flatten();
        Some(
            all.filter(move |process| process.stat().is_ok_and(|stat| stat.pgrp == group))
                .filter_map(|process| {
                    let name = variable(&process, "AWS_LAMBDA_FUNCTION_NAME")?;
                    Some((process, name))
                }),
        )
    }

    fn variable(process: &Process, name: &str) -> Option<String> {
        let environment = process.environ().ok()?;
        let value = environment.get(OsStr::new(name))?;
        Some(value.to_string_lossy().into_owned())
    }
}

/// Finds no process on other systems, because the functions are Linux binaries.
#[cfg(not(target_os = "linux"))]
mod process {
    use std::net::SocketAddr;

    pub(super) const fn function_with(_: &str, _: i32) -> Option<String> {
        None
    }

    pub(super) const fn connected_from(_: SocketAddr, _: i32) -> Option<i32> {
        None
    }
}
