//! Claims an environment for an execution: one run at a time, and an older request changes nothing.
//!
//! `decide` decides what a run may do, based on the environment's record; `evidence` finds out from the records what
//! belongs to the environment; `claim` calls DynamoDB and Step Functions. A plan is the same decision without a write. The
//! crate also contains the binary `resolve-removal`, which validates removal requests and uses none of this.

mod claim;
mod decide;
mod evidence;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use claim::{Clients, claim};
pub use decide::{DEADLINE_SECONDS, WAIT_SECONDS};
