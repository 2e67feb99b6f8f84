//! The cache: an ElastiCache for Valkey replication group with cluster mode disabled.
//!
//! `find` and `reason` read from ElastiCache; `create`, `adopt`, `change`, and `delete` write to it. `adoption`,
//! `compare`, `decide`, `immutable`, `placement`, `schedule`, and `version` make decisions; `plan` reports what a run would do.

mod adopt;
mod adoption;
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
