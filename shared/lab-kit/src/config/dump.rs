//! The effective configuration, for `--dump-config`.

use serde::Serialize;

/// The configuration has no form in TOML; a mistake in its type.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be written as TOML")]
pub struct DumpError(#[source] toml::ser::Error);

/// The configuration as TOML, with every [`super::Redacted`] value hidden.
///
/// # Errors
/// When the type holds something TOML cannot say, such as a map whose keys are no text.
pub fn dump<T: Serialize>(config: &T) -> Result<String, DumpError> {
    toml::to_string(config).map_err(DumpError)
}
