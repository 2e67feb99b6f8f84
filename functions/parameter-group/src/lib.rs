//! The cache's parameter groups, which have the requested values of Valkey's parameters. A group belongs to one family, that
//! is, to one major version, so a cache gets another one when its major version is upgraded.
//!
//! `find` reads from ElastiCache; `ensure` and `delete` write to it. `allowed`, `compare`, `family`, `fixed`, `name`,
//! and `validate` make decisions.

mod allowed;
mod compare;
mod delete;
mod ensure;
mod family;
mod find;
mod fixed;
mod name;
mod validate;

#[cfg(test)]
mod tests;

pub use delete::delete;
pub use ensure::ensure;
