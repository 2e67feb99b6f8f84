//! The log groups of the cache, to which ElastiCache delivers its logs.

mod ensure;
mod find;
mod tag;

#[cfg(test)]
mod tests;

pub use ensure::ensure;
