//! Chunked streams with credits: one protocol for logs, build contexts and build output.
//!
//! A stream has two directions, `up` (client to agent) and `down`; each is a NATS subject of its own
//! and both carry [`Frame`]s. The control plane opens a stream at the agent by command and tells the
//! client its id; neither end sends data before the other has granted credit, so nothing is lost for
//! want of a subscriber. Grants are absolute and repeated, so a lost one only delays.

use lab_types::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bytes of data in one frame: well under NATS's default payload limit of 1 MiB, and large
/// enough that framing costs under a thousandth.
pub const CHUNK_BYTES_MAX: usize = 128 * 1024;
/// How many unacknowledged frames a sender may have under way: 16 × 128 KiB = 2 MiB a stream.
pub const WINDOW_FRAMES: u64 = 16;

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Frame {
    /// A piece of the content.
    Data {
        /// Counted from 1 in each direction, by one, together with `End`.
        sequence: u64,
        /// At most [`CHUNK_BYTES_MAX`].
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// The sender has no more.
    End {
        /// Follows the last data's.
        sequence: u64,
        /// Why it ended early, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Box<Problem>>,
        /// Results by name: `image_id`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        summary: BTreeMap<String, String>,
    },
    /// The receiver has everything up to `received` and takes frames up to `granted`.
    Credit {
        /// All frames up to this one have arrived; the sender forgets them.
        received: u64,
        /// Frames up to this one may be sent.
        granted: u64,
    },
    /// The receiver wants no more; the sender stops and forgets the stream.
    Cancel,
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

/// Where log text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The container's standard output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// A source this version does not know.
    #[serde(other)]
    Unknown,
}

/// One line of a container's log, without its line end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the engine received it: Unix nanoseconds, by the node's clock.
    pub at_unix_ns: u64,
    /// Where it came from.
    pub source: LogSource,
    /// The bytes as the container wrote them.
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// The content of a data frame of a log stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    /// In the order of the engine.
    pub lines: Vec<LogLine>,
}

/// The content of a data frame of a build's or a pull's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputBatch {
    /// Lines without their line ends.
    pub lines: Vec<String>,
}
