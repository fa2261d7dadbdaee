//! A plan: what a change would do, with causes, before anything is done.

use serde::{Deserialize, Serialize};

use crate::ids::{PlanHash, ProjectName, sha256_hex};
use crate::record::ProjectModel;

/// The operations that lead from what is to what a file asks for.
///
/// Made by `lab_compose::plan`, printed to a person, applied by its hash. It cites the revision of
/// the project that it was made against; applying it to another revision is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 over everything else in here.
    pub hash: PlanHash,
    /// The project.
    pub project: ProjectName,
    /// The revision the project had when the plan was made; 0 when it did not exist.
    pub base_revision: u64,
    /// What the project should be afterwards.
    pub model: ProjectModel,
    /// What changes, in an order that respects `depends_on`. Empty when nothing does.
    pub operations: Vec<Operation>,
}

impl Plan {
    /// A plan with its hash.
    ///
    /// # Panics
    /// Never: a plan is made of strings, numbers and maps with string keys, which JSON can hold.
    #[must_use]
    pub fn sealed(
        project: ProjectName,
        base_revision: u64,
        model: ProjectModel,
        operations: Vec<Operation>,
    ) -> Self {
        let covered = (&project, base_revision, &model, &operations);
        let bytes = serde_json::to_vec(&covered).expect("invariant: a plan always fits JSON");
        let hash = PlanHash::new(sha256_hex(&bytes)).expect("invariant: SHA-256 is a plan hash");
        Self {
            hash,
            project,
            base_revision,
            model,
            operations,
        }
    }

    /// Whether the hash is that of the content.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        let Self {
            hash,
            project,
            base_revision,
            model,
            operations,
        } = self.clone();
        Self::sealed(project, base_revision, model, operations).hash == hash
    }
}

/// What a person is asked before a plan is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// In words: what is the case, and what will happen.
    pub sentence: String,
    /// Whether somebody must say yes. Where nobody can be asked, any other question is taken as answered
    /// by the files themselves.
    pub needs_yes: bool,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Counted from 1.
    pub number: u32,
    /// Operations that come before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u32>,
    /// What is touched: `service:web`, `network:shop_default`, `volume:shop_data`, `image:shop-web`.
    pub resource: String,
    /// What is done.
    pub kind: OperationKind,
    /// Why.
    pub cause: PlanCause,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OperationKind {
    /// Make a network.
    CreateNetwork,
    /// Remove a network; it holds no data.
    RemoveNetwork,
    /// Make a volume.
    CreateVolume,
    /// Build an image from a context.
    BuildImage,
    /// Make sure that an image is on the node, pulling it if not.
    PullImage,
    /// Make a service with so many tasks.
    CreateService {
        /// How many.
        replicas: u32,
    },
    /// Replace the tasks of a service by tasks of another spec.
    UpdateService {
        /// How many tasks there will be.
        replicas: u32,
    },
    /// Change only the number of tasks.
    ScaleService {
        /// From.
        from: u32,
        /// To.
        to: u32,
    },
    /// Change only what the service waits for; no task is touched.
    UpdateDependencies,
    /// Change only what the lab's record says of a network or volume (its labels, whether it is
    /// external); the engine's object stays as it was made.
    UpdateRecord,
    /// Stop and remove the tasks of a service that the file names no longer.
    RemoveService,
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why an operation is in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanCause {
    /// The file has it, the lab does not.
    Missing,
    /// The file says other than the lab.
    Changed {
        /// Which attributes: `image`, `environment`.
        attributes: Vec<String>,
    },
    /// The lab has it, the file does not.
    NotInFile,
    /// The image is built from a context that must be looked at each time it is asked for.
    BuildRequested,
    /// A service of the plan needs it.
    NeededBy {
        /// Which.
        service: String,
    },
    /// A cause this version does not know.
    #[serde(other)]
    Unknown,
}

impl std::fmt::Display for Operation {
    /// The golden form: `[1,2] -> #3 service:web, create ×2, missing`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let after: Vec<String> = self.after.iter().map(u32::to_string).collect();
        write!(
            f,
            "[{}] -> #{} {}, {}, {}",
            after.join(","),
            self.number,
            self.resource,
            self.kind,
            self.cause
        )
    }
}

impl std::fmt::Display for OperationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CreateNetwork | Self::CreateVolume => f.write_str("create"),
            Self::RemoveNetwork | Self::RemoveService => f.write_str("remove"),
            Self::BuildImage => f.write_str("build"),
            Self::PullImage => f.write_str("pull if absent"),
            Self::CreateService { replicas } => write!(f, "create ×{replicas}"),
            Self::UpdateService { replicas } => write!(f, "replace ×{replicas}"),
            Self::ScaleService { from, to } => write!(f, "scale {from} → {to}"),
            Self::UpdateDependencies => f.write_str("update depends_on"),
            Self::UpdateRecord => f.write_str("update record"),
            Self::Unknown => f.write_str("unknown operation"),
        }
    }
}

impl std::fmt::Display for PlanCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Changed { attributes } => write!(f, "changed: {}", attributes.join(", ")),
            Self::NotInFile => f.write_str("not in the file"),
            Self::BuildRequested => f.write_str("build requested"),
            Self::NeededBy { service } => write!(f, "needed by {service}"),
            Self::Unknown => f.write_str("unknown cause"),
        }
    }
}
