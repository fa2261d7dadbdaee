//! The error codes of this crate: `cargo xtask codes` makes their paragraphs in the documentation.

/// The ledger cannot be written.
pub const NOT_WRITTEN: &str = "AGT0101";
/// An assignment was refused.
pub const REFUSED: &str = "AGT0102";
/// A volume is not removed.
pub const VOLUME_NOT_REMOVED: &str = "AGT0103";
/// A spec is not what its digest says.
pub const SPEC_CHANGED: &str = "AGT0104";
/// The lab's state is not the one this node knew.
pub const STATE_REPLACED: &str = "AGT0105";
/// The node's engine is too old for what a spec asks.
pub const ENGINE_TOO_OLD: &str = "AGT0106";

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        NOT_WRITTEN,
        "The agent's memory cannot be written",
        "The agent writes down what it is about to do before it does it. When its state directory is \
         full or cannot be written, containers go on running, but nothing is started, stopped or \
         reported until the write works. Free space; the agent tries again every second by itself.",
    ),
    (
        REFUSED,
        "An assignment was refused",
        "An older assignment than the accepted one came in, from a leader that has been replaced, or \
         one for another node. Nothing of it is done. Once is harmless; if it repeats, two \
         schedulers work on different copies of the lab's state.",
    ),
    (
        VOLUME_NOT_REMOVED,
        "A volume is not removed",
        "The volume does not bear this lab's labels, or a service still wants it. The agent removes \
         only what is its lab's. Remove it with `docker volume rm` if nobody needs its data.",
    ),
    (
        SPEC_CHANGED,
        "A spec is not what its digest says",
        "The content of a task's spec does not match its digest, so it is not run. Usually the \
         control plane and the agent are of versions too far apart: update the older one.",
    ),
    (
        STATE_REPLACED,
        "The lab's state is not the one this node knew",
        "The leader knows less than this node has accepted: the state was restored from an older \
         copy, or replaced. Containers are left as they are.",
    ),
    (
        ENGINE_TOO_OLD,
        "The node's engine is too old for what a service asks",
        "An older Docker Engine would drop what it does not know without a word, so the task is not \
         run there. The message names each attribute and the version it needs; \
         `ops/docs/containers.md` has them all. Update Docker Engine on the node, or take the \
         attribute out; a node with a newer engine is tried by itself.",
    ),
];
