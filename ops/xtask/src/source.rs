//! The Rust files of the workspace.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::lex::{Piece, pieces};
use crate::workspace::root;

/// Folders of ours that hold Rust.
const FOLDERS: &[&str] = &["shared", "services", "tests", "ops"];

/// A Rust file.
pub(crate) struct Source {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            pieces: pieces(text),
        }
    }

    /// Whether the whole file is tests.
    pub(crate) fn is_tests(&self) -> bool {
        let in_folder = |name| self.path.split('/').rev().skip(1).any(|part| part == name);
        self.path.ends_with("/tests.rs") || in_folder("tests")
    }

    /// The line on which its tests begin.
    pub(crate) fn tests_from(&self) -> Option<usize> {
        if self.is_tests() {
            return Some(1);
        }
        let mut lines = self.text.lines();
        lines
            .position(|line| line.trim() == "#[cfg(test)]")
            .map(|index| index + 1)
    }
}

/// Every Rust file of the workspace, by path.
pub(crate) fn all() -> Result<Vec<Source>> {
    let root = root();
    let mut sources = Vec::new();
    for folder in FOLDERS {
        collect(&root, &root.join(folder), &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && name != "testdata" && !name.starts_with('.') {
            collect(root, &path, sources)?;
        } else if name.ends_with(".rs") && path.is_file() {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let from_root = path.strip_prefix(root).unwrap_or(&path);
            sources.push(Source::new(&from_root.display().to_string(), &text));
        }
    }
    Ok(())
}
