//! Which nats-server is run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_types::Problem;

/// The oldest that keeps a pass whole through a power cut (reference: 2.14 does not sync what it
/// recovers a batch from).
pub const VERSION_MIN: Version = Version(2, 15, 1);

/// Where ops/lib/nats.sh puts one for all users.
const SYSTEM_DIR: &str = "/usr/local/lib/tercio";
/// Where it puts one for a user, below the home folder.
const USER_DIR: &str = ".cache/tercio";
const PROGRAM: &str = "nats-server";

/// How long `--version` may take; it takes 30 ms.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// A version's three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Reads `2.15.1`, `v2.15.1` or `2.15.1-rc.1`; a pre-release counts as its version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let mut numbers = text.split('.').map(|part| {
            let digits = part.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

/// A nats-server program that is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBinary {
    /// Where it is.
    pub path: PathBuf,
    /// Which it is.
    pub version: Version,
}

impl ServerBinary {
    /// Looks for one: `explicit` (the configuration's), `$TERCIO_NATS_SERVER`, beside the running
    /// program, `/usr/local/lib/tercio`, `~/.cache/tercio`, `PATH`. The first that is new enough is
    /// taken; one that was named explicitly must be.
    ///
    /// # Errors
    /// `NAT0001` when there is none, `NAT0002` when all that were found are too old, `NAT0003` when
    /// the one named explicitly cannot be run.
    pub async fn find(explicit: Option<&Path>) -> Result<Self, Problem> {
        let named = explicit.map(Path::to_path_buf).or_else(|| {
            let named = std::env::var_os("TERCIO_NATS_SERVER")?;
            (!named.is_empty()).then(|| PathBuf::from(named))
        });
        match named {
            Some(path) => Self::check_named(&path).await,
            None => Self::first_of(&usual_places()).await,
        }
    }

    async fn check_named(path: &Path) -> Result<Self, Problem> {
        let version = version_of(path).await.map_err(|reason| {
            Problem::new(
                "NAT0003",
                format!("{} is not a nats-server: {reason}", path.display()),
            )
            .help("correct TERCIO_NATS_SERVER, or unset it so that the usual places are searched")
        })?;
        Self::new_enough(path, version).ok_or_else(|| too_old(&[(path.to_owned(), version)]))
    }

    /// The first of `places` that is new enough.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn first_of(places: &[PathBuf]) -> Result<Self, Problem> {
        let mut old = Vec::new();
        for path in places {
            // A place without a working program is no obstacle: the next may have one.
            let Ok(version) = version_of(path).await else {
                continue;
            };
            match Self::new_enough(path, version) {
                Some(found) => return Ok(found),
                None => old.push((path.clone(), version)),
            }
        }
        if old.is_empty() {
            let searched: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
            return Err(
                Problem::new("NAT0001", "no nats-server was found on this machine").help(format!(
                    "run ops/quickstart, or ops/lib/nats.sh alone, which fetches {VERSION_MIN}; \
                     searched: {}",
                    searched.join(", ")
                )),
            );
        }
        Err(too_old(&old))
    }

    fn new_enough(path: &Path, version: Version) -> Option<Self> {
        (version >= VERSION_MIN).then(|| Self {
            path: path.to_owned(),
            version,
        })
    }
}

fn too_old(found: &[(PathBuf, Version)]) -> Problem {
    let found: Vec<String> = found
        .iter()
        .map(|(path, version)| format!("{} is {version}", path.display()))
        .collect();
    Problem::new(
        "NAT0002",
        format!(
            "nats-server is too old: {}, and {VERSION_MIN} or newer is needed",
            found.join(", ")
        ),
    )
    .help(
        "run ops/quickstart, which fetches a new enough one beside it, or name one in \
         TERCIO_NATS_SERVER; Debian's own package is too old",
    )
}

fn usual_places() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok();
    let beside = beside.and_then(|exe| exe.parent().map(Path::to_path_buf));
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain([PathBuf::from(SYSTEM_DIR)])
        .chain(home.map(|home| home.join(USER_DIR)))
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join(PROGRAM))
        .collect()
}

async fn version_of(path: &Path) -> Result<Version, String> {
    let output = tokio::process::Command::new(path)
        .arg("--version")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(VERSION_TIMEOUT, output)
        .await
        .map_err(|_| format!("--version took longer than {VERSION_TIMEOUT:?}"))?
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("nats-server:");
    version
        .and_then(Version::parse)
        .ok_or_else(|| format!("--version says {:?}", text.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::{ServerBinary, VERSION_MIN, Version};

    fn program(dir: &std::path::Path, name: &str, says: &str) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn versions_compare_by_number_and_not_by_letter() {
        let parse = |text| Version::parse(text).unwrap();
        assert!(parse("2.9.10") < parse("2.10.0"));
        assert!(parse("v2.15.1") >= VERSION_MIN && parse("2.15.0") < VERSION_MIN);
        assert_eq!(parse("2.16.0-preview.1"), Version(2, 16, 0));
        assert_eq!(Version::parse("2.15"), None);
    }

    #[tokio::test]
    async fn the_first_that_is_new_enough_is_taken_and_the_others_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let places = [
            dir.path().join("absent"),
            program(dir.path(), "old", "nats-server: v2.9.10"),
            program(dir.path(), "other", "hello"),
            program(dir.path(), "new", "nats-server: v2.15.1"),
        ];
        let found = ServerBinary::first_of(&places).await.unwrap();
        assert_eq!(found.path, places[3]);
    }

    #[tokio::test]
    async fn one_too_old_is_named_with_place_and_version_and_none_at_all_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let old = program(dir.path(), "old", "nats-server: v2.9.10");
        let refused = ServerBinary::first_of(std::slice::from_ref(&old)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code.0, "NAT0002");
        assert!(
            refused
                .message
                .contains(&format!("{} is 2.9.10", old.display())),
            "{refused}"
        );
        let none = ServerBinary::first_of(&[dir.path().join("absent")]).await;
        let none = none.unwrap_err();
        assert_eq!(none.code.0, "NAT0001");
        assert!(none.help.unwrap().contains("ops/quickstart"));
    }
}
