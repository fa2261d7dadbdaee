//! The agent against the real Docker engine.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world, or cannot look at it, has failed"
)]

mod docker;
