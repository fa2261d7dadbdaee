//! What has come of an image so far, on disk: a transfer that broke goes on from here, also after a
//! restart of the agent.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lab_types::ids::sha256_hex;
use lab_wire::image::ImageHave;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

/// What a spooled image's name ends in.
const PART: &str = ".part";
/// How much is read at a time when a part is digested: as much as one frame holds.
const READ_BYTES: usize = 128 * 1024;

/// A part of an image's archive.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Spool {
    /// Opens what there is of the image of this id in `directory`, or begins.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn open(directory: &Path, id: &str) -> std::io::Result<Self> {
        let path = path(directory, id);
        let opened = path.clone();
        let opening = tokio::task::spawn_blocking(move || open(&opened));
        let (file, hash, bytes) = opening.await.map_err(std::io::Error::other)??;
        Ok(Self {
            path,
            file: File::from_std(file),
            hash,
            bytes,
        })
    }

    /// What there is.
    #[must_use]
    pub fn have(&self) -> ImageHave {
        ImageHave {
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.hash.clone().finalize()),
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where they are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins anew.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn restart(&mut self) -> std::io::Result<()> {
        self.file.set_len(0).await?;
        self.file.rewind().await?;
        self.hash = Sha256::new();
        self.bytes = 0;
        Ok(())
    }

    /// Takes what came next.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn append(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece).await?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Waits until all of it can be read from the file.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush().await
    }

    /// Removes it.
    pub async fn remove(self) {
        remove(&self.path).await;
    }
}

fn path(directory: &Path, id: &str) -> PathBuf {
    // An id comes from a user's request: as a digest it is a name and nothing else.
    directory.join(format!("{}{PART}", sha256_hex(id.as_bytes())))
}

fn open(path: &Path) -> std::io::Result<(std::fs::File, Sha256, u64)> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(directory) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory)?;
    }
    // Images may hold what is not for everybody's eyes.
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.mode(0o600).open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((file, hash, bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await {
        let path = path.display();
        tracing::warn!(%path, %error, "a part of an image was not removed");
    }
}

/// Removes the parts of images other than `wanted`: nobody will go on with them.
pub async fn sweep(directory: &Path, wanted: &BTreeSet<String>) {
    let keep: BTreeSet<PathBuf> = wanted.iter().map(|id| path(directory, id)).collect();
    // Most nodes have never fetched an image and have no such directory.
    let Ok(mut entries) = tokio::fs::read_dir(directory).await else {
        return;
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let path = entry.path();
        if !keep.contains(&path) && path.to_string_lossy().ends_with(PART) {
            remove(&path).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use lab_types::ids::sha256_hex;

    use super::{Spool, sweep};

    #[tokio::test]
    async fn a_part_is_found_again_with_its_digest_and_what_nobody_wants_is_swept_away() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("images");
        let mut spool = Spool::open(&directory, "sha256:a").await.unwrap();
        assert_eq!(spool.have().bytes, 0);
        spool.append(b"one").await.unwrap();
        spool.append(b"two").await.unwrap();
        spool.flush().await.unwrap();
        drop(spool);
        Spool::open(&directory, "../../sha256:b").await.unwrap();
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);
        sweep(&directory, &["sha256:a".to_owned()].into()).await;
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);

        let mut spool = Spool::open(&directory, "sha256:a").await.unwrap();
        assert_eq!(spool.have().bytes, 6);
        assert_eq!(spool.have().sha256, sha256_hex(b"onetwo"));
        spool.append(b"three").await.unwrap();
        assert_eq!(spool.have().sha256, sha256_hex(b"onetwothree"));
        spool.restart().await.unwrap();
        spool.append(b"new").await.unwrap();
        spool.flush().await.unwrap();
        assert_eq!(std::fs::read(spool.path()).unwrap(), b"new");
        spool.remove().await;
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    }
}
