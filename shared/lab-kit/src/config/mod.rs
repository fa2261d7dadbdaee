//! One configuration a service: defaults → file → environment → command line.
//!
//! A service's `Config` derives `Serialize` and `Deserialize` with `deny_unknown_fields, default`,
//! nests its sections, flattens nothing, writes units in its types ([`HumanDuration`], [`Bytes`])
//! and wraps secrets in [`Redacted`]. It is loaded once and passed by value; there is no global.
//!
//! ```text
//! Default::default() ─┐
//! <service>.toml ─────┤ merge, later wins    ┌─ every key known? every value of its form?
//! TERCIO_<SERVICE>__… ┼────────────────────► │  Validate::problems: does it make sense?
//! command line ───────┘                      └─ Config, or Error with ALL problems
//! ```

mod dump;
mod layer;
mod loader;
mod locate;
mod problem;
mod redacted;
mod suggest;
mod units;

pub use dump::{DumpError, dump};
pub use loader::Loader;
pub use problem::{ConfigProblem, Error, Source};
pub use redacted::{REDACTED, Redacted};
pub use units::{Bytes, HumanDuration, InvalidUnit};

/// A configuration that can say what about it cannot work.
pub trait Validate {
    /// Every problem, not only the first. Keys are relative to `self`; a section's problems are
    /// put in their place with [`ConfigProblem::under`].
    fn problems(&self) -> Vec<ConfigProblem>;
}

#[cfg(test)]
mod tests;
