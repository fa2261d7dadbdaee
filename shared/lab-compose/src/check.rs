//! Checks over the whole project.

pub(crate) mod cycles;
pub(crate) mod ports;
