//! What an entry of `include` says.

use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::suggest::nearest;
use crate::trail::Trail;
use crate::yaml::{Node, Value};

/// A text and where it stands.
type Placed = (String, Place);

/// One entry of `include`.
pub(in crate::load) struct Include {
    pub(super) place: Place,
    /// The file, and files to be laid over it.
    pub(super) paths: Vec<Placed>,
    /// The folder of the included project; without it the first file's.
    pub(super) project_directory: Option<String>,
    /// The files that its variables come from; without them `.env`.
    pub(super) env_files: Option<Vec<Placed>>,
}

/// The keys of an entry.
const KEYS: &[&str] = &["path", "project_directory", "env_file"];

/// The entries of `include`; what is wrong in them is reported.
pub(super) fn read_all(node: Node, sink: &mut Sink) -> Vec<Include> {
    let trail = Trail::ROOT.key("include");
    let place = node.place;
    match node.value {
        Value::List(items) => {
            let read = |(index, item)| read(item, &trail.item(index), sink);
            items.into_iter().enumerate().filter_map(read).collect()
        }
        Value::Null | Value::Invalid => Vec::new(),
        value => {
            let message = format!("{trail} must be a list, not {}", value.kind());
            sink.add(
                Finding::error(codes::WRONG_TYPE, place, message)
                    .help("write `include: [FILE]`, or one `- FILE` a line"),
            );
            Vec::new()
        }
    }
}

fn read(item: Node, trail: &Trail<'_>, sink: &mut Sink) -> Option<Include> {
    let place = item.place;
    let mut include = Include {
        place,
        paths: Vec::new(),
        project_directory: None,
        env_files: None,
    };
    if item.as_text().is_some() {
        include.paths = texts(item, trail, sink)?;
        return Some(include);
    }
    if item.as_map().is_none() {
        wrong(&item, "a text or a mapping", trail, sink);
        return None;
    }
    let Value::Map(map) = item.value else {
        return None;
    };
    for entry in map.0 {
        let trail = trail.key(&entry.key);
        match entry.key.as_str() {
            "path" => include.paths = texts(entry.node, &trail, sink)?,
            "env_file" => include.env_files = Some(texts(entry.node, &trail, sink)?),
            "project_directory" => match entry.node.as_text() {
                Some(text) => include.project_directory = Some(text.to_owned()),
                None => wrong(&entry.node, "a text", &trail, sink),
            },
            key if key.starts_with("x-") => {}
            key => {
                let message = format!("an entry of `include` has no attribute `{key}`");
                let finding = Finding::error(codes::UNKNOWN_KEY, entry.place, message);
                sink.add(match nearest(key, KEYS.iter().copied()) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => finding.help(format!("it may have: {}", KEYS.join(", "))),
                });
            }
        }
    }
    if include.paths.is_empty() {
        let message = format!("{trail} lacks `path`");
        sink.add(
            Finding::error(codes::BAD_DEFINITION, place, message)
                .help("name the file to include, as in `include: [{path: FILE}]`"),
        );
        return None;
    }
    Some(include)
}

/// A text, or a list of texts.
fn texts(node: Node, trail: &Trail<'_>, sink: &mut Sink) -> Option<Vec<Placed>> {
    if let Some(text) = node.as_text() {
        return Some(vec![(text.to_owned(), node.place)]);
    }
    let Some(items) = node.as_list() else {
        wrong(&node, "a text or a list of texts", trail, sink);
        return None;
    };
    let mut texts = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_text() {
            Some(text) => texts.push((text.to_owned(), item.place)),
            None => {
                wrong(item, "a text", &trail.item(index), sink);
                return None;
            }
        }
    }
    Some(texts)
}

fn wrong(node: &Node, wanted: &str, trail: &Trail<'_>, sink: &mut Sink) {
    if node.value != Value::Invalid {
        let message = format!("{trail} must be {wanted}, not {}", node.value.kind());
        sink.add(Finding::error(codes::WRONG_TYPE, node.place, message));
    }
}
