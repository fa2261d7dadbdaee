//! Single values and plain lists of texts.

use super::Canonical;
use crate::codes;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Node, Value};

impl Canonical<'_> {
    pub(super) fn unitless(&mut self, node: &Node, number: i128, trail: &Trail<'_>) -> Node {
        let message = format!("{trail} is a number without a unit");
        self.sink.add(
            Finding::error(codes::BAD_DURATION, node.place, message)
                .help(format!("for seconds write {number}s")),
        );
        Node::invalid(node.place)
    }

    pub(super) fn integer(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(text) = node.as_text() else {
            return match node.as_int() {
                Some(_) => node,
                None => self.refuse(&node, "a whole number", trail),
            };
        };
        match text.parse() {
            Ok(number) => Node::new(node.place, Value::Int(number)),
            Err(_) => {
                let message = format!("{trail} must be a whole number, not \"{text}\"");
                self.sink
                    .add(Finding::error(codes::BAD_NUMBER, node.place, message));
                Node::invalid(node.place)
            }
        }
    }

    pub(super) fn boolean(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(word) = node.as_text() else {
            return match node.as_bool() {
                Some(_) => node,
                None => self.refuse(&node, "true or false", trail),
            };
        };
        let (value, old) = match word.to_ascii_lowercase().as_str() {
            "true" => (true, false),
            "false" => (false, false),
            "y" | "yes" | "on" => (true, true),
            "n" | "no" | "off" => (false, true),
            _ => {
                let message = format!("{trail} must be true or false, not \"{word}\"");
                self.sink
                    .add(Finding::error(codes::BAD_BOOLEAN, node.place, message));
                return Node::invalid(node.place);
            }
        };
        if old {
            let message = format!("\"{word}\" in {trail} is an older word for {value}");
            let help = format!("write {value}");
            self.sink
                .add(Finding::warning(codes::OLD_BOOLEAN, node.place, message).help(help));
        }
        Node::new(node.place, Value::Bool(value))
    }

    pub(super) fn words(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(line) = node.as_text() else {
            return self.texts(node, "a text or a list of texts", trail);
        };
        match crate::text::words(line) {
            Some(words) => {
                let words = words.into_iter().map(|word| Node::text(node.place, word));
                Node::new(node.place, Value::List(words.collect()))
            }
            None => {
                let message = format!("the command line in {trail} has a quote that is not closed");
                self.sink.add(
                    Finding::error(codes::BAD_COMMAND, node.place, message)
                        .help("close the quote, or write the command as a list of words"),
                );
                Node::invalid(node.place)
            }
        }
    }

    pub(super) fn test(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(line) = node.as_text() else {
            return self.texts(node, "a text or a list of texts", trail);
        };
        let words = vec![
            Node::text(node.place, "CMD-SHELL"),
            Node::text(node.place, line),
        ];
        Node::new(node.place, Value::List(words))
    }

    /// A list of texts and nothing else.
    pub(super) fn texts(&mut self, node: Node, wanted: &str, trail: &Trail<'_>) -> Node {
        let mut refused = node.as_list().is_none();
        if refused {
            self.refuse(&node, wanted, trail);
        }
        for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
            if item.as_text().is_none() {
                refused = true;
                if item.value != Value::Invalid {
                    self.refuse(item, "a text", &trail.item(index));
                }
            }
        }
        if refused {
            Node::invalid(node.place)
        } else {
            node
        }
    }
}
