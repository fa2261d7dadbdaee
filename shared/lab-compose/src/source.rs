//! Where texts come from: the one port of this crate.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::path;

/// Variables by name.
pub type EnvMap = BTreeMap<String, String>;

/// A Compose file: its path as the user named it, and its text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceFile {
    /// As the user named it; diagnostics print it.
    pub path: String,
    /// The text.
    pub content: String,
}

impl SourceFile {
    /// A file with its text.
    #[must_use]
    pub fn new(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            content: content.into(),
        }
    }
}

/// A file exists and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be read: {reason}")]
pub struct Unreadable {
    /// Which file.
    pub path: String,
    /// Why, in words.
    pub reason: String,
}

/// Gives the text of the files that Compose files point to: `.env`, `env_file`, and those of `include`
/// and `extends`.
///
/// Paths are absolute and clean. The command line reads its machine's disk, a request brings its
/// files with it, tests hold them in memory.
pub trait SourceProvider {
    /// The text of the file at `path`, `None` when there is none.
    ///
    /// # Errors
    /// [`Unreadable`] when there is a file that gives no text.
    fn read(&self, path: &str) -> Result<Option<String>, Unreadable>;
}

/// Files held in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySource {
    files: BTreeMap<String, String>,
}

impl MemorySource {
    /// Files by path; relative paths start from `project_dir`.
    #[must_use]
    pub fn new(project_dir: &str, files: BTreeMap<String, String>) -> Self {
        let files = files
            .into_iter()
            .map(|(file, text)| (path::absolute(project_dir, &file), text))
            .collect();
        Self { files }
    }
}

impl SourceProvider for MemorySource {
    fn read(&self, path: &str) -> Result<Option<String>, Unreadable> {
        Ok(self.files.get(path).cloned())
    }
}

/// Remembers what was read through it, so that a client can load a project once on its own machine
/// and then send exactly the files that the planner will ask for.
pub struct Recording<'a> {
    inner: &'a dyn SourceProvider,
    read: RefCell<BTreeMap<String, String>>,
}

impl<'a> Recording<'a> {
    /// Records what is read from `inner`.
    #[must_use]
    pub fn new(inner: &'a dyn SourceProvider) -> Self {
        Self {
            inner,
            read: RefCell::default(),
        }
    }

    /// The files that were read and exist, by absolute path.
    #[must_use]
    pub fn into_files(self) -> BTreeMap<String, String> {
        self.read.into_inner()
    }
}

impl SourceProvider for Recording<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, Unreadable> {
        let found = self.inner.read(path)?;
        if let Some(text) = &found {
            self.read.borrow_mut().insert(path.to_owned(), text.clone());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{MemorySource, Recording, SourceProvider};

    #[test]
    fn a_recording_holds_what_was_found_and_nothing_else() {
        let files = BTreeMap::from([
            (".env".to_owned(), "A=1".to_owned()),
            ("/else/x.env".to_owned(), "B=2".to_owned()),
        ]);
        let memory = MemorySource::new("/proj", files);
        let recording = Recording::new(&memory);
        assert_eq!(
            recording.read("/proj/.env").unwrap().as_deref(),
            Some("A=1")
        );
        assert_eq!(recording.read("/proj/none.env").unwrap(), None);
        let kept = recording.into_files();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["/proj/.env"]);
    }
}
