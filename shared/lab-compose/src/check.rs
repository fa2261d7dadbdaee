//! Checks over the whole project.

pub(crate) mod builds;
pub(crate) mod cycles;
pub(crate) mod ports;
