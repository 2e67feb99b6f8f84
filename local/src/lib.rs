//! The one-machine cloud: MiniStack in place of AWS, the network that an environment is assumed to
//! have, and the real stack deployed with the real SAM CLI.
//!
//! Everything listens on loopback only, and ends with the value that started it.

pub mod aws;
pub mod cloud;
pub mod interrupt;
pub mod network;
pub mod reference;
pub mod stack;
mod workspace;

pub use aws::Aws;
pub use cloud::Cloud;
pub use interrupt::Interrupt;
pub use stack::Stack;
pub use workspace::Workspace;
