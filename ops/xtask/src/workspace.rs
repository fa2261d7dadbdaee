//! The crates of the workspace and what they import, as `cargo metadata` tells.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::{cargo, output};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // The manifest of this crate lies two folders below it.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// When a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// To build or to run.
    Normal,
    /// To test.
    Dev,
}

/// A line in a `Cargo.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder from the root: `shared/lab-kit`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of its binaries.
    pub(crate) binaries: Vec<String>,
}

/// Asks cargo for the crates of the workspace, by name.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let words = [
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--offline",
    ];
    let text = output(cargo(&words))?;
    parse(&text, &root())
}

fn parse(metadata: &str, root: &Path) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata without packages")?;
    let mut packages = packages
        .iter()
        .map(|package| parse_package(package, root))
        .collect::<Result<Vec<_>>>()?;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn parse_package(package: &Value, root: &Path) -> Result<Package> {
    let name = text(package, "name")?;
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    let folder = manifest
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .with_context(|| format!("{name} lies outside of the workspace"))?;
    let each = |key: &str| package[key].as_array().into_iter().flatten();
    let dependencies = each("dependencies")
        .map(|dependency| {
            let kind = match dependency["kind"].as_str() {
                Some("dev") => Kind::Dev,
                _ => Kind::Normal,
            };
            let name = text(dependency, "name")?;
            Ok(Dependency { name, kind })
        })
        .collect::<Result<Vec<_>>>()?;
    let is_binary = |target: &&Value| target["kind"][0].as_str() == Some("bin");
    let binaries = each("targets")
        .filter(is_binary)
        .map(|target| text(target, "name"))
        .collect::<Result<Vec<_>>>()?;
    Ok(Package {
        name,
        folder: folder.display().to_string(),
        dependencies,
        binaries,
    })
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value[key].as_str();
    Ok(text
        .with_context(|| format!("cargo metadata without {key}"))?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Kind, packages};

    #[test]
    fn this_workspace_is_read_with_its_dependencies() {
        let packages = packages().unwrap();
        let xtask = packages.iter().find(|p| p.name == "xtask").unwrap();
        assert_eq!(xtask.folder, "ops/xtask");
        assert_eq!(xtask.binaries, ["xtask"]);
        let kind = |name| {
            let found = xtask.dependencies.iter().find(|d| d.name == name);
            found.unwrap().kind
        };
        assert_eq!(
            (kind("anyhow"), kind("tempfile")),
            (Kind::Normal, Kind::Dev)
        );
    }
}
