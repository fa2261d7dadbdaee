//! Until when exclusive tasks may run, for the next life of the agent.
//!
//! An agent that is killed and started again within the lease need not stop anything. The file is not
//! synced: when the machine loses its power it loses its containers too, and the kernel's boot id tells
//! that the file is of an earlier boot.

use std::path::{Path, PathBuf};

use lab_types::DurationMs;

/// The file's name in the agent's directory.
const FILE: &str = "lease";

/// How far the lease must have moved to be written again: half the writes of one each second, for two
/// seconds of ten that a restarted agent does not have.
const STEP: DurationMs = DurationMs::from_secs(2);

/// The file, and what it says.
#[derive(Debug)]
pub(super) struct LeaseFile {
    path: PathBuf,
    boot_id: String,
    written: Option<DurationMs>,
}

impl LeaseFile {
    /// The file of the agent in a directory.
    pub(super) fn in_directory(directory: &Path) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self {
            path: directory.join(FILE),
            boot_id: boot_id.unwrap_or_default().trim().to_owned(),
            written: None,
        }
    }

    /// Until when an earlier life since this boot may run exclusive tasks.
    pub(super) fn read(&self) -> Option<DurationMs> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        let (boot_id, until) = text.trim().split_once(' ')?;
        let is_this_boot = !self.boot_id.is_empty() && boot_id == self.boot_id;
        is_this_boot.then(|| until.parse().ok().map(DurationMs))?
    }

    /// Remembers it, where it has moved far enough. One that cannot be written costs a restarted agent
    /// its lease, and nothing else.
    pub(super) fn write(&mut self, until: DurationMs) {
        let due = self
            .written
            .is_none_or(|written| until.0 >= written.0.saturating_add(STEP.0));
        if due && !self.boot_id.is_empty() {
            self.written = Some(until);
            let text = format!("{} {}\n", self.boot_id, until.0);
            if let Err(error) = std::fs::write(&self.path, text) {
                tracing::debug!(%error, "the lease is not remembered");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lab_types::DurationMs;

    use super::LeaseFile;

    #[test]
    fn the_next_life_reads_it_and_another_boot_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = LeaseFile::in_directory(folder.path());
        assert_eq!(file.read(), None);
        file.write(DurationMs(10_000));
        file.write(DurationMs(11_000));
        assert_eq!(
            file.read(),
            Some(DurationMs(10_000)),
            "a small step is not written"
        );
        file.write(DurationMs(12_000));
        let mut next = LeaseFile::in_directory(folder.path());
        assert_eq!(next.read(), Some(DurationMs(12_000)));
        next.boot_id = "another".to_owned();
        assert_eq!(next.read(), None);
        std::fs::write(&file.path, "").unwrap();
        assert_eq!(file.read(), None, "a write that was cut off");
    }
}
