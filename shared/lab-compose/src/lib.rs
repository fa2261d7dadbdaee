//! Compose files and environment to a model and a plan. Pure.

mod check;
pub mod codes;
pub mod config;
mod decode;
pub mod doc;
pub mod dotenv;
mod grammar;
mod interpolate;
mod load;
pub mod path;
pub mod planner;
pub mod project;
pub mod render;
mod sink;
pub mod source;
mod suggest;
mod text;
mod trail;
mod yaml;

pub use load::{FILE_NAMES, LoadOptions, OVERRIDE_NAMES, load};
pub use planner::{BuildPolicy, CurrentProject, Orphans, PlanInput, plan};
pub use project::{BuildSpec, Project};
pub use source::{EnvMap, MemorySource, Recording, SourceFile, SourceProvider, Unreadable};
