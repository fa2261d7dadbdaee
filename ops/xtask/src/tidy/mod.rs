//! What rustfmt and clippy do not see.

mod manifest;
mod size;
mod text;

use anyhow::Result;

use crate::finding::Finding;
use crate::{clippy_toml, codes, source};

/// Checks this workspace.
pub(crate) fn run() -> Result<Vec<Finding>> {
    let sources = source::all()?;
    let mut findings = size::check(&sources, &size::marks()?);
    findings.extend(sources.iter().flat_map(text::check));
    findings.extend(manifest::run()?);
    findings.extend(clippy_toml::run()?);
    findings.extend(codes::run()?);
    findings.sort();
    Ok(findings)
}
