//! What the lab says, kept to a size: a lab that runs for months must not fill its disk.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A log larger than this is put aside: enough for weeks of an ordinary lab. With the one before it, it is
/// twice that at most.
pub const BYTES_MAX: u64 = 10 << 20;

/// How often a running lab looks at the size of its log: one that logs a thousand lines a second writes
/// less than [`BYTES_MAX`] meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Where the lab says what it does.
#[must_use]
pub fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("lab.log")
}

/// Puts a log aside that is larger than that. The file stays the same one, because whoever writes to it
/// holds it open; a line that is written at this very moment may be lost.
///
/// # Errors
/// It cannot be copied or emptied.
pub fn put_aside(log: &Path, bytes_max: u64) -> std::io::Result<()> {
    if !std::fs::metadata(log).is_ok_and(|meta| meta.len() > bytes_max) {
        return Ok(());
    }
    std::fs::copy(log, log.with_extension("log.1"))?;
    OpenOptions::new().write(true).truncate(true).open(log)?;
    Ok(())
}

/// Puts the log of a running lab aside whenever it has grown too large, until `stop`.
pub async fn keep_small(log: PathBuf, stop: CancellationToken) {
    loop {
        // Cancel-safe: waiting can be given up at any point.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let log = log.clone();
        let kept = tokio::task::spawn_blocking(move || put_aside(&log, BYTES_MAX)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "the lab's log cannot be put aside");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::put_aside;

    #[test]
    fn a_log_that_is_written_to_is_put_aside_when_it_is_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let log = super::file(folder.path());
        let mut writer = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name));
        writer.write_all(b"old\n").unwrap();
        put_aside(&log, 4).unwrap();
        assert_eq!(read("lab.log").unwrap(), "old\n");
        assert!(read("lab.log.1").is_err());
        writer.write_all(b"more\n").unwrap();
        put_aside(&log, 4).unwrap();
        writer.write_all(b"new\n").unwrap();
        assert_eq!(read("lab.log").unwrap(), "new\n");
        assert_eq!(read("lab.log.1").unwrap(), "old\nmore\n");
    }
}
