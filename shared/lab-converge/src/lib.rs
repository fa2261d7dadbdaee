//! What a node must do to match its assignment. Pure: no engine, no disk, no clock, no bus.
//!
//! ```text
//!  services/node-agent (I/O)                     this crate (decisions)
//!  ─────────────────────────                     ───────────────────────────────────────────
//!  push or sync reply from the leader      ───▶  agent::AgentCore ── fence::accept ─ ledger
//!  snapshot of the engine (observed)       ───▶        │
//!  result of a call to the engine          ───▶        └─ diff(assignment × observed, now)
//!  write ledger, call engine, send report  ◀───  agent::Effect
//! ```
//!
//! Entry points: [`agent::AgentCore`] for the loop, [`diff::diff`] for one decision,
//! [`labels`] for what stands on containers, networks and volumes.

pub mod action;
pub mod agent;
pub mod backoff;
pub mod codes;
pub mod diff;
pub mod fence;
#[cfg(test)]
mod fixture;
pub mod labels;
pub mod ledger;
#[cfg(any(test, feature = "model"))]
pub mod model;
pub mod observed;
#[cfg(feature = "planted-bugs")]
pub mod planted;

pub use action::{Action, ActionError, ActionId, ActionKind, Cause, CreateContainer, Subject};
pub use agent::{AgentCore, Effect, Heard, NodeSight, ObserveAsk, SyncAsk};
pub use ledger::{Ledger, TaskLedger};
pub use observed::{
    ContainerId, ContainerState, EngineReach, ObservationMark, Observed, ObservedContainer,
    ObservedNetwork, ObservedVolume, Owner,
};
