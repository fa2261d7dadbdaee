//! A text as a YAML scalar, in the style that Go's writer chooses.

use std::fmt::Write as _;

use crate::yaml::is_plain_text;

/// A text as a value; `depth` is that of what follows on further lines.
pub(super) fn value(text: &str, depth: usize) -> String {
    let shape = Shape::of(text);
    if text.contains('\n') {
        return if shape.literal {
            literal(text, depth)
        } else {
            double_quoted(text)
        };
    }
    one_line(text, shape)
}

/// A text as a key, which has one line.
pub(super) fn key(text: &str) -> String {
    if text.contains('\n') {
        return double_quoted(text);
    }
    one_line(text, Shape::of(text))
}

fn one_line(text: &str, shape: Shape) -> String {
    if !is_plain_text(text) {
        double_quoted(text)
    } else if shape.plain {
        text.to_owned()
    } else if shape.single {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        double_quoted(text)
    }
}

/// Which styles can hold a text.
#[derive(Clone, Copy)]
struct Shape {
    plain: bool,
    single: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let special = text.chars().any(|c| c != '\t' && !is_printable(c));
        let tabs = text.contains('\t');
        let is_break = |c: char| "\n\u{2028}\u{2029}".contains(c);
        let pairs = || text.chars().zip(text.chars().skip(1));
        let space_break = pairs().any(|(one, two)| one == ' ' && is_break(two));
        let break_space = pairs().any(|(one, two)| is_break(one) && two == ' ');
        let at_edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(at_edge) || text.ends_with(at_edge);
        let breaks = text.contains(is_break);
        let single = !(special || tabs || space_break || break_space);
        Self {
            plain: single && !edges && !breaks && !has_indicator(text),
            single,
            literal: !(special || space_break || text.ends_with(' ')),
        }
    }
}

/// What Go's writer prints as it is.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// Whether a sign of YAML's stands where it would be one.
fn has_indicator(text: &str) -> bool {
    if text.starts_with("---") || text.starts_with("...") {
        return true;
    }
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let blank_follows = chars
            .peek()
            .is_none_or(|next| [' ', '\t', '\n'].contains(next));
        let blank_before = before.is_none_or(|c| [' ', '\t', '\n'].contains(&c));
        let found = match (before, c) {
            (None, '?' | ':' | '-') | (Some(_), ':') => blank_follows,
            (None, c) => "#,[]{}&*!|>'\"%@`".contains(c),
            (Some(_), '#') => blank_before,
            (Some(_), _) => false,
        };
        if found {
            return true;
        }
        before = Some(c);
    }
    false
}

/// A text of several lines, each on its own.
fn literal(text: &str, depth: usize) -> String {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    let mut out = String::from("|");
    if text.starts_with([' ', '\n']) {
        // How far the lines are indented cannot be seen from the first one.
        out.push('2');
    }
    match breaks {
        0 => out.push('-'),
        1 if !body.is_empty() => {}
        _ => out.push('+'),
    }
    let lines = body
        .split('\n')
        .chain(std::iter::repeat_n("", breaks.saturating_sub(1)));
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n("  ", depth));
            out.push_str(line);
        }
    }
    out
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    // Go's writer takes every character for a mark of the byte order when the first one is.
    let marked = text.starts_with('\u{feff}');
    for c in text.chars() {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            c if is_printable(c) && !marked => {
                out.push(c);
                continue;
            }
            c => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02X}"),
                    0x100..=0xffff => write!(out, "\\u{code:04X}"),
                    _ => write!(out, "\\U{code:08X}"),
                };
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn each_text_has_the_style_that_gos_writer_gives_it() {
        let cases = [
            ("a", "a"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("yEs", "yEs"),
            ("12", "\"12\""),
            ("22:22", "\"22:22\""),
            ("190:20:30.15", "\"190:20:30.15\""),
            ("1000:1000", "1000:1000"),
            ("2001:db8::1", "2001:db8::1"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("- a", "'- a'"),
            ("-a", "-a"),
            ("---", "'---'"),
            ("...", "'...'"),
            ("it's: x", "'it''s: x'"),
            (" a", "' a'"),
            ("a\tb", "\"a\\tb\""),
            ("😀", "\"\\U0001F600\""),
            ("a\u{a0}b", "a\u{a0}b"),
            ("\u{1b}\0", "\"\\e\\0\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\n\n", "|+\n  a\n"),
            ("\n", "|2+\n"),
            ("\u{2028}", "'\u{2028}'"),
            (" a\nb", "|2-\n   a\n  b"),
            ("a \nb", "\"a \\nb\""),
            ("a\nb ", "\"a\\nb \""),
            ("\u{feff}a", "\"\\uFEFF\\x61\""),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text, 1), expected, "{text:?}");
        }
    }
}
