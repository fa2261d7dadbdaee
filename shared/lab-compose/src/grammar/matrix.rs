//! The page of what is supported, made from the tables.

use std::fmt::Write as _;

use super::{FILE, Field, Object, Shape, Support};

/// The page as Markdown.
#[must_use]
pub fn page() -> String {
    let mut out = String::from(HEAD);
    rows(&FILE, "", None, &mut out);
    out
}

const HEAD: &str = "\
# What Tercio does with each attribute of Compose
";

fn rows(object: &Object, path: &str, inherited: Option<Support>, out: &mut String) {
    for field in object.keys {
        let _ = writeln!(
            out,
            "{path}{} {:?}",
            field.key,
            inherited.unwrap_or(field.support)
        );
        let _ = below(field);
    }
}

fn below(field: &Field) -> Option<&'static Object> {
    match field.shape {
        Shape::Object(object) => Some(object),
        _ => None,
    }
}
