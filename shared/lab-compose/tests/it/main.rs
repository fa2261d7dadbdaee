//! The crate as its users see it: files in, projects, diagnostics and plans out.

mod canonical;
mod findings;
mod support;
