//! The one-machine cloud: MiniStack in place of AWS, a gateway before it that behaves as AWS does, a real
//! Valkey behind each cache's endpoint, the network that an environment is assumed to have, and the real
//! stack deployed with the real SAM CLI.
//!
//! Everything listens on loopback only, and ends with the value that started it.

pub mod aws;
pub mod backend;
pub mod cloud;
pub mod gateway;
pub mod interrupt;
pub mod network;
pub mod reference;
pub mod stack;
pub mod valkey;
mod workspace;

pub use aws::Aws;
pub use cloud::{Cloud, Settings};
pub use gateway::Gateway;
pub use interrupt::Interrupt;
pub use stack::Stack;
pub use workspace::Workspace;

/// The Region that everything runs in.
pub const REGION: &str = "ap-southeast-1";
