//! Images: built and pulled on the node's engine, reported line by line; sent to other nodes, and
//! fetched from them.

pub mod build;
pub mod fetch;
pub mod load;
pub mod output;
pub mod pull;
pub mod send;
pub mod spool;
