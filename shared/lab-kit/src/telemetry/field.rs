//! The closed list of field names in events and spans. A new name is added here or not used.

/// Which service of the process speaks.
pub const SERVICE: &str = "service";
/// A machine, as the provisioner knows it.
pub const MACHINE_ID: &str = "machine_id";
/// A node of the lab.
pub const NODE_ID: &str = "node_id";
/// A Compose project.
pub const PROJECT: &str = "project";
/// A service of a project.
pub const SERVICE_NAME: &str = "service_name";
/// A task.
pub const TASK_ID: &str = "task_id";
/// A service's slot.
pub const SLOT: &str = "slot";
/// A plan.
pub const PLAN_ID: &str = "plan_id";
/// The version of a node's assignment.
pub const GENERATION: &str = "generation";
/// A subject of NATS.
pub const SUBJECT: &str = "subject";
/// A message.
pub const MSG_ID: &str = "msg_id";
/// Which start of a task, or which try.
pub const ATTEMPT: &str = "attempt";
/// How long it took, in milliseconds.
pub const ELAPSED_MS: &str = "elapsed_ms";
/// The seed of a simulation.
pub const SEED: &str = "seed";
/// What went wrong, with its causes: `%chain(&error)`.
pub const ERROR: &str = "error";
/// Why a pass runs.
pub const TRIGGER: &str = "trigger";
/// Which kind of action.
pub const OP: &str = "op";
/// Why an action is taken.
pub const CAUSE: &str = "cause";
/// Which signal of the system.
pub const SIGNAL: &str = "signal";

/// All of them.
pub const ALL: &[&str] = &[
    SERVICE,
    MACHINE_ID,
    NODE_ID,
    PROJECT,
    SERVICE_NAME,
    TASK_ID,
    SLOT,
    PLAN_ID,
    GENERATION,
    SUBJECT,
    MSG_ID,
    ATTEMPT,
    ELAPSED_MS,
    SEED,
    ERROR,
    TRIGGER,
    OP,
    CAUSE,
    SIGNAL,
];
