//! The record of each environment: which execution holds it, what was last requested and when, and what its cache is
//! called.
//!
//! `record` reads it, `decide` says what a run may do with it, and `claim` asks DynamoDB and Step Functions.

mod claim;
mod decide;
mod record;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use claim::{Clients, claim};
