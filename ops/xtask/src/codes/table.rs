//! The tables in the crates, read as text: `src/codes.rs` lists each code, then its title, then what
//! to do. A code may have a name there (`const FULL: &str = "ABC0001";`) that stands for it in the list.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::lex::{Kind, Piece};
use crate::source::Source;

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) title: String,
    pub(super) what_to_do: String,
}

/// The tables of all crates by code, and what is wrong with them.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) findings: Vec<Finding>,
}

/// A text of a table, or the code that a name there stands for.
struct Cell {
    line: usize,
    text: String,
}

/// Reads the tables among these files.
pub(super) fn read(sources: &[Source]) -> Tables {
    let mut tables = Tables::default();
    let is_table = |source: &&Source| source.path.ends_with("/src/codes.rs") && !is_ours(source);
    for source in sources.iter().filter(is_table) {
        tables.add(source);
    }
    tables
}

impl Tables {
    fn add(&mut self, source: &Source) {
        let tests_from = source.tests_from().unwrap_or(usize::MAX);
        let pieces = source.pieces.iter().filter(|piece| piece.line < tests_from);
        let (cells, named) = cells(pieces);
        for (index, code) in cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| is_code(&cell.text))
        {
            let row = cells.get(index + 1).zip(cells.get(index + 2));
            let row = row.filter(|(title, text)| !is_code(&title.text) && !is_code(&text.text));
            let Some((title, what_to_do)) = row else {
                let message = format!("{} is not followed by a title and what to do", code.text);
                self.findings
                    .push(Finding::at(&source.path, code.line, message));
                continue;
            };
            let entry = Entry {
                path: source.path.clone(),
                title: title.text.clone(),
                what_to_do: what_to_do.text.clone(),
            };
            if let Some(other) = self.entries.insert(code.text.clone(), entry) {
                let message = format!("{} also stands in {}", code.text, other.path);
                self.findings
                    .push(Finding::at(&source.path, code.line, message));
            }
        }
        for Cell { line, text } in named {
            let is_listed = cells.iter().any(|cell| cell.text == text);
            let message = format!("{text} has a name and is not in the list");
            self.findings
                .extend((!is_listed).then(|| Finding::at(&source.path, line, message)));
        }
    }
}

/// The texts of the table with names replaced by their codes, and the codes that have a name.
fn cells<'a>(pieces: impl Iterator<Item = &'a Piece>) -> (Vec<Cell>, Vec<Cell>) {
    let mut cells = Vec::new();
    let mut named = Vec::new();
    let mut names = BTreeMap::new();
    // Since the last text: a constant may be broken over two lines.
    let mut code_before = String::new();
    for piece in pieces {
        let cell = |text: &str| Cell {
            line: piece.line,
            text: text.to_owned(),
        };
        match piece.kind {
            Kind::Comment => {}
            Kind::Code => {
                let words = piece.text.split(|c: char| !c.is_alphanumeric() && c != '_');
                cells.extend(words.filter_map(|word| names.get(word)).copied().map(cell));
                code_before.push_str(&piece.text);
            }
            Kind::Text => {
                match constant(&code_before).filter(|_| is_code(&piece.text)) {
                    Some(name) => {
                        names.insert(name.to_owned(), piece.text.as_str());
                        named.push(cell(&piece.text));
                    }
                    None => cells.push(cell(&piece.text)),
                }
                code_before.clear();
            }
        }
    }
    (cells, named)
}

/// The name, when this code ends with `const NAME: &str =`.
fn constant(code: &str) -> Option<&str> {
    let before = code.trim_end().strip_suffix('=')?.trim_end();
    let before = before
        .strip_suffix("&'static str")
        .or_else(|| before.strip_suffix("&str"))?;
    let before = before.trim_end().strip_suffix(':')?;
    before.rsplit_once("const ").map(|(_, name)| name.trim())
}

/// This crate speaks of made-up codes.
pub(super) fn is_ours(source: &Source) -> bool {
    source.path.starts_with("ops/xtask/")
}

/// Three capitals and four digits.
pub(super) fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 7
        && bytes[..3].iter().all(u8::is_ascii_uppercase)
        && bytes[3..].iter().all(u8::is_ascii_digit)
}
