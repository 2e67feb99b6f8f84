//! The local AWS simulator: MiniStack, and a gateway in front of it that simulates AWS's behavior.
//!
//! The crate also starts a Valkey server for each cache's endpoint, creates the network that an environment
//! needs, and deploys the real stack with the SAM CLI. `moto` starts a second emulator, which this project doesn't patch.
//! Every server listens on loopback addresses only, and stops when the value that started it is dropped.

pub mod aws;
pub mod backend;
pub mod build;
pub mod cloud;
pub mod gateway;
pub mod interrupt;
pub mod moto;
pub mod network;
pub mod reference;
pub mod stack;
pub mod template;
pub mod valkey;
mod workspace;

pub use aws::Aws;
pub use cloud::{Cloud, Settings};
pub use gateway::Gateway;
pub use interrupt::Interrupt;
pub use stack::Stack;
pub use workspace::Workspace;

/// The simulated AWS Region.
pub const REGION: &str = "ap-southeast-1";
