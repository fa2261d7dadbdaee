//! Single values that are words: texts, choices, truth values, command lines.

use super::Canonical;
use crate::codes;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Node, Value};

impl Canonical<'_> {
    pub(super) fn text(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        match node.as_text() {
            Some(_) => node,
            None => self.refuse(&node, "a text", trail),
        }
    }

    pub(super) fn text_or_number(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        match node.as_int() {
            Some(number) => Node::text(node.place, number.to_string()),
            None => self.text(node, trail),
        }
    }

    pub(super) fn choice(&mut self, node: Node, choices: &[&str], trail: &Trail<'_>) -> Node {
        let Some(word) = node.as_text() else {
            return self.refuse(&node, "a text", trail);
        };
        if choices.contains(&word) {
            return node;
        }
        let choices = choices.join(", ");
        let message = format!("{trail} must be one of {choices}, not \"{word}\"");
        self.sink
            .add(Finding::error(codes::BAD_CHOICE, node.place, message));
        Node::invalid(node.place)
    }

    pub(super) fn matching(
        &mut self,
        node: Node,
        matches: fn(&str) -> bool,
        wanted: &str,
        trail: &Trail<'_>,
    ) -> Node {
        let Some(word) = node.as_text() else {
            return self.refuse(&node, "a text", trail);
        };
        if matches(word) {
            return node;
        }
        let message = format!("{trail} must be {wanted}, not \"{word}\"");
        self.sink
            .add(Finding::error(codes::BAD_CHOICE, node.place, message));
        Node::invalid(node.place)
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

    /// A command line stays as it is written until all files are merged.
    pub(super) fn words(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        match node.as_text() {
            Some(_) => node,
            None => self.texts(node, "a text or a list of texts", trail),
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

    /// Each value is a text, a number or a truth value, or a list of them.
    pub(super) fn multi_options(&mut self, node: Node, trail: &Trail<'_>) -> Node {
        let Some(map) = node.as_map() else {
            return self.refuse(&node, "a mapping", trail);
        };
        for entry in &map.0 {
            let lone = std::slice::from_ref(&entry.node);
            for value in entry.node.as_list().unwrap_or(lone) {
                if value.value.scalar_text().is_none() && value.value != Value::Invalid {
                    self.refuse(
                        value,
                        "a single value or a list of them",
                        &trail.key(&entry.key),
                    );
                }
            }
        }
        node
    }
}
