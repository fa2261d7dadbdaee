//! How much room is left.

use std::path::{Path, PathBuf};

use lab_types::Problem;

use crate::config::Bytes;

/// Why there is not enough room, or why that cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Less is free than is needed.
    #[error("{} has {free} free and needs {needed}", path.display())]
    TooFull {
        /// Where.
        path: PathBuf,
        /// What an unprivileged process may still use.
        free: Bytes,
        /// What was asked for.
        needed: Bytes,
    },
    /// The file system does not answer.
    #[error("cannot tell how much room {} has", path.display())]
    Unknown {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::TooFull { .. } => Self::new("KIT0023", error.to_string())
                .help("free some space, or choose another disk with TERCIO_STATE_DIR"),
            Error::Unknown { source, .. } => Self::new("KIT0022", format!("{error}: {source}")),
        }
    }
}

/// How much of the file system that holds `path` an unprivileged process may still use.
///
/// # Errors
/// [`Error::Unknown`] when the path does not exist or its file system does not answer.
pub fn free(path: &Path) -> Result<Bytes, Error> {
    let stat = rustix::fs::statvfs(path).map_err(|source| Error::Unknown {
        path: path.to_owned(),
        source: source.into(),
    })?;
    Ok(Bytes(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Refuses to go on when less than `needed` is free.
///
/// # Errors
/// [`Error::TooFull`] with both sizes, or [`Error::Unknown`].
pub fn require(path: &Path, needed: Bytes) -> Result<(), Error> {
    let free = free(path)?;
    if free < needed {
        let path = path.to_owned();
        return Err(Error::TooFull { path, free, needed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Error, Problem, free, require};
    use crate::config::Bytes;

    #[test]
    fn too_little_room_is_said_with_both_sizes() {
        let here = Path::new("/tmp");
        assert!(free(here).unwrap() > Bytes(0));
        require(here, Bytes(1)).unwrap();
        let refused = require(here, Bytes(u64::MAX)).unwrap_err();
        assert!(matches!(refused, Error::TooFull { .. }));
        let problem = Problem::from(&refused);
        assert_eq!(problem.code.0, "KIT0023");
        assert!(problem.message.contains("/tmp has"), "{problem}");
    }

    #[test]
    fn a_path_that_does_not_exist_is_unknown_and_not_empty() {
        let refused = require(Path::new("/no/such/place"), Bytes(1)).unwrap_err();
        assert!(matches!(refused, Error::Unknown { .. }), "{refused}");
    }
}
