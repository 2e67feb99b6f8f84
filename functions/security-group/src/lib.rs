//! The cache's security group: one inbound rule, from the backend's security group to the cache's port.
//!
//! `rule` and `change` are pure functions; `ensure`, `tag`, and `delete` call EC2.

mod change;
mod delete;
mod ensure;
mod filter;
mod find;
mod rule;
mod tag;

#[cfg(test)]
mod tests;

pub use delete::delete;
pub use ensure::ensure;
