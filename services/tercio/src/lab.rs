//! The lab of this machine: its files, its process, its identities.
//!
//! ```text
//! <state>/lab.json ── how to reach it         <state>/identity ── the lab's keys
//! <state>/creds ───── one .creds file a role  <state>/nats ────── configuration, log, streams
//! <state>/agent ───── the agent's cache       <state>/lab.log ─── what the lab says
//! <state>/nodes ───── what other hosts need to join
//! ```

pub mod file;
pub mod issue;
pub mod log;
pub mod setup;
pub mod start;
pub mod stop;

use std::path::Path;

use lab_kit::lock::StateDirLock;

/// The process that runs this machine's lab: all of it, or at least its nats-server.
#[must_use]
pub fn holder(state_dir: &Path) -> Option<u32> {
    StateDirLock::holder(state_dir).or_else(|| StateDirLock::holder(&setup::nats_dir(state_dir)))
}
