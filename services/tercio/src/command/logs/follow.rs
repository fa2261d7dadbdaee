//! Logs as they are written, of tasks that come and go.
//!
//! A task's stream ends with its container. While some task of the services still runs or will run
//! again, the rows are looked at whenever something happens, and streams are opened for tasks that
//! have none; lines that were printed before are passed over by their time.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lab_bus::{StreamClient, StreamItem};
use lab_types::{ProjectName, ServiceName, TaskId, TaskState, TaskTarget};
use lab_wire::request::{OpenedStream, ServiceLogs};
use lab_wire::row::TaskRow;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::merge::{broken, lines};
use super::paint::{Painter, name_of};
use crate::app::Client;
use crate::failure::{Failure, Outcome};
use crate::project::converge::{Wake, look};
use crate::project::goal::Seen;

/// Pieces on their way to the screen, of all streams together: each is at most 128 KiB, and a stream
/// itself buffers no more than 2 MiB.
const PIECES_MAX: usize = 32;

enum Piece {
    Lines(TaskId, Bytes),
    End(TaskId, Outcome),
}

/// Prints lines as they are written until no container of the services is left that writes.
///
/// # Errors
/// What the lab refused, or a stream that broke off.
pub async fn attach(
    client: &Client,
    project: &ProjectName,
    request: ServiceLogs,
    painter: Painter,
) -> Outcome {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let wake = Wake::listen(&client.bus, project).await;
    Follower {
        client,
        project,
        request,
        painter,
        sender,
        names: BTreeMap::new(),
        printed: BTreeMap::new(),
        floors: BTreeMap::new(),
        pumps: JoinSet::new(),
    }
    .run(wake, receiver)
    .await
}

struct Follower<'a> {
    client: &'a Client,
    project: &'a ProjectName,
    request: ServiceLogs,
    painter: Painter,
    sender: mpsc::Sender<Piece>,
    /// Tasks with an open stream, and the name their lines bear.
    names: BTreeMap<TaskId, String>,
    /// The time of the last line printed of each task.
    printed: BTreeMap<TaskId, u64>,
    /// The same when the task's stream was opened: lines up to there come a second time.
    floors: BTreeMap<TaskId, u64>,
    pumps: JoinSet<()>,
}

impl Follower<'_> {
    async fn run(mut self, mut wake: Wake, mut pieces: mpsc::Receiver<Piece>) -> Outcome {
        self.open(None).await?;
        loop {
            // Cancel-safe: a piece stays in the channel, and a lost wake-up only delays a look.
            tokio::select! {
                biased;
                piece = pieces.recv() => if let Some(piece) = piece {
                    self.take(piece)?;
                },
                () = wake.next() => {}
            }
            while let Ok(piece) = pieces.try_recv() {
                self.take(piece)?;
            }
            if !self.look().await? {
                return Ok(());
            }
        }
    }

    /// Opens streams for tasks that write and have none; whether anything is left to wait for.
    async fn look(&mut self) -> Outcome<bool> {
        let mut seen = look(self.client, self.project).await?;
        let asked = &self.request.services;
        seen.tasks
            .retain(|row| asked.is_empty() || asked.contains(&row.service));
        let silent = |row: &&TaskRow| {
            row.progress.state == TaskState::Running && !self.names.contains_key(&row.task)
        };
        let services: BTreeSet<ServiceName> = seen
            .tasks
            .iter()
            .filter(silent)
            .map(|row| row.service.clone())
            .collect();
        if !services.is_empty() {
            self.open(Some(services.into_iter().collect())).await?;
        }
        Ok(!self.names.is_empty() || may_write(&seen))
    }

    /// Asks for streams, of all that is asked for or of some services, and reads those that are new.
    async fn open(&mut self, services: Option<Vec<ServiceName>>) -> Outcome {
        let mut request = self.request.clone();
        if let Some(services) = services {
            request.services = services;
            // What is new is wanted from its beginning; what was printed is passed over.
            request.options.tail = None;
        }
        let opened = self
            .client
            .call(Some(self.project), &request)
            .await?
            .streams;
        for stream in opened {
            self.join(&stream).await?;
        }
        Ok(())
    }

    async fn join(&mut self, opened: &OpenedStream) -> Outcome {
        let name = name_of(opened);
        let joined = StreamClient::open(&self.client.bus, &self.client.user, opened).await;
        let stream = joined.map_err(|error| broken(&name, &error))?;
        let Some(task) = opened.task.clone() else {
            stream.close().await;
            return Ok(());
        };
        if self.names.contains_key(&task) {
            stream.close().await;
            return Ok(());
        }
        self.painter.know(&name);
        self.names.insert(task.clone(), name.clone());
        let floor = self.printed.get(&task).copied().unwrap_or(0);
        self.floors.insert(task.clone(), floor);
        self.pumps
            .spawn(pump(task, name, stream, self.sender.clone()));
        Ok(())
    }

    fn take(&mut self, piece: Piece) -> Outcome {
        match piece {
            Piece::Lines(task, bytes) => self.print(&task, &bytes),
            Piece::End(task, ended) => {
                self.names.remove(&task);
                ended
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

/// Whether some task runs or will: one that has ended for good writes nothing more.
fn may_write(seen: &Seen) -> bool {
    let is_final = |row: &TaskRow| {
        let service = seen.services.iter().find(|one| one.service == row.service);
        let problems = service.into_iter().flat_map(|service| &service.problems);
        problems
            .into_iter()
            .any(|problem| problem.slot == row.slot && problem.is_final)
    };
    seen.tasks.iter().any(|row| match row.progress.state {
        TaskState::Complete | TaskState::Stopped | TaskState::Rejected => false,
        TaskState::Failed => row.target == TaskTarget::Run && !is_final(row),
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Unknown => true,
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
