//! The `tercio-provisioner` binary.
fn main() {}
