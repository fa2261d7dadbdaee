//! A host's disk: a file with a file system of its own, so that filling it fills nothing else.

use std::path::Path;
use std::time::Duration;

use super::seat::HostSeat;
use super::shell::{attempt, run, within};

/// The size of a disk. Only what is written takes room: about 20 MB after a first start.
const SIZE: &str = "4G";

/// What a host finds on its disk; the engine's files need a place outside the overlay.
const FOLDERS: [&str; 4] = ["upper", "work", "docker", "containerd"];

/// How long a file system may stay in use after its last process was killed; 0.1 s usually.
const UNMOUNT_MAX: Duration = Duration::from_secs(10);

/// Makes the disk of a new host and mounts it, the root file system over `debian` included.
///
/// # Panics
/// When the machine refuses.
pub(super) fn make(host: HostSeat, debian: &Path) {
    for dir in [host.dir(), host.disk(), host.root()] {
        std::fs::create_dir_all(&dir)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", dir.display()));
    }
    let image = text(&host.disk_image());
    run("truncate", &["-s", SIZE, &image]);
    let lazy = "lazy_itable_init=1,lazy_journal_init=1";
    // No room kept for root: a full disk is to be full for everybody.
    run("mkfs.ext4", &["-q", "-F", "-m", "0", "-E", lazy, &image]);
    run("mount", &["-o", "loop", &image, &text(&host.disk())]);
    for folder in FOLDERS {
        std::fs::create_dir(host.disk().join(folder)).expect("invariant: an empty disk");
    }
    let layers = format!(
        "lowerdir={},upperdir={disk}/upper,workdir={disk}/work",
        debian.display(),
        disk = host.disk().display()
    );
    let root = text(&host.root());
    run(
        "mount",
        &["-t", "overlay", &host.name(), "-o", &layers, &root],
    );
}

/// Unmounts a host's file systems, as far as they are mounted.
pub(super) fn unmount(host: HostSeat) {
    for path in [host.root(), host.disk()] {
        let path = text(&path);
        let is_mounted = || attempt("mountpoint", &["-q", &path]).is_ok();
        if !is_mounted() {
            continue;
        }
        if within(UNMOUNT_MAX, || attempt("umount", &[&path])).is_err() {
            // It goes when its last user does; the names are free at once.
            let _ = attempt("umount", &["--lazy", &path]);
        }
    }
}

/// The file that takes what room there is.
const FILLER: &str = "filler";

/// The smallest piece of a file system's room.
const BLOCK: u64 = 4096;

/// Takes all room of a disk, but for so many bytes.
///
/// # Panics
/// When the disk is not mounted.
pub(super) fn fill(host: HostSeat, but: u64) {
    let free = run("stat", &["-f", "-c", "%a %S", &text(&host.disk())]);
    let numbers: Vec<u64> = free.split(' ').filter_map(|n| n.parse().ok()).collect();
    let filler = text(&host.disk().join(FILLER));
    let (mut taken, mut piece) = (0, numbers.iter().product::<u64>());
    // The file system needs some of the room to say what is taken; how much, only trying tells.
    while piece >= BLOCK {
        let (offset, length) = (taken.to_string(), piece.to_string());
        match attempt("fallocate", &["-o", &offset, "-l", &length, &filler]) {
            Ok(_) => taken += piece,
            Err(_) => piece /= 2,
        }
    }
    let size = taken.saturating_sub(but).to_string();
    run("truncate", &["-s", &size, &filler]);
}

/// Gives the room back.
pub(super) fn free(host: HostSeat) {
    let _ = std::fs::remove_file(host.disk().join(FILLER));
}

fn text(path: &Path) -> String {
    path.to_str()
        .expect("invariant: the lab's paths are UTF-8")
        .to_owned()
}
