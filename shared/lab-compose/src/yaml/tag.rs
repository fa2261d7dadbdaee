//! Explicit tags: YAML's own and Compose's are obeyed, all others refused by name.

use granit_parser::Tag;

use super::{Value, scalar};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::suggest::nearest;

/// What Compose's own tags say of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Merging {
    /// What earlier files say here is taken away; the value is ignored.
    Reset,
    /// What earlier files say here is taken away, and the value stands instead.
    Override,
}

/// The tag as one of Compose's own.
pub(super) fn merging(tag: &Tag) -> Option<Merging> {
    match shown(tag).as_str() {
        "!reset" => Some(Merging::Reset),
        "!override" => Some(Merging::Override),
        _ => None,
    }
}

/// The value of a scalar that bears a tag.
pub(super) fn scalar(text: &str, tag: &Tag, place: Place, sink: &mut Sink) -> Value {
    let read = match core(tag) {
        // A single `!` only says that the scalar is not to be resolved.
        Some("str" | "!") => Some(scalar::plain(text)),
        Some("null") => Some(Value::Null),
        Some("int") => scalar::number(text).filter(|value| matches!(value, Value::Int(_))),
        Some("float") => scalar::number(text).map(|value| match value {
            #[expect(clippy::cast_precision_loss, reason = "!!float asks for exactly that")]
            Value::Int(whole) => Value::Float(whole as f64),
            value => value,
        }),
        Some("bool") => Some(scalar::resolve(text)).filter(|value| matches!(value, Value::Bool(_))),
        Some("timestamp") => {
            Some(scalar::resolve(text)).filter(|value| matches!(value, Value::Date(_)))
        }
        Some("binary") => {
            let message = "Tercio reads no data behind the tag !!binary";
            sink.add(Finding::error(codes::BAD_TAG, place, message).help("write the text itself"));
            return Value::Invalid;
        }
        _ => {
            warn(tag, place, sink);
            Some(scalar::plain(text))
        }
    };
    read.unwrap_or_else(|| {
        let message = format!("`{text}` is not what its tag {} says", shown(tag));
        sink.add(Finding::error(codes::BAD_TAG, place, message));
        Value::Invalid
    })
}

/// Checks the tag of a collection, `wanted` being the only one that says something.
pub(super) fn collection(tag: &Tag, wanted: &str, place: Place, sink: &mut Sink) {
    match core(tag) {
        Some(name) if name == wanted || name == "!" => {}
        _ => warn(tag, place, sink),
    }
}

/// The name of one of YAML's own tags.
fn core(tag: &Tag) -> Option<&str> {
    if tag.handle().is_empty() && tag.suffix() == "!"
        || tag.handle() == "!" && tag.suffix().is_empty()
    {
        return Some("!");
    }
    tag.core_suffix()
}

fn shown(tag: &Tag) -> String {
    format!("{}{}", tag.original_handle(), tag.suffix())
}

/// Tells of a tag that changes nothing, as with the real tool.
fn warn(tag: &Tag, place: Place, sink: &mut Sink) {
    let shown = shown(tag);
    let message = format!("the tag {shown} is not known and changes nothing");
    let finding = Finding::warning(codes::BAD_TAG, place, message);
    sink.add(match nearest(&shown, ["!reset", "!override"].into_iter()) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help("remove it; those of Compose are !reset and !override"),
    });
}
