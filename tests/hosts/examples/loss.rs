//! How long until the tasks of a lost host run elsewhere: Tercio, and a Swarm of the same engines.
//!
//! Run by `ops/bench/loss.sh`. Each run takes a host away (its link is cut without a word, or its
//! power), and looks at the engines of the others every 100 ms until all replicas run there.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a measurement: it speaks on the terminal"
)]

use std::time::{Duration, Instant};

use lab_testkit::hosts::{Host, HostLab, Image, Layout, until};
use serde_json::Value;

const IMAGE: &str = "busybox:lab";
/// Two on each of three hosts.
const REPLICAS: usize = 6;
/// Between two looks at the engines.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long a system may take to come to rest, Swarm's patience with a node included.
const PATIENCE: Duration = Duration::from_secs(120);

/// What runs the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Tercio,
    Swarm,
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Link,
    Power,
}

impl Fault {
    fn strike(self, host: &Host) {
        match self {
            Self::Link => host.cut_link(),
            Self::Power => host.power_off(),
        }
    }

    fn mend(self, host: &Host) {
        match self {
            Self::Link => host.mend_link(),
            Self::Power => host.power_on(),
        }
        host.await_engine();
    }

    fn words(self) -> &'static str {
        match self {
            Self::Link => "link cut",
            Self::Power => "power cut",
        }
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let runs: usize = words.next().and_then(|n| n.parse().ok()).unwrap_or(20);
    let lab = HostLab::start(&Layout::of(3));
    lab.load(&Image::busybox(&lab, IMAGE));
    let bench = Bench::prepare(&lab);
    println!(
        "{:9} {:10} {:>4} {:>8} {:>8} {:>8}   ms each",
        "system", "fault", "runs", "best", "median", "worst"
    );
    for fault in [Fault::Link, Fault::Power] {
        let mut took = [Vec::new(), Vec::new()];
        for run in 0..runs {
            // In turns, so that what else the machine does meets both.
            for (system, took) in [System::Tercio, System::Swarm].into_iter().zip(&mut took) {
                // The first host has the managers of both; the others are lost in turns.
                let victim = if run % 2 == 0 { 3 } else { 2 };
                let elapsed = bench.measure(system, fault, lab.host(victim));
                eprintln!(
                    "{system:?}, {}, run {}: {} ms",
                    fault.words(),
                    run + 1,
                    elapsed.as_millis()
                );
                took.push(elapsed.as_millis());
            }
        }
        for (system, took) in [System::Tercio, System::Swarm].into_iter().zip(took) {
            row(system, fault, took);
        }
    }
}

fn row(system: System, fault: Fault, mut took: Vec<u128>) {
    let each: Vec<String> = took.iter().map(u128::to_string).collect();
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    println!(
        "{:9} {:10} {:4} {:8} {:8} {:8}   {}",
        format!("{system:?}"),
        fault.words(),
        took.len(),
        took.first().copied().unwrap_or_default(),
        median,
        took.last().copied().unwrap_or_default(),
        each.join(" ")
    );
}

struct Bench<'a> {
    lab: &'a HostLab,
}

impl<'a> Bench<'a> {
    /// A service without replicas in both systems.
    fn prepare(lab: &'a HostLab) -> Self {
        let manager = lab.host(1).engine();
        let address = lab.host(1).address().to_string();
        manager.docker(&["swarm", "init", "--advertise-addr", &address]);
        let token = manager.docker(&["swarm", "join-token", "-q", "worker"]);
        let at = format!("{address}:2377");
        for host in lab.hosts().iter().skip(1) {
            host.engine()
                .docker(&["swarm", "join", "--token", &token, &at]);
        }
        // By id: a name would be looked up in a registry.
        let id = manager.docker(&["image", "inspect", "-f", "{{.Id}}", IMAGE]);
        let command = ["sh", "-c", COMMAND];
        let create = [
            "service",
            "create",
            "--detach",
            "--no-resolve-image",
            "--name",
            "web",
            "--replicas",
            "0",
            &id,
        ];
        manager.docker(&[create.as_slice(), command.as_slice()].concat());
        let text = format!(
            "services:\n  web:\n    image: {IMAGE}\n    command: [sh, -c, '{COMMAND}']\n    restart: always\n    deploy:\n      replicas: {REPLICAS}\n"
        );
        let file = lab.dir().join("compose.yml");
        std::fs::write(&file, text).expect("the lab's folder");
        let bench = Self { lab };
        bench.tercio(&["up", "--file", &file.to_string_lossy(), "-p", "bench", "-d"]);
        bench.scale(System::Tercio, 0);
        bench
    }

