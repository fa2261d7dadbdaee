//! What people and scripts see.

pub mod message;
pub mod moment;
pub mod progress;
pub mod report;
pub mod screen;
pub mod table;
pub mod words;
