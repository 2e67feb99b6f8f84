//! The contract between envcache's steps: the specification of an environment's cache, the messages between states and
//! functions, the names of errors and parameters, and the owner tags.
//!
//! This crate depends on neither the AWS SDK nor Lambda, so tests and tools can use it alone.
#![warn(missing_docs)]

pub mod action;
pub mod cache;
mod checked;
pub mod error;
pub mod message;
pub mod network;
pub mod ownership;
pub mod parameter;
pub mod policy;
pub mod removal;
pub mod request;
#[cfg(feature = "schema")]
pub mod schema;
pub mod setting;
pub mod spec;
pub mod tag_changes;
pub mod tags;
pub mod value;
pub mod version;

pub use action::Action;
pub use error::{ErrorName, StepError};
pub use ownership::{Adoption, Owner, Ownership};
pub use policy::StackPolicy;
pub use removal::RemovalRequest;
pub use request::Request;
pub use spec::Spec;
pub use tag_changes::{TagChanges, TagDifference};
pub use tags::Tags;
