//! Images for hosts that reach no registry: made here, as files for `docker load`.

use std::path::PathBuf;

use super::lab::HostLab;
use super::shell;

/// Makes the root file system of the busybox image and imports it, on the engine given.
const BUSYBOX: &str = "set -e; d=$(mktemp -d); trap 'rm -r $d' EXIT; mkdir -p $d/bin $d/tmp $d/etc; \
    cp /bin/busybox $d/bin/; \
    for a in sh sleep cat echo nc httpd true false kill wget hostname ls touch date test; do \
    ln -s busybox $d/bin/$a; done; echo 'root:x:0:0::/:/bin/sh' > $d/etc/passwd; \
    tar -C $d -c . | docker -H \"$1\" import -c 'ENV PATH=/bin' - \"$2\" >&2; \
    docker -H \"$1\" save -o \"$3\" \"$2\"";

/// An image as `docker save` writes it; loaded on any host it has the same id.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name.
    pub tag: String,
    /// The file.
    pub archive: PathBuf,
}

impl Image {
    /// This machine's static busybox, made on the lab's first engine.
    ///
    /// # Panics
    /// When the machine has none, or the engine refuses.
    #[must_use]
    pub fn busybox(lab: &HostLab, tag: &str) -> Self {
        let archive = lab
            .dir()
            .join(format!("{}.tar", tag.replace(['/', ':'], "-")));
        let socket = format!("unix://{}", lab.host(1).engine().socket().display());
        let file = archive.to_string_lossy();
        shell::run("bash", &["-c", BUSYBOX, "bash", &socket, tag, &file]);
        Self {
            tag: tag.to_owned(),
            archive,
        }
    }
}
