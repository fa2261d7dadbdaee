//! Removing all of a lab, whoever made it and however far it came.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::seat::{HostSeat, Register, Seat};
use super::shell::{attempt, within};
use super::{disk, network, process};

/// How long killed processes may take to be gone; a host of ten containers takes 0.1 s.
const KILL_MAX: Duration = Duration::from_secs(10);

/// Where the control groups are.
pub(super) const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Removes the labs whose owners have died; how many there were. A lab whose owner lives stays.
///
/// # Panics
/// Without the right to.
pub fn sweep() -> usize {
    sweep_in(&Register::open())
}

pub(super) fn sweep_in(register: &Register) -> usize {
    let orphans = register.orphans();
    for seat in &orphans {
        remove(*seat);
    }
    orphans.len()
}

/// Removes a lab: processes, mounts, networks, control groups, files. Never panics, since it runs
/// when others have; what it cannot remove now, a later sweep tries again.
pub(super) fn remove(seat: Seat) {
    let hosts = seat.hosts();
    let mut clear = true;
    for host in &hosts {
        clear &= kill_all(*host).is_ok();
        network::unplug(*host);
        disk::unmount(*host);
    }
    network::remove_bridge(seat);
    for host in &hosts {
        remove_control_groups(*host);
    }
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let below = format!(" {}/", seat.dir().display());
    if clear && !mounts.contains(&below) {
        let _ = std::fs::remove_dir_all(seat.dir());
    }
}

/// Kills everything that runs in a host, all at once, and waits until it is gone.
///
/// # Errors
/// What still runs.
pub(super) fn kill_all(host: HostSeat) -> Result<(), String> {
    within(KILL_MAX, || {
        let nspawns = process::nspawns(&host.root());
        // The kernel ends a whole process namespace with its init.
        let inits = nspawns.iter().filter_map(|pid| process::init_of(*pid));
        let mut left: Vec<u32> = inits.chain(nspawns.iter().copied()).collect();
        let inside = attempt("ip", &["netns", "pids", &host.name()]).unwrap_or_default();
        left.extend(
            inside
                .split_whitespace()
                .filter_map(|n| n.parse::<u32>().ok()),
        );
        left.retain(|pid| process::started(*pid).is_some());
        for pid in &left {
            process::signal(*pid, Signal::KILL);
        }
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("{left:?} still run")),
        }
    })
}

/// Removes the control groups of the host's name, wherever its init, its engine and whoever started
/// them have put them.
fn remove_control_groups(host: HostSeat) {
    // A group is in use for a moment longer than its last process.
    let _ = within(KILL_MAX, || {
        match remove_groups_named(Path::new(CONTROL_GROUPS), &host.name()) {
            0 => Ok(()),
            left => Err(format!("{left} control groups are left")),
        }
    });
}

/// How many of that name are left.
fn remove_groups_named(path: &Path, name: &str) -> usize {
    let left = folders(path).into_iter().map(|folder| {
        if !folder.ends_with(name) {
            return remove_groups_named(&folder, name);
        }
        remove_tree(&folder);
        usize::from(folder.exists())
    });
    left.sum()
}

/// Control groups go one by one, the innermost first; their files go with them.
fn remove_tree(path: &Path) {
    for folder in folders(path) {
        remove_tree(&folder);
    }
    let _ = std::fs::remove_dir(path);
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries
        .filter(is_folder)
        .map(|entry| entry.path())
        .collect()
}
