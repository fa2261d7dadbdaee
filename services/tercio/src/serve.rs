//! Parts of the lab in this process: any set of them, or all with NATS as a child.
//!
//! ```text
//! prepare ─► nats (child, restarted) ─► scheduler, planner, provisioner, agent (tasks)
//! stop: tasks first, so that they can still say good-bye, then NATS
//! ```

pub mod config;
pub mod embedded;
pub mod nats;
pub mod parts;

use std::time::Duration;

/// How long nats-server may take to stop: it is killed after ten seconds.
pub const NATS_DRAIN_MAX: Duration = Duration::from_secs(12);
