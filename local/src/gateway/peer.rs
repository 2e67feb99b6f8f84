//! The process at the other end of a connection: which function calls, and whom to kill.

use std::net::SocketAddr;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A function's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    process: i32,
    /// The function's name, as Lambda tells it to its process.
    pub function: String,
}

impl Peer {
    /// Finds who connected from this address, among the functions of a process group. None for all others.
    #[cfg(target_os = "linux")]
    pub fn find(address: SocketAddr, group: i32) -> Option<Self> {
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
                let environment = process.environ().ok()?;
                let function =
                    environment.get("AWS_LAMBDA_FUNCTION_NAME".as_ref() as &std::ffi::OsStr)?;
                let holds_it =
                    process.fd().ok()?.flatten().any(
                        |file| matches!(file.target, FDTarget::Socket(inode) if inode == socket),
                    );
                holds_it.then(|| Self {
                    process: process.pid(),
                    function: function.to_string_lossy().into_owned(),
                })
            })
    }

    /// Elsewhere nobody is found: the functions are Linux binaries.
    #[cfg(not(target_os = "linux"))]
    pub fn find(_: SocketAddr, _: i32) -> Option<Self> {
        None
    }

    /// The state whose function this is: CloudFormation names a function `{stack}-{logical id}-{suffix}`.
    pub fn step(&self) -> &str {
        self.function.split('-').nth(1).unwrap_or(&self.function)
    }

    /// Ends the process at once, as a crash would.
    ///
    /// # Errors
    /// Where it has gone already.
    pub fn kill(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(self.process), Signal::SIGKILL)?)
    }
}
