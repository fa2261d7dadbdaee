//! `lab.json`: how to reach the lab of this machine.

use std::path::{Path, PathBuf};

use lab_kit::file::{Readers, read_if_exists, write_atomic};
use lab_types::{LabId, UnixMillis, UserName};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome, Tell as _};

/// How to reach the lab of this machine, as the lab itself wrote it when it was ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabFile {
    /// Where its NATS listens.
    pub nats_url: String,
    /// The credentials of its first user.
    pub creds: PathBuf,
    /// That user.
    pub user: UserName,
    /// Which lab it is; its containers bear the name as a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabId>,
    /// Whether it is run by others (containers, units): this command neither starts nor stops it.
    #[serde(default)]
    pub external: bool,
    /// The lab's process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its nats-server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats_pid: Option<u32>,
    /// Its nats-server's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats_version: Option<String>,
    /// Its own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Since when it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<UnixMillis>,
}

impl LabFile {
    /// A lab at this address.
    #[must_use]
    pub fn new(nats_url: impl Into<String>, creds: impl Into<PathBuf>, user: UserName) -> Self {
        Self {
            nats_url: nats_url.into(),
            creds: creds.into(),
            user,
            lab: None,
            external: false,
            pid: None,
            nats_pid: None,
            nats_version: None,
            version: None,
            started_at: None,
        }
    }

    /// Whether the lab that this process runs answers. What an earlier process has written says nothing
    /// about it.
    #[must_use]
    pub fn is_ready(&self, pid: u32) -> bool {
        self.external || (self.pid == Some(pid) && self.started_at.is_some())
    }

    /// Forgets what holds only while the lab's process runs.
    pub fn forget_processes(&mut self) {
        self.pid = None;
        self.nats_pid = None;
        self.started_at = None;
    }

    /// Where it stands in a state directory.
    #[must_use]
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("lab.json")
    }

    /// Reads it, if there is one.
    ///
    /// # Errors
    /// One that cannot be read or is not what it should be.
    pub fn read(state_dir: &Path) -> Outcome<Option<Self>> {
        let path = Self::path(state_dir);
        let Some(bytes) = read_if_exists(&path).tell()? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Failure::new(
                "CLI0003",
                format!("{} is not what the lab writes: {error}", path.display()),
                "stop the lab (`tercio lab stop`), remove the file and start the lab again",
            )
        })
    }

    /// Writes it; only its owner can read it.
    ///
    /// # Errors
    /// A full disk, a missing right.
    pub fn write(&self, state_dir: &Path) -> Outcome {
        let text = serde_json::to_string_pretty(self).expect("invariant: a lab file fits JSON");
        let path = Self::path(state_dir);
        write_atomic(&path, format!("{text}\n").as_bytes(), Readers::Owner).tell()
    }
}

#[cfg(test)]
mod tests {
    use lab_types::{UnixMillis, UserName};

    use super::LabFile;

    #[test]
    fn a_lab_is_ready_when_its_own_process_says_so() {
        let mut lab = LabFile::new(
            "nats://local",
            "/lab/admin.creds",
            UserName::new("admin").unwrap(),
        );
        assert!(!lab.is_ready(7));
        lab.pid = Some(7);
        lab.started_at = Some(UnixMillis(1));
        assert!(lab.is_ready(7));
        assert!(!lab.is_ready(8), "an earlier process wrote it");
        lab.forget_processes();
        assert!(!lab.is_ready(7));
    }
}
