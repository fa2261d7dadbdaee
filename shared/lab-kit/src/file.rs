//! Files that are whole or not there: a crash leaves the old content or the new, never a part.
//!
//! These functions block; a service calls them while it starts or through `spawn_blocking`.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use lab_types::Problem;

/// What stands in the name of a file that is being written.
const UNFINISHED: &str = ".unfinished-";

/// Who may read a file; its owner may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone (0600): keys, tokens, credentials.
    Owner,
    /// Everybody (0644).
    Everybody,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// A step on a file that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step} {}", path.display())]
pub struct Error {
    /// What was tried, as a verb: `create`, `write`, `rename`.
    pub step: &'static str,
    /// On which file or directory.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

impl Error {
    pub(crate) fn at(step: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { step, path, source }
    }

    /// Whether the disk, or the user's share of it, is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let message = format!("{error}: {}", error.source);
        if error.is_full() {
            return Self::new("KIT0023", message).help("free some space and try again");
        }
        Self::new("KIT0022", message)
    }
}

/// Replaces the content of `path`, durably: when it returns, the new content survives a power cut.
///
/// The content goes to a file beside it, is synced, takes the name, and the directory is synced.
///
/// # Errors
/// The step that failed; `path` then still has its old content, unless the step is `sync`, when it
/// has the new one but may lose it in a power cut.
pub fn write_atomic(path: &Path, content: &[u8], readers: Readers) -> Result<(), Error> {
    let unfinished = unfinished_name(path)?;
    let written = write_synced(&unfinished, content, readers)
        .and_then(|()| std::fs::rename(&unfinished, path).map_err(Error::at("replace", path)));
    if let Err(error) = written {
        // The first error is the one to tell; what stays behind is found by `remove_unfinished`.
        let _ = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_directory(parent(path))
}

fn write_synced(path: &Path, content: &[u8], readers: Readers) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(readers.mode())
        .open(path)
        .map_err(Error::at("create", path))?;
    // The mode given to `open` is narrowed by the umask.
    file.set_permissions(Permissions::from_mode(readers.mode()))
        .map_err(Error::at("set the mode of", path))?;
    file.write_all(content).map_err(Error::at("write", path))?;
    file.sync_all().map_err(Error::at("write", path))
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::at("sync", path))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn unfinished_name(path: &Path) -> Result<PathBuf, Error> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| Error {
        step: "write",
        path: path.to_owned(),
        source: std::io::ErrorKind::InvalidFilename.into(),
    })?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut unfinished = std::ffi::OsString::from(".");
    unfinished.push(name);
    unfinished.push(format!("{UNFINISHED}{}-{number}", std::process::id()));
    Ok(path.with_file_name(unfinished))
}

/// Removes what a crash in the middle of [`write_atomic`] left in `directory`; returns how many.
///
/// Only the owner of the directory may call it: it would also remove what is being written now.
///
/// # Errors
/// The step that failed.
pub fn remove_unfinished(directory: &Path) -> Result<usize, Error> {
    let mut removed = 0;
    for entry in std::fs::read_dir(directory).map_err(Error::at("list", directory))? {
        let entry = entry.map_err(Error::at("list", directory))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.contains(UNFINISHED) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(Error::at("remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Makes `path` and its parents, readable by the owner alone (0700) where they are new.
///
/// # Errors
/// The directory that could not be made.
pub fn create_private_dir(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(Error::at("create", path))
}

/// The content of `path`, or nothing when there is no such file.
///
/// # Errors
/// When it exists and cannot be read.
pub fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::at("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{Error, write_atomic};
    use super::{Problem, Readers, create_private_dir, read_if_exists, remove_unfinished};

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_with_the_asked_mode_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write_atomic(&path, b"old", Readers::Everybody).unwrap();
        write_atomic(&path, b"new", Readers::Owner).unwrap();
        assert_eq!(read_if_exists(&path).unwrap().unwrap(), b"new");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(names(directory.path()), ["token"]);
    }

    #[test]
    fn a_reader_of_the_old_file_is_not_disturbed() {
        use std::io::Read as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        write_atomic(&path, b"first", Readers::Everybody).unwrap();
        let mut open = std::fs::File::open(&path).unwrap();
        write_atomic(&path, b"2", Readers::Everybody).unwrap();
        let mut seen = String::new();
        open.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "first", "the file was overwritten in place");
    }

    #[test]
    fn a_write_that_fails_names_the_step_and_leaves_everything_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        let error = write_atomic(&path, b"x", Readers::Owner).unwrap_err();
        assert_eq!(error.step, "replace");
        assert_eq!(names(directory.path()), ["taken"]);
        let problem = Problem::from(&error);
        assert_eq!(problem.code.0, "KIT0022");
        assert!(problem.message.contains("taken"), "{problem}");
    }

    #[test]
    fn what_a_crash_left_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".a.unfinished-12-0", "a", ".hidden"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        assert_eq!(remove_unfinished(directory.path()).unwrap(), 1);
        assert_eq!(names(directory.path()), [".hidden", "a"]);
    }

    #[test]
    fn a_full_disk_has_its_own_code() {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let full = Error::at("write", Path::new("/x"))(source);
        assert_eq!(Problem::from(&full).code.0, "KIT0023");
    }

    #[test]
    fn a_new_directory_is_private_and_a_missing_file_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        create_private_dir(&path).unwrap();
        create_private_dir(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(read_if_exists(&path.join("none")).unwrap().is_none());
    }
}
