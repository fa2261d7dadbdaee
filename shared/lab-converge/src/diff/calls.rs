//! Calls to the engine: how many at a time, which are under way, which failed.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{EngineName, MountSource, UnixMillis};

use crate::action::{ActionKind, Subject};

/// How many containers are made or started side by side. Docker itself starts about 8 at once
/// (measured: more callers bring no more starts a second).
pub const STARTS_MAX: usize = 8;

/// How many containers are stopped or removed side by side: a stop mostly waits for the grace.
pub const STOPS_MAX: usize = 32;

/// How many images are pulled or fetched side by side: each pull already gets its layers in parallel.
pub const PULLS_MAX: usize = 3;

/// Calls to the engine that matter for the next ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// What is under way, or came back without showing what is now: not to be touched.
    pub busy: BTreeMap<Subject, Busy>,
    /// What failed and has not worked since.
    pub failed: BTreeMap<Subject, Failure>,
    /// Images that the engine was asked about: of others it is not known whether they are there.
    pub looked_for: BTreeSet<String>,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Which limit it counts against.
    pub kind: Kind,
    /// Volumes that the container it makes will use: Docker makes one anew that is not there, so
    /// none of them may be removed meanwhile.
    pub volumes: BTreeSet<EngineName>,
    /// How far it has come, where it tells: `40 % from node host2`.
    pub words: Option<String>,
}

impl Busy {
    /// What an action under way takes.
    #[must_use]
    pub fn of(action: &ActionKind) -> Self {
        let volumes = match action {
            ActionKind::CreateContainer(create) => create.spec.mounts.iter().collect(),
            ActionKind::PullImage { .. }
            | ActionKind::FetchImage { .. }
            | ActionKind::CreateNetwork { .. }
            | ActionKind::CreateVolume { .. }
            | ActionKind::StartContainer { .. }
            | ActionKind::StopContainer { .. }
            | ActionKind::RemoveContainer { .. }
            | ActionKind::RemoveNetwork { .. }
            | ActionKind::RemoveVolume { .. } => Vec::new(),
        };
        let volumes = volumes.into_iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { engine_name, .. } => Some(engine_name.clone()),
            MountSource::Anonymous { .. }
            | MountSource::Bind { .. }
            | MountSource::Tmpfs { .. } => None,
        });
        Self {
            kind: Kind::of(action),
            volumes: volumes.collect(),
            words: None,
        }
    }
}

/// Which limit an action counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`STARTS_MAX`].
    Start,
    /// [`STOPS_MAX`].
    Stop,
    /// [`PULLS_MAX`].
    Pull,
    /// None.
    Small,
}

impl Kind {
    /// Of which kind an action is.
    #[must_use]
    pub const fn of(action: &ActionKind) -> Self {
        match action {
            ActionKind::CreateContainer(_) | ActionKind::StartContainer { .. } => Self::Start,
            ActionKind::StopContainer { .. } | ActionKind::RemoveContainer { .. } => Self::Stop,
            ActionKind::PullImage { .. } | ActionKind::FetchImage { .. } => Self::Pull,
            ActionKind::CreateNetwork { .. }
            | ActionKind::CreateVolume { .. }
            | ActionKind::RemoveNetwork { .. }
            | ActionKind::RemoveVolume { .. } => Self::Small,
        }
    }

    pub(super) const fn limit(self) -> usize {
        match self {
            Self::Start => STARTS_MAX,
            Self::Stop => STOPS_MAX,
            Self::Pull => PULLS_MAX,
            Self::Small => usize::MAX,
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How often in a row.
    pub times: u32,
    /// What the engine said last.
    pub message: String,
    /// Whether it may work without anyone changing anything.
    pub retryable: bool,
    /// When it may be tried again.
    pub next_at: UnixMillis,
}
