//! Values as JSON text, as Go's encoder writes it.

use crate::doc::Doc;

/// JSON with two blanks of indentation.
pub(super) fn json(doc: &Doc) -> String {
    let mut out = String::new();
    value(doc, 1, &mut out);
    out.push('\n');
    out
}

fn value(doc: &Doc, depth: usize, out: &mut String) {
    match doc {
        Doc::Null => out.push_str("null"),
        Doc::Bool(value) => out.push_str(&value.to_string()),
        Doc::Int(value) => out.push_str(&value.to_string()),
        Doc::Float(value) => out.push_str(&number(*value)),
        Doc::Text(value) | Doc::Moment(value) => out.push_str(&text(value)),
        Doc::List(items) => {
            let write = |item: &Doc, out: &mut String| value(item, depth + 1, out);
            collection(('[', ']'), items, depth, out, write);
        }
        Doc::Map(entries) => {
            let write = |(key, one): &(String, Doc), out: &mut String| {
                out.push_str(&text(key));
                out.push_str(": ");
                value(one, depth + 1, out);
            };
            collection(('{', '}'), entries, depth, out, write);
        }
    }
}

fn collection<T>(
    (open, close): (char, char),
    items: &[T],
    depth: usize,
    out: &mut String,
    write: impl Fn(&T, &mut String),
) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(depth, out);
        write(item, out);
    }
    if !items.is_empty() {
        line(depth - 1, out);
    }
    out.push(close);
}

/// A text in quotes; Go also escapes what means something to HTML.
fn text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A number with its shortest digits; with an exponent only where it would be long.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once("e-") {
            Some(_) => text,
            None => text.replace('e', "e+"),
        };
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::{number, text};

    #[test]
    fn numbers_are_gos() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.00001, "0.00001"),
            (0.000_000_1, "1e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn texts_are_safe_in_html() {
        assert_eq!(
            text("<a&\"b\">\u{2028}\n\u{7}"),
            r#""\u003ca\u0026\"b\"\u003e\u2028\n\u0007""#
        );
    }
}
