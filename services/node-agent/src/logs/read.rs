//! One container's log, from a point on, in batches.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::{Stream, StreamExt as _};
use lab_kit::clock;
use lab_types::UnixMillis;
use lab_wire::agent::LogOptions;
use lab_wire::stream::{LogBatch, LogLine};
use tokio::sync::mpsc;

use super::line::Assembler;
use super::resume::{Reading, Resume, is_wanted};
use crate::engine::{Engine, Error};

/// How many frames are taken at once when they are there: enough for a full batch of short lines.
const FRAMES_AT_ONCE: usize = 512;
/// What a batch may hold: with its one longest line still under a stream's frame of 128 KiB.
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// What a line costs in a batch besides its text: three field names, the time and lengths.
const LINE_COST: usize = 48;

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// Whether to wait for more at the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Return.
    Stop,
    /// Wait until the container ends.
    Follow,
}

/// Nobody takes the lines any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheard;

/// Reads on where `seen` stands; what is new goes to `output`.
///
/// # Errors
/// What the engine said. What was sent until then counts as seen.
pub async fn read(
    engine: &Engine,
    container: &str,
    at_end: AtEnd,
    (options, seen): (&LogOptions, &mut Resume),
    output: &mpsc::Sender<LogBatch>,
) -> Result<Result<(), Unheard>, Error> {
    let doing = format!("read the log of container {container}");
    let tail = options.tail.filter(|_| seen.is_fresh());
    if tail.is_some() {
        seen.begin_at_tail(clock::now().0.saturating_mul(NANOS));
    }
    let reading = seen.reading();
    let since = reading
        .since_secs()
        .max(options.since.map_or(0, |since| since.0 / 1000));
    let query = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .follow(at_end == AtEnd::Follow)
        .since(i32::try_from(since).unwrap_or(i32::MAX))
        .tail(&tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()))
        .build();
    let frames = engine.docker().logs(container, Some(query));
    let mut new = New {
        reading,
        since: options.since,
        batch: Batch::default(),
        output,
    };
    let pumped = tokio::select! {
        // Cancel-safe: nobody is there to miss what is dropped.
        () = output.closed() => Err(Broken::Unheard),
        pumped = pump(frames, &mut new) => pumped,
    };
    match pumped {
        Ok(()) => Ok(Ok(())),
        Err(Broken::Unheard) => Ok(Err(Unheard)),
        Err(Broken::Engine(error)) => Err(engine.failed(&doing)(error)),
    }
}

enum Broken {
    Unheard,
    Engine(bollard::errors::Error),
}

async fn pump(
    frames: impl Stream<Item = Result<LogOutput, bollard::errors::Error>>,
    new: &mut New<'_>,
) -> Result<(), Broken> {
    let mut frames = std::pin::pin!(frames.ready_chunks(FRAMES_AT_ONCE));
    let mut assembler = Assembler::default();
    while let Some(chunk) = frames.next().await {
        for frame in chunk {
            if let Some(line) = assembler.push(frame.map_err(Broken::Engine)?) {
                new.add(line).await?;
            }
        }
        new.flush().await?;
    }
    for line in assembler.finish() {
        new.add(line).await?;
    }
    new.flush().await
}

/// Lets the new lines through, in batches.
struct New<'a> {
    reading: Reading<'a>,
    since: Option<UnixMillis>,
    batch: Batch,
    output: &'a mpsc::Sender<LogBatch>,
}

impl New<'_> {
    async fn add(&mut self, line: LogLine) -> Result<(), Broken> {
        let new = self.reading.is_new(line.at_unix_ns);
        if new && is_wanted(line.at_unix_ns, self.since) {
            self.batch.add(line);
        }
        match self.batch.bytes >= BATCH_BYTES_MAX {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        let batch = std::mem::take(&mut self.batch);
        if batch.lines.is_empty() {
            return Ok(());
        }
        let lines = batch.lines;
        self.output
            .send(LogBatch { lines })
            .await
            .map_err(|_| Broken::Unheard)
    }
}

#[derive(Default)]
struct Batch {
    lines: Vec<LogLine>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, line: LogLine) {
        self.bytes += line.text.len() + LINE_COST;
        self.lines.push(line);
    }
}
