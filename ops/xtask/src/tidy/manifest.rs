//! Versions, features and lints are named once, in the root's `Cargo.toml`.

use anyhow::{Context as _, Result};

use crate::finding::Finding;
use crate::workspace::{packages, root};

/// Checks the manifest of every crate.
pub(super) fn run() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in packages()? {
        let path = format!("{}/Cargo.toml", package.folder);
        let text = std::fs::read_to_string(root().join(&path)).with_context(|| path.clone())?;
        findings.extend(check(&path, &text).with_context(|| path.clone())?);
    }
    Ok(findings)
}

fn check(path: &str, text: &str) -> Result<Vec<Finding>> {
    let manifest: toml::Table = text.parse()?;
    let mut findings = Vec::new();
    let inherits = |table: Option<&toml::Value>| {
        table
            .and_then(|table| table.get("workspace"))
            .and_then(toml::Value::as_bool)
            .unwrap_or(false)
    };
    if !inherits(manifest.get("lints")) {
        let message = "the workspace's lints are not used: add `[lints]` with `workspace = true`";
        findings.push(Finding::of_file(path, message));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(section).and_then(toml::Value::as_table);
        for (name, line) in dependencies.into_iter().flatten() {
            if !inherits(Some(line)) || has_own_features(path, line) {
                let message = format!(
                    "{name}: versions and features stand in the root's Cargo.toml; write `{name}.workspace = true`"
                );
                findings.push(Finding::of_file(path, message));
            }
        }
    }
    Ok(findings)
}

/// Whether a line asks for features that only it names. The simulations may: what it needs of the
/// decisions (a model engine, bugs planted to be found) must reach no program.
fn has_own_features(path: &str, line: &toml::Value) -> bool {
    let simulates = SIMULATIONS.iter().any(|folder| path.starts_with(folder));
    !simulates && line.get("features").is_some()
}

const SIMULATIONS: [&str; 2] = ["shared/lab-sim/", "tests/scale/"];

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_version_features_or_lints_of_its_own_are_refused() {
        let text = "[dependencies]\na = \"1\"\nb.workspace = true\n\n[dev-dependencies]\nc = { workspace = true, features = [\"x\"] }\n";
        let findings = check("p/Cargo.toml", text).unwrap();
        let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 3, "{shown:?}");
        assert!(shown[0].contains("lints"));
        assert!(shown[1].contains(" a: versions") && shown[2].contains(" c: versions"));
        let good = "[lints]\nworkspace = true\n[dependencies]\nb.workspace = true\n";
        assert!(check("p/Cargo.toml", good).unwrap().is_empty());
        let planted = "[lints]\nworkspace = true\n[dependencies]\nc = { workspace = true, features = [\"x\"] }\n";
        assert!(
            check("shared/lab-sim/Cargo.toml", planted)
                .unwrap()
                .is_empty()
        );
    }
}
