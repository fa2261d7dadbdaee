//! Requests with their replies. One table, [`REQUESTS`], says who serves each and who may send it.
//!
//! The project a request is about stands in its subject (`_` for the whole lab), the user too.
//! Requests that change something take a `request_id`, in the body or in the header
//! [`REQUEST_ID`](crate::header::REQUEST_ID): repeated with the same id, they are answered by the
//! first answer and change nothing again.

mod event;
mod image;
mod lab;
mod project;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{
    ConfirmationId, Diagnostic, EngineName, NodeId, Plan, Platform, ProjectRecord, Question,
    RequestId, ServiceName, ServiceRecord, TaskSpec,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::row::{ProjectRow, ServiceRow, TaskRow};

pub use lab_types::BuildInstruction;

pub use event::{EventList, EventsListed, NumberedEvent};
pub use image::{ImageBuild, ImagePull, OpenedStream, ServiceLogs, StreamsOpened, UnopenedStream};
pub use lab::{
    LabCounts, LabStatus, LabStatusGet, MachineList, MachineListed, NodeChanged, NodeInspect,
    NodeInspected, NodeList, NodeListed, NodeRemove, NodeUpdate,
};

pub use project::{
    PlanRestore, ProjectHistory, ProjectHistoryTold, ProjectInspect, ProjectInspected,
};

/// Whether a request changes the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads; a viewer may send it.
    Read,
    /// It changes something, or costs the node work (a build).
    Change,
}

/// Which part serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBy {
    /// The scheduler that leads.
    Scheduler,
    /// The planner.
    Planner,
    /// The provisioner.
    Provisioner,
}

/// What is known of a request without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// The subject's sixth token.
    pub noun: &'static str,
    /// The subject's last token.
    pub verb: &'static str,
    /// Whether it changes the lab.
    pub access: Access,
    /// Who serves it.
    pub served_by: ServedBy,
    /// One sentence for people, shown by `tercio req --list` and by service discovery.
    pub about: &'static str,
}

/// A request: its body's type knows its subject's tokens and its reply's type.
pub trait Request: Serialize + DeserializeOwned + Send + Sync {
    /// Its row of [`REQUESTS`].
    const INFO: RequestInfo;
    /// What answers it.
    type Reply: Serialize + DeserializeOwned + Send;

    /// The idempotency id in the body, for requests that change something.
    fn request_id(&self) -> Option<&RequestId> {
        None
    }
}

macro_rules! requests {
    ($($request:ty => $reply:ty, $noun:literal . $verb:literal, $access:ident, $part:ident, $about:literal $(, $id:ident)?;)*) => {
        $(
            impl Request for $request {
                const INFO: RequestInfo = RequestInfo {
                    noun: $noun,
                    verb: $verb,
                    access: Access::$access,
                    served_by: ServedBy::$part,
                    about: $about,
                };
                type Reply = $reply;
                $(fn request_id(&self) -> Option<&RequestId> {
                    self.$id.as_ref()
                })?
            }
        )*

        /// Every request of the lab.
        pub const REQUESTS: &[RequestInfo] = &[$(<$request as Request>::INFO),*];
    };
}

