//! Verifies the cache's endpoint, and publishes and retracts it in Parameter Store.

mod delete;
mod find;
mod publish;
mod reach;
mod retract;
mod tag;
mod verify;

#[cfg(test)]
mod tests;

pub use publish::publish;
pub use retract::retract;
pub use verify::{tls_config, verify};
