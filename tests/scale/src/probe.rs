//! What is tried, in order, and what came of it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lab_bus::{Replay, ReplayOptions, Since};
use lab_kit::clock;
use lab_types::{EventWhat, UnixMillis};
use lab_wire::request::NodeList;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rustix::process::Pid;

use crate::figures::{Traffic, Usage, traffic, usage};
use crate::fleet::Fleet;
use crate::lab::{ScaleLab, Scheduler};
use crate::report::Report;
use crate::starts::Starts;

/// How large the lab is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Agents.
    pub agents: usize,
    /// Tasks, over ten services.
    pub tasks: u32,
    /// How long the idle lab is watched.
    pub idle: Duration,
}

/// Over how many services the tasks are spread.
const SERVICES: u32 = 10;
/// How long any one step may take; the slowest has taken a tenth.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it is looked whether a step is over: often beside what is measured, seldom enough to
/// cost nothing.
const POLL: Duration = Duration::from_millis(20);
/// How often the leader is asked: it counts the whole lab for an answer.
const ASK: Duration = Duration::from_millis(250);
/// How long after a fault it is still watched whether anyone is called lost: twice the silence that
/// makes a node lost.
const AFTERMATH: Duration = Duration::from_secs(6);

/// Tries everything on a lab with its files under `dir`.
///
/// # Panics
/// When a part cannot be started.
pub async fn run(dir: &Path, size: Size) -> Report {
    let mut probe = Probe {
        lab: ScaleLab::start(dir).await,
        size,
        report: Report::default(),
        tasks: 0,
    };
    let mut scheduler = probe.lab.start_scheduler();
    let ledgers = ledgers();
    let fleet = probe.join(ledgers.path(), &scheduler).await;
    if probe.report.faults.is_empty() {
        probe.fill(&fleet, &scheduler).await;
        probe.idle(&scheduler).await;
        probe.restart_nats(&fleet).await;
        probe.replace_scheduler(&fleet, &mut scheduler).await;
        probe.tell_memory(&scheduler);
    }
    fleet.stop().await;
    scheduler.kill().await;
    probe.report
}

struct Probe {
    lab: ScaleLab,
    size: Size,
    report: Report,
    /// How many should run.
    tasks: u64,
}

/// What was used up to a moment.
struct Mark {
    at: Instant,
    traffic: Traffic,
    scheduler: Usage,
    nats: Usage,
    probe: Usage,
}

impl Probe {
    async fn mark(&self, scheduler: &Scheduler) -> Mark {
        Mark {
            at: Instant::now(),
            traffic: traffic(self.lab.monitor_port).await.unwrap_or_default(),
            scheduler: usage(scheduler.pid()),
            nats: usage(self.lab.nats_pid()),
            probe: usage(own_pid()),
        }
    }

    fn tell(&mut self, phase: &str, from: &Mark, to: &Mark) {
        let cpu = |to: Usage, from: Usage| to.cpu.saturating_sub(from.cpu).as_secs_f64();
        let passed = to.traffic.since(from.traffic);
        self.report.row(
            &format!("{phase}: processor time"),
            format!(
                "scheduler {:.2} s, nats-server {:.2} s, agents {:.2} s, in {:.2} s",
                cpu(to.scheduler, from.scheduler),
                cpu(to.nats, from.nats),
                cpu(to.probe, from.probe),
                (to.at - from.at).as_secs_f64(),
            ),
        );
        self.report.row(
            &format!("{phase}: through nats-server"),
            format!(
                "{} messages in ({}), {} out ({})",
                passed.in_messages,
                megabytes(passed.in_bytes),
                passed.out_messages,
                megabytes(passed.out_bytes),
            ),
        );
        if to.traffic.slow_consumers > from.traffic.slow_consumers {
            self.report
                .fault(format!("{phase}: nats-server dropped a slow client"));
        }
    }

    /// All agents join an empty lab.
    async fn join(&mut self, ledgers: &Path, scheduler: &Scheduler) -> Fleet {
        let before = self.mark(scheduler).await;
        let fleet = Fleet::start(&self.lab, ledgers, self.size.agents).await;
        let agents = u32::try_from(self.size.agents).unwrap_or(u32::MAX);
        let lab = &self.lab;
        let ready = until(ASK, async || {
            let status = lab.status().await?;
            (status.counts.nodes_ready == agents).then_some(())
        })
        .await;
        self.time(
            "join: until the leader calls all nodes ready",
            before.at,
            ready,
        );
        let after = self.mark(scheduler).await;
        self.tell("join", &before, &after);
        fleet
    }