requests! {
    PlanCreate => PlanCreated, "plan"."create", Read, Planner, "Reads Compose files and says what applying them would change.";
    PlanRestore => PlanCreated, "plan"."restore", Read, Planner, "Says what bringing a project back to an earlier revision would change.";
    ProjectApply => ProjectApplied, "project"."apply", Change, Scheduler, "Applies a plan to the project it was made for.", request_id;
    ProjectRemove => ProjectRemoved, "project"."remove", Change, Scheduler, "Takes a project down; volumes only with a confirmation.", request_id;
    ProjectFactsGet => ProjectFacts, "project"."facts", Read, Scheduler, "Tells a project's desired state and which images are present.";
    ProjectList => ProjectListed, "project"."list", Read, Scheduler, "Lists the projects.";
    ProjectInspect => ProjectInspected, "project"."inspect", Read, Scheduler, "Tells what a project is, or was as of a revision.";
    ProjectHistory => ProjectHistoryTold, "project"."history", Read, Scheduler, "Lists the changes of a project that are kept.";
    ServiceCreate => ServiceChanged, "service"."create", Change, Scheduler, "Creates a service from a task spec.", request_id;
    ServiceScale => ServiceChanged, "service"."scale", Change, Scheduler, "Changes the number of tasks of a service.", request_id;
    ServiceRemove => ServiceChanged, "service"."remove", Change, Scheduler, "Removes a service and its tasks.", request_id;
    ServiceList => ServiceListed, "service"."list", Read, Scheduler, "Lists services with their counts.";
    ServiceInspect => ServiceInspected, "service"."inspect", Read, Scheduler, "Tells all about one service.";
    ServiceLogs => StreamsOpened, "service"."logs", Read, Scheduler, "Opens a log stream for each task of the services.";
    TaskList => TaskListed, "task"."list", Read, Scheduler, "Lists tasks.";
    NodeList => NodeListed, "node"."list", Read, Scheduler, "Lists nodes.";
    NodeInspect => NodeInspected, "node"."inspect", Read, Scheduler, "Tells all about one node.";
    NodeUpdate => NodeChanged, "node"."update", Change, Scheduler, "Changes whether a node takes tasks, its labels and its patience.", request_id;
    NodeRemove => NodeChanged, "node"."remove", Change, Scheduler, "Takes a lost node out of the lab.", request_id;
    ImageBuild => StreamsOpened, "image"."build", Change, Scheduler, "Opens a stream that takes a build context and answers with the build's output.";
    ImagePull => StreamsOpened, "image"."pull", Change, Scheduler, "Makes nodes pull an image, with its output as a stream.";
    LabStatusGet => LabStatus, "lab"."status", Read, Scheduler, "Tells who leads, and the state's last pass.";
    EventList => EventsListed, "event"."list", Read, Scheduler, "Lists events that are kept, a page from any sequence or time.";
    MachineList => MachineListed, "machine"."list", Read, Provisioner, "Lists machines.";
}

/// A file with its content, as the client read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceText {
    /// The path as the user named it (entry files), or absolute.
    pub path: String,
    /// UTF-8 text.
    pub content: String,
}

/// Whether images are built that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildPolicy {
    /// Only where the image is missing.
    #[default]
    IfMissing,
    /// Each service with a `build`.
    Always,
}

/// `plan.create`: everything the planner may know; it reads no files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCreate {
    /// The Compose files in the order of `-f`.
    pub files: Vec<SourceText>,
    /// Other files they refer to (`.env`, `env_file`, `include`, `extends`), by absolute path.
    #[serde(default)]
    pub other_files: Vec<SourceText>,
    /// The client's environment, for interpolation.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// `-p`.
    #[serde(default)]
    pub project_name: Option<String>,
    /// The absolute folder that relative paths start from, on the client's machine.
    pub project_dir: String,
    /// The absolute folder that the paths of the files themselves start from; absent for the
    /// project's.
    #[serde(default)]
    pub current_dir: Option<String>,
    /// `--env-file`, to read instead of `.env`.
    #[serde(default)]
    pub env_files: Vec<String>,
    /// Whether the user named the files or the project's folder: then the `.env` of the current folder
    /// is not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_named: bool,
    /// `--profile`; without any `COMPOSE_PROFILES` of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Services that the command names: their own profiles are active too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
    /// Whether present images are built again.
    #[serde(default)]
    pub build: BuildPolicy,
}

/// The planner's answer. A file with errors is an answer too, not a failed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCreated {
    /// The plan, absent when a diagnostic is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What is to be built, by image reference.
    #[serde(default)]
    pub builds: BTreeMap<String, BuildInstruction>,
    /// What a person is asked before the plan is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// All findings.
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
}

/// `project.apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectApply {
    /// The plan as the planner made it; refused when its hash does not fit its content, or when the
    /// project's revision is no longer the plan's base.
    pub plan: Plan,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectApplied {
    /// The project's revision now.
    pub revision: u64,
    /// Whether anything was changed.
    pub changed: bool,
    /// Slots that had failed for good and are tried again: who applies says that the cause may be gone,
    /// also with a plan that changes nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retried: BTreeMap<ServiceName, BTreeSet<u32>>,
}

