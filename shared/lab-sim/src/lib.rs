//! A whole lab in one thread and in virtual time: the real cores of scheduler and agent, with a bus
//! that loses, delays, repeats and reorders, engines that fail, and processes that die.
//!
//! ```text
//!  client ──requests──▶ ┌─ bus ─┐ ◀──reports, beats── agent (lab_converge::AgentCore)
//!                       │faults │                        │ model engine, disk
//!  scheduler ×2 ◀──────▶│delays │ ◀─pushes, asks─────────┘
//!   (lab_placement::LeaderCore, lab_wire::commit) ──▶ store (head with compare-and-swap, lease)
//! ```
//! One seed is one history: the same seed gives the same trace, byte for byte. After every event the
//! promises that must always hold are checked; when the faults have ended, the lab must converge
//! within [`CONVERGES_WITHIN`](world::CONVERGES_WITHIN) to what was asked for and to nothing else.
//!
//! Entry point: [`run`]. One seed by hand: `cargo run -p lab-sim -- --seed 7 --trace`.

mod agent;
mod bus;
mod checker;
mod client;
mod context;
mod engine;
mod exclusive;
mod faults;
mod goal;
mod message;
mod options;
mod queue;
mod reserve;
mod rng;
mod scheduler;
mod store;
mod trace;
pub mod world;

pub use faults::Fault;
pub use options::{Bug, Options, Outcome};
pub use world::run;
