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

/// A function's process.
struct Process {
    id: i32,
    /// The function's name, as Lambda tells it to its process.
    function: String,
}

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

    /// Who makes this call over a connection from this address.
    pub(super) async fn who(&self, call: &Call, address: SocketAddr) -> Who {
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
        let process = self.process(address).await;
        // CloudFormation names a function `{stack}-{logical id}-{suffix}`.
        let step = process
            .as_ref()
            .and_then(|process| process.function.split('-').nth(1));
        let Some(step) = step else {
            return Who::Unknown;
        };
        self.steps().insert(key.clone(), step.to_owned());
        Who::Function(step.to_owned())
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
        Ok(kill(Pid::from_raw(process.id), Signal::SIGKILL)?)
    }

    async fn process(&self, address: SocketAddr) -> Option<Process> {
        let group = self.group.load(Ordering::Relaxed);
        spawn_blocking(move || (0..LOOKS).find_map(|_| Process::find(address, group)))
            .await
            .ok()?
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Finds who connected from this address, among the functions of a process group.
    #[cfg(target_os = "linux")]
    fn find(address: SocketAddr, group: i32) -> Option<Self> {
        use procfs::process::{FDTarget, all_processes};

        let socket = procfs::net::tcp()
            .ok()?
            .into_iter()
            .find(|entry| entry.local_address == address)?
            .inode;
        all_processes()
            .ok()?
            .flatten()
            .filter(|process| process.stat().is_ok_and(|stat| stat.pgrp == group))
            .find_map(|process| {
                // Looked at first: MiniStack itself is no function, and holds thousands of files.
                let environment = process.environ().ok()?;
                let name: &std::ffi::OsStr = "AWS_LAMBDA_FUNCTION_NAME".as_ref();
                let function = environment.get(name)?.to_string_lossy().into_owned();
                let holds_it =
                    process.fd().ok()?.flatten().any(
                        |file| matches!(file.target, FDTarget::Socket(inode) if inode == socket),
                    );
                holds_it.then_some(Self {
                    id: process.pid(),
                    function,
                })
            })
    }

    /// Elsewhere nobody is found: the functions are Linux binaries.
    #[cfg(not(target_os = "linux"))]
    fn find(_: SocketAddr, _: i32) -> Option<Self> {
        None
    }
}
