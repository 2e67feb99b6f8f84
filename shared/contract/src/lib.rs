//! What crosses envcache's steps: the specification of an environment's cache, the messages between
//! the states of the workflow, the names of errors and of parameters, and the tags that say what is ours.
//!
//! Nothing here knows AWS's SDK or Lambda, so that tests and tools can read the contract alone.
#![warn(missing_docs)]

pub mod action;
pub mod error;
pub mod message;
pub mod ownership;
pub mod parameter;
pub mod policy;
pub mod removal;
pub mod request;
pub mod spec;
pub mod value;

pub use action::Action;
pub use error::{ErrorName, StepError};
pub use ownership::{Owner, Ownership};
pub use policy::StackPolicy;
pub use removal::RemovalRequest;
pub use request::Request;
pub use spec::Spec;
