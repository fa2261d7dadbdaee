//! Logs of tasks: read from the engine, whole lines, across restarts of the container.
//!
//! ```text
//! line ─── the engine's frames → whole lines with their time
//! resume ─ where to go on after the engine's stream ended: nothing twice, nothing left out
//! read ─── one container, from a point on, in batches
//! readers ─ who is not yet at a container's end: its removal waits a little
//! follow ─ a task's container from attempt to attempt, until the task is over or gone
//! ```

pub mod follow;
pub mod line;
pub mod read;
pub mod readers;
pub mod resume;

pub use follow::{Statuses, stream};
