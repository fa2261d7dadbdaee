//! Images that no registry has: which node has which, and who gets one from whom.
//!
//! What is known here is soft. Nodes are asked, or say it themselves; a leader that has just taken
//! over knows nothing and learns it within a second, because a node that lacks an image says so until
//! it has it.

mod board;
mod present;

pub use board::{Ask, Board, HEARD_MAX, LOOK_EVERY, Looked, SENDS_MAX, Stage, Verdict};
pub use present::{Present, Seen, present};
