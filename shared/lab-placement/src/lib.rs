//! What runs where, and what the leader does about everything it hears. Pure.
//!
//! This crate is the whole brain of the scheduler. It reads no clock, no environment and no network;
//! time, randomness and messages come in as arguments, and what is to be done goes out as values.
//! `services/scheduler` carries messages to and from it; the simulation drives the very same values.
//!
//! ```text
//!   requests ──► change::apply ──┐                      ┌─► PassDraft ─► one atomic commit
//!   reports  ──► observe ──► Lab ┼─► plan ─► Outcome ───┤        (by the shell)
//!   beats    ──► observe ──┘     │   (a pure function)  └─► after the commit: pushes, events, replies
//!                                └────────── leader::LeaderCore keeps these in step ──────────
//! ```
//!
//! Entry points: [`leader::LeaderCore`] for the shell, [`plan::plan`] for the decision itself,
//! [`change::apply`] for the admission of requests, [`view`] for replies, [`check`] for invariants.

pub mod aside;
pub mod change;
pub mod check;
pub mod codes;
mod event;
pub mod images;
pub mod key;
pub mod lab;
pub mod leader;
pub mod observe;
pub mod plan;
pub mod policy;
mod port;
pub mod record;
pub mod rng;
pub mod view;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use aside::{Aside, Unread};
pub use change::{Change, ChangeContext, Delta, NodeChanges};
pub use key::{InvalidKey, Key};
pub use lab::{Convergence, Desired, Lab, Loaded, Observed, ObservedNode, ServiceKey, SlotKey};
pub use leader::{
    Effects, LeaderCore, PassDraft, Publish, Push, Refused, Reply, Request, Standing, TakeOver,
};
pub use observe::{FenceView, HeartbeatVerdict, ReportVerdict};
pub use plan::{Outcome, PlanningInput};
pub use policy::{Leader, Policy};
pub use record::{Answer, Record, StoredAnswer};
pub use rng::PlacementRng;
