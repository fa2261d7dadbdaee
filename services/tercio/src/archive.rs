//! A build context as a tar: what `.dockerignore` lets through, in order of path.
//!
//! ```text
//! pattern ── one line        ignore ── the file as a whole        here ── the walk and the tar
//! ```
//! Owners are set to root as Docker's command line does; links are stored as links, never followed;
//! sockets and devices are left out.

pub mod ignore;
pub mod pattern;
#[cfg(test)]
mod tests;

use std::io::{Read as _, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use lab_types::Problem;

use ignore::IgnoreList;

/// Why a context cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is not there, or is no folder.
    #[error("the build context {} is not a folder", .0.display())]
    NoFolder(PathBuf),
    /// The Dockerfile is not in the context.
    #[error("there is no {dockerfile} in the build context {}", context.display())]
    NoDockerfile {
        /// As the service names it.
        dockerfile: String,
        /// Where it was looked for.
        context: PathBuf,
    },
    /// The Dockerfile lies outside the context.
    #[error("the Dockerfile {0} lies outside the build context")]
    DockerfileOutside(String),
    /// The ignore file has lines that are not patterns.
    #[error("{}: {lines}", path.display())]
    Ignore {
        /// Which file.
        path: PathBuf,
        /// Each line at fault.
        lines: String,
    },
    /// A path is not UTF-8, and the engine's file system protocol cannot name it.
    #[error("the path {} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// A file changed its size while it was read.
    #[error("{} became shorter while it was read", .0.display())]
    Shrunk(PathBuf),
    /// A file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Whoever takes the tar takes no more of it.
    #[error("the build context could not be sent")]
    Sink(#[source] std::io::Error),
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let said = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        let help = match error {
            Error::NoFolder(_) => "`build.context` is relative to the Compose file's folder",
            Error::NoDockerfile { .. } => "`build.dockerfile` is relative to the context",
            Error::DockerfileOutside(_) => "move it into the context, or widen `build.context`",
            Error::Ignore { .. } => "correct these lines; the rules are those of `.dockerignore`",
            Error::NotUtf8(_) => "rename it, or leave it out with a line in `.dockerignore`",
            Error::Shrunk(_) => "try again when nothing writes to it, or leave it out",
            Error::Unreadable { .. } => "make it readable, or leave it out in `.dockerignore`",
            Error::Sink(_) => "the lab or its node went away; try again",
        };
        Self::new("CLI0010", said).help(help)
    }
}

/// What was packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Sockets and devices that were left out.
    pub skipped: Vec<String>,
}

/// Packs `context` into `sink`. `dockerfile` is relative to it and always packed.
///
/// # Errors
/// [`Error`] at the first thing that cannot be packed; what `sink` has then is no whole tar.
pub fn pack(context: &Path, dockerfile: &str, sink: impl Write) -> Result<Summary, Error> {
    let root = context
        .canonicalize()
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| Error::NoFolder(context.to_owned()))?;
    let dockerfile = dockerfile_inside(dockerfile)?;
    if !root.join(&dockerfile).is_file() {
        return Err(Error::NoDockerfile {
            dockerfile,
            context: context.to_owned(),
        });
    }
    let mut packer = Packer {
        ignore: ignore_list(&root, &dockerfile)?,
        tar: tar::Builder::new(sink),
        summary: Summary::default(),
        root,
    };
    packer.folder("")?;
    packer.tar.finish().map_err(Error::Sink)?;
    Ok(packer.summary)
}

