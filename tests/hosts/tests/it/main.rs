//! Several real hosts as one lab: what is spread, seen, lost, and comes back.
//!
//! Needs root, `ops/testbed make`, a nats-server and the binaries (`cargo build --workspace --bins`);
//! `ops/test` brings all of it.

mod harness;
mod images;
mod lab;
mod leader;
mod loss;
mod nodes;
mod restarts;
mod returns;
mod spread;
mod watch;
