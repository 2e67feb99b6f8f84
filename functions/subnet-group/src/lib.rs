//! The cache's subnet group: the subnets that ElastiCache places the nodes in.

mod delete;
mod ensure;
mod find;

#[cfg(test)]
mod tests;

pub use delete::delete;
pub use ensure::ensure;