    /// All services are created at once.
    async fn fill(&mut self, fleet: &Fleet, scheduler: &Scheduler) {
        let before = self.mark(scheduler).await;
        let mut left = self.size.tasks;
        let shares = (0..SERVICES).map(|number| {
            let replicas = left / (SERVICES - number);
            left -= replicas;
            (format!("service{number}"), replicas)
        });
        let lab = &self.lab;
        let creations = shares.map(|(name, replicas)| async move {
            let created = lab.create_service(&name, replicas).await;
            created.map_err(|error| format!("a service was refused: {error}"))
        });
        for created in futures::future::join_all(creations).await {
            if let Err(refused) = created {
                self.report.fault(refused);
            }
        }
        self.report
            .row("fill: until all services are accepted", seconds(before.at));
        self.tasks = u64::from(self.size.tasks);
        let running = self.until_running(fleet).await;
        self.time("fill: until all containers run", before.at, running);
        let seen = self.until_seen().await;
        self.time("fill: until the leader says so", before.at, seen);
        self.tell_engines();
        let after = self.mark(scheduler).await;
        self.tell("fill", &before, &after);
        self.tell_counts(fleet);
    }

    /// Nothing happens.
    async fn idle(&mut self, scheduler: &Scheduler) {
        self.until_quiet(scheduler).await;
        let before = self.mark(scheduler).await;
        // An idle lab is watched for a while.
        tokio::time::sleep(self.size.idle).await;
        let after = self.mark(scheduler).await;
        self.tell("idle", &before, &after);
    }

    /// nats-server is killed and started again.
    async fn restart_nats(&mut self, fleet: &Fleet) {
        let counted = Counted::of(fleet);
        let connected = fleet.tally.connected.load(Ordering::Relaxed);
        let killed = Instant::now();
        self.lab.kill_nats().await;
        self.lab.start_nats_again().await;
        self.report.row(
            "nats-server killed: until it answers again",
            seconds(killed),
        );
        let back = clock::now();
        let all = connected + u64::try_from(self.size.agents).unwrap_or(u64::MAX);
        let joined = until(POLL, async || {
            (fleet.tally.connected.load(Ordering::Relaxed) >= all).then_some(())
        })
        .await;
        self.time(
            "nats-server killed: until all agents are connected",
            killed,
            joined,
        );
        let heard = self.until_heard_since(back).await;
        self.time(
            "nats-server killed: until the leader has heard all",
            killed,
            heard,
        );
        // What must not happen is given time to happen.
        tokio::time::sleep(AFTERMATH).await;
        self.nothing_was_touched("nats-server killed", fleet, &counted, 0)
            .await;
    }

    /// The scheduler is killed and another started.
    async fn replace_scheduler(&mut self, fleet: &Fleet, scheduler: &mut Scheduler) {
        let counted = Counted::of(fleet);
        let killed = Instant::now();
        scheduler.kill().await;
        *scheduler = self.lab.start_scheduler();
        let before = self.mark(scheduler).await;
        let accepted = self.lab.create_service("after", 1).await;
        self.time(
            "scheduler killed: until another accepts a change",
            killed,
            accepted.ok(),
        );
        self.tasks += 1;
        let running = self.until_running(fleet).await;
        self.time("scheduler killed: until that change runs", killed, running);
        let seen = self.until_seen().await;
        self.time(
            "scheduler killed: until it knows all tasks and nodes",
            killed,
            seen,
        );
        let after = self.mark(scheduler).await;
        self.tell("take-over", &before, &after);
        // What must not happen is given time to happen.
        tokio::time::sleep(AFTERMATH).await;
        self.nothing_was_touched("scheduler killed", fleet, &counted, 1)
            .await;
    }

    fn tell_memory(&mut self, scheduler: &Scheduler) {
        for (name, pid) in [
            ("scheduler", scheduler.pid()),
            ("nats-server", self.lab.nats_pid()),
            ("agents, all in one process", own_pid()),
        ] {
            let usage = usage(pid);
            self.report.row(
                &format!("memory at the end: {name}"),
                format!(
                    "{} (most {})",
                    megabytes(usage.rss_bytes),
                    megabytes(usage.peak_bytes)
                ),
            );
        }
    }

    /// Until hardly more than signs of life goes through nats-server: what the filling left to be done
    /// (events, the outbox) is no part of an idle lab.
    async fn until_quiet(&mut self, scheduler: &Scheduler) {
        let since = Instant::now();
        let signs = u64::try_from(self.size.agents).unwrap_or(u64::MAX);
        let quiet = until(ASK, async || {
            let before = self.mark(scheduler).await;
            // A rate is measured over a second.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let passed = self.mark(scheduler).await.traffic.since(before.traffic);
            (passed.in_messages < signs + signs / 4 + 8).then_some(())
        })
        .await;
        self.time("fill: until all events are told, from there", since, quiet);
    }

    async fn until_running(&self, fleet: &Fleet) -> Option<()> {
        until(POLL, async || (fleet.running() >= self.tasks).then_some(())).await
    }

    /// Until the leader knows of all nodes and of all tasks that they run.
    async fn until_seen(&self) -> Option<()> {
        until(ASK, async || {
            let counts = self.lab.status().await?.counts;
            let nodes = usize::try_from(counts.nodes_ready).ok()?;
            (nodes == self.size.agents && u64::from(counts.tasks_running) == self.tasks)
                .then_some(())
        })
        .await
    }