    fn tercio(&self, words: &[&str]) {
        let output = self.lab.tercio(words).output().expect("tercio runs");
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// Scales and waits until it is so, evenly spread.
    fn scale(&self, system: System, replicas: usize) {
        let wish = format!("web={replicas}");
        match system {
            System::Tercio => self.tercio(&["service", "scale", "-p", "bench", &wish]),
            System::Swarm => {
                let manager = self.lab.host(1).engine();
                manager.docker(&["service", "scale", "--detach", &wish]);
            }
        }
        let each = replicas / self.lab.hosts().len();
        until(
            &format!("{system:?}: {replicas} replicas"),
            PATIENCE,
            || {
                let counts: Vec<usize> = self
                    .lab
                    .hosts()
                    .iter()
                    .map(|host| count(host, system))
                    .collect();
                match counts.iter().all(|count| *count == each) {
                    true => Ok(()),
                    false => Err(format!("{counts:?}")),
                }
            },
        );
    }

    /// Waits until both systems call all hosts ready.
    fn await_ready(&self) {
        self.lab.await_ready();
        until("Swarm calls all nodes ready", PATIENCE, || {
            let manager = self.lab.host(1).engine();
            let said = manager.attempt(&["node", "ls", "--format", "{{.Status}}"])?;
            match said.lines().filter(|line| *line == "Ready").count() {
                ready if ready == self.lab.hosts().len() => Ok(()),
                _ => Err(said),
            }
        });
    }

    /// From the fault until all replicas run on the hosts that are left.
    fn measure(&self, system: System, fault: Fault, victim: &Host) -> Duration {
        self.await_ready();
        self.scale(system, REPLICAS);
        let left: Vec<&Host> = self
            .lab
            .hosts()
            .iter()
            .filter(|host| host.number() != victim.number())
            .collect();
        let struck = Instant::now();
        fault.strike(victim);
        let mut next = struck;
        let took = loop {
            let running: usize = left.iter().map(|host| count(host, system)).sum();
            if running == REPLICAS {
                break struck.elapsed();
            }
            assert!(
                struck.elapsed() < PATIENCE,
                "{system:?}: only {running} run after {PATIENCE:?}"
            );
            next += SAMPLE;
            pause(next.saturating_duration_since(Instant::now()));
        };
        fault.mend(victim);
        self.await_ready();
        self.scale(system, 0);
        took
    }
}

/// What the replicas do: nothing, and they end when they are asked to.
const COMMAND: &str = "trap \"exit 0\" TERM; while :; do sleep 1 & wait; done";

/// How many replicas run, by the host's engine; none where it is down.
fn count(host: &Host, system: System) -> usize {
    let label = match system {
        System::Tercio => "com.docker.compose.project=bench",
        System::Swarm => "com.docker.swarm.service.name=web",
    };
    // {"label":["…"]} as a query has it.
    let path = format!("/containers/json?filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
    let answer = host.engine().get(&path).unwrap_or_default();
    let list: Value = serde_json::from_str(&answer).unwrap_or_default();
    list.as_array().map_or(0, Vec::len)
}

#[expect(
    clippy::disallowed_methods,
    reason = "samples engines at a fixed rate, which is what is measured"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
