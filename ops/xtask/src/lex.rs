//! Just enough of Rust's grammar to tell code from comments and texts.

/// What a piece of a source file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Neither of the others.
    Code,
    /// A comment with its slashes, also of documentation.
    Comment,
    /// The value of a string literal, without quotes and escapes.
    Text,
}

/// A piece of a source file; pieces of code and of block comments end with their line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    /// The line it begins on, counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Splits a source file.
pub(crate) fn pieces(source: &str) -> Vec<Piece> {
    let mut lexer = Lexer {
        rest: source,
        line: 1,
        pieces: Vec::new(),
    };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.pieces
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    pieces: Vec<Piece>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(Kind::Comment, length);
        } else if self.rest.starts_with("/*") {
            let end = self.rest.find("*/").map_or(self.rest.len(), |at| at + 2);
            let line_end = self.rest.find('\n').map_or(end, |at| at + 1).min(end);
            self.take(Kind::Comment, line_end);
            self.rest_of_block(end - line_end);
        } else if let Some((skip, hashes)) = self.raw_string() {
            self.raw(skip, hashes);
        } else if self.rest.starts_with('"') {
            self.quoted();
        } else if let Some(length) = self.character() {
            self.take(Kind::Code, length);
        } else {
            let length = self.rest.chars().next().map_or(1, char::len_utf8);
            self.take(Kind::Code, length);
        }
    }

    fn rest_of_block(&mut self, mut left: usize) {
        while left > 0 {
            let length = self.rest.find('\n').map_or(left, |at| at + 1).min(left);
            self.take(Kind::Comment, length);
            left -= length;
        }
    }

    /// How long the opening of a raw string is here, and its number of `#`.
    fn raw_string(&self) -> Option<(usize, usize)> {
        let after_name = self
            .pieces
            .last()
            .filter(|last| last.kind == Kind::Code)
            .and_then(|last| last.text.chars().next_back())
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        if after_name {
            return None;
        }
        let prefix = ["r", "br", "cr"]
            .into_iter()
            .find(|prefix| self.rest.starts_with(prefix))?;
        let after = &self.rest[prefix.len()..];
        let hashes = after.len() - after.trim_start_matches('#').len();
        after[hashes..]
            .starts_with('"')
            .then_some((prefix.len() + hashes + 1, hashes))
    }

    fn raw(&mut self, skip: usize, hashes: usize) {
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &self.rest[skip..];
        let length = body.find(&end).unwrap_or(body.len());
        let text = body[..length].to_owned();
        let whole = (skip + length + end.len()).min(self.rest.len());
        self.push_text(text, whole);
    }

    fn quoted(&mut self) {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        let mut whole = self.rest.len();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    whole = at + 1;
                    break;
                }
                '\\' => match characters.next() {
                    // A line that goes on: the break and the indentation are no part of the text.
                    Some((_, '\n')) => {
                        while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {}
                    }
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, other)) => text.push(other),
                    None => {}
                },
                other => text.push(other),
            }
        }
        self.push_text(text, whole);
    }

    /// How long a character literal is here; a lifetime is none.
    fn character(&self) -> Option<usize> {
        let body = self.rest.strip_prefix('\'')?;
        let mut characters = body.char_indices();
        let (_, first) = characters.next()?;
        let end = match first {
            // The character after the backslash may be a quote.
            '\\' => {
                let (escaped, _) = characters.nth(1)?;
                escaped + body[escaped..].find('\'')? + 1
            }
            _ => characters.next().filter(|(_, c)| *c == '\'')?.0 + 1,
        };
        Some(1 + end)
    }

    fn push_text(&mut self, text: String, length: usize) {
        let line = self.line;
        self.skip(length);
        self.pieces.push(Piece {
            kind: Kind::Text,
            line,
            text,
        });
    }

    /// Takes so many bytes as they are; code of one line is kept together.
    fn take(&mut self, kind: Kind, length: usize) {
        let text = &self.rest[..length];
        match self.pieces.last_mut() {
            Some(last) if kind == Kind::Code && last.kind == kind && last.line == self.line => {
                last.text.push_str(text);
            }
            _ => self.pieces.push(Piece {
                kind,
                line: self.line,
                text: text.to_owned(),
            }),
        }
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, pieces};

    fn of(kind: Kind, source: &str) -> Vec<(usize, String)> {
        pieces(source)
            .into_iter()
            .filter(|piece| piece.kind == kind)
            .map(|piece| (piece.line, piece.text))
            .collect()
    }

    #[test]
    fn texts_lose_quotes_escapes_and_continued_lines() {
        let source = "f(\"a\\\"b\", \"c \\\n    d\");\nlet r = r#\"e\"f\"#; let n = bar\"x\";";
        let texts: Vec<_> = of(Kind::Text, source);
        let expected = [(1, "a\"b"), (1, "c d"), (3, "e\"f"), (3, "x")];
        assert_eq!(texts, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn a_quote_in_a_character_or_comment_opens_no_text() {
        let source = "let a = '\"'; // \"no\nfn f<'a>(x: &'a str) { '\\'' } /* \" \n \" */ \"yes\"";
        assert_eq!(of(Kind::Text, source), [(3, "yes".to_owned())]);
    }

    #[test]
    fn comments_are_told_from_texts_that_look_like_them() {
        let source = "let u = \"http://x\"; // TODO\n/* two\nlines */\n";
        let comments: Vec<_> = of(Kind::Comment, source);
        let expected = [(1, "// TODO"), (2, "/* two\n"), (3, "lines */")];
        assert_eq!(
            comments,
            expected.map(|(line, text)| (line, text.to_owned()))
        );
    }

    #[test]
    fn nothing_is_lost_and_a_half_file_is_no_trouble() {
        for source in ["\"open", "r#\"open", "/* open", "'", "'\\", "x", "r\""] {
            assert!(!pieces(source).is_empty(), "{source}");
        }
        assert_eq!(of(Kind::Code, "a\nb\n").len(), 2);
    }
}
