//! Values as YAML text.

use super::scalar;
use crate::doc::Doc;

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
                out.push_str(&scalar::key(key));
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
        Doc::Text(text) => scalar::value(text, depth),
        Doc::List(_) => "[]".to_owned(),
        Doc::Map(_) => "{}".to_owned(),
    }
}
