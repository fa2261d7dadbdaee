//! The command line, and every service in one process.

pub mod archive;
pub mod failure;
pub mod output;
