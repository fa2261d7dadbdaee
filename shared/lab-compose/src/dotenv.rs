//! Environment files: `.env`, `--env-file` and a service's `env_file`.
//!
//! The grammar is Docker Compose's own: `KEY=VALUE`, `KEY: VALUE`, `export KEY=VALUE`, comments,
//! values in quotes over several lines, interpolation except in single quotes.

mod raw;
mod value;

use crate::codes;
use crate::interpolate::{self, Fault};
use crate::sink::{FileId, Finding, Place};

pub use crate::interpolate::Lookup;

pub use raw::parse_raw;
use value::{quoted, unescape, unquoted};

/// One line of an environment file, or several where a quoted value spans them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub key: String,
    /// Its value; absent where the line is only `KEY`, which takes the caller's value.
    pub value: Option<String>,
}

/// Something in an environment file that cannot be read, or a reference to an unset variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LineFault {
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// What is wrong, a sentence without a period.
    pub message: String,
    /// Whether it is an unset variable only, and the line was read.
    pub unset_variable: Option<String>,
}

impl LineFault {
    /// As a finding in `file`.
    pub(crate) fn finding(self, file: FileId) -> Finding {
        let place = Place {
            file,
            line: self.line,
            column: self.column,
        };
        match self.unset_variable {
            Some(name) => Finding::warning(codes::UNSET_VARIABLE, place, self.message).help(
                format!("set {name}, or write ${{{name}:-}} if empty is meant"),
            ),
            None => Finding::error(codes::ENV_FILE_SYNTAX, place, self.message),
        }
    }
}

/// Reads an environment file. `lookup` gives variables that are set before it; values read earlier
/// in the file come after those. `budget` is how many bytes its values may still expand to; lines
/// beyond it are faults.
pub fn parse(
    text: &str,
    lookup: &Lookup<'_>,
    budget: &mut usize,
) -> (Vec<Assignment>, Vec<LineFault>) {
    parse_after(text, lookup, &|_| None, budget)
}

