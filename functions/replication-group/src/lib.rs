//! The cache itself: an ElastiCache replication group of Valkey, cluster mode disabled.
//!
//! `find` and `reason` read; `create`, `adopt`, `change`, and `delete` write; `decide`, `compare`, `placement`, and
//! `version` decide; `plan` reports what a run would do.

mod adopt;
mod change;
mod check;
mod compare;
mod create;
mod decide;
mod delete;
mod ensure;
mod find;
mod immutable;
mod placement;
mod plan;
mod reason;
mod schedule;
mod version;

#[cfg(test)]
mod tests;

pub use check::check;
pub use delete::delete;
pub use ensure::{Clients, ensure};
