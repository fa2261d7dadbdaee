//! The `tercio-compose-planner` binary.
fn main() {}
