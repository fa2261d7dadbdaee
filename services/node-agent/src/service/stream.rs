//! The agent's end of a stream: logs go down, a build's context comes up.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::Stream;
use lab_bus::{Bus, StreamError, StreamHost, StreamItem};
use lab_types::{NodeId, Problem};
use lab_wire::agent::{BuildOptions, StreamContent, StreamOpen};
use lab_wire::stream::OutputBatch;
use lab_wire::{Encoding, encode};
use serde::Serialize;
use tokio::sync::mpsc;

use super::command::Answer;
use super::transfer::{self, Ends};
use crate::engine::watch::Connection;
use crate::engine::{Engine, Error};
use crate::image;
use crate::image::send::Summary;
use crate::logs;
use crate::logs::follow::Sources;

/// Batches that wait to be sent. The stream itself keeps up to 2 MiB under way; this only lets the
/// engine's answers and the bus overlap.
const BATCHES_MAX: usize = 4;
/// Pieces of a context that wait for the engine, at most 128 KiB each.
const PIECES_MAX: usize = 4;
/// How many lines of output go into one frame: of at most 16 KiB each, one always fits.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Joins the stream, answers the command that opened it, and serves it to its end.
pub(super) async fn serve(
    bus: Bus,
    node: NodeId,
    sources: Sources,
    open: StreamOpen,
    answer: Answer,
) {
    if open.content == StreamContent::Unknown {
        return answer.plain(Err(Problem::new(
            "AGT0041",
            "this agent does not know such a stream",
        )
        .help("update the agent on this node")));
    }
    if let StreamContent::SendImage { image_id, to } = &open.content {
        let ends = Ends {
            source: &node,
            target: to,
            stream: &open.stream,
        };
        return transfer::serve(&bus, &sources, ends, image_id, answer).await;
    }
    let host = match StreamHost::accept(&bus, &node, &open.user, &open.stream).await {
        Ok(host) => host,
        Err(error) => {
            let message = format!("the stream cannot be joined: {error}");
            return answer.plain(Err(Problem::new("AGT0044", message)));
        }
    };
    answer.plain(Ok(()));
    let ended = match open.content {
        StreamContent::Logs { task, options } => {
            let (sender, receiver) = mpsc::channel(BATCHES_MAX);
            let reading = logs::stream(sources, task, options, sender);
            let reading = async { reading.await.map(|()| BTreeMap::new()) };
            Box::pin(serve_lines(host, receiver, reading)).await
        }
        StreamContent::Build { options } => Box::pin(serve_build(host, &sources, options)).await,
        StreamContent::Pull { image } => Box::pin(serve_pull(host, &sources, image)).await,
        StreamContent::SendImage { .. } | StreamContent::Unknown => return,
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a stream ended early");
    }
}

/// Sends what comes from `lines` while `work` runs, then its result.
async fn serve_lines<T: Serialize>(
    mut host: StreamHost,
    mut lines: mpsc::Receiver<T>,
    work: impl Future<Output = Summary>,
) -> Result<(), StreamError> {
    let sending = async {
        loop {
            // Cancel-safe: a queue keeps its items, and a cancelled stream wants none.
            let batch = tokio::select! {
                () = host.cancelled() => return Err(StreamError::Cancelled),
                batch = lines.recv() => batch,
            };
            match batch {
                Some(batch) => host.send(encode(&batch, Encoding::MessagePack)).await?,
                None => return Ok(()),
            }
        }
    };
    // The sending ends when the work has dropped its sender; a failed sending drops the work.
    let work = async { Ok::<_, StreamError>(work.await) };
    let ((), summary) = futures::try_join!(sending, work)?;
    finish(host, summary).await
}

pub(super) async fn finish(host: StreamHost, summary: Summary) -> Result<(), StreamError> {
    match summary {
        Ok(summary) => host.finish(None, summary).await,
        Err(problem) => host.finish(Some(Box::new(problem)), BTreeMap::new()).await,
    }
}

pub(super) fn engine(sources: &Sources) -> Result<Engine, Problem> {
    match &*sources.engine.borrow() {
        Connection::Up(engine) => Ok(engine.clone()),
        Connection::Down(problem) => Err(problem.clone()),
    }
}

fn image_summary(result: Result<String, Error>) -> Summary {
    match result {
        Ok(id) => Ok(BTreeMap::from([("image_id".to_owned(), id)])),
        Err(error) => Err(Problem::from(&error)),
    }
}

