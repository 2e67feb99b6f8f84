//! The cache's endpoint in Parameter Store.

mod delete;
mod find;
mod publish;
mod retract;

#[cfg(test)]
mod tests;

pub use publish::publish;
pub use retract::retract;
