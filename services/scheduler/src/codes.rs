//! The error codes of the scheduler's shell; what the decisions refuse has codes of `lab-placement`.

/// The requested thing does not exist.
pub(crate) const NOT_FOUND: &str = "SCH0030";
/// A stream was not opened.
pub(crate) const NOT_OPENED: &str = "SCH0031";
/// No node can do the work now.
pub(crate) const NO_NODE: &str = "SCH0032";
/// The request is not known to this version.
pub(crate) const UNKNOWN_REQUEST: &str = "SCH0033";
/// A request about a project came without one.
pub(crate) const PROJECT_MISSING: &str = "SCH0034";
/// A plan's hash does not fit its content.
pub(crate) const FALSE_PLAN: &str = "SCH0035";
/// The leader is busy with too many requests that wait for agents.
pub(crate) const BUSY: &str = "SCH0036";
/// The store of the state refuses a pass.
pub(crate) const STORE_REFUSES: &str = "SCH0043";

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        NOT_FOUND,
        "The lab has no such thing",
        "A service, node or task of that name does not exist. The lists (`tercio service ls`, \
         `tercio node ls`, `tercio ps -a`) show what there is.",
    ),
    (
        NOT_OPENED,
        "An agent did not open a stream",
        "Logs, builds and pulls flow between an agent and the client. The agent refused, or did not \
         answer in time: `tercio node ls` shows which nodes report.",
    ),
    (
        NO_NODE,
        "No node can do the work now",
        "Builds and pulls need a node that is ready and whose Docker engine answers. \
         `tercio node inspect NODE` says what is missing.",
    ),
    (
        UNKNOWN_REQUEST,
        "The scheduler does not know the request",
        "The sender is newer than the scheduler. Run both in the same version; \
         `tercio req --list` prints what this version knows.",
    ),
    (
        PROJECT_MISSING,
        "The request names no project",
        "It is about one project: put the project's name in the subject, in place of `_`.",
    ),
    (
        FALSE_PLAN,
        "The plan was changed after it was made",
        "A plan's hash covers all of its content. Make a new plan with `plan.create` and send it as \
         it came.",
    ),
    (
        BUSY,
        "The scheduler waits for too many agents",
        "Too many requests that ask agents are under way. Send the request again in a moment.",
    ),
    (
        "SCH0040",
        "The scheduler cannot stand for the lead",
        "It could not make or read the lease. Check `nats.urls`, and that the credentials are those \
         of the scheduler's role.",
    ),
    (
        "SCH0042",
        "The state cannot be kept",
        "The nats-server lacks what the state needs, or made something else of the stream. Tercio \
         needs nats-server 2.15.1 or newer with JetStream.",
    ),
    (
        STORE_REFUSES,
        "The store of the lab's state refuses a change",
        "Nothing of the change was stored, and what runs goes on running. The stream's limit \
         (`store.bytes_max` of the scheduler), nats-server's limits or its disk are used up in most \
         cases: make room, then send the request again. Reads are answered meanwhile, and \
         `tercio lab status` shows this until a change is stored again.",
    ),
];
