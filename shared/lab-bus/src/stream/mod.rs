//! Chunked streams with credits, both ends: see [`lab_wire::stream`].
//!
//! Nothing is lost when a connection breaks and comes back within half a minute; nobody is sent more
//! than it has asked for; either end may let go at any time.

mod link;
mod window;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use lab_types::{NodeId, Problem, StreamId, UserName};
use lab_wire::request::OpenedStream;
use lab_wire::stream::CHUNK_BYTES_MAX;
use lab_wire::{Direction, subject};

use crate::bus::{Bus, SubscribeError};
use link::{Ends, Link, Outgoing, SILENT_MAX, SILENT_MAX_TRANSFER, Side, State};

/// Why a stream is over too early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection is closed.
    #[error("the stream is closed")]
    Closed,
    /// The other end wants no more.
    #[error("the other end cancelled the stream")]
    Cancelled,
    /// The other end has been silent for too long.
    #[error("the other end of the stream has been silent for {0:?}")]
    Silent(Duration),
    /// More than fits one frame.
    #[error("a piece of {0} bytes is larger than a frame takes")]
    TooLarge(usize),
    /// The stream's subjects cannot be heard.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

impl StreamError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new("BUS0030", self.to_string())
            .help("check that the node is ready (`tercio node ls`) and ask again")
    }
}

/// What comes out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamItem {
    /// A piece, as the sender sent it.
    Data(Bytes),
    /// The end: nothing follows.
    End {
        /// Why it ended early, when it did.
        problem: Option<Box<Problem>>,
        /// Results by name.
        summary: BTreeMap<String, String>,
    },
}

/// What both ends are.
struct End {
    ends: Ends,
    ended: bool,
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("End").finish_non_exhaustive()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.ends.shared.dropped.cancel();
    }
}

impl End {
    async fn join(
        bus: &Bus,
        side: (Side, Duration),
        hear: String,
        speak: String,
    ) -> Result<Self, StreamError> {
        let frames = bus.subscribe(hear).await?;
        Ok(Self {
            ends: Link::start(bus, side, frames, speak),
            ended: false,
        })
    }

    fn error(&self) -> StreamError {
        let state = *self.ends.state.borrow();
        state.error().unwrap_or(StreamError::Closed)
    }

    async fn send(&self, piece: Bytes) -> Result<(), StreamError> {
        if piece.len() > CHUNK_BYTES_MAX {
            return Err(StreamError::TooLarge(piece.len()));
        }
        let sent = self.ends.to_link.send(Outgoing::Piece(piece)).await;
        sent.map_err(|_| self.error())
    }

    async fn send_split(&self, mut bytes: Bytes) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(CHUNK_BYTES_MAX));
            self.send(piece).await?;
        }
        Ok(())
    }

    async fn end(
        &self,
        problem: Option<Box<Problem>>,
        summary: BTreeMap<String, String>,
    ) -> Result<(), StreamError> {
        let end = Outgoing::End(Box::new(StreamItem::End { problem, summary }));
        let sent = self.ends.to_link.send(end).await;
        sent.map_err(|_| self.error())
    }

    async fn recv(&mut self) -> Result<Option<StreamItem>, StreamError> {
        if self.ended {
            return Ok(None);
        }
        let Some(item) = self.ends.from_link.recv().await else {
            return Err(self.error());
        };
        self.ends.shared.consumed.fetch_add(1, Ordering::Release);
        self.ends.shared.taken.notify_one();
        self.ended = matches!(item, StreamItem::End { .. });
        Ok(Some(item))
    }

    /// Waits until the stream is over for any reason but the user's own.
    async fn over(&self) -> State {
        let mut state = self.ends.state.clone();
        let over = state.wait_for(|state| *state != State::Open).await;
        over.map_or(State::Closed, |state| *state)
    }
}

/// The user's end. Dropping it tells the agent to stop.
#[derive(Debug)]
pub struct StreamClient {
    end: End,
}

impl StreamClient {
    /// Joins a stream that a request opened.
    ///
    /// # Errors
    /// [`StreamError::Subscribe`].
    pub async fn open(
        bus: &Bus,
        user: &UserName,
        opened: &OpenedStream,
    ) -> Result<Self, StreamError> {
        let of = |way| subject::stream(&opened.node, user, &opened.stream, way);
        let end = join(bus, (Side::Client, SILENT_MAX), of).await?;
        Ok(Self { end })
    }

