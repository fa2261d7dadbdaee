//! One host: its power, its processes, its link, its disk, its clock.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::engine::Engine;
use super::seat::HostSeat;
use super::shell::{attempt, until};
use super::unit::{NATS_PROGRAM, PROGRAMS, Unit};
use super::{clock, disk, network, process, removal};

/// How long a host may take to boot on a busy machine; three side by side take 3 s.
const BOOT_MAX: Duration = Duration::from_secs(60);
/// How long a process may take to end or to start.
const UNIT_MAX: Duration = Duration::from_secs(30);

/// Goes into control groups of the host's own before it becomes systemd-nspawn: all hosts that one
/// process starts would share a group otherwise, and their inits would take each other's processes
/// for theirs.
const LAUNCH: &str = "for tree in systemd unified freezer; do \
    [ -d /sys/fs/cgroup/$tree ] || continue; \
    mkdir -p /sys/fs/cgroup/$tree/$1; echo $$ > /sys/fs/cgroup/$tree/$1/cgroup.procs; done; \
    shift; exec \"$@\"";

/// The programs a host is given from this machine.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// The folder of Tercio's own.
    pub(super) tercio: PathBuf,
    pub(super) nats: PathBuf,
}

/// A host of a [`HostLab`](super::HostLab).
#[derive(Debug)]
pub struct Host {
    seat: HostSeat,
    programs: Programs,
    units: Vec<Unit>,
    nspawn: RefCell<Option<Child>>,
    init: Cell<Option<u32>>,
}

impl Host {
    pub(super) fn new(seat: HostSeat, programs: Programs, units: Vec<Unit>) -> Self {
        Self {
            seat,
            programs,
            units,
            nspawn: RefCell::new(None),
            init: Cell::new(None),
        }
    }

    /// `host1`.
    #[must_use]
    pub fn name(&self) -> String {
        self.seat.host_name()
    }

