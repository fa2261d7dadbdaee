//! The files of a load: those the user named, and those that they point to. Each is read once, and
//! all together are bounded.

use std::rc::Rc;

use super::Loader;
use crate::codes;
use crate::path;
use crate::sink::{Finding, Place};
use crate::yaml::{self, Document, Size};

/// Files that `include` and `extends` may make a load read, counting one again each time it is named.
/// The largest projects known include some dozens.
pub(super) const FILES_MAX: usize = 1_000;

/// Bytes that these files may hold in all.
const BYTES_MAX: usize = 64 << 20;

/// Values that `include` and `extends` may copy into the project in all: five times those of one file.
const NODES_MAX: usize = 500_000;

/// What `include` and `extends` may still bring in.
pub(super) struct Room {
    files: usize,
    bytes: usize,
    nodes: usize,
    exhausted: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            files: FILES_MAX,
            bytes: BYTES_MAX,
            nodes: NODES_MAX,
            exhausted: false,
        }
    }
}

/// A file as it was read.
#[derive(Clone)]
pub(super) struct Source {
    /// Absolute and clean.
    pub(super) path: String,
    pub(super) documents: Rc<[Document]>,
    size: Size,
}

/// A file that another one names.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    /// Absolute and clean.
    pub(super) path: &'a str,
    /// As it is written.
    pub(super) written: &'a str,
    pub(super) place: Place,
    /// What names it, in words.
    pub(super) by: &'static str,
}

impl Loader<'_> {
    /// The files the user named; nothing when one of them is not YAML.
    pub(super) fn sources(&mut self) -> Option<Vec<Source>> {
        let mut sources = Vec::new();
        for file in self.files {
            let absolute = match file.path.as_str() {
                // Standard input has no folder.
                "-" => "-".to_owned(),
                named => path::absolute(self.current_dir(), named),
            };
            sources.push(self.parsed(absolute, &file.path, &file.content));
        }
        sources.into_iter().collect()
    }

    /// A file that another one points to, or the report why there is none.
    pub(super) fn read(&mut self, named: Named<'_>) -> Option<Source> {
        if self.room.exhausted {
            return None;
        }
        if self.room.files == 0 {
            let message = format!("the files lead to more than {FILES_MAX} others");
            self.exhaust(named.place, message);
            return None;
        }
        self.room.files -= 1;
        if let Some(known) = self.texts.get(named.path).cloned() {
            let source = known?;
            return self.spend(source.size, named.place).then_some(source);
        }
        match self.src.read(named.path) {
            Ok(Some(text)) if text.len() <= self.room.bytes => {
                self.room.bytes -= text.len();
                let shown = self.shown(named.path);
                let source = self.parsed(named.path.to_owned(), &shown, &text)?;
                return self.spend(source.size, named.place).then_some(source);
            }
            Ok(Some(_)) => {
                let mebibytes = BYTES_MAX >> 20;
                let message = format!("the files lead to more than {mebibytes} MiB of others");
                self.exhaust(named.place, message);
            }
            Ok(None) => self.not_there(named),
            Err(unreadable) => {
                let message = unreadable.to_string();
                let finding = Finding::error(codes::FILE_UNREADABLE, named.place, message);
                self.sink.add(finding);
            }
        }
        None
    }

    fn not_there(&mut self, named: Named<'_>) {
        let message = format!(
            "the file {} that {} names does not exist",
            named.written, named.by
        );
        let finding = Finding::error(codes::FILE_MISSING, named.place, message);
        let help = match named.path.contains("://") || named.written.starts_with("git@") {
            true => {
                "Tercio reads files of your machine only: fetch it and name the copy".to_owned()
            }
            false => format!("looked for {}", named.path),
        };
        self.sink.add(finding.help(help));
    }

    fn parsed(&mut self, path: String, shown: &str, text: &str) -> Option<Source> {
        let id = self.sink.add_file(shown, text);
        let documents = yaml::read(id, text, self.sink);
        let source = documents.map(|documents| {
            let mut size = Size::default();
            for document in &documents {
                size.add(Size::of(&document.root));
            }
            Source {
                path: path.clone(),
                documents: documents.into(),
                size,
            }
        });
        self.texts.insert(path, source.clone());
        source
    }

    /// Whether a copy of this size still has room; that it has none is told once.
    pub(super) fn spend(&mut self, size: Size, place: Place) -> bool {
        if self.room.exhausted {
            return false;
        }
        match (
            self.room.nodes.checked_sub(size.nodes),
            self.room.bytes.checked_sub(size.bytes),
        ) {
            (Some(nodes), Some(bytes)) => {
                self.room.nodes = nodes;
                self.room.bytes = bytes;
                true
            }
            _ => {
                let message = format!(
                    "`include` and `extends` bring in more than {NODES_MAX} values or {} MiB",
                    BYTES_MAX >> 20
                );
                self.exhaust(place, message);
                false
            }
        }
    }

    /// Whether nothing more is brought in, which was told.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.room.exhausted
    }

    fn exhaust(&mut self, place: Place, message: String) {
        self.room.exhausted = true;
        let help = "a file counts each time it is included or extended";
        self.sink
            .add(Finding::error(codes::TOO_LARGE, place, message).help(help));
    }

    /// A path as the user would name it from where he is.
    pub(super) fn shown(&self, absolute: &str) -> String {
        let below = absolute.strip_prefix(self.current_dir());
        let below = below.and_then(|rest| rest.strip_prefix('/'));
        below.unwrap_or(absolute).to_owned()
    }

    /// The folder the user is in.
    pub(super) fn current_dir(&self) -> &str {
        let here = self.options.current_dir.as_ref();
        here.unwrap_or(&self.options.project_dir)
    }
}
