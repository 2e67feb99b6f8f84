//! Who calls: the function behind a connection, or a state by itself.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::spawn_blocking;

use super::call::Call;

/// The list of connections is not read at one moment: one that is there can be missing from it.
const LOOKS: usize = 20;

/// Who makes a call.
pub(super) enum Who {
    /// This state, by its function.
    Function(String),
    /// This state, by itself.
    State(String),
    /// The account's root user, which is whom the tests call as.
    Root,
    /// A function whose process was not found.
    Unknown,
}

/// The functions that have called, by their access keys: each has a role, and so a key, of its own.
pub(super) struct Callers {
    /// The process group of MiniStack and its functions; 0 before it runs.
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

    /// Who makes this call.
    pub(super) async fn who(&self, call: &Call) -> Who {
        if let Some(state) = &call.state {
            return Who::State(state.clone());
        }
        // Temporary keys are a role's
        // (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
        let key = &call.access_key;
        if !key.starts_with("ASIA") {
            return Who::Root;
        }
        let known = self.steps().get(key).cloned();
        if let Some(step) = known {
            return Who::Function(step);
        }
        let function = self.function_with(key.clone()).await;
        // CloudFormation names a function `{stack}-{logical id}-{suffix}`.
        let step = function
            .as_ref()
            .and_then(|function| function.split('-').nth(1));
        let Some(step) = step else {
            return Who::Unknown;
        };
        self.steps().insert(key.clone(), step.to_owned());
        Who::Function(step.to_owned())
    }

    /// The name of the function whose process was given this access key.
    async fn function_with(&self, key: String) -> Option<String> {
        let group = self.group.load(Ordering::Relaxed);
        spawn_blocking(move || process::function_with(&key, group))
            .await
            .ok()?
    }

    /// Ends the process that calls from this address at once, as a crash would.
    ///
    /// # Errors
    /// Where it is not found.
    pub(super) async fn kill(&self, address: SocketAddr) -> Result<()> {
        let process = self
            .process(address)
            .await
            .context("the caller's process")?;
        Ok(kill(Pid::from_raw(process), Signal::SIGKILL)?)
    }

    async fn process(&self, address: SocketAddr) -> Option<i32> {
        let group = self.group.load(Ordering::Relaxed);
        spawn_blocking(move || (0..LOOKS).find_map(|_| process::connected_from(address, group)))
            .await
            .ok()?
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processes of functions, as Linux lists them.
#[cfg(target_os = "linux")]
mod process {
    use std::ffi::OsStr;
    use std::net::SocketAddr;

    use procfs::process::{FDTarget, Process, all_processes};

    /// A function's process and its name, as Lambda tells it to it.
    type Function = (Process, String);

    /// Who was given this access key, among the functions of a process group.
    pub(super) fn function_with(key: &str, group: i32) -> Option<String> {
        let has_it = |(process, _): &Function| {
            variable(process, "AWS_ACCESS_KEY_ID").as_deref() == Some(key)
        };
        functions(group)?.find(has_it).map(|(_, name)| name)
    }

    /// The process that connected from this address, among the functions of a process group.
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

    /// The functions' processes: MiniStack itself is none, and holds thousands of files.
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

/// Elsewhere nobody is found: the functions are Linux binaries.
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