/// `project.remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectRemove {
    /// Consent to remove the project's volumes with their data; absent keeps them. Of volumes that the
    /// project's files no longer have, it means only those in `shown`.
    #[serde(default)]
    pub remove_volumes: Option<ConfirmationId>,
    /// The volumes that were named to the one who consented, by engine name: others that the project has
    /// got meanwhile are not removed, and the request is refused. Absent when the consent is to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<BTreeSet<EngineName>>,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// What became of a removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRemoved {
    /// Services that are being removed.
    pub services: Vec<ServiceName>,
    /// Networks that are being removed, by engine name.
    pub networks: Vec<String>,
    /// Volumes that are being removed, by engine name.
    pub volumes: Vec<String>,
    /// Volumes that stay despite a consent, by engine name: the project's files no longer have them, and
    /// the consent does not name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_volumes: Vec<String>,
    /// Whether there was anything to remove.
    pub changed: bool,
}

/// `project.facts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectFactsGet {
    /// Image references to look for on the nodes.
    #[serde(default)]
    pub images: Vec<String>,
    /// Services behind this one: the `next` of the previous page, which told all the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ServiceName>,
}

/// A project's desired state, and images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFacts {
    /// The project's revision; 0 when it was never applied.
    pub revision: u64,
    /// Its record.
    #[serde(default)]
    pub record: Option<ProjectRecord>,
    /// Its services with their specs, as many as one message holds.
    #[serde(default)]
    pub services: BTreeMap<ServiceName, ServiceFacts>,
    /// What to ask after for the other services; absent when these are the last. A page is of the same
    /// state as another when both tell the same revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ServiceName>,
    /// The id of each image asked for that a working node has.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// Those of them that another working node lacks, or has under this name with another id.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub partly: BTreeSet<String>,
    /// On which platform each of them runs, where its engine tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, Platform>,
    /// How many nodes of the lab take tasks.
    #[serde(default)]
    pub nodes: u32,
    /// Volumes with the project's data that its files no longer have, by engine name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped_volumes: BTreeSet<EngineName>,
}

/// A service's record and spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Its record.
    pub record: ServiceRecord,
    /// Its spec.
    pub task: TaskSpec,
}

/// `project.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectList {
    /// Rows behind there: the `next` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectListed {
    /// In order of name.
    pub projects: Vec<ProjectRow>,
    /// What to ask after for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `service.create`: the project is made when it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceCreate {
    /// The new service's name.
    pub service: ServiceName,
    /// How to run one task.
    pub task: TaskSpec,
    /// How many.
    #[serde(default = "one")]
    pub replicas: u32,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

const fn one() -> u32 {
    1
}

/// `service.scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceScale {
    /// Which.
    pub service: ServiceName,
    /// How many there should be.
    pub replicas: u32,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// `service.remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRemove {
    /// Which.
    pub service: ServiceName,
    /// The idempotency id.
    #[serde(default)]
    pub request_id: Option<RequestId>,
}

/// What became of a change to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChanged {
    /// The project's revision now.
    pub revision: u64,
    /// Whether anything was changed.
    pub changed: bool,
}

/// `service.list`: of one project, or of all (`_`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceList {
    /// Rows behind there: the `next` of the previous page.
    #[serde(default)]
    pub after: Option<String>,
}

/// A page of services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceListed {
    /// In order of project and name.
    pub services: Vec<ServiceRow>,
    /// What to ask after for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `service.inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceInspect {
    /// Which.
    pub service: ServiceName,
}

/// All about one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInspected {
    /// Its record.
    pub record: ServiceRecord,
    /// Its spec.
    pub task: TaskSpec,
    /// Its counts.
    pub row: ServiceRow,
    /// Its tasks, as many as a page has.
    pub tasks: Vec<TaskRow>,
    /// What to ask `task.list` after for the other tasks; absent when these are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `task.list`: of one project, or of all (`_`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskList {
    /// Only of these services; empty for all.
    #[serde(default)]
    pub services: Vec<ServiceName>,
    /// Only on this node.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// Rows behind there: the `next` of the previous page.
    #[serde(default)]
    pub after: Option<String>,
}

/// A page of tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskListed {
    /// In order of project, service and slot.
    pub tasks: Vec<TaskRow>,
    /// What to ask after for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::REQUESTS;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_requests_share_a_subject() {
        let subjects: BTreeSet<_> = REQUESTS.iter().map(|r| (r.noun, r.verb)).collect();
        assert_eq!(subjects.len(), REQUESTS.len());
    }
}
