//! The crate as its users see it: files in, projects, diagnostics and plans out.

mod cases;
mod findings;
mod host_paths;
mod hostile;
mod loading;
mod model;
mod names;
mod plan;
mod properties;
mod refusals;
mod support;
mod support_page;
