//! Texts that stand for something else: sizes, durations and command lines. They are read once all
//! files are merged, so that what a later file replaces need not make sense.

use crate::codes::{self, CodeInfo};
use crate::sink::{Finding, Sink};
use crate::text::{duration_signed, duration_text, size_bytes, words};
use crate::trail::Trail;
use crate::yaml::{Node, Value};

/// `1.5g` as a number of bytes.
pub(super) fn size(node: &mut Node, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(text) = node.as_text() else { return };
    match size_bytes(text) {
        Some(bytes) => *node = Node::text(node.place, bytes.to_string()),
        None => {
            let message = format!("{trail} is not a size: \"{text}\"");
            let help = "write a number of bytes, or one with a unit: 512k, 64m, 1.5g";
            bad(codes::BAD_SIZE, node, (message, help), sink);
        }
    }
}

/// `90s` as Go prints it: `1m30s`.
pub(super) fn duration(node: &mut Node, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(text) = node.as_text() else { return };
    match duration_signed(text) {
        Some(nanoseconds) => *node = Node::text(node.place, duration_text(nanoseconds)),
        None => {
            let message = format!("{trail} is not a duration: \"{text}\"");
            let help = "write a number with a unit, such as 30s, 1m30s or 500ms";
            bad(codes::BAD_DURATION, node, (message, help), sink);
        }
    }
}

/// A command line as its words.
pub(super) fn command(node: &mut Node, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(line) = node.as_text() else { return };
    match words(line) {
        Some(words) => {
            let words = words.into_iter().map(|word| Node::text(node.place, word));
            node.value = Value::List(words.collect());
        }
        None => {
            let message = format!("the command line in {trail} has a quote that is not closed");
            let help = "close the quote, or write the command as a list of words";
            bad(codes::BAD_COMMAND, node, (message, help), sink);
        }
    }
}

fn bad(code: CodeInfo, node: &mut Node, (message, help): (String, &str), sink: &mut Sink) {
    sink.add(Finding::error(code, node.place, message).help(help));
    node.value = Value::Invalid;
}
