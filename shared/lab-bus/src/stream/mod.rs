//! Chunked streams with credits, both ends.

use std::collections::BTreeMap;

use bytes::Bytes;
use lab_types::{NodeId, Problem, StreamId, UserName};
use lab_wire::request::OpenedStream;

use crate::bus::Bus;

/// Why a stream is over too early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection is closed.
    #[error("there is no connection to NATS")]
    Closed,
    /// The other end wants no more.
    #[error("the other end cancelled the stream")]
    Cancelled,
    /// The other end has been silent for too long.
    #[error("the other end of the stream has been silent for {0:?}")]
    Silent(std::time::Duration),
    /// More than fits one frame.
    #[error("a piece of {0} bytes is larger than one frame takes")]
    TooLarge(usize),
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

/// The user's end.
#[derive(Debug)]
pub struct StreamClient {}

impl StreamClient {
    /// Joins a stream that a request opened.
    ///
    /// # Errors
    /// [`StreamError::Closed`].
    pub async fn open(
        bus: &Bus,
        user: &UserName,
        opened: &OpenedStream,
    ) -> Result<Self, StreamError> {
        todo!()
    }

    /// Sends one piece up as one frame; waits while the other end grants no credit.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn send(&mut self, piece: impl Into<Bytes> + Send) -> Result<(), StreamError> {
        todo!()
    }

    /// Says that nothing more goes up.
    ///
    /// # Errors
    /// [`StreamError`].
    pub async fn finish(&mut self) -> Result<(), StreamError> {
        todo!()
    }

    /// The next item from the agent; `None` after the end.
    ///
    /// # Errors
    /// [`StreamError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Result<Option<StreamItem>, StreamError> {
        todo!()
    }

    /// Ends it: the agent is told to stop, when it is not at its end anyway.
    pub async fn close(self) {
        todo!()
    }
}

/// The agent's end.
#[derive(Debug)]
pub struct StreamHost {}

impl StreamHost {
    /// Joins a stream that the leader opened. Answer its command afterwards.
    ///
    /// # Errors
    /// [`StreamError::Closed`].
    pub async fn accept(
        bus: &Bus,
        node: &NodeId,
        user: &UserName,
        stream: &StreamId,
    ) -> Result<Self, StreamError> {
        todo!()
    }

    /// Sends one piece down as one frame; waits while the other end grants no credit.
    ///
    /// # Errors
    /// [`StreamError`]; on [`StreamError::Cancelled`] stop the work.
    pub async fn send(&mut self, piece: impl Into<Bytes> + Send) -> Result<(), StreamError> {
        todo!()
    }

    /// The next item from the user; `None` after the end.
    ///
    /// # Errors
    /// [`StreamError`].
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn recv(&mut self) -> Result<Option<StreamItem>, StreamError> {
        todo!()
    }

    /// Waits until the other end has cancelled or gone silent.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn cancelled(&self) {
        todo!()
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
        todo!()
    }
}
