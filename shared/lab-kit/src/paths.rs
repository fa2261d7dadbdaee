//! Where a service keeps its files.

use std::path::{Path, PathBuf};

use lab_types::Problem;

/// Where root's services keep their state, as the file system hierarchy has it.
pub const SYSTEM_STATE_DIR: &str = "/var/lib/tercio";

/// Where configuration files are looked for when none is named.
pub const SYSTEM_CONFIG_DIR: &str = "/etc/tercio";

/// What the choice of the state directory depends on; [`Surroundings::read`] asks the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `TERCIO_STATE_DIR`.
    pub tercio_state_dir: Option<PathBuf>,
    /// Whether the process runs as root.
    pub is_root: bool,
    /// `XDG_STATE_HOME`.
    pub xdg_state_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the environment and the user's id.
    #[must_use]
    pub fn read() -> Self {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        Self {
            tercio_state_dir: path("TERCIO_STATE_DIR"),
            is_root: rustix::process::geteuid().is_root(),
            xdg_state_home: path("XDG_STATE_HOME"),
            home: path("HOME"),
        }
    }
}

/// There is no place for the state directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing says where.
    #[error("no place for the state directory: HOME and XDG_STATE_HOME are not set")]
    NoHome,
    /// What says where is relative, and would mean another place in another folder.
    #[error("TERCIO_STATE_DIR is {}, which is not an absolute path", .0.display())]
    Relative(PathBuf),
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self::new("KIT0020", error.to_string()).help("set TERCIO_STATE_DIR to an absolute path")
    }
}

/// The directory that holds everything one installation keeps on this machine.
///
/// `TERCIO_STATE_DIR` wins; root's is [`SYSTEM_STATE_DIR`]; everybody else's is
/// `$XDG_STATE_HOME/tercio`, or `~/.local/state/tercio`. A relative `XDG_STATE_HOME` is ignored, as
/// the XDG base directory specification asks. Nothing is created.
///
/// # Errors
/// [`Error`] when nothing says where, or what says so is relative.
pub fn state_dir(from: &Surroundings) -> Result<PathBuf, Error> {
    let set = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = set(&from.tercio_state_dir) {
        return match path.is_absolute() {
            true => Ok(path),
            false => Err(Error::Relative(path)),
        };
    }
    if from.is_root {
        return Ok(PathBuf::from(SYSTEM_STATE_DIR));
    }
    set(&from.xdg_state_home)
        .filter(|path| path.is_absolute())
        .or_else(|| {
            let home = set(&from.home).filter(|path| path.is_absolute())?;
            Some(home.join(".local/state"))
        })
        .map(|base| base.join("tercio"))
        .ok_or(Error::NoHome)
}

/// The configuration file of `service` when none is named: `/etc/tercio/<service>.toml`.
#[must_use]
pub fn system_config_file(service: &str) -> PathBuf {
    Path::new(SYSTEM_CONFIG_DIR).join(format!("{service}.toml"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Error, Surroundings, state_dir};

    fn path(text: &str) -> Option<PathBuf> {
        Some(PathBuf::from(text))
    }

    #[test]
    fn the_variable_wins_then_root_then_xdg_then_home() {
        let mut from = Surroundings {
            tercio_state_dir: path("/srv/t"),
            is_root: true,
            xdg_state_home: path("/x"),
            home: path("/home/a"),
        };
        let mut chosen = vec![state_dir(&from).unwrap()];
        from.tercio_state_dir = path("");
        chosen.push(state_dir(&from).unwrap());
        from.is_root = false;
        chosen.push(state_dir(&from).unwrap());
        from.xdg_state_home = path("relative");
        chosen.push(state_dir(&from).unwrap());
        let expected = [
            "/srv/t",
            "/var/lib/tercio",
            "/x/tercio",
            "/home/a/.local/state/tercio",
        ];
        assert_eq!(chosen, expected.map(PathBuf::from));
    }

    #[test]
    fn a_relative_or_missing_place_is_refused() {
        let relative = Surroundings {
            tercio_state_dir: path("state"),
            ..Surroundings::default()
        };
        assert_eq!(
            state_dir(&relative),
            Err(Error::Relative(PathBuf::from("state")))
        );
        assert_eq!(state_dir(&Surroundings::default()), Err(Error::NoHome));
    }
}