    /// Joins a transfer between two agents as the one that gets something.
    ///
    /// # Errors
    /// [`StreamError::Subscribe`].
    pub async fn open_transfer(
        bus: &Bus,
        source: &NodeId,
        target: &NodeId,
        stream: &StreamId,
    ) -> Result<Self, StreamError> {
        let of = |way| subject::transfer(source, target, stream, way);
        let end = join(bus, (Side::Client, SILENT_MAX_TRANSFER), of).await?;
        Ok(Self { end })
    }

    /// Sends one piece up as one frame; waits while the other end grants no credit.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn send(&mut self, piece: impl Into<Bytes> + Send) -> Result<(), StreamError> {
        self.end.send(piece.into()).await
    }

    /// Sends bytes up in as many frames as they need.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn send_split(&mut self, bytes: impl Into<Bytes> + Send) -> Result<(), StreamError> {
        self.end.send_split(bytes.into()).await
    }

    /// Says that nothing more goes up; `problem` says why it ends early.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn finish(&mut self, problem: Option<Box<Problem>>) -> Result<(), StreamError> {
        self.end.end(problem, BTreeMap::new()).await
    }

    /// The next item from the agent; `None` after the end.
    ///
    /// # Errors
    /// [`StreamError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Result<Option<StreamItem>, StreamError> {
        self.end.recv().await
    }

    /// Lets go of it and waits until the agent has been told, for a process that ends soon.
    pub async fn close(self) {
        let state = self.end.ends.state.clone();
        drop(self);
        let mut state = state;
        // An error means that the task has ended, which was the aim.
        let _ = state.wait_for(|state| *state != State::Open).await;
    }
}

/// The agent's end. Dropping it without [`finish`](Self::finish) cancels the stream.
#[derive(Debug)]
pub struct StreamHost {
    end: End,
}

impl StreamHost {
    /// Joins a stream that the leader opened. Answer its command afterwards: the user then finds this
    /// end listening.
    ///
    /// # Errors
    /// [`StreamError::Subscribe`].
    pub async fn accept(
        bus: &Bus,
        node: &NodeId,
        user: &UserName,
        stream: &StreamId,
    ) -> Result<Self, StreamError> {
        let of = |way| subject::stream(node, user, stream, way);
        let end = join(bus, (Side::Host, SILENT_MAX), of).await?;
        Ok(Self { end })
    }

    /// Joins a transfer between two agents as the one that has something; as with
    /// [`accept`](Self::accept), the leader's command is answered afterwards.
    ///
    /// # Errors
    /// [`StreamError::Subscribe`].
    pub async fn accept_transfer(
        bus: &Bus,
        source: &NodeId,
        target: &NodeId,
        stream: &StreamId,
    ) -> Result<Self, StreamError> {
        let of = |way| subject::transfer(source, target, stream, way);
        let end = join(bus, (Side::Host, SILENT_MAX_TRANSFER), of).await?;
        Ok(Self { end })
    }

    /// Sends one piece down as one frame; waits while the other end grants no credit.
    ///
    /// # Errors
    /// [`StreamError`]; on [`StreamError::Cancelled`] stop the work.
    pub async fn send(&mut self, piece: impl Into<Bytes> + Send) -> Result<(), StreamError> {
        self.end.send(piece.into()).await
    }

    /// The next item from the user; `None` after the end.
    ///
    /// # Errors
    /// [`StreamError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Result<Option<StreamItem>, StreamError> {
        self.end.recv().await
    }

    /// Waits until the user has let go or gone silent: stop the work then.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn cancelled(&self) {
        self.end.over().await;
    }

    /// Sends the end and waits until it has arrived.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn finish(
        self,
        problem: Option<Box<Problem>>,
        summary: BTreeMap<String, String>,
    ) -> Result<(), StreamError> {
        self.end.end(problem, summary).await?;
        match self.end.over().await.error() {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}
/// One end: a client hears what flows down and sends what flows up, a host the other way round.
async fn join(
    bus: &Bus,
    (side, silent_max): (Side, Duration),
    of: impl Fn(Direction) -> subject::Subject,
) -> Result<End, StreamError> {
    let (hears, says) = match side {
        Side::Client => (Direction::Down, Direction::Up),
        Side::Host => (Direction::Up, Direction::Down),
    };
    End::join(bus, (side, silent_max), of(hears).into(), of(says).into()).await
}
