//! The cache's subnet group, where ElastiCache places nodes.

mod delete;
mod ensure;
mod find;

#[cfg(test)]
mod tests;

pub use delete::delete;
pub use ensure::ensure;
