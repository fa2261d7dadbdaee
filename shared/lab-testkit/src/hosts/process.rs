//! Processes as `/proc` shows them: whose they are, and ending them.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// When a process was started, in clock ticks since boot; nothing when there is none.
/// With its number it names one process for ever.
pub(super) fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields are counted from behind the name, which may hold spaces: 22 is the 20th there.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let is_zombie = fields.next() == Some("Z");
    let started = fields.nth(18)?.parse().ok()?;
    (!is_zombie).then_some(started)
}

/// All processes of this machine.
fn all() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The systemd-nspawn processes that run a host from `root`.
pub(super) fn nspawns(root: &Path) -> Vec<u32> {
    let argument = format!("--directory={}", root.display());
    let runs_it = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        let program = words.next().unwrap_or_default();
        program.ends_with(b"systemd-nspawn") && words.any(|word| word == argument.as_bytes())
    };
    all().filter(runs_it).collect()
}

/// The first process of the host that `nspawn` runs, once it has become its init.
pub(super) fn init_of(nspawn: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"));
    let children = children.ok()?;
    let mut children = children.split_whitespace().filter_map(|n| n.parse().ok());
    children.find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim() == "systemd")
    })
}

/// What a process's namespace of one kind is called; equal names are one namespace.
fn namespace(pid: u32, kind: &str) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()
}

/// The processes of a systemd unit in the host whose init is given, oldest first.
pub(super) fn of_unit(init: u32, unit: &str) -> Vec<u32> {
    let Some(host) = namespace(init, "pid") else {
        return Vec::new();
    };
    let ending = format!("/{unit}.service");
    let is_its = |pid: &u32| {
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups.lines().any(|line| line.ends_with(&ending))
            && namespace(*pid, "pid").as_ref() == Some(&host)
    };
    let mut found: Vec<u32> = all()
        .filter(is_its)
        .filter(|pid| started(*pid).is_some())
        .collect();
    found.sort_by_key(|pid| started(*pid));
    found
}

/// Sends a signal; a process that has ended meanwhile is no trouble.
pub(super) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}
