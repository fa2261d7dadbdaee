//! The agent against the real Docker engine.

mod docker;
