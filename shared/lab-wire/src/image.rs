//! How an image that no registry has reaches the nodes that need it.
//!
//! ```text
//! target ── ImageStand ──► leader        once a second until it has the image: what it says is the
//! target ◄─ ImageAnswer ── leader        whole of what there is to know, and a new leader learns it
//!                          leader ── StreamOpen(SendImage) ──► source
//! target ── ImageHave ──► source, source ── ImageHead, bytes, end ──► target       (a stream)
//! ```

use lab_types::{Fence, NodeId, NodeName, StreamId};
use serde::{Deserialize, Serialize};

/// The code with which a node refuses to send an image that it does not have.
pub const IMAGE_MISSING: &str = "AGT0010";

/// `tercio.v1.node.<node>.image`: how a node stands to an image that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStand {
    /// The image's id.
    pub image_id: String,
    /// How far it has come.
    pub stage: ImageStage,
}

/// How far a node has come with an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ImageStage {
    /// It has no transfer.
    Lacks,
    /// It draws from a node, or loads what it drew.
    Draws {
        /// From whom.
        source: NodeId,
        /// By which stream.
        stream: StreamId,
    },
    /// A transfer broke off.
    Broke {
        /// From whom it drew.
        source: NodeId,
    },
    /// It has the image.
    Has,
    /// A stage this version does not know.
    #[serde(other)]
    Unknown,
}

/// The leader's answer to [`ImageStand`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ImageAnswer {
    /// Nothing else is to be done than what the node does.
    GoOn,
    /// Join this transfer; it takes the place of any other of the image.
    Draw {
        /// Who says so; an agent that has accepted a later leader does not obey.
        fence: Fence,
        /// From whom.
        source: NodeId,
        /// The source's name, for people.
        source_name: NodeName,
        /// The stream, which the source has joined.
        stream: StreamId,
    },
    /// Not yet.
    Wait {
        /// Why, in words.
        words: String,
        /// When to ask again.
        again_ms: u64,
    },
    /// No node of the lab has the image.
    Nobody,
    /// An answer this version does not know.
    #[serde(other)]
    Unknown,
}

/// The first and only frame up: what the target has of the archive already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHave {
    /// How many bytes, from the start.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal digits: two engines may pack an image differently.
    pub sha256: String,
}

/// The first frame down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageHead {
    /// From which byte of the archive on it comes: what the target has, or 0 where that is of no use.
    pub from: u64,
    /// How large the archive is, as far as the source can tell before it is packed.
    pub about_bytes: u64,
}
