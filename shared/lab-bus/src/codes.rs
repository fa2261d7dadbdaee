//! The error codes of this crate.

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[];
