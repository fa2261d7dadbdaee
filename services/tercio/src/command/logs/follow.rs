//! Logs as they are written, of tasks that come and go.
//!
//! A task's stream ends with its container. While some task of the services still runs or will run
//! again, the rows are looked at when an event says so, a stream ends, or half a second has passed, and
//! streams are opened for tasks that have none; lines that were printed before are passed over by their
//! time. A log that breaks off is told, and the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use lab_bus::{StreamClient, StreamItem};
use lab_types::{Event, ProjectName, ServiceName, TaskId, TaskProgress, TaskState, TaskTarget};
use lab_wire::request::{OpenedStream, ServiceLogs};
use lab_wire::row::TaskRow;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ends::Ends;
use super::merge::{broken, lines};
use super::paint::{Painter, name_of, unopened};
use crate::app::Client;
use crate::failure::{Failure, Outcome};
use crate::project::converge::{Wake, look};
use crate::project::goal::Seen;

/// Pieces on their way to the screen, of all streams together: each is at most 128 KiB, and a stream
/// itself buffers no more than 2 MiB.
const PIECES_MAX: usize = 32;

/// How long lines alone put a look off: a log that is written steadily must not keep the leader busy.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a log that could not be opened is left alone: its agent may take that long to answer.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

enum Piece {
    Lines(TaskId, Bytes),
    End(TaskId, Outcome),
}

/// From where logs are followed.
#[derive(Clone, Debug)]
pub enum Start {
    /// From what there is.
    Here,
    /// From a change on: of the tasks that were there before it, as they were, only what happens from now on.
    Change(BTreeMap<TaskId, TaskProgress>),
}

/// Prints lines as they are written until no container of the services is left that writes, and which
/// containers end.
///
/// # Errors
/// What the lab refused, or that a log stayed unread; each is told as it breaks off, and the others go on.
pub async fn attach(
    client: &Client,
    project: &ProjectName,
    request: ServiceLogs,
    from: Start,
    painter: Painter,
) -> Outcome {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let wake = Wake::listen(&client.bus, project).await.keeping();
    let mut ends = Ends::default();
    let known = match from {
        Start::Change(before) => {
            ends.know(&before);
            let has_written = |progress: &TaskProgress| {
                matches!(progress.state, TaskState::Running | TaskState::Complete)
            };
            let written = before.into_iter().filter(|(_, was)| has_written(was));
            written.map(|(task, _)| task).collect()
        }
        Start::Here => {
            let here = look(client, project).await?.tasks;
            ends.know(here.iter().map(|row| (&row.task, &row.progress)));
            BTreeSet::new()
        }
    };
    Follower {
        client,
        project,
        request,
        known,
        painter,
        sender,
        names: BTreeMap::new(),
        printed: BTreeMap::new(),
        floors: BTreeMap::new(),
        broken: BTreeMap::new(),
        ends,
        tasks: 0,
        pumps: JoinSet::new(),
    }
    .run(wake, receiver)
    .await
}

struct Follower<'a> {
    client: &'a Client,
    project: &'a ProjectName,
    request: ServiceLogs,
    known: BTreeSet<TaskId>,
    painter: Painter,
    sender: mpsc::Sender<Piece>,
    /// Tasks with an open stream, and the name their lines bear.
    names: BTreeMap<TaskId, String>,
    /// The time of the last line printed of each task.
    printed: BTreeMap<TaskId, u64>,
    /// The same when the task's stream was opened: lines up to there come a second time.
    floors: BTreeMap<TaskId, u64>,
    /// Tasks whose log cannot be read, or no further, and since when.
    broken: BTreeMap<TaskId, Instant>,
    /// Containers that ended.
    ends: Ends,
    /// How many tasks the project had at the last look.
    tasks: usize,
    pumps: JoinSet<()>,
}

