//! Images: built and pulled on the node's engine, reported line by line.

pub mod build;
pub mod output;
pub mod pull;
