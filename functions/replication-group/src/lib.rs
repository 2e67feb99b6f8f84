//! The cache itself: an ElastiCache replication group of Valkey, cluster mode disabled.
//!
//! `find` and `reason` read, `create`, `change` and `delete` write, `compare` and `check` decide.

mod change;
mod check;
mod compare;
mod create;
mod delete;
mod ensure;
mod find;
mod reason;
mod schedule;

#[cfg(test)]
mod tests;

pub use check::check;
pub use delete::delete;
pub use ensure::ensure;