async fn serve_pull(host: StreamHost, sources: &Sources, image: String) -> Result<(), StreamError> {
    let engine = match engine(sources) {
        Ok(engine) => engine,
        Err(problem) => return finish(host, Err(problem)).await,
    };
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    let (batches, output) = mpsc::channel(BATCHES_MAX);
    let work = async {
        let pulled = image::pull::pull(&engine, &image, Some(&sender)).await;
        drop(sender);
        image_summary(pulled)
    };
    let work = async {
        let (summary, ()) = tokio::join!(work, batch(receiver, batches));
        summary
    };
    serve_lines(host, output, work).await
}

/// Cuts lists of lines into batches that fit a frame.
async fn batch(mut lines: mpsc::Receiver<Vec<String>>, batches: mpsc::Sender<OutputBatch>) {
    while let Some(lines) = lines.recv().await {
        for batch in in_batches(lines) {
            if batches.send(batch).await.is_err() {
                return;
            }
        }
    }
}

fn in_batches(lines: Vec<String>) -> Vec<OutputBatch> {
    let mut batches = vec![OutputBatch::default()];
    let mut bytes = 0;
    for line in lines {
        bytes += line.len();
        if bytes > OUTPUT_BYTES_MAX {
            bytes = line.len();
            batches.push(OutputBatch::default());
        }
        if let Some(last) = batches.last_mut() {
            last.lines.push(line);
        }
    }
    batches.retain(|batch| !batch.lines.is_empty());
    batches
}

async fn serve_build(
    mut host: StreamHost,
    sources: &Sources,
    options: BuildOptions,
) -> Result<(), StreamError> {
    let engine = match engine(sources) {
        Ok(engine) => engine,
        Err(problem) => return finish(host, Err(problem)).await,
    };
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    let (batches, mut output) = mpsc::channel(BATCHES_MAX);
    let (pieces, context) = mpsc::channel(PIECES_MAX);
    let build = async {
        let built = image::build::build(&engine, &options, stream_of(context), &sender).await;
        drop(sender);
        image_summary(built)
    };
    let build = async {
        let (summary, ()) = tokio::join!(build, batch(receiver, batches));
        summary
    };
    let mut up = Up {
        pieces: Some(pieces),
        waiting: None,
    };
    let serving = async {
        loop {
            // Cancel-safe: a piece that was received waits in `up` until the engine takes it.
            let batch = if up.wants_more() {
                tokio::select! {
                    item = host.recv() => { up.take(item); continue }
                    batch = output.recv() => batch,
                }
            } else {
                tokio::select! {
                    () = host.cancelled() => return Err(StreamError::Cancelled),
                    () = up.pass_on(), if up.has_piece() => continue,
                    batch = output.recv() => batch,
                }
            };
            match batch {
                Some(batch) => host.send(encode(&batch, Encoding::MessagePack)).await?,
                None => return Ok(()),
            }
        }
    };
    let build = async { Ok::<_, StreamError>(build.await) };
    let ((), summary) = futures::try_join!(serving, build)?;
    finish(host, summary).await
}

/// The context on its way to the engine.
struct Up {
    /// Absent after the end, or when the engine wants no more.
    pieces: Option<mpsc::Sender<std::io::Result<Bytes>>>,
    waiting: Option<std::io::Result<Bytes>>,
}

impl Up {
    const fn wants_more(&self) -> bool {
        self.pieces.is_some() && self.waiting.is_none()
    }

    const fn has_piece(&self) -> bool {
        self.waiting.is_some()
    }

    fn take(&mut self, item: Result<Option<StreamItem>, StreamError>) {
        self.waiting = match item {
            Ok(Some(StreamItem::Data(piece))) => Some(Ok(piece)),
            Ok(Some(StreamItem::End { problem: None, .. })) => None,
            Ok(Some(StreamItem::End {
                problem: Some(problem),
                ..
            })) => Some(Err(std::io::Error::other(*problem))),
            Ok(None) => Some(Err(std::io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Some(Err(std::io::Error::other(error))),
        };
        if self.waiting.is_none() {
            self.pieces = None;
        }
    }

    /// Waits until the engine takes the piece. When it wants no more, its answer says why.
    async fn pass_on(&mut self) {
        let Some(pieces) = &self.pieces else {
            self.waiting = None;
            return;
        };
        let permit = pieces.clone().reserve_owned().await;
        let piece = self.waiting.take();
        match (permit, piece) {
            (Ok(permit), Some(piece)) => {
                if piece.is_err() {
                    self.pieces = None;
                }
                permit.send(piece);
            }
            (Ok(_), None) => {}
            (Err(_), _) => self.pieces = None,
        }
    }
}

fn stream_of(
    queue: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures::stream::unfold(queue, |mut queue| async move {
        let piece = queue.recv().await?;
        Some((piece, queue))
    })
}
