//! What the exit code tells a script.

use std::process::ExitCode;

/// The codes, as `--help` shows them.
pub const HELP: &str = "\
Exit codes:
  0  as asked: the run succeeded, also where something newer was asked for and it changed nothing; the cache is
     published; nothing is wrong
  1  the run failed, or `doctor` found what hinders envcache
  2  the command line or the request is wrong, or a removal wasn't confirmed; nothing was started
  3  AWS could not be asked; `status` could not read the environment's published endpoint
  4  a run is at work: `status` does not know its end yet, or it was left with Ctrl-C
  5  the environment has no cache";

/// How the command ends.
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

/// The command line or the request is wrong, or a removal wasn't confirmed.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