impl Follower<'_> {
    async fn run(mut self, mut wake: Wake, mut pieces: mpsc::Receiver<Piece>) -> Outcome {
        self.begin().await?;
        let mut looked_at = Instant::now();
        loop {
            // Cancel-safe: a piece stays in the channel, and a lost wake-up only delays a look.
            let mut is_due = tokio::select! {
                biased;
                piece = pieces.recv() => match piece {
                    Some(piece) => self.take(piece)?,
                    None => true,
                },
                () = wake.next(self.tasks) => true,
            };
            while let Ok(piece) = pieces.try_recv() {
                is_due |= self.take(piece)?;
            }
            for event in wake.take_heard() {
                self.hear(&event);
            }
            if !is_due && looked_at.elapsed() < LOOK_EVERY {
                continue;
            }
            if !self.look().await? {
                self.tell_ends();
                return match self.broken.is_empty() {
                    true => Ok(()),
                    false => Err(Failure::Said),
                };
            }
            looked_at = Instant::now();
        }
    }

    /// Opens what is there: of the tasks known already, from their end on.
    async fn begin(&mut self) -> Outcome {
        if self.known.is_empty() {
            let request = self.request.clone();
            return self.open(request, |_| true).await;
        }
        let known = self.known.clone();
        let mut from_now = self.request.clone();
        from_now.options.tail = Some(0);
        self.open(from_now, |task| known.contains(task)).await?;
        let request = self.request.clone();
        self.open(request, |task| !known.contains(task)).await
    }

    /// Opens streams for tasks that write and have none; whether anything is left to wait for.
    async fn look(&mut self) -> Outcome<bool> {
        let mut seen = look(self.client, self.project).await?;
        self.tasks = seen.tasks.len();
        let asked = &self.request.services;
        let is_asked = |service: &ServiceName| asked.is_empty() || asked.contains(service);
        seen.tasks.retain(|row| is_asked(&row.service));
        seen.services.retain(|row| is_asked(&row.service));
        self.ends.see(&seen.tasks, Instant::now());
        self.tell_ends();
        let is_left_alone = |task: &TaskId| {
            let since = self.broken.get(task);
            since.is_some_and(|since| since.elapsed() < AGAIN_AFTER)
        };
        let services = silent(&seen, |task| {
            self.names.contains_key(task) || is_left_alone(task)
        });
        if !services.is_empty() {
            let mut request = self.request.clone();
            request.services = services.into_iter().collect();
            // What is new is wanted from its beginning; what was printed is passed over.
            request.options.tail = None;
            self.open(request, |_| true).await?;
        }
        Ok(!self.names.is_empty() || may_write(&seen))
    }

    fn hear(&mut self, event: &Event) {
        let asked = &self.request.services;
        let of_it = event.scope.service.as_ref();
        if asked.is_empty() || of_it.is_some_and(|service| asked.contains(service)) {
            self.ends.hear(event, Instant::now());
        }
    }

    /// Says which containers have ended, once their logs have.
    fn tell_ends(&mut self) {
        let open = &self.names;
        let lines = self
            .ends
            .take(Instant::now(), |task| open.contains_key(task));
        self.painter.ended(&lines);
    }

    /// Asks for streams, and reads those that are new and wanted.
    async fn open(&mut self, request: ServiceLogs, wanted: impl Fn(&TaskId) -> bool) -> Outcome {
        let opened = self.client.call(Some(self.project), &request).await?;
        for log in &opened.unopened {
            self.break_off(&log.task, &unopened(log));
        }
        for stream in opened.streams {
            self.join(&stream, &wanted).await;
        }
        Ok(())
    }

    async fn join(&mut self, opened: &OpenedStream, wanted: impl Fn(&TaskId) -> bool) {
        let Some(task) = opened.task.clone() else {
            return;
        };
        let name = name_of(opened);
        let stream = match StreamClient::open(&self.client.bus, &self.client.user, opened).await {
            Ok(stream) => stream,
            Err(error) => return self.break_off(&task, &broken(&name, &error)),
        };
        if self.names.contains_key(&task) || !wanted(&task) {
            stream.close().await;
            return;
        }
        self.painter.know(&name);
        self.broken.remove(&task);
        self.names.insert(task.clone(), name.clone());
        let floor = self.printed.get(&task).copied().unwrap_or(0);
        self.floors.insert(task.clone(), floor);
        self.pumps
            .spawn(pump(task, name, stream, self.sender.clone()));
    }

    /// Tells once that a task's log cannot be read; the others go on.
    fn break_off(&mut self, task: &TaskId, failure: &Failure) {
        if self.names.contains_key(task) {
            return;
        }
        if self.broken.insert(task.clone(), Instant::now()).is_none() {
            self.painter.broken(failure);
        }
    }

    /// Takes what a stream brought; whether it has ended.
    fn take(&mut self, piece: Piece) -> Outcome<bool> {
        match piece {
            Piece::Lines(task, bytes) => self.print(&task, &bytes).map(|()| false),
            Piece::End(task, ended) => {
                self.names.remove(&task);
                if let Err(failure) = ended {
                    self.break_off(&task, &failure);
                }
                Ok(true)
            }
        }
    }

    fn print(&mut self, task: &TaskId, bytes: &[u8]) -> Outcome {
        let Some(name) = self.names.get(task) else {
            return Ok(());
        };
        let floor = self.floors.get(task).copied().unwrap_or(0);
        let printed = self.printed.entry(task.clone()).or_insert(0);
        for line in lines(name, bytes)? {
            if floor == 0 || line.at_unix_ns > floor {
                *printed = line.at_unix_ns.max(*printed);
                self.painter.print(name, &line)?;
            }
        }
        Ok(())
    }
}