/// The Dockerfile's path with slashes and without detours.
fn dockerfile_inside(dockerfile: &str) -> Result<String, Error> {
    let mut parts: Vec<&str> = Vec::new();
    let outside = || Error::DockerfileOutside(dockerfile.to_owned());
    if dockerfile.starts_with('/') {
        return Err(outside());
    }
    for part in dockerfile.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The rules for this Dockerfile: `<Dockerfile>.dockerignore` if there is one, else `.dockerignore`.
/// The Dockerfile and the rules themselves are always sent; the engine applies the rules again.
fn ignore_list(root: &Path, dockerfile: &str) -> Result<IgnoreList, Error> {
    let names = [
        format!("{dockerfile}.dockerignore"),
        ".dockerignore".to_owned(),
    ];
    for name in names {
        let path = root.join(&name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        let mut list = IgnoreList::parse(&text).map_err(|wrong| {
            let lines: Vec<String> = wrong
                .iter()
                .map(|(number, invalid)| format!("line {number}: {invalid}"))
                .collect();
            Error::Ignore {
                path,
                lines: lines.join("; "),
            }
        })?;
        for kept in [name.as_str(), dockerfile] {
            if list.leaves_out(kept) {
                list.keep(kept);
            }
        }
        return Ok(list);
    }
    Ok(IgnoreList::default())
}

/// A name as seen from the context.
fn below(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        above => format!("{above}/{name}"),
    }
}

struct Packer<W: Write> {
    root: PathBuf,
    ignore: IgnoreList,
    tar: tar::Builder<W>,
    summary: Summary,
}

impl<W: Write> Packer<W> {
    /// Packs what is in the folder `inside` of the context, in order of name.
    fn folder(&mut self, inside: &str) -> Result<(), Error> {
        let path = self.root.join(inside);
        let unreadable = |source| Error::Unreadable {
            path: path.clone(),
            source,
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            match entry.file_name().into_string() {
                Ok(name) => names.push(name),
                Err(name) if self.leaves_out(inside, &name.to_string_lossy(), is_dir) => {}
                Err(name) => return Err(Error::NotUtf8(path.join(name))),
            }
        }
        names.sort();
        for name in names {
            self.entry(&below(inside, &name))?;
        }
        Ok(())
    }

    /// Whether nothing of what has this name is kept, and its name need not be written.
    fn leaves_out(&self, folder: &str, name: &str, is_dir: bool) -> bool {
        let inside = below(folder, name);
        self.ignore.leaves_out(&inside) && !(is_dir && self.ignore.may_keep_below(&inside))
    }

    fn entry(&mut self, inside: &str) -> Result<(), Error> {
        let path = self.root.join(inside);
        let out = self.ignore.leaves_out(inside);
        // A file left out need not even be readable.
        let meta = match std::fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(_) if out => return Ok(()),
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        let kind = meta.file_type();
        if out {
            return match kind.is_dir() && self.ignore.may_keep_below(inside) {
                true => self.folder(inside),
                false => Ok(()),
            };
        }
        if kind.is_dir() {
            self.plain(inside, &meta, tar::EntryType::Directory)?;
            return self.folder(inside);
        }
        if kind.is_symlink() {
            return self.link(inside, &path, &meta);
        }
        if kind.is_file() {
            return self.file(inside, &path, &meta);
        }
        if kind.is_fifo() {
            return self.plain(inside, &meta, tar::EntryType::Fifo);
        }
        self.summary.skipped.push(inside.to_owned());
        Ok(())
    }

    fn plain(
        &mut self,
        inside: &str,
        meta: &std::fs::Metadata,
        kind: tar::EntryType,
    ) -> Result<(), Error> {
        let mut header = header(meta, kind, 0);
        let name = match kind {
            tar::EntryType::Directory => format!("{inside}/"),
            _ => inside.to_owned(),
        };
        self.summary.entries += 1;
        self.tar
            .append_data(&mut header, name, std::io::empty())
            .map_err(Error::Sink)
    }

    fn link(&mut self, inside: &str, path: &Path, meta: &std::fs::Metadata) -> Result<(), Error> {
        let target = std::fs::read_link(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut header = header(meta, tar::EntryType::Symlink, 0);
        self.summary.entries += 1;
        self.tar
            .append_link(&mut header, inside, target)
            .map_err(Error::Sink)
    }

    fn file(&mut self, inside: &str, path: &Path, meta: &std::fs::Metadata) -> Result<(), Error> {
        let file = std::fs::File::open(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        // The size in the header is a promise: a file that grows is cut, one that shrinks is an error.
        let mut content = Promised {
            file: file.take(meta.len()),
            left: meta.len(),
            failed: None,
        };
        let mut header = header(meta, tar::EntryType::Regular, meta.len());
        let appended = self.tar.append_data(&mut header, inside, &mut content);
        if let Some(source) = content.failed {
            return Err(Error::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
        appended.map_err(Error::Sink)?;
        if content.left > 0 {
            return Err(Error::Shrunk(path.to_owned()));
        }
        self.summary.entries += 1;
        self.summary.bytes += meta.len();
        Ok(())
    }
}

fn header(meta: &std::fs::Metadata, kind: tar::EntryType, size: u64) -> tar::Header {
    const PERMISSION_BITS: u32 = 0o7777;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(meta.mode() & PERMISSION_BITS);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
    header.set_size(size);
    header
}

/// Reads a file and counts what it still owes; tells its own errors from the sink's.
struct Promised {
    file: std::io::Take<std::fs::File>,
    left: u64,
    failed: Option<std::io::Error>,
}

impl std::io::Read for Promised {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.file.read(buffer) {
            Ok(read) => {
                self.left -= u64::try_from(read).unwrap_or(0);
                Ok(read)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }
}
