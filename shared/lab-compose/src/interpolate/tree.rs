//! Interpolation of every value of a file; keys are never touched.

use super::{Expanded, Fault, Lookup, expand};
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Node, Text, Value};

/// Interpolates a tree in place; a value with a fault becomes invalid.
pub(crate) struct Interpolator<'a> {
    pub(crate) lookup: &'a Lookup<'a>,
    /// Bytes that the load may still expand to.
    pub(crate) budget: usize,
    pub(crate) sink: &'a mut Sink,
}

impl Interpolator<'_> {
    /// Interpolates `node`, which stands at `trail`.
    pub(crate) fn apply(&mut self, node: &mut Node, trail: &Trail<'_>) {
        match &mut node.value {
            Value::Text(text) if text.text.contains('$') => {
                let outcome = expand(&text.text, self.lookup, &mut self.budget);
                let at = |offset| place_at(node.place, text, offset);
                match outcome {
                    Ok(expanded) => {
                        self.warn(&expanded, &at);
                        *text = Text {
                            text: expanded.text,
                            inset: None,
                        };
                    }
                    Err(fault) => {
                        let finding = describe(fault, &at, trail);
                        self.sink.add(finding);
                        node.value = Value::Invalid;
                    }
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.apply(item, &trail.item(index));
                }
            }
            Value::Map(map) => {
                for entry in &mut map.0 {
                    self.apply(&mut entry.node, &trail.key(&entry.key));
                }
            }
            Value::Text(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Date(_)
            | Value::Invalid => {}
        }
    }

    fn warn(&mut self, expanded: &Expanded, at: &dyn Fn(usize) -> Place) {
        for (offset, name) in &expanded.unset {
            let message = format!("the variable {name} is not set; an empty text stands in for it");
            self.sink.add(
                Finding::warning(codes::UNSET_VARIABLE, at(*offset), message).help(format!(
                    "set {name}, or write ${{{name}:-}} if empty is meant"
                )),
            );
        }
    }
}

/// The place of a byte of the text, where the source shows it; else that of the whole text.
fn place_at(place: Place, text: &Text, offset: usize) -> Place {
    let Some(inset) = text.inset else {
        return place;
    };
    let characters = text
        .text
        .get(..offset)
        .map_or(0, |before| before.chars().count());
    place.right(inset.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX)))
}

fn describe(fault: Fault, at: &dyn Fn(usize) -> Place, trail: &Trail<'_>) -> Finding {
    match fault {
        Fault::Format { at: offset } => {
            let message = format!("the variable reference in {trail} cannot be read");
            Finding::error(codes::INTERPOLATION, at(offset), message)
                .help("write $NAME, ${NAME} or ${NAME:-default}; write $$ for a dollar sign")
        }
        Fault::Required {
            at: offset,
            name,
            message,
        } => {
            let reason = if message.is_empty() {
                String::new()
            } else {
                format!(": {message}")
            };
            let text = format!("the required variable {name} has no value{reason}");
            Finding::error(codes::REQUIRED_VARIABLE, at(offset), text)
                .help(format!("set {name} in the environment or in the .env file"))
        }
        Fault::TooLarge { at: offset } => {
            let message = format!("the variable references in {trail} expand to too much");
            Finding::error(codes::TOO_LARGE, at(offset), message)
        }
    }
}