    /// From 1.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.seat.number()
    }

    /// Its address on the lab's network.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.seat.address()
    }

    /// What of the lab runs here, in the order in which it is started.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Its Docker engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        Engine::new(self.name(), self.path("/run/docker.sock"))
    }

    /// Where this machine sees a file of the running host.
    fn path(&self, path: &str) -> PathBuf {
        let init = self.init.get().unwrap_or_default();
        PathBuf::from(format!("/proc/{init}/root{path}"))
    }

    /// Where its files are on this machine, whether it runs or not. What is mounted only while it
    /// runs (`/run`, `/var/lib/docker`) is not there.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.seat.root()
    }

    /// Turns it on, with the disk as it is, and waits for init. What is enabled starts by itself:
    /// the engine and the lab's units.
    ///
    /// # Panics
    /// When it is on, or does not boot.
    pub fn power_on(&self) {
        self.start_booting();
        self.await_boot();
    }

    /// The first half of [`power_on`](Self::power_on): it is started, and not waited for.
    ///
    /// # Panics
    /// When it is on.
    pub fn start_booting(&self) {
        assert!(self.init.get().is_none(), "{} is on", self.name());
        network::plug(self.seat);
        let console = File::create(self.seat.console()).expect("invariant: the host's folder");
        let errors = console.try_clone().expect("invariant: a second handle");
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", LAUNCH, "sh", &self.seat.name()]);
        command.arg("systemd-nspawn").args(self.nspawn_words());
        command.stdin(Stdio::null()).stdout(console).stderr(errors);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("cannot start systemd-nspawn: {error}"));
        self.nspawn.replace(Some(child));
    }

    fn nspawn_words(&self) -> Vec<String> {
        let disk = self.seat.disk();
        let words = "--quiet --register=no --keep-unit --capability=all --resolv-conf=off \
            --timezone=off --link-journal=no --console=pipe --kill-signal=SIGRTMIN+3";
        let mut words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        // The engine keeps keys and loads device filters.
        words.push("--system-call-filter=add_key keyctl bpf".to_owned());
        words.push(format!("--machine={}", self.seat.name()));
        words.push(format!("--hostname={}", self.name()));
        words.push(format!("--directory={}", self.seat.root().display()));
        let network = format!("/run/netns/{}", self.seat.name());
        words.push(format!("--network-namespace-path={network}"));
        for folder in ["docker", "containerd"] {
            let from = disk.join(folder);
            words.push(format!("--bind={}:/var/lib/{folder}", from.display()));
        }
        let programs = self.programs.tercio.display();
        words.push(format!("--bind-ro={programs}:{PROGRAMS}"));
        let nats = self.programs.nats.display();
        words.push(format!("--bind-ro={nats}:{NATS_PROGRAM}"));
        words.push("--boot".to_owned());
        words
    }

    /// The second half of [`power_on`](Self::power_on).
    ///
    /// # Panics
    /// When it does not boot.
    pub fn await_boot(&self) {
        self.await_init();
        let name = self.name();
        until(&format!("{name} is up"), BOOT_MAX, || self.is_up());
    }

    /// Waits until it has an init, which is before anything else runs in it.
    ///
    /// # Panics
    /// When none comes.
    pub fn await_init(&self) {
        let name = self.name();
        let init = until(&format!("{name} boots"), BOOT_MAX, || {
            let console = || std::fs::read_to_string(self.seat.console()).unwrap_or_default();
            process::nspawns(&self.seat.root())
                .first()
                .and_then(|nspawn| process::init_of(*nspawn))
                .ok_or_else(console)
        });
        self.init.set(Some(init));
    }

    /// Whether all has started that its init starts.
    ///
    /// # Errors
    /// What its init says of itself.
    pub fn is_up(&self) -> Result<(), String> {
        // The command fails where a unit has failed, which is no reason to wait.
        let state = self.attempt(&["sh", "-c", "systemctl is-system-running || true"])?;
        match state.as_str() {
            "running" | "degraded" => Ok(()),
            other => Err(other.to_owned()),
        }
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.init.get().is_some()
    }

    /// Takes its power away: everything in it is killed at once, and nobody hears a good-bye. What
    /// it has written stays written.
    ///
    /// # Panics
    /// When its processes do not go.
    pub fn power_off(&self) {
        // First the cable: a killed process's connections are closed by the kernel, which a host
        // without power does not do.
        network::set_link(self.seat, "down");
        removal::kill_all(self.seat).unwrap_or_else(|left| panic!("{}: {left}", self.name()));
        self.init.set(None);
        self.reap();
        network::unplug(self.seat);
    }

    /// A process that ended and was not waited for stays in its control groups.
    fn reap(&self) {
        if let Some(mut child) = self.nspawn.take() {
            let _ = child.wait();
        }
    }

    /// Takes its cable out; nobody is told.
    ///
    /// # Panics
    /// When it is off.
    pub fn cut_link(&self) {
        network::set_link(self.seat, "down");
    }

    /// Puts its cable in again.
    ///
    /// # Panics
    /// When it is off.
    pub fn mend_link(&self) {
        network::set_link(self.seat, "up");
    }

    /// Runs a program in the host; its standard output.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        let said = self.attempt(words);
        said.unwrap_or_else(|why| panic!("{}: {why}", self.name()))
    }

    /// Runs a program in the host.
    ///
    /// # Errors
    /// Why it failed.
    pub fn attempt(&self, words: &[&str]) -> Result<String, String> {
        let inside = self.enter_words()?;
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        attempt("nsenter", &[&inside, words].concat())
    }

    /// The words for `nsenter` that lead into the host.
    ///
    /// # Errors
    /// When it is off.
    pub fn enter_words(&self) -> Result<Vec<String>, String> {
        let init = self.init.get().ok_or("the host is off")?;
        // With its root: this process may itself live below one that is not its mount namespace's.
        let words = [
            "--target",
            &init.to_string(),
            "--all",
            "--root",
            "--wd",
            "--",
        ];
        Ok(words.map(str::to_owned).to_vec())
    }

    fn processes(&self, unit: Unit) -> Vec<u32> {
        let init = self.init.get();
        init.map_or_else(Vec::new, |init| process::of_unit(init, unit.name()))
    }

    /// The process of a unit, as this machine numbers it.
    #[must_use]
    pub fn pid(&self, unit: Unit) -> Option<u32> {
        self.processes(unit).first().copied()
    }

    /// Ends a process at once (SIGKILL).
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self, unit: Unit) {
        let pids = self.processes(unit);
        assert!(!pids.is_empty(), "{unit:?} does not run on {}", self.name());
        for pid in &pids {
            process::signal(*pid, Signal::KILL);
        }
        until(&format!("{unit:?} is dead"), UNIT_MAX, || {
            let left = self.processes(unit);
            match pids.iter().any(|pid| left.contains(pid)) {
                true => Err(format!("{left:?}")),
                false => Ok(()),
            }
        });
    }

    /// Starts a process that has ended.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self, unit: Unit) {
        // Forgets how it ended: systemd counts failures.
        let _ = self.attempt(&["systemctl", "reset-failed", unit.name()]);
        self.run(&["systemctl", "start", unit.name()]);
    }

    /// Asks a process to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not.
    pub fn stop(&self, unit: Unit) {
        self.run(&["systemctl", "stop", unit.name()]);
    }

    /// Ends a process in peace and starts it again.
    ///
    /// # Panics
    /// When that fails.
    pub fn restart(&self, unit: Unit) {
        self.run(&["systemctl", "restart", unit.name()]);
    }

    /// Halts a process (SIGSTOP): its connections stay, nothing answers.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self, unit: Unit) {
        self.signal(unit, Signal::STOP);
    }

    /// Lets a halted process go on (SIGCONT).
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self, unit: Unit) {
        self.signal(unit, Signal::CONT);
    }

    fn signal(&self, unit: Unit, signal: Signal) {
        let pids = self.processes(unit);
        assert!(!pids.is_empty(), "{unit:?} does not run on {}", self.name());
        for pid in pids {
            process::signal(pid, signal);
        }
    }

    /// Takes all room of its disk, but for so many bytes.
    ///
    /// # Panics
    /// When the machine has no such room.
    pub fn fill_disk(&self, but: u64) {
        disk::fill(self.seat, but);
    }

    /// Gives the disk's room back.
    pub fn free_disk(&self) {
        disk::free(self.seat);
    }

    /// What a process of the lab has said since the lab was made.
    #[must_use]
    pub fn log(&self, unit: Unit) -> String {
        let path = self.files().join(unit.log_file().trim_start_matches('/'));
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until its engine answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn await_engine(&self) {
        let engine = self.engine();
        until(&format!("the engine of {}", self.name()), BOOT_MAX, || {
            engine.attempt(&["version", "--format", "{{.Server.Version}}"])
        });
    }

    /// What people type to get a shell in it.
    ///
    /// # Panics
    /// When it is off.
    #[must_use]
    pub fn shell_command(&self) -> String {
        let init = self.init.get().expect("invariant: the host is on");
        format!("nsenter -t {init} -a -r -w")
    }

    /// Sets a process's wall clock so many seconds ahead, or behind. The first time the process is
    /// restarted, with a clock that can be set; from then on the clock jumps under its feet.
    ///
    /// # Panics
    /// When the process does not start.
    pub fn shift_clock(&self, unit: Unit, seconds: i64) {
        clock::write_offset(&self.files(), unit, seconds);
        let (path, text) = clock::settings(unit);
        let path = self.files().join(path.trim_start_matches('/'));
        if path.exists() {
            return;
        }
        let dir = path.parent().unwrap_or(&path);
        let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, text));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        self.run(&["systemctl", "daemon-reload"]);
        self.restart(unit);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What does not go now is left to the removal of the lab, which drops its hosts first.
        if removal::kill_all(self.seat).is_ok() {
            self.reap();
        }
    }
}
