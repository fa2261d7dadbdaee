//! Finding, checking and running nats-server.

mod binary;
mod process;

pub use binary::{ServerBinary, VERSION_MIN, Version};
pub use process::{ServerProcess, StartError};
