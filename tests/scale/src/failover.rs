//! Two schedulers, and the one that leads dies or hangs.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lab_bus::{CallOptions, Headers, fresh_request_id};
use lab_testkit::Flow;
use lab_types::ServiceName;
use lab_wire::Role;
use lab_wire::request::{LabStatusGet, ServiceScale};
use rustix::process::Signal;

use crate::fleet::Fleet;
use crate::lab::{ScaleLab, Scheduler, project};
use crate::report::Report;

/// Agents that obey the leaders.
const AGENTS: usize = 3;
/// The service is scaled from one to the other and back: either way each agent gets a new assignment.
const FEW: u32 = 3;
const MANY: u32 = 6;
/// What a change asks for that is never acknowledged.
const NEVER: u32 = 9;
/// How long a run may take until a change is accepted; the goals are 2 s and 5 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a change waits for its answer before it is sent again, with the same id. A leader that hangs
/// holds it as long as that.
const ATTEMPT: Duration = Duration::from_millis(250);
/// How long a follower needs to be ready: it connects, and looks for the leader twice a second.
const STAND_BY: Duration = Duration::from_millis(1500);
/// How long a leader that goes on is watched.
const AFTERMATH: Duration = Duration::from_secs(3);

/// How the leader fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// SIGKILL.
    Crash,
    /// SIGSTOP, and SIGCONT after so long.
    Pause(Duration),
}

/// Lets the leader fail `runs` times in one lab with its files under `dir`.
///
/// # Panics
/// When a part cannot be started.
pub async fn run(dir: &Path, failure: Failure, runs: usize) -> Report {
    let mut lab = ScaleLab::start(dir).await;
    let leader = start(&mut lab, failure).await;
    let mut trial = Trial {
        fleet: Fleet::start(&lab, &dir.join("nodes"), AGENTS).await,
        lab,
        leader,
        replicas: FEW,
        late_writes: 0,
        report: Report::default(),
    };
    if let Err(problem) = trial.begin().await {
        trial.report.fault(problem);
    }
    let mut times = Vec::new();
    for run in 0..runs {
        if !trial.report.faults.is_empty() {
            break;
        }
        match trial.fail(failure).await {
            Ok(time) => {
                tracing::info!(run, ?time, "accepted");
                times.push(time);
            }
            Err(problem) => trial.report.fault(format!("run {run}: {problem}")),
        }
    }
    trial.tell(failure, times);
    trial.fleet.stop().await;
    trial.report
}

async fn start(lab: &mut ScaleLab, failure: Failure) -> Scheduler {
    match failure {
        Failure::Crash => lab.start_scheduler(),
        Failure::Pause(_) => lab.start_scheduler_on_a_wire().await,
    }
}

struct Trial {
    lab: ScaleLab,
    fleet: Fleet,
    leader: Scheduler,
    /// What the service was last scaled to, as acknowledged.
    replicas: u32,
    /// How many pieces of its writes arrived from leaders that had gone on.
    late_writes: usize,
    report: Report,
}

type Tried<T> = Result<T, String>;

impl Trial {
    async fn begin(&mut self) -> Tried<()> {
        // With all of them there each gets its share.
        let joined = self.until(async || {
            let status = self.lab.status().await;
            status.is_some_and(|status| usize::try_from(status.counts.nodes_ready) == Ok(AGENTS))
        });
        joined
            .await
            .map_err(|()| "the agents did not join".to_owned())?;
        let created = self.lab.create_service("web", self.replicas).await;
        created.map_err(|error| format!("a service was refused: {error}"))?;
        self.settled().await
    }

    /// One failure of the leader; how long until the other accepted a change.
    async fn fail(&mut self, failure: Failure) -> Tried<Duration> {
        let next = start(&mut self.lab, failure).await;
        // A follower says nothing while it follows.
        tokio::time::sleep(STAND_BY).await;
        let epoch = self.epoch().await?;
        let failed = Instant::now();
        match failure {
            Failure::Crash => self.leader.kill().await,
            Failure::Pause(_) => self.pause().await?,
        }
        self.change().await?;
        let took = failed.elapsed();
        let mut old = std::mem::replace(&mut self.leader, next);
        if self.epoch().await? <= epoch {
            return Err("the change was accepted by the leader that had failed".to_owned());
        }
        if let Failure::Pause(lasts) = failure {
            // The pause is what is tried.
            tokio::time::sleep(lasts.saturating_sub(failed.elapsed())).await;
            self.resume(&old).await?;
        }
        old.kill().await;
        self.settled().await?;
        Ok(took)
    }

    /// Halts the leader in the middle of a change: it has written, and nothing of that has arrived.
    async fn pause(&mut self) -> Tried<()> {
        self.leader.wire().set(Flow::HoldRequests);
        match self.ask(NEVER, (ATTEMPT, ATTEMPT)).await {
            Ok(()) => Err("a change was accepted that could not be stored".to_owned()),
            Err(_) => {
                self.leader.signal(Signal::STOP);
                Ok(())
            }
        }
    }

