//! The `tercio-scheduler` binary.
fn main() {}
