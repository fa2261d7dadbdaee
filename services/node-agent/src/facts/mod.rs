//! What the node is and has.

pub mod host;
pub mod ports;