    async fn until_heard_since(&self, moment: UnixMillis) -> Option<()> {
        until(ASK, async || {
            let mut ask = NodeList::default();
            let mut nodes = Vec::new();
            loop {
                let listed = self.lab.call(None, &ask).await.ok()?;
                nodes.extend(listed.nodes);
                match listed.next {
                    Some(next) => ask.after = Some(next),
                    None => break,
                }
            }
            let heard = |at: Option<UnixMillis>| at.is_some_and(|at| at >= moment);
            let all = nodes.iter().all(|node| heard(node.last_seen));
            (all && nodes.len() == self.size.agents).then_some(())
        })
        .await
    }

    /// No node was called lost in the life of this lab, and no container was made besides `wanted`
    /// or ended.
    async fn nothing_was_touched(
        &mut self,
        phase: &str,
        fleet: &Fleet,
        before: &Counted,
        wanted: u64,
    ) {
        let after = Counted::of(fleet);
        let made = after.created - before.created;
        if made != wanted || after.ended != before.ended || after.failed != before.failed {
            self.report.fault(format!(
                "{phase}: {made} containers were created where {wanted} were wanted, {} ended, {} calls failed",
                after.ended - before.ended,
                after.failed - before.failed,
            ));
        }
        let lost = match self.lost().await {
            Ok(lost) => lost,
            Err(error) => return self.report.fault(error),
        };
        if lost > 0 {
            self.report
                .fault(format!("{phase}: {lost} nodes were called lost"));
        }
        self.report.row(
            &format!("{phase}: nodes called lost, containers made or ended besides"),
            format!(
                "{lost}, {}",
                (made - wanted.min(made)) + (after.ended - before.ended)
            ),
        );
    }

    /// How often a node was called lost, by the events that are kept.
    async fn lost(&self) -> Result<usize, String> {
        let options = ReplayOptions {
            since: Since::All,
            follow: false,
            filter: lab_bus::EventFilter::default(),
        };
        let told = |error: lab_bus::ReplayError| error.to_string();
        let mut replay = Replay::start(&self.lab.admin, options)
            .await
            .map_err(told)?;
        let mut lost = 0;
        while let Some((_, event)) = replay.next().await.map_err(told)? {
            lost += usize::from(event.what == EventWhat::NodeLost);
        }
        Ok(lost)
    }

    /// What the engines alone would need: the bound that no control plane can beat.
    fn tell_engines(&mut self) {
        let starts = Starts::measured();
        let mut rng = StdRng::seed_from_u64(1);
        let tasks = usize::try_from(self.size.tasks).unwrap_or(usize::MAX);
        let each = tasks.div_ceil(self.size.agents.max(1));
        let slowest = (0..self.size.agents)
            .map(|_| starts.alone(each, &mut rng))
            .max();
        self.report.row(
            "fill: the slowest of the engines would need by itself",
            format!("{:.2} s", slowest.unwrap_or_default().as_secs_f64()),
        );
    }

    fn tell_counts(&mut self, fleet: &Fleet) {
        let tally = &fleet.tally;
        let read = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let (created, failed) = (read(&tally.created), read(&tally.failed));
        self.report.row(
            "fill: agents' side",
            format!(
                "{created} created, {} commands heard, {} beats and reports sent, {} starts side by side at most",
                read(&tally.heard),
                read(&tally.said),
                read(&tally.most_starts)
            ),
        );
        if created != self.tasks || failed > 0 {
            self.report.fault(format!(
                "fill: {created} containers were created for {} tasks, {failed} calls failed",
                self.tasks
            ));
        }
    }

    fn time(&mut self, what: &str, since: Instant, reached: Option<()>) {
        match reached {
            Some(()) => self.report.row(what, seconds(since)),
            None => {
                self.report.row(what, format!("not within {PATIENCE:?}"));
                self.report
                    .fault(format!("{what}: not within {PATIENCE:?}"));
            }
        }
    }
}

struct Counted {
    created: u64,
    ended: u64,
    failed: u64,
}

impl Counted {
    fn of(fleet: &Fleet) -> Self {
        let tally = &fleet.tally;
        Self {
            created: tally.created.load(Ordering::Relaxed),
            ended: tally.ended.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
        }
    }
}

/// Asks again and again; nothing when it was in vain.
async fn until<T>(every: Duration, mut holds: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = holds().await {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        // Between two looks.
        tokio::time::sleep(every).await;
    }
}

/// A folder for the agents' ledgers: in memory where that is there. A real agent has a disk of its
/// own; a thousand on one disk, each waiting for it, would measure that disk.
fn ledgers() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("tercio-scale-ledgers-");
    let dir = builder
        .tempdir_in("/dev/shm")
        .or_else(|_| builder.tempdir());
    dir.expect("invariant: the temporary folder can be written")
}

fn own_pid() -> Pid {
    rustix::process::getpid()
}

fn seconds(since: Instant) -> String {
    format!("{:.2} s", since.elapsed().as_secs_f64())
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
