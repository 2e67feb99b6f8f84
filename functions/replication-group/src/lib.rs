//! The cache: an ElastiCache for Valkey replication group with cluster mode disabled.
//!
//! `find`, `reason`, and `restore` read from ElastiCache, and `key` from KMS; `create`, `tag`, `change`, and `delete`
//! write to ElastiCache. `adoption`, `compare`, `decide`, `parameter_group`, `placement`, `schedule`, `scope`, `timing`,
//! and `version` make decisions; `plan` reports what a run would do, and `pending` what ElastiCache has deferred.
//! `setting` defines each setting of the cache.

mod adoption;
mod change;
mod check;
mod compare;
mod create;
mod decide;
mod delete;
mod ensure;
mod find;
mod key;
mod parameter_group;
mod pending;
mod placement;
mod plan;
mod reason;
mod restore;
pub mod schedule;
mod scope;
pub mod setting;
mod tag;
mod timing;
mod version;

#[cfg(test)]
mod tests;

pub use check::check;
pub use delete::delete;
pub use ensure::{Clients, ensure};
