//! The scheduler: the one writer of the lab's desired state.
//!
//! Several may run; one leads. A shell around [`lab_placement::leader::LeaderCore`], which decides
//! everything: this crate carries messages to it and its effects out, and holds no policy.
//!
//! ```text
//! candidate ── waits for the lease, takes over the head, loads the state, leads, gives up
//! leading ──── one task: requests, reports, beats, time ─► core ─► commit ─► pushes, replies, events
//! pace ─────── many reports, one decision
//! request ──── a request ─► a change for the core, or a read      reply ── the core's answer ─► reply
//! agents ───── what agents say, and what they are told            streams ─ opened for users
//! record ───── the bytes of a record in the state stream          refusal ── a store that is full
//! transfers ── images from node to node                           events ─── what is kept of events
//! errand ───── work that waits for agents, beside the leader
//! ```
//!
//! Entry point: [`run`].

mod agents;
mod candidate;
pub mod codes;
pub mod config;
mod errand;
mod events;
mod images;
mod leading;
mod pace;
mod publisher;
mod read;
mod record;
mod refusal;
mod reply;
mod request;
mod streams;
mod transfers;

pub use candidate::{Error, run};
pub use config::Config;
