//! The cache itself: an ElastiCache replication group of Valkey, cluster mode disabled.
//!
//! `find` and `reason` read, `create` and `change` write, `compare` and `check` decide.

mod change;
mod check;
mod compare;
mod create;
mod ensure;
mod find;
mod reason;
mod schedule;

#[cfg(test)]
mod tests;

pub use check::check;
pub use ensure::ensure;
