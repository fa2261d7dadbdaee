//! One call to the engine, with all that it needs and why it is made.

use std::collections::BTreeMap;

use lab_types::{Attempt, ConfirmationId, DurationMs, EngineName, SpecDigest, TaskId, TaskSpec};

use crate::observed::ContainerId;

/// Tells one issued action from another within one life of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u64);

impl std::fmt::Display for ActionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One call to the engine. Its executor makes no choice of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What to do.
    pub kind: ActionKind,
    /// Why.
    pub cause: Cause,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Pull an image; it is not on the node.
    PullImage {
        /// Its reference as in the spec: `redis:alpine`.
        image: String,
    },
    /// Get an image that was built in the lab from a node that has it.
    FetchImage {
        /// Its reference as in the spec, for people.
        image: String,
        /// Its id: what must be on the node afterwards.
        id: String,
    },
    /// Make a bridge network.
    CreateNetwork {
        /// Its name.
        name: EngineName,
        /// All of its labels.
        labels: BTreeMap<String, String>,
    },
    /// Make a local volume.
    CreateVolume {
        /// Its name.
        name: EngineName,
        /// All of its labels.
        labels: BTreeMap<String, String>,
    },
    /// Make a container, the engine's own restart policy off. It is not started.
    CreateContainer(Box<CreateContainer>),
    /// Start a container that exists: for the first time, or again as the next attempt.
    StartContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// For which task.
        task: TaskId,
        /// As which attempt.
        attempt: Attempt,
    },
    /// Ask a container to stop, and kill it when the grace is over. Returns when it has ended.
    StopContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// Whose.
        task: TaskId,
        /// How long it may take.
        grace: DurationMs,
    },
    /// Remove a container that does not run. Its anonymous volumes stay.
    RemoveContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// Whose.
        task: TaskId,
    },
    /// Remove a network that nobody is attached to.
    RemoveNetwork {
        /// Its name.
        name: EngineName,
    },
    /// Remove a volume *with its data*, never by force.
    RemoveVolume {
        /// Its name.
        name: EngineName,
        /// The consent that covers it.
        confirmation: ConfirmationId,
    },
}

/// What [`ActionKind::CreateContainer`] needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateContainer {
    /// For which task.
    pub task: TaskId,
    /// The container's name: `PROJECT-SERVICE-N`.
    pub name: EngineName,
    /// The image to make it from: `image_id` where the spec has one, else its reference.
    pub image: String,
    /// The spec's digest.
    pub digest: SpecDigest,
    /// How to run it. Its `labels` are already part of `labels` below.
    pub spec: TaskSpec,
    /// All of its labels, the user's included.
    pub labels: BTreeMap<String, String>,
}

/// What an action changes; at most one action is under way for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The containers of a task.
    Task(TaskId),
    /// An image, by its reference, or by its id where the spec names one.
    Image(String),
    /// A network, by its name.
    Network(EngineName),
    /// A volume, by its name.
    Volume(EngineName),
}

impl Action {
    /// What it changes.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match &self.kind {
            ActionKind::PullImage { image } => Subject::Image(image.clone()),
            ActionKind::FetchImage { id, .. } => Subject::Image(id.clone()),
            ActionKind::CreateNetwork { name, .. } | ActionKind::RemoveNetwork { name } => {
                Subject::Network(name.clone())
            }
            ActionKind::CreateVolume { name, .. } | ActionKind::RemoveVolume { name, .. } => {
                Subject::Volume(name.clone())
            }
            ActionKind::CreateContainer(create) => Subject::Task(create.task.clone()),
            ActionKind::StartContainer { task, .. }
            | ActionKind::StopContainer { task, .. }
            | ActionKind::RemoveContainer { task, .. } => Subject::Task(task.clone()),
        }
    }
}

/// Why an action is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The assignment has it, the engine does not.
    Missing,
    /// Someone removed the task's container; it is made again.
    Vanished,
    /// A task needs it.
    NeededBy {
        /// The task's container's name.
        container: String,
    },
    /// The task may start, and never had to wait.
    ShouldRun,
    /// What the task waited for is there.
    GateOpened,
    /// The agent ended between deciding to start it and starting it, or the engine was away.
    StartUnfinished,
    /// It ended, and its restart policy asks for another start.
    Restart {
        /// How it ended: `exit code 1`.
        ended: String,
    },
    /// The assignment asks for the task to be stopped.
    AskedToStop,
    /// It is exclusive, and the leader was not heard for too long.
    LeaderUnheard,
    /// The assignment does not have it.
    NotAssigned,
    /// It is not what the task's spec says, or one of two for the same task.
    Stray,
    /// The engine gave it up half removed.
    Dead,
    /// A person agreed to lose its data.
    Confirmed,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Vanished => f.write_str("removed by someone else"),
            Self::NeededBy { container } => write!(f, "needed by {container}"),
            Self::ShouldRun => f.write_str("should run"),
            Self::GateOpened => f.write_str("gate opened"),
            Self::StartUnfinished => f.write_str("start was not finished"),
            Self::Restart { ended } => write!(f, "restart after {ended}"),
            Self::AskedToStop => f.write_str("asked to stop"),
            Self::LeaderUnheard => f.write_str("the leader is not heard"),
            Self::NotAssigned => f.write_str("not assigned"),
            Self::Stray => f.write_str("not what the task's spec says"),
            Self::Dead => f.write_str("half removed"),
            Self::Confirmed => f.write_str("removal confirmed"),
        }
    }
}

impl std::fmt::Display for Action {
    /// The golden form: `container shop-web-1, start, gate opened`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.kind, self.cause)
    }
}

impl std::fmt::Display for ActionKind {
    /// `container shop-web-1, start`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PullImage { image } => write!(f, "image {image}, pull"),
            Self::FetchImage { image, .. } => write!(f, "image {image}, fetch from another node"),
            Self::CreateNetwork { name, .. } => write!(f, "network {name}, create"),
            Self::CreateVolume { name, .. } => write!(f, "volume {name}, create"),
            Self::CreateContainer(create) => write!(f, "container {}, create", create.name),
            Self::StartContainer {
                name, attempt: 1, ..
            } => write!(f, "container {name}, start"),
            Self::StartContainer { name, attempt, .. } => {
                write!(f, "container {name}, start (attempt {attempt})")
            }
            Self::StopContainer { name, grace, .. } => {
                write!(f, "container {name}, stop within {grace}")
            }
            Self::RemoveContainer { name, .. } => write!(f, "container {name}, remove"),
            Self::RemoveNetwork { name } => write!(f, "network {name}, remove"),
            Self::RemoveVolume { name, .. } => write!(f, "volume {name}, remove with its data"),
        }
    }
}

/// Why an action did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ActionError {
    /// Whether the same call may work a little later without anyone changing anything: the engine
    /// or a registry did not answer. A name that is taken or an image that does not exist is not
    /// retryable.
    pub retryable: bool,
    /// What the engine said, in words for a person.
    pub message: String,
}
