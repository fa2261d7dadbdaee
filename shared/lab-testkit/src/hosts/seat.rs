//! A lab's place on this machine: a free number, all names that follow from it, and its owner.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::process::started;
use super::removal::CONTROL_GROUPS;
use super::shell::{attempt, run};

/// Where labs are. One place for the whole machine, so that no two take the same number.
const BASE: &str = "/var/lib/tercio-hosts";

/// The numbers are the third part of the lab's addresses; 7 is left to trials made by hand.
const NUMBERS: std::ops::RangeInclusive<u8> = 8..=250;

/// The last part of this machine's own address on the lab's bridge.
const OURS: u8 = 254;

/// A number and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat(u8);

/// Who made a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    started: u64,
}

impl Owner {
    fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: started(pid).expect("invariant: this process runs"),
        }
    }

    fn read(manifest: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(manifest).ok()?;
        let mut words = text.split_whitespace();
        Some(Self {
            pid: words.next()?.parse().ok()?,
            started: words.next()?.parse().ok()?,
        })
    }

    fn lives(self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

/// The right to take and to clear numbers; one process of the machine at a time has it.
pub(super) struct Register(
    #[expect(dead_code, reason = "held: closing it gives the lock back")] File,
);

impl Register {
    /// Waits for it.
    ///
    /// # Panics
    /// Without the right to write below `/var/lib`.
    pub(super) fn open() -> Self {
        let made = std::fs::create_dir_all(BASE).and_then(|()| File::create(base().join("lock")));
        let lock = made.unwrap_or_else(|error| {
            panic!("cannot write below {BASE}: {error}; a lab of hosts needs root")
        });
        flock(&lock, FlockOperation::LockExclusive).expect("invariant: a file can be locked");
        Self(lock)
    }

    /// Takes a free number for this process.
    ///
    /// # Panics
    /// When none is free.
    pub(super) fn take(&self) -> Seat {
        let taken = attempt("ip", &["-o", "-4", "addr"]).unwrap_or_default();
        let routes = attempt("ip", &["-4", "route"]).unwrap_or_default();
        let is_free = |seat: &Seat| {
            let prefix = format!(" 10.143.{}.", seat.0);
            let routed = routes.lines().map(|line| format!(" {line}"));
            !seat.dir().exists()
                && !seat.has_control_groups()
                && !taken.contains(&prefix)
                && !routed.into_iter().any(|line| line.contains(&prefix))
        };
        let seat = NUMBERS.map(Seat).find(is_free);
        let seat = seat.unwrap_or_else(|| panic!("all numbers of labs are taken: see {BASE}"));
        let owner = Owner::this_process();
        // Whole or not there: a folder with no manifest would belong to nobody.
        let unfinished = base().join("unfinished");
        let _ = std::fs::remove_dir_all(&unfinished);
        let written = std::fs::create_dir(&unfinished)
            .and_then(|()| {
                let manifest = unfinished.join(MANIFEST);
                std::fs::write(manifest, format!("{} {}\n", owner.pid, owner.started))
            })
            .and_then(|()| std::fs::rename(&unfinished, seat.dir()));
        written.unwrap_or_else(|error| panic!("cannot write below {BASE}: {error}"));
        seat
    }

    /// The labs whose owners have died.
    pub(super) fn orphans(&self) -> Vec<Seat> {
        let entries = std::fs::read_dir(BASE).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.map(Seat).filter(|seat| !seat.is_used()).collect()
    }
}

/// The file that says who the owner is: process id and start time.
const MANIFEST: &str = "owner";

fn base() -> &'static Path {
    Path::new(BASE)
}

impl Seat {
    fn is_used(self) -> bool {
        Owner::read(&self.dir().join(MANIFEST)).is_some_and(Owner::lives)
    }

    /// Whether the kernel has control groups of this name. They are one tree for all file systems and
    /// networks: a lab in a container of this machine shows nowhere else.
    fn has_control_groups(self) -> bool {
        let name = format!("{}-1", self.name());
        let trees = std::fs::read_dir(CONTROL_GROUPS).into_iter().flatten();
        let paths = trees.flatten().map(|tree| tree.path().join(&name));
        paths.into_iter().any(|path| path.exists())
    }

    /// Everything of the lab on disk.
    pub(super) fn dir(self) -> PathBuf {
        base().join(self.0.to_string())
    }

    /// `tt12`: the bridge and the table of cuts.
    pub(super) fn name(self) -> String {
        format!("tt{}", self.0)
    }

    /// This machine's address on the bridge.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 143, self.0, OURS)
    }

    /// The place of a host.
    pub(super) fn host(self, number: u8) -> HostSeat {
        HostSeat { seat: self, number }
    }

    /// All hosts that have a folder.
    pub(super) fn hosts(self) -> Vec<HostSeat> {
        let entries = std::fs::read_dir(self.dir()).into_iter().flatten();
        let numbers = entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_prefix("host")?.parse().ok()
        });
        numbers.map(|number| self.host(number)).collect()
    }
}

/// A host's names and places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostSeat {
    seat: Seat,
    number: u8,
}

impl HostSeat {
    /// The lab's.
    pub(super) fn lab(self) -> Seat {
        self.seat
    }

    /// From 1.
    pub(super) fn number(self) -> u8 {
        self.number
    }

    /// `host1`: what the host calls itself.
    pub(super) fn host_name(self) -> String {
        format!("host{}", self.number)
    }

    /// `tt12-1`: its network namespace, and its name among the machine's control groups.
    pub(super) fn name(self) -> String {
        format!("{}-{}", self.seat.name(), self.number)
    }

    /// `tt12v1`: this machine's end of its cable.
    pub(super) fn cable(self) -> String {
        format!("{}v{}", self.seat.name(), self.number)
    }

    pub(super) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 143, self.seat.0, self.number)
    }

    pub(super) fn dir(self) -> PathBuf {
        self.seat.dir().join(self.host_name())
    }

    /// Its disk, as a file.
    pub(super) fn disk_image(self) -> PathBuf {
        self.dir().join("disk.img")
    }

    /// Where its disk is mounted.
    pub(super) fn disk(self) -> PathBuf {
        self.dir().join("disk")
    }

    /// Where its root file system is mounted.
    pub(super) fn root(self) -> PathBuf {
        self.dir().join("root")
    }

    /// What its init says.
    pub(super) fn console(self) -> PathBuf {
        self.dir().join("console.log")
    }
}

/// The Debian root that all hosts lie over.
///
/// # Panics
/// When it is not made.
pub(super) fn debian_root() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let script = top
        .expect("invariant: this crate stands two below the top")
        .join("ops/testbed");
    PathBuf::from(run(&script.to_string_lossy(), &["root"]))
}
