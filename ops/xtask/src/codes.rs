//! The page of error codes, made from the tables in the crates.
//!
//! A crate that has codes has `src/codes.rs`, see [`table`]. The page is `ops/docs/errors.md`.

mod table;

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::finding::Finding;
use crate::lex::Kind;
use crate::source::{self, Source};
use crate::workspace::root;
use table::{Tables, is_code, is_ours, read};

const PAGE: &str = "ops/docs/errors.md";

const HEAD: &str = "\
# Error codes

Every error Tercio tells has a code that keeps its meaning. This page is written by `cargo xtask codes`
from the table in `src/codes.rs` of each crate.
";

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    let tables = read(&source::all()?);
    for finding in &tables.findings {
        println!("{finding}");
    }
    anyhow::ensure!(tables.findings.is_empty(), "the tables are not in order");
    std::fs::write(root().join(PAGE), page(&tables)).context(PAGE)?;
    println!("{PAGE}: {} codes", tables.entries.len());
    Ok(())
}

/// Checks the tables; once the page exists, also that it is up to date and that every code in the
/// source has its paragraph.
pub(crate) fn run() -> Result<Vec<Finding>> {
    let sources = source::all()?;
    let tables = read(&sources);
    let mut findings = tables.findings.clone();
    if let Ok(written) = std::fs::read_to_string(root().join(PAGE)) {
        findings.extend(without_paragraph(&sources, &tables));
        if written != page(&tables) {
            let message = "not as the crates' tables have it: run `cargo xtask codes`";
            findings.push(Finding::of_file(PAGE, message));
        }
    }
    Ok(findings)
}

fn without_paragraph(sources: &[Source], tables: &Tables) -> Vec<Finding> {
    sources
        .iter()
        .filter(|source| !is_ours(source))
        .flat_map(|source| source.pieces.iter().map(move |piece| (source, piece)))
        .filter(|(_, piece)| piece.kind == Kind::Text && is_code(&piece.text))
        .filter(|(_, piece)| !tables.entries.contains_key(&piece.text))
        .map(|(source, piece)| {
            let message = format!("{} stands in no crate's src/codes.rs", piece.text);
            Finding::at(&source.path, piece.line, message)
        })
        .collect()
}

fn page(tables: &Tables) -> String {
    let mut text = HEAD.to_owned();
    let mut group = String::new();
    for (code, entry) in &tables.entries {
        if group != code[..3] {
            code[..3].clone_into(&mut group);
            let krate = entry.path.split('/').nth(1).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = write!(text, "\n## {group}: {krate}\n");
        }
        let _ = write!(
            text,
            "\n### {code}\n**{}.** {}\n",
            entry.title, entry.what_to_do
        );
    }
    text
}

#[cfg(test)]
mod tests;
