//! The error codes of this crate: `cargo xtask codes` makes their paragraphs in the documentation.

/// A request breaks several rules at once; the single findings stand below it.
pub const SEVERAL: &str = "SCH0001";
/// A plan was made against another revision of the project than the present one.
pub const STALE_PLAN: &str = "SCH0002";
/// The project does not exist.
pub const NO_PROJECT: &str = "SCH0003";
/// The service does not exist.
pub const NO_SERVICE: &str = "SCH0004";
/// A service of that name exists already.
pub const SERVICE_EXISTS: &str = "SCH0005";
/// A model contradicts itself: names that differ, references to nothing.
pub const BAD_MODEL: &str = "SCH0006";
/// Services wait for each other in a circle.
pub const CYCLE: &str = "SCH0007";
/// A number or a size is beyond what the lab takes.
pub const TOO_MUCH: &str = "SCH0008";
/// A published host port can be had on too few nodes.
pub const PORT_TAKEN: &str = "SCH0010";
/// A network or volume name on the engine belongs to another project.
pub const NAME_TAKEN: &str = "SCH0012";
/// Another service waits for the one to be removed.
pub const STILL_NEEDED: &str = "SCH0013";
/// The lab has no such node.
pub const NO_NODE: &str = "SCH0015";
/// A node is alive or has tasks, and cannot be taken out of the lab.
pub const NODE_IN_USE: &str = "SCH0016";
/// A label cannot be set as it was said.
pub const BAD_LABEL: &str = "SCH0017";
/// The request id was used by somebody else.
pub const REQUEST_ID_USED: &str = "SCH0014";
/// Volumes would go that were not named to the one who consented.
pub const NOT_SHOWN: &str = "SCH0019";
/// The lab's state is older than what an agent has obeyed: it was restored from an older copy.
pub const RESTORED: &str = "SCH0020";
/// A node obeys an assignment that the lab's state has never held.
pub const NODE_AHEAD: &str = "SCH0046";
/// This scheduler does not lead any more.
pub const NOT_LEADER: &str = "SCH0021";
/// Part of the state was written by a newer scheduler.
pub const NEWER_STATE: &str = "SCH0022";
/// A project's state after one of its changes is not known (any more).
pub const NO_REVISION: &str = "SCH0023";

/// Code, title, what to do.
pub const ALL: &[(&str, &str, &str)] = &[
    (
        SEVERAL,
        "A request breaks several rules",
        "Nothing was changed. Each finding below it has a code of its own: correct them all, then \
         send the request again.",
    ),
    (
        STALE_PLAN,
        "The plan is out of date",
        "The project was changed after the plan was made, so the plan may not mean what it said. \
         Plan again (`tercio up` does) and look at what it would change now.",
    ),
    (
        NO_PROJECT,
        "There is no such project",
        "The lab has never had a project of that name. The message lists those it has; `tercio up` \
         makes one.",
    ),
    (
        NO_SERVICE,
        "There is no such service",
        "The project has no service of that name. The message lists those it has.",
    ),
    (
        SERVICE_EXISTS,
        "The service exists already",
        "A service is created once. Scale it, change its project's file and run `tercio up`, or \
         remove it first.",
    ),
    (
        BAD_MODEL,
        "The model contradicts itself",
        "A name differs between two places, or something refers to a service, network or volume that \
         the project does not have. A planner checks this; a script that sends models must do so too.",
    ),
    (
        CYCLE,
        "Services wait for each other in a circle",
        "None of them could ever start. Take one of the services named in the message out of another \
         one's `depends_on`.",
    ),
    (
        TOO_MUCH,
        "Beyond what the lab takes",
        "The number or size is above a limit that keeps one change within one write, and one record \
         within one message. The message names the limit and how to stay below it.",
    ),
    (
        PORT_TAKEN,
        "A host port cannot be had",
        "Each node has each host port once. The message names the port and who holds it on which \
         node: another service, or something outside the lab. Free it, publish another port, or ask \
         for no more tasks than nodes can offer it.",
    ),
    (
        NAME_TAKEN,
        "The name on the engine belongs to another project",
        "Two projects would share a network or a volume by accident, and taking one down could \
         destroy the other's data. Give it another `name:`, or mark it `external: true` to share it.",
    ),
    (
        STILL_NEEDED,
        "Another service depends on it",
        "The services named in the message could not start any more, or would lose their data. Remove \
         those first, or scale this one to 0, or keep the volumes.",
    ),
    (
        REQUEST_ID_USED,
        "The request id was used by somebody else",
        "A repeated id gets the first answer again, and that answer belongs to another user. Make a \
         new id for each request.",
    ),
    (
        NO_NODE,
        "There is no such node",
        "No node of the lab has that id or name, or several share the name. The message lists the \
         nodes; `tercio node ls` shows their ids.",
    ),
    (
        NODE_IN_USE,
        "The node is still in use",
        "Only a lost node on which nothing should run can be taken out of the lab. Drain it with `tercio \
         node update --availability drain NODE`; what could run elsewhere does so, and a volume that is \
         on the node begins empty elsewhere.",
    ),
    (
        BAD_LABEL,
        "A label cannot be set like this",
        "A label has a key without white space and `=`, and a value; one change cannot both set it and \
         take it away.",
    ),
    (
        NOT_SHOWN,
        "The consent does not name these volumes",
        "Removing a volume removes its data, so a consent holds for the volumes that were named when it was \
         given. The project has got more of them since: run `tercio down -v` again and look at the list.",
    ),
    (
        RESTORED,
        "The lab's state is older than its nodes",
        "Several nodes, or all, obey versions of their assignments that the state has never heard of: it \
         was restored from an older copy, or another scheduler leads. This scheduler changes nothing any \
         more. Bring the newer state back, or start a new incarnation of the lab; containers keep \
         running meanwhile.",
    ),
    (
        NODE_AHEAD,
        "A node obeys what the lab's state does not know",
        "One node obeys a version of its assignment that the state has never held: its agent's folder \
         comes from another lab or from a later life of this one. Nothing is sent to it, it gets no \
         task, and what runs there stays. When the lab's state is the right one, end the agent there, \
         take its `agent` folder away and start it again; what the lab does not want on the node is \
         stopped then.",
    ),
    (
        NOT_LEADER,
        "This scheduler does not lead any more",
        "Another scheduler has taken over, and whether the request was fulfilled is for that one to \
         say. Send it again with the same id: it is fulfilled once.",
    ),
    (
        NEWER_STATE,
        "A newer scheduler has led this lab",
        "Records of the lab's state say what this scheduler does not know. They and the projects they are \
         about stay exactly as they are, and what runs goes on. Start schedulers of the newer version; \
         `tercio status` lists the records.",
    ),
    (
        NO_REVISION,
        "The project cannot be told as of that revision",
        "Of each project the last 20 changes are kept, with what they replaced. `tercio project history` \
         lists them; the message says why the one asked for is not among them.",
    ),
];
