//! A project as its files describe it, after reading, merging and checking.
//!
//! Every value here is valid, every path absolute, every reference resolved. How to get from here to
//! what the scheduler wants is in [`to_model`](Project::to_model). What is printed is the tree it was
//! decoded from, see [`crate::Config`].

mod model;

use std::collections::BTreeMap;

use lab_types::{
    BuildInstruction, BuildOptions, Dependency, DurationMs, EngineName, Location, NetworkName,
    PortProtocol, ProjectName, Resources, ServiceName, VolumeName,
};

/// The whole project.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its name.
    pub name: ProjectName,
    /// The folder its relative paths start from.
    pub working_dir: String,
    /// The files it was read from, absolute.
    pub config_files: Vec<String>,
    /// Its services.
    pub services: BTreeMap<ServiceName, Service>,
    /// Services that take no part because none of their profiles is active, with those profiles. They
    /// belong to the project: what runs of them is left as it is.
    pub disabled: BTreeMap<ServiceName, Vec<String>>,
    /// The networks its services join.
    pub networks: BTreeMap<NetworkName, Network>,
    /// The volumes its services mount.
    pub volumes: BTreeMap<VolumeName, Volume>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// The image, as the file names it.
    pub image: Option<String>,
    /// How the image is built.
    pub build: Option<Build>,
    /// Replaces the image's `CMD`.
    pub command: Option<Vec<String>>,
    /// Replaces the image's `ENTRYPOINT`.
    pub entrypoint: Option<Vec<String>>,
    /// Variables with those of the environment files; one without a value stays unset.
    pub environment: BTreeMap<String, Option<String>>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// What is mounted.
    pub mounts: Vec<ServiceMount>,
    /// Networks joined; never empty.
    pub networks: BTreeMap<NetworkName, Attachment>,
    /// What must be there first.
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// How the engine asks whether a container is well.
    pub healthcheck: Option<HealthCheck>,
    /// What happens when a container ends.
    pub restart: Option<Restart>,
    /// How many containers.
    pub replicas: Option<u32>,
    /// Labels of the containers.
    pub labels: BTreeMap<String, String>,
    /// Whether two containers of one slot must never run at the same time (`x-tercio`); absent for
    /// what follows from the mounts.
    pub exclusive: Option<bool>,
    /// How long a container may take to stop, where the file says so.
    pub stop_grace: Option<DurationMs>,
    /// What must be free on the node of each container.
    pub reservation: Resources,
}

/// How an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The folder that is sent to the engine, absolute.
    pub context: String,
    /// The Dockerfile, from the context.
    pub dockerfile: String,
    /// Build arguments; one without a value is not passed.
    pub args: BTreeMap<String, Option<String>>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Whether to use no cached step.
    pub no_cache: bool,
    /// Whether to pull the base image again.
    pub pull: bool,
}

/// One published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The host's address, absent for all of them.
    pub host_ip: Option<String>,
    /// The host's port, absent for any free one.
    pub published: Option<u16>,
    /// The container's port.
    pub target: u16,
    /// Which protocol.
    pub protocol: PortProtocol,
}

/// One mount of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMount {
    /// What is mounted.
    pub source: ServiceMountSource,
    /// The absolute path in the container.
    pub target: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
    /// Where it stands.
    pub written: Written,
}

/// Where a file says something. That alone makes no difference between two things.
#[derive(Clone, Debug, Default)]
pub struct Written(pub Option<Location>);

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Written {}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceMountSource {
    /// A volume of the project.
    Volume(VolumeName),
    /// A volume without a name.
    Anonymous,
    /// A path of the host.
    Bind {
        /// Absolute.
        path: String,
        /// Whether a missing path is made as a folder; the short form says so.
        create_host_path: bool,
    },
}

/// How a service joins a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Further names under which its containers are found there.
    pub aliases: Vec<String>,
}

/// How the engine asks a container whether it is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether the image's own check is switched off.
    pub disabled: bool,
    /// `CMD` or `CMD-SHELL` with what follows; empty when it is switched off.
    pub test: Vec<String>,
    /// Time between checks.
    pub interval: Option<DurationMs>,
    /// How long one may take.
    pub timeout: Option<DurationMs>,
    /// Failures in a row until unhealthy.
    pub retries: Option<u32>,
    /// Time at the start in which failures do not count.
    pub start_period: Option<DurationMs>,
}

/// `restart:` as the file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// `no`
    No,
    /// `always`
    Always,
    /// `unless-stopped`
    UnlessStopped,
    /// `on-failure`, at most so many times if it says so.
    OnFailure(Option<u32>),
}

impl std::fmt::Display for Restart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(most)) => write!(f, "on-failure:{most}"),
        }
    }
}

/// A network of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name on the engine.
    pub engine_name: EngineName,
    /// The driver, where the file names it.
    pub driver: Option<String>,
    /// Whether it exists outside the project.
    pub external: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name on the engine.
    pub engine_name: EngineName,
    /// The driver, where the file names it.
    pub driver: Option<String>,
    /// Whether it exists outside the project.
    pub external: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Project {
    /// The image a service runs: what the file names, else `PROJECT-SERVICE` for one that is built.
    #[must_use]
    pub fn image_of(&self, name: &ServiceName, service: &Service) -> String {
        image_of(&self.name, name, service)
    }

    /// What is to be built, by image.
    #[must_use]
    pub fn builds(&self) -> BTreeMap<String, BuildInstruction> {
        let build = |(name, service): (&ServiceName, &Service)| {
            let build = service.build.as_ref()?;
            let args = build.args.iter();
            let image = self.image_of(name, service);
            let instruction = BuildInstruction {
                service: name.clone(),
                context: build.context.clone(),
                options: BuildOptions {
                    tag: image.clone(),
                    dockerfile: build.dockerfile.clone(),
                    args: args
                        .filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
                        .collect(),
                    labels: build.labels.clone(),
                    no_cache: build.no_cache,
                    pull: build.pull,
                },
            };
            Some((image, instruction))
        };
        self.services.iter().filter_map(build).collect()
    }
}

/// The image of a service of a project of this name.
pub(crate) fn image_of(project: &ProjectName, name: &ServiceName, service: &Service) -> String {
    match &service.image {
        Some(image) => image.clone(),
        None => format!("{project}-{name}"),
    }
}
