//! The `tercio-node-agent` binary.
fn main() {}