    /// The old leader goes on: what it had written arrives and is refused, and so is a command of its
    /// time by the agents.
    async fn resume(&mut self, old: &Scheduler) -> Tried<()> {
        let before = self.epoch().await?;
        let written = old.wire().passed();
        old.wire().set(Flow::Pass);
        old.signal(Signal::CONT);
        // What must not happen is given time to happen.
        tokio::time::sleep(AFTERMATH).await;
        if self.epoch().await? != before {
            return Err("another epoch began when the old leader went on".to_owned());
        }
        if old.wire().passed() == written {
            return Err("nothing was written late".to_owned());
        }
        self.late_writes += old.wire().passed() - written;
        // Whichever it notices first: the lease, its late write, or the head after a new connection.
        let lost = [
            "the lease is lost",
            "another scheduler has taken over",
            "the state has moved on without this leader",
        ];
        let says = async || lost.iter().any(|words| old.log().contains(words));
        if self.until(says).await.is_err() {
            let log = old.log();
            return Err(format!(
                "the old leader does not say that it leads no more: {log}"
            ));
        }
        self.change().await?;
        self.settled().await?;
        self.stale_command().await
    }

    /// Sends an agent a command that the first leader gave it, again.
    async fn stale_command(&self) -> Tried<()> {
        let tally = &self.fleet.tally;
        let Some((subject, body)) = tally.first_assignment.get() else {
            return Err("no agent was ever given an assignment".to_owned());
        };
        let refused = tally.refused.load(Ordering::Relaxed);
        let bus = self.lab.connect(&Role::Scheduler).await;
        let sent = bus
            .publish_bytes(subject.clone(), Headers::new(), body.clone())
            .await;
        sent.map_err(|error| error.to_string())?;
        let again = self.until(async || tally.refused.load(Ordering::Relaxed) > refused);
        again
            .await
            .map_err(|_| "an agent did not refuse a stale command".to_owned())
    }

    /// Scales the service, asking until it is accepted.
    async fn change(&mut self) -> Tried<()> {
        let wanted = FEW + MANY - self.replicas;
        let accepted = self.ask(wanted, (PATIENCE, ATTEMPT)).await;
        accepted.map_err(|why| format!("no change was accepted: {why}"))?;
        self.replicas = wanted;
        Ok(())
    }

    /// Asks for so many replicas, in all for so long and each time for so long.
    async fn ask(&self, replicas: u32, (timeout, attempt): (Duration, Duration)) -> Tried<()> {
        let request = ServiceScale {
            service: ServiceName::new("web").expect("invariant: a service's name"),
            replicas,
            request_id: Some(fresh_request_id()),
        };
        let options = CallOptions {
            timeout,
            attempt,
            request_id: None,
        };
        let project = project();
        let asked = self.lab.call_within(Some(&project), &request, options);
        asked.await.map(drop).map_err(|error| error.to_string())
    }

    async fn epoch(&self) -> Tried<u64> {
        let status = self.lab.call(None, &LabStatusGet {}).await;
        let status = status.map_err(|error| format!("no leader answers: {error}"))?;
        Ok(status.head.epoch.0)
    }

    /// Waits until the leader says that what was last accepted runs.
    async fn settled(&self) -> Tried<()> {
        let settled = self.until(async || {
            let Some(status) = self.lab.status().await else {
                return false;
            };
            let counts = status.counts;
            usize::try_from(counts.nodes_ready) == Ok(AGENTS)
                && counts.tasks_desired == self.replicas
                && counts.tasks_running == self.replicas
        });
        settled
            .await
            .map_err(|()| format!("{} tasks do not run", self.replicas))
    }

    async fn until(&self, mut holds: impl AsyncFnMut() -> bool) -> Result<(), ()> {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            if Instant::now() >= end {
                return Err(());
            }
            // Between two looks.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn tell(&mut self, failure: Failure, mut times: Vec<Duration>) {
        times.sort_unstable();
        let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) else {
            return;
        };
        let what = match failure {
            Failure::Crash => "leader killed: until a change is accepted".to_owned(),
            Failure::Pause(lasts) => {
                format!("leader paused for {lasts:?}: until a change is accepted")
            }
        };
        let figure = format!(
            "median {:.2} s, worst {:.2} s, {} runs",
            median.as_secs_f64(),
            worst.as_secs_f64(),
            times.len()
        );
        self.report.row(&what, figure);
        if let Failure::Pause(_) = failure {
            self.report.row(
                "leader paused: pieces of its writes that arrived afterwards, all refused",
                self.late_writes.to_string(),
            );
            self.report.row(
                "leader paused: commands of an earlier leader refused by agents",
                self.fleet.tally.refused.load(Ordering::Relaxed).to_string(),
            );
        }
    }
}
