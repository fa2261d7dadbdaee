//! Makes one node match its assignment: containers, images, networks, volumes; reports what is.
//!
//! It decides nothing: `lab_converge` does. It looks at the Docker engine, does what was decided,
//! one call at a time, and remembers on disk. It never touches what does not bear the lab's labels.
//!
//! ```text
//! service ─ the running agent: one owner of the decisions, its ledger, its way to the bus
//! engine ── the adapter to Docker: connect, watch, observe, execute
//! image ─── builds and pulls, line by line        logs ─── of tasks, across restarts
//! facts ─── what the node is, and which of its ports others hold
//! ```
//!
//! Entry point: [`run`]. Nothing else in the workspace uses bollard.

pub mod codes;
pub mod engine;
pub mod facts;
pub mod image;
pub mod logs;
pub mod service;

pub use service::{Config, EngineConfig, run};
