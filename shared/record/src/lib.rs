//! The environment's record in DynamoDB: the execution that holds the environment, the last request and its time, the
//! cache's identity, the state of the cache's creation, what a run observed about a cache that doesn't reach the
//! requested configuration, and how the last run ended.
//!
//! `ClaimEnvironment` and `EnsureReplicationGroup` read and write it; `ReportOutcome` and states of both state machines
//! write single attributes; the command line reads it. A record that an earlier version of envcache wrote can still be
//! read, and the next claim rewrites it.
#![warn(missing_docs)]

mod creation;
mod identity;
mod item;
mod last_result;
mod observed;
mod table;

pub use creation::{Creation, Rejection};
pub use identity::Identity;
pub use item::{Item, Record};
pub use last_result::{Failure, LastResult};
pub use observed::{FailedMember, NothingToModify, Observed};
pub use table::{Condition, Table, Update};
