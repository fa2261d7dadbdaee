//! The tests of `contract`.
