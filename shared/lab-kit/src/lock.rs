//! One process owns a state directory.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use lab_types::Problem;
use rustix::fs::{FlockOperation, flock};

use crate::file;

/// The file in the state directory that carries the lock; it holds the owner's process id.
pub const LOCK_FILE: &str = "lock";

/// Why the state directory could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process owns it.
    #[error("{} is in use by {}", directory.display(), holder_words(*holder))]
    Held {
        /// Which directory.
        directory: PathBuf,
        /// Who, as far as the lock file tells.
        holder: Option<u32>,
    },
    /// The directory or the lock file cannot be used.
    #[error(transparent)]
    File(#[from] file::Error),
}

fn holder_words(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Held { .. } => Self::new("KIT0021", error.to_string())
                .help("stop that process, or set TERCIO_STATE_DIR to another directory"),
            Error::File(error) => Self::from(error),
        }
    }
}

/// The right to use a state directory, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StateDirLock {
    directory: PathBuf,
    /// The kernel's lock lives as long as this open file.
    _file: File,
}

impl StateDirLock {
    /// Takes `directory`, which is made (0700) if it does not exist, and removes what a crash left
    /// half written there.
    ///
    /// # Errors
    /// [`Error::Held`] at once when another process, or another handle of this one, has it.
    pub fn acquire(directory: &Path) -> Result<Self, Error> {
        file::create_private_dir(directory)?;
        let path = directory.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(file::Error::at("open", &path))?;
        if !try_lock(&file).map_err(file::Error::at("lock", &path))? {
            let directory = directory.to_owned();
            let holder = read_pid(&mut file);
            return Err(Error::Held { directory, holder });
        }
        write_pid(&mut file).map_err(file::Error::at("write", &path))?;
        file::remove_unfinished(directory)?;
        let directory = directory.to_owned();
        Ok(Self {
            directory,
            _file: file,
        })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Who owns `directory` now; nothing when nobody does, or when it cannot be told.
    #[must_use]
    pub fn holder(directory: &Path) -> Option<u32> {
        let mut file = File::open(directory.join(LOCK_FILE)).ok()?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            // It was free: closing the file gives it back.
            Ok(()) => None,
            Err(_) => read_pid(&mut file),
        }
    }
}

/// How often a lock that only [`StateDirLock::holder`] had for an instant is tried again. An instant
/// is one system call long; a thousand turns outlast any queue of such askers.
const TRIES_MAX: u32 = 1000;

/// Whether the exclusive lock was free. An asker's shared lock must not look like an owner's.
fn try_lock(file: &File) -> std::io::Result<bool> {
    for _ in 0..TRIES_MAX {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        if flock(file, FlockOperation::NonBlockingLockShared).is_err() {
            return Ok(false);
        }
        flock(file, FlockOperation::Unlock)?;
        std::thread::yield_now();
    }
    Ok(false)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};

    use super::{Error, Problem, StateDirLock};

    #[test]
    fn a_second_handle_is_refused_and_told_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = StateDirLock::acquire(directory.path()).unwrap();
        let refused = StateDirLock::acquire(directory.path()).unwrap_err();
        let own = std::process::id();
        assert!(matches!(refused, Error::Held { holder, .. } if holder == Some(own)));
        assert_eq!(StateDirLock::holder(directory.path()), Some(own));
        let problem = Problem::from(&refused);
        assert_eq!(problem.code.0, "KIT0021");
        assert!(
            problem
                .message
                .ends_with(&format!("in use by process {own}"))
        );
        drop(first);
        assert_eq!(StateDirLock::holder(directory.path()), None);
        StateDirLock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn asking_who_holds_it_never_makes_taking_it_fail() {
        let directory = tempfile::tempdir().unwrap();
        drop(StateDirLock::acquire(directory.path()).unwrap());
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                for _ in 0..2000 {
                    let _ = StateDirLock::holder(directory.path());
                }
            });
            while !asking.is_finished() {
                drop(StateDirLock::acquire(directory.path()).unwrap());
            }
        });
    }

    #[test]
    fn another_process_that_is_killed_gives_the_lock_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        // util-linux's flock(1) takes the same kernel lock; `exec` keeps it one process.
        let mut other = Command::new("flock")
            .args(["--no-fork", path.to_str().unwrap()])
            .args(["sh", "-c", "echo $$ > \"$0\"; echo held; exec cat"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(other.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "held\n");
        let refused = StateDirLock::acquire(directory.path()).unwrap_err();
        let pid = other.id();
        assert!(matches!(refused, Error::Held { holder, .. } if holder == Some(pid)));
        other.kill().unwrap();
        other.wait().unwrap();
        StateDirLock::acquire(directory.path()).unwrap();
    }

    #[test]
    fn taking_the_directory_removes_what_a_crash_left() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(".key.unfinished-1-1");
        std::fs::write(&left, "half").unwrap();
        StateDirLock::acquire(directory.path()).unwrap();
        assert!(!left.exists());
    }
}
