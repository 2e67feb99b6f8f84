//! The exit codes.

use std::process::ExitCode;

/// The codes, as `--help` shows them.
pub const HELP: &str = "\
Exit codes:
  0  success: the run succeeded (or was superseded by a newer request or run), the endpoint is published, or no check
     failed; with `--detach`, the run was started; `status` without an environment listed all, whatever their states
  1  the run failed, a run of the planned request would fail, the cache of a published endpoint is missing, or a check
     failed
  2  the command line or the request is invalid, or a removal wasn't confirmed; no run was started
  3  AWS can't be reached or returned an error, no Region is set, or the stack can't be found; `status` can't read the
     environment's endpoint or cache
  4  a run is in progress: `status` found it, or Ctrl-C stopped following it
  5  the environment has no cache, or `watch` found no run";

/// The exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    Unreachable = 3,
    InProgress = 4,
    NoCache = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The command line or the request is invalid, or a removal wasn't confirmed.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
