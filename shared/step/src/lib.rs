//! Runs a step as a Lambda function: decodes its input, calls its handler, and reports an error under its name.
#![warn(missing_docs)]

mod aws;
mod code;
mod dependents;
mod failure;
mod invocation;
mod log;
pub mod metric;
mod runner;

pub use aws::sdk_config;
pub use dependents::{skip_reason, wait_or_in_use};
pub use failure::{code, failure, modifies_nothing, not_yet_visible, nothing_to_modify};
pub use runner::{Labels, run, run_labeled, stack, variable};