/// The same; where neither `lookup` nor an earlier line has a variable, `earlier` may have it.
pub(crate) fn parse_after(
    text: &str,
    lookup: &Lookup<'_>,
    earlier: &Lookup<'_>,
    budget: &mut usize,
) -> (Vec<Assignment>, Vec<LineFault>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        line_start: 0,
        lookup,
        earlier,
        budget,
        read: Vec::new(),
        values: std::collections::BTreeMap::new(),
        faults: Vec::new(),
    };
    while reader.statement() {}
    (reader.read, reader.faults)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
    lookup: &'a Lookup<'a>,
    earlier: &'a Lookup<'a>,
    budget: &'a mut usize,
    read: Vec<Assignment>,
    values: std::collections::BTreeMap<String, String>,
    faults: Vec<LineFault>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves on by so many bytes, counting lines.
    fn advance(&mut self, bytes: usize) {
        let end = self.at + bytes;
        while let Some(found) = self.text[self.at..end].find('\n') {
            self.at += found + 1;
            self.line = self.line.saturating_add(1);
            self.line_start = self.at;
        }
        self.at = end;
    }

    fn skip_while(&mut self, skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        let bytes = rest.find(|c| !skipped(c)).unwrap_or(rest.len());
        self.advance(bytes);
    }

    /// The rest of the line without its end.
    fn take_line(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = rest[..end].trim_end_matches('\r').to_owned();
        self.advance(end);
        line
    }

    fn fault(&mut self, at: usize, message: impl Into<String>) {
        let start = self.line_start.min(at);
        let column = self.text[start..at].chars().count() + 1;
        self.faults.push(LineFault {
            line: self.line,
            column: u32::try_from(column).unwrap_or(u32::MAX),
            message: message.into(),
            unset_variable: None,
        });
    }

    /// Reads one statement; false at the end of the text.
    fn statement(&mut self) -> bool {
        self.skip_while(char::is_whitespace);
        if self.rest().is_empty() {
            return false;
        }
        if self.peek() == Some('#') {
            self.take_line();
            return true;
        }
        if let Some(after) = self.rest().strip_prefix("export") {
            let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
            if blanks > 0 {
                self.advance("export".len() + blanks);
            }
        }
        let start = self.at;
        let rest = self.rest();
        let end = rest.find(|c: char| !is_key_char(c)).unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        self.advance(end);
        self.skip_while(|c| c == ' ' || c == '\t');
        match self.peek() {
            _ if key.is_empty() => {
                self.reject(start, "a line must start with the name of a variable")
            }
            None | Some('\n' | '\r') => self.read.push(Assignment { key, value: None }),
            Some('=' | ':') => {
                self.advance(1);
                self.skip_while(|c| c == ' ' || c == '\t');
                self.value(key);
            }
            Some(_) => {
                let message = format!("`{key}` must be followed by `=`");
                self.reject(self.at, &message);
            }
        }
        true
    }

    fn reject(&mut self, at: usize, message: &str) {
        self.fault(at, message);
        self.take_line();
    }

    fn value(&mut self, key: String) {
        let start = self.at;
        let (line, line_start) = (self.line, self.line_start);
        let raw = match self.peek() {
            Some(quote @ ('\'' | '"')) => match quoted(self.rest(), quote) {
                Some(inside) => {
                    let inside = inside.to_owned();
                    // What follows the closing quote is read as a line of its own.
                    self.advance(inside.len() + 2);
                    (inside, Some(quote))
                }
                None => return self.reject(start, "the quote is not closed"),
            },
            _ => (unquoted(&self.take_line()), None),
        };
        let value = match raw {
            (text, Some('\'')) => text.replace("\\'", "'"),
            (text, quote) => {
                let text = if quote.is_some() {
                    unescape(&text)
                } else {
                    text
                };
                let origin = Origin {
                    start,
                    line,
                    line_start,
                };
                match self.interpolated(&text, origin) {
                    Some(value) => value,
                    None => return,
                }
            }
        };
        self.values.insert(key.clone(), value.clone());
        self.read.push(Assignment {
            key,
            value: Some(value),
        });
    }

    fn interpolated(&mut self, text: &str, origin: Origin) -> Option<String> {
        let (lookup, earlier, values) = (self.lookup, self.earlier, &self.values);
        let both = |name: &str| {
            let here = || values.get(name).cloned();
            lookup(name).or_else(here).or_else(|| earlier(name))
        };
        let outcome = interpolate::expand(text, &both, self.budget);
        let (message, unset, value) = match outcome {
            Ok(expanded) => {
                for (_, name) in &expanded.unset {
                    let message =
                        format!("the variable {name} is not set; an empty text stands in for it");
                    self.faults
                        .push(origin.fault(self.text, message, Some(name.clone())));
                }
                return Some(expanded.text);
            }
            Err(Fault::Format { .. }) => (
                "the variable reference cannot be read".to_owned(),
                None,
                None,
            ),
            Err(Fault::Required { name, message, .. }) => {
                let reason = if message.is_empty() {
                    message
                } else {
                    format!(": {message}")
                };
                (
                    format!("the required variable {name} has no value{reason}"),
                    None,
                    None,
                )
            }
            Err(Fault::TooLarge { .. }) => (
                "the variable references expand to too much".to_owned(),
                None,
                None,
            ),
        };
        self.faults.push(origin.fault(self.text, message, unset));
        value
    }
}

/// Where a value began.
#[derive(Clone, Copy)]
struct Origin {
    start: usize,
    line: u32,
    line_start: usize,
}

impl Origin {
    fn fault(self, text: &str, message: String, unset_variable: Option<String>) -> LineFault {
        let column = text[self.line_start..self.start].chars().count() + 1;
        LineFault {
            line: self.line,
            column: u32::try_from(column).unwrap_or(u32::MAX),
            message,
            unset_variable,
        }
    }
}

fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || "_.-[]".contains(c)
}

#[cfg(test)]
mod tests;
