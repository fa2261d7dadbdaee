//! Paths of files that stand in other folders, as seen from the project's: the one list of the
//! attributes that hold paths.

use crate::path;
use crate::yaml::{Map, Node, Value};

/// How the paths of an attribute are told from what else it may hold.
#[derive(Clone, Copy)]
enum Rule {
    /// A path, unless it is empty.
    Path,
    /// A folder, or an address that builders understand.
    Context,
    /// A path, or a whole mount of which only a bind has one.
    Mount,
    /// A volume, which has a path when it stands for a folder of the host.
    Volume,
}

/// The attributes in full form; `*` is any key and any item.
const PATHS: &[(&[&str], Rule)] = &[
    (&["services", "*", "build", "context"], Rule::Context),
    (
        &["services", "*", "build", "additional_contexts", "*"],
        Rule::Context,
    ),
    (&["services", "*", "build", "ssh", "*"], Rule::Path),
    (&["services", "*", "env_file", "*", "path"], Rule::Path),
    (&["services", "*", "label_file", "*"], Rule::Path),
    (
        &["services", "*", "develop", "watch", "*", "path"],
        Rule::Path,
    ),
    (&["services", "*", "volumes", "*"], Rule::Mount),
    (&["configs", "*", "file"], Rule::Path),
    (&["secrets", "*", "file"], Rule::Path),
    (&["volumes", "*"], Rule::Volume),
];

/// Rewrites the relative paths of files in the folder `way`, which is itself seen from the folder
/// that they are to be seen from.
pub(super) fn apply(root: &mut Map, way: &str) {
    for (pattern, rule) in PATHS {
        for entry in &mut root.0 {
            if pattern[0] == entry.key {
                descend(&mut entry.node, &pattern[1..], *rule, way);
            }
        }
    }
}

fn descend(node: &mut Node, pattern: &[&str], rule: Rule, way: &str) {
    let Some((step, rest)) = pattern.split_first() else {
        return rewrite(node, rule, way);
    };
    match &mut node.value {
        Value::Map(map) => {
            for entry in &mut map.0 {
                if *step == "*" || *step == entry.key {
                    descend(&mut entry.node, rest, rule, way);
                }
            }
        }
        Value::List(items) if *step == "*" => {
            for item in items {
                descend(item, rest, rule, way);
            }
        }
        _ => {}
    }
}

fn rewrite(node: &mut Node, rule: Rule, way: &str) {
    match rule {
        Rule::Path => as_path(node, way),
        Rule::Context => {
            let context = node.as_text().unwrap_or_default();
            let remote = [
                "https://",
                "http://",
                "git://",
                "ssh://",
                "github.com/",
                "git@",
            ];
            let address = context.contains("://")
                || context.starts_with("service:")
                || remote.iter().any(|prefix| context.starts_with(prefix));
            if !address {
                as_path(node, way);
            }
        }
        Rule::Mount => {
            if text_of(node, "type") == Some("bind") {
                field(node, "source", way);
            }
        }
        Rule::Volume => {
            let local = text_of(node, "driver") == Some("local");
            if let (true, Some(options)) = (local, entry(node, "driver_opts"))
                && text_of(options, "o") == Some("bind")
            {
                field(options, "device", way);
            }
        }
    }
}

fn as_path(node: &mut Node, way: &str) {
    // A path from home, or from the root, means the same everywhere.
    let relative = |text: &&str| !text.is_empty() && !text.starts_with(['/', '~']);
    if let Some(text) = node.as_text().filter(relative) {
        let path = path::clean(&format!("{way}/{text}"));
        *node = Node::text(node.place, path);
    }
}

fn field(node: &mut Node, key: &str, way: &str) {
    if let Some(node) = entry(node, key) {
        as_path(node, way);
    }
}

fn entry<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut node.value {
        Value::Map(map) => {
            let entry = map.0.iter_mut().find(|entry| entry.key == key)?;
            Some(&mut entry.node)
        }
        _ => None,
    }
}

fn text_of<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.as_map()?.get(key)?.as_text()
}