/// The services of which a task writes that has no stream, as far as `is_heard` knows. A task that
/// should stop is not given one any more, and a silent node gives none.
fn silent(seen: &Seen, is_heard: impl Fn(&TaskId) -> bool) -> BTreeSet<ServiceName> {
    let writes = |row: &&TaskRow| {
        let runs = row.target == TaskTarget::Run && row.progress.state == TaskState::Running;
        runs && row.container.is_some() && !row.is_out_of_reach() && !is_heard(&row.task)
    };
    let rows = seen.tasks.iter().filter(writes);
    rows.map(|row| row.service.clone()).collect()
}

/// Whether some slot has a task that writes or will have one: what has ended for good writes nothing
/// more, and what should stop writes only as long as its stream is open.
fn may_write(seen: &Seen) -> bool {
    seen.services.iter().any(|row| {
        let failed = row.problems.iter().filter(|problem| problem.is_final);
        let failed: u32 = failed.map(|problem| problem.slots.len()).sum();
        row.desired > row.completed.saturating_add(failed)
    })
}

/// Moves what a stream brings into the channel until it ends.
async fn pump(task: TaskId, name: String, mut stream: StreamClient, to: mpsc::Sender<Piece>) {
    let ended = loop {
        match stream.recv().await {
            Ok(Some(StreamItem::Data(bytes))) => {
                if to.send(Piece::Lines(task.clone(), bytes)).await.is_err() {
                    stream.close().await;
                    return;
                }
            }
            Ok(Some(StreamItem::End { problem, .. })) => {
                break problem.map_or(Ok(()), |problem| Err(Failure::from(problem)));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(broken(&name, &error)),
        }
    };
    // Nobody listens any more when the follower is gone: then nothing needs to be said.
    let _ = to.send(Piece::End(task, ended)).await;
}

#[cfg(test)]
mod tests {
    use lab_types::TaskState;
    use lab_wire::row::{SlotProblem, TaskRow};

    use super::{may_write, silent};
    use crate::project::goal::Seen;
    use crate::project::samples::{given_up, service, task};

    fn running(mut row: TaskRow) -> TaskRow {
        row.container = Some("c0ffee".into());
        row
    }

    fn seen(tasks: Vec<TaskRow>) -> Seen {
        Seen {
            services: vec![service("web", 2)],
            tasks,
        }
    }

    #[test]
    fn only_a_task_that_should_run_and_can_be_asked_is_given_a_stream() {
        let silent_of = |tasks| silent(&seen(tasks), |_| false).len();
        let new = running(task("web", 1, TaskState::Running));
        assert_eq!(silent_of(vec![new.clone()]), 1);
        assert_eq!(silent(&seen(vec![new]), |_| true).len(), 0);
        let lost = running(given_up("web", 1, TaskState::Running));
        let mut leaving = lost.clone();
        leaving.liveness = lab_types::NodeLiveness::Ready;
        let mut kept = lost.clone();
        kept.target = lab_types::TaskTarget::Run;
        assert_eq!(silent_of(vec![lost, leaving, kept]), 0);
    }

    #[test]
    fn following_ends_when_every_slot_has_ended_for_good() {
        let mut web = seen(Vec::new());
        assert!(may_write(&web), "a task will come");
        web.services[0].completed = 1;
        assert!(may_write(&web));
        web.services[0].problems = vec![SlotProblem {
            slots: [2].into_iter().collect(),
            is_final: true,
            reason: "it ended with exit code 1".into(),
        }];
        assert!(!may_write(&web));
        let gone = Seen {
            services: Vec::new(),
            tasks: vec![given_up("web", 1, TaskState::Running)],
        };
        assert!(!may_write(&gone), "nobody waits for a lost node's task");
    }
}
