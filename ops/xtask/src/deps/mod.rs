//! Refuses an import that goes the wrong way: nouns ← decisions ← wire ← plumbing ← services.

pub(crate) mod rules;

use anyhow::Result;

use crate::finding::Finding;
use crate::workspace::{Dependency, Kind, Package, packages};
use rules::{Layer, SOLE_USERS, layer_of};

/// Checks this workspace.
pub(crate) fn run() -> Result<Vec<Finding>> {
    Ok(check(&packages()?))
}

fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let Some(layer) = layer_of(&package.name, &package.folder) else {
            let message = format!(
                "{} has no layer: give it one in ops/xtask/src/deps/rules.rs",
                package.name
            );
            findings.push(Finding::of_file(&manifest, message));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = packages.iter().find(|other| other.name == dependency.name);
            let refused = match ours {
                Some(target) => refuse_ours(layer, dependency, target),
                None => refuse_theirs(&package.name, layer, dependency),
            };
            findings.extend(refused.map(|why| {
                let (from, to) = (&package.name, &dependency.name);
                Finding::of_file(&manifest, format!("{from} must not import {to}: {why}"))
            }));
        }
    }
    findings
}

fn refuse_ours(from: Layer, dependency: &Dependency, target: &Package) -> Option<String> {
    // A target without a layer is a finding of its own.
    let to = layer_of(&target.name, &target.folder)?;
    let for_tests = dependency.kind == Kind::Dev && to == Layer::Proof;
    if for_tests || from.may_import().contains(&to) {
        return None;
    }
    Some(match (from, to) {
        (Layer::Services, Layer::Services) => {
            "services know each other only by their messages".to_owned()
        }
        (_, Layer::Proof) => "it proves others right; import it under dev-dependencies".to_owned(),
        _ => format!("{} must not know {}", from.words(), to.words()),
    })
}

fn refuse_theirs(package: &str, layer: Layer, dependency: &Dependency) -> Option<String> {
    if layer == Layer::Proof {
        return None;
    }
    let sole = SOLE_USERS
        .iter()
        .find(|(name, user, _)| *name == dependency.name && *user != package);
    if let Some((_, user, instead)) = sole {
        return Some(format!("its one user is {user}; {instead}"));
    }
    let allowed = layer.third_party()?;
    let refused = dependency.kind == Kind::Normal && !allowed.contains(&dependency.name.as_str());
    refused.then(|| format!("{} takes only {}", layer.words(), allowed.join(", ")))
}

#[cfg(test)]
mod tests;
