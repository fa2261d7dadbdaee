//! Building one image: the context goes up, the engine's output comes down line by line.

use std::path::PathBuf;

use bytes::Bytes;
use lab_bus::{StreamClient, StreamError, StreamItem};
use lab_types::{BuildInstruction, ProjectName};
use lab_wire::request::{ImageBuild, OpenedStream};
use lab_wire::stream::{CHUNK_BYTES_MAX, OutputBatch};
use tokio::sync::mpsc;

use crate::app::{App, Client, request_id};
use crate::archive;
use crate::failure::{Failure, Outcome, Tell as _};

/// Pieces of a context that are packed and not yet sent: 4 × 128 KiB keep disk and wire both busy.
const PIECES_MAX: usize = 4;

/// Builds one image and prints what the engine says.
pub(in crate::command) async fn build(
    app: &App,
    client: &Client,
    project: &ProjectName,
    instruction: &BuildInstruction,
) -> Outcome {
    let service = &instruction.service;
    let tag = &instruction.options.tag;
    app.screen.say(&format!(
        "Building {tag} for {service} from {}\n",
        instruction.context
    ));
    let request = ImageBuild {
        options: instruction.options.clone(),
        node: None,
        request_id: Some(request_id()),
    };
    let opened = client.call(Some(project), &request).await?;
    for opened in &opened.streams {
        let mut stream = join(client, opened).await?;
        match send(&mut stream, instruction).await {
            Ok(skipped) => warn(app, &skipped),
            Err(failure) => {
                // The engine must not build from half a context.
                stream.close().await;
                return Err(failure);
            }
        }
        drain(stream, |line| {
            app.screen.say(&format!("{service}: {line}\n"))
        })
        .await?;
    }
    app.screen.say(&format!("Built {tag}\n"));
    Ok(())
}

fn warn(app: &App, skipped: &[String]) {
    for path in skipped {
        app.screen.say(&format!(
            "warning: {path} is a socket or device and is left out\n"
        ));
    }
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Packs the context and sends it; gives what was left out. The agent may have enough before the
/// end, which it then explains.
async fn send(stream: &mut StreamClient, instruction: &BuildInstruction) -> Outcome<Vec<String>> {
    let context = PathBuf::from(&instruction.context);
    let dockerfile = instruction.options.dockerfile.clone();
    let (pieces, mut packed) = mpsc::channel(PIECES_MAX);
    let packing = tokio::task::spawn_blocking(move || {
        let mut sink = Pieces {
            buffer: Vec::with_capacity(CHUNK_BYTES_MAX),
            pieces,
        };
        let summary = archive::pack(&context, &dockerfile, &mut sink)?;
        sink.send().map_err(archive::Error::Sink)?;
        Ok::<_, archive::Error>(summary)
    });
    while let Some(piece) = packed.recv().await {
        match stream.send(piece).await {
            Ok(()) => {}
            Err(StreamError::Cancelled) => return Ok(Vec::new()),
            Err(error) => return Err(broken(&error)),
        }
    }
    let summary = joined(packing.await).tell()?;
    match stream.finish(None).await {
        Ok(()) | Err(StreamError::Cancelled) => Ok(summary.skipped),
        Err(error) => Err(broken(&error)),
    }
}

/// Cuts what is written into pieces of one frame each.
struct Pieces {
    buffer: Vec<u8>,
    pieces: mpsc::Sender<Bytes>,
}

impl Pieces {
    fn send(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(CHUNK_BYTES_MAX);
        let piece = std::mem::replace(&mut self.buffer, next);
        self.pieces
            .blocking_send(piece.into())
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES_MAX - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES_MAX {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn join(client: &Client, opened: &OpenedStream) -> Outcome<StreamClient> {
    StreamClient::open(&client.bus, &client.user, opened)
        .await
        .map_err(|error| broken(&error))
}

/// Joins a stream and hands its lines on until it ends.
pub(in crate::command) async fn receive(
    client: &Client,
    opened: &OpenedStream,
    line: impl FnMut(&str),
) -> Outcome {
    drain(join(client, opened).await?, line).await
}

async fn drain(mut stream: StreamClient, mut line: impl FnMut(&str)) -> Outcome {
    loop {
        match stream.recv().await.map_err(|error| broken(&error))? {
            Some(StreamItem::Data(bytes)) => {
                let batch = lab_wire::decode::<OutputBatch>(&bytes).map_err(|error| {
                    Failure::new(
                        "CLI0041",
                        format!("the engine's output cannot be read: {error}"),
                        "run the node's agent and this command in the same version",
                    )
                })?;
                batch.lines.iter().for_each(|text| line(text));
            }
            Some(StreamItem::End {
                problem: Some(problem),
                ..
            }) => return Err(problem.into()),
            Some(StreamItem::End { problem: None, .. }) | None => return Ok(()),
        }
    }
}

fn broken(error: &StreamError) -> Failure {
    Failure::new(
        "CLI0041",
        format!("the stream to the node broke off: {error}"),
        "the node may be away; `tercio node ls` tells. Nothing was applied",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use lab_wire::stream::CHUNK_BYTES_MAX;
    use tokio::sync::mpsc;

    use super::Pieces;

    #[test]
    fn a_context_is_cut_into_pieces_of_one_frame_and_nothing_is_lost() {
        let (pieces, mut cut) = mpsc::channel(8);
        let mut sink = Pieces {
            buffer: Vec::new(),
            pieces,
        };
        let bytes: Vec<u8> = (0..CHUNK_BYTES_MAX * 2 + 5)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        sink.write_all(&bytes).unwrap();
        sink.send().unwrap();
        drop(sink);
        let mut whole = Vec::new();
        let mut sizes = Vec::new();
        while let Some(piece) = cut.blocking_recv() {
            sizes.push(piece.len());
            whole.extend_from_slice(&piece);
        }
        assert_eq!(sizes, [CHUNK_BYTES_MAX, CHUNK_BYTES_MAX, 5]);
        assert_eq!(whole, bytes);
    }

    #[test]
    fn packing_ends_when_nobody_takes_the_pieces() {
        let (pieces, cut) = mpsc::channel(1);
        drop(cut);
        let mut sink = Pieces {
            buffer: Vec::new(),
            pieces,
        };
        let refused = sink.write_all(&vec![0; CHUNK_BYTES_MAX]).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::BrokenPipe);
    }
}
