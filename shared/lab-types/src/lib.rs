//! The nouns of a lab.
//!
//! Every other crate speaks in these types. They say what a thing *is*; they decide nothing, perform
//! no I/O and know no clock.
//!
//! ```text
//! ids ── names and typed identifiers        record ── desired state, one struct a key
//! fence ─ incarnation, epoch, generation    assignment ─ everything one node must run
//! spec ── how to run a task of a service    status ── what an agent observed
//! plan ── what an `up` would change         event ── what happened
//! engine ─ versions of the Docker engine's API
//! ```
//!
//! Maps are `BTreeMap` throughout: the same value has one byte form, so a digest of it is stable.

pub mod assignment;
pub mod build;
pub mod engine;
pub mod event;
pub mod fence;
pub mod ids;
pub mod plan;
pub mod problem;
pub mod record;
pub mod revision;
pub mod row;
pub mod spec;
pub mod status;
pub mod time;

pub use assignment::{
    AssignedTask, Assignment, Gate, Guard, ProjectNetwork, ProjectVolume, TaskTarget,
};
pub use build::{BuildInstruction, BuildOptions};
pub use engine::{ApiVersion, InvalidApiVersion};
pub use event::{Cause, Event, EventScope, EventWhat, WriterKind};
pub use fence::{Epoch, Fence, Generation, Incarnation, Pass, WriteTag};
pub use ids::{
    ConfirmationId, EngineName, EventId, InvalidId, LabId, NetworkName, NodeId, NodeName, PlanHash,
    ProjectName, RequestId, ServiceName, SpecDigest, StreamId, TaskId, UserName, VolumeName,
};
pub use plan::{Operation, OperationKind, Plan, PlanCause, Question};
pub use problem::{Code, Diagnostic, Location, Problem, Severity};
pub use record::{
    Availability, Condition, Dependency, NodeRecord, NodeRole, Outcome, OutcomeRecord,
    ProjectModel, ProjectRecord, ServiceModel, ServiceRecord,
};
pub use revision::{Before, RevisionRecord, ServiceBefore};
pub use spec::{
    BindOptions, BlockIo, CarriedSpec, Ceiling, CgroupNamespace, Device, DeviceChoice,
    DevicePermissions, DeviceRequest, Devices, ENGINE_FIELDS, Endpoint, EngineField, ExposedPort,
    ExtraHost, HealthCheck, HealthTest, HostAddress, HostNames, Init, InvalidDevicePermissions,
    InvalidHostAddress, InvalidMacAddress, InvalidPlatform, IpcNamespace, Isolation, Limits,
    Logging, MacAddress, Mount, MountSource, MountsBelow, Namespace, Needs, NetworkAttachment,
    NetworkMode, NetworkSpec, OomKiller, Platform, PortProtocol, PortPublish, Privileges, Process,
    Propagation, Resources, RestartPolicy, RootFilesystem, Security, SelinuxSharing, Stdin,
    Storage, TaskSpec, Terminal, Ulimit, VolumeFilling, VolumeOptions, VolumeSpec,
};
pub use status::{
    AgentBoot, Attempt, AttemptEnd, BeatAnswer, EngineFacts, ForeignPort, Health, Heartbeat,
    Inventory, NodeFacts, NodeLiveness, Report, ReportBody, TaskProgress, TaskState, TaskStatus,
};
pub use time::{DurationMs, UnixMillis};
