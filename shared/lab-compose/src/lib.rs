//! Compose files and environment to a model and a plan. Pure.
//!
//! This crate decides what a project *is* and what must change to get there. It reads no disk, knows
//! no clock and no environment but what it is given, and answers every input: what is wrong with a
//! file is data, all of it at once, each finding with its place.
//!
//! ```text
//! [load]  texts ─ yaml ─► trees with places, and what their tags take away
//!         each document: interpolate ─ grammar::canonical ─ include ─ !reset, !override ─ extends
//!               ─ grammar::merge ─► one tree ─ profiles
//!               one tree ─ normalise, check ─► Config: what `config` prints, of all Compose knows
//! Config's tree ─ grammar::refuse, decode ─► Project: what Tercio acts on ─ to_model ─► ProjectModel
//! [plan]  Project × CurrentProject × images ─► Plan: operations with causes, and a hash
//! ```
//!
//! What Compose allows stands in tables (`grammar::service`, `grammar::file`): all of it is read, merged,
//! checked and printed. What Tercio acts on is a field of [`project::Service`] and a line in `decode`
//! besides; everything else is a *refusal*, by name and place, never ignored: reading and printing
//! succeed, acting does not ([`Loaded`]).

mod check;
pub mod codes;
mod config;
mod decode;
mod doc;
pub mod dotenv;
mod grammar;
mod interpolate;
mod load;
mod normalise;
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

pub use config::Config;
pub use grammar::matrix::page as support_page;
pub use load::{FILE_NAMES, LoadOptions, Loaded, OVERRIDE_NAMES, environment, load};
pub use planner::{
    BuildPolicy, CurrentProject, Orphans, PlanInput, Wanted, host_paths, plan, questions, warnings,
};
pub use project::Project;
pub use source::{EnvMap, MemorySource, Recording, SourceFile, SourceProvider, Unreadable};
