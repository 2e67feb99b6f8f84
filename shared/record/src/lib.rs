//! The environment's record in DynamoDB: which execution holds the environment, what was last requested and when, which
//! cache it has, the progress of that cache's creation, and problems of its last changes.
//!
//! `ClaimEnvironment` and `EnsureReplicationGroup` read and write it, and the command line reads it. A record that an
//! earlier version of envcache wrote can still be read, and the next claim rewrites it.
#![warn(missing_docs)]

mod creation;
mod identity;
mod item;
mod last_result;
mod observed;
mod table;

pub use creation::Creation;
pub use identity::Identity;
pub use item::{Item, Record};
pub use last_result::{Failure, LastResult};
pub use observed::{FailedMember, NothingToModify, Observed};
pub use table::{Condition, Table, Update};
