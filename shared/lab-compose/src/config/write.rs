//! Values as JSON and as YAML text.

use crate::doc::Doc;

/// JSON as Go's encoder writes it: two blanks of indentation, and `<`, `>` and `&` escaped.
pub(super) fn json(doc: &Doc) -> String {
    let text = serde_json::to_string_pretty(doc).unwrap_or_default();
    // Outside of texts JSON has none of these characters.
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
        + "\n"
}

/// Block-style YAML, two blanks of indentation.
pub(super) fn yaml(doc: &Doc) -> String {
    let mut out = String::new();
    block(doc, 0, &mut out);
    out
}

fn block(doc: &Doc, depth: usize, out: &mut String) {
    match doc {
        Doc::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                indent(depth, out);
                out.push_str(&scalar(key, depth));
                out.push(':');
                value_after(value, depth + 1, out);
            }
        }
        Doc::List(items) if !items.is_empty() => {
            for item in items {
                indent(depth, out);
                out.push('-');
                item_after(item, depth + 1, out);
            }
        }
        flat => {
            out.push_str(&inline(flat, depth));
            out.push('\n');
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

const fn is_block(doc: &Doc) -> bool {
    match doc {
        Doc::Map(entries) => !entries.is_empty(),
        Doc::List(items) => !items.is_empty(),
        Doc::Null | Doc::Bool(_) | Doc::Int(_) | Doc::Float(_) | Doc::Text(_) | Doc::Moment(_) => {
            false
        }
    }
}

fn value_after(value: &Doc, depth: usize, out: &mut String) {
    out.push(if is_block(value) { '\n' } else { ' ' });
    block(value, depth, out);
}

/// After a dash a collection begins on the same line.
fn item_after(item: &Doc, depth: usize, out: &mut String) {
    let mut text = String::new();
    block(item, depth, &mut text);
    out.push(' ');
    out.push_str(text.trim_start_matches(' '));
}

fn inline(doc: &Doc, depth: usize) -> String {
    match doc {
        Doc::Null => "null".to_owned(),
        Doc::Bool(value) => value.to_string(),
        Doc::Int(value) => value.to_string(),
        Doc::Float(value) => crate::yaml::float_text(*value),
        Doc::Moment(text) => text.clone(),
        Doc::Text(text) => scalar(text, depth),
        Doc::List(_) => "[]".to_owned(),
        Doc::Map(_) => "{}".to_owned(),
    }
}

/// A text so that it is read back as the same text.
fn scalar(text: &str, depth: usize) -> String {
    let printable =
        |c: char| !c.is_control() && c != '\u{feff}' && c != '\u{2028}' && c != '\u{2029}';
    if text.contains('\n') && is_literal(text, printable) {
        return literal(text, depth);
    }
    if !text.chars().all(printable) {
        return double_quoted(text);
    }
    match crate::yaml::plain_reading(text) {
        crate::yaml::Reading::SameText => text.to_owned(),
        crate::yaml::Reading::Otherwise => double_quoted(text),
        crate::yaml::Reading::NotPlain => format!("'{}'", text.replace('\'', "''")),
    }
}

/// Whether a text of several lines survives the literal style.
fn is_literal(text: &str, printable: impl Fn(char) -> bool) -> bool {
    !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(|c| printable(c) || c == '\n' || c == '\t')
}

fn literal(text: &str, depth: usize) -> String {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    let mut out = match breaks {
        0 => "|-",
        1 => "|",
        _ => "|+",
    }
    .to_owned();
    let lines = body
        .split('\n')
        .chain(std::iter::repeat_n("", breaks.saturating_sub(1)));
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, &mut out);
            out.push_str(line);
        }
    }
    out
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() || "\u{feff}\u{2028}\u{2029}".contains(c) => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
