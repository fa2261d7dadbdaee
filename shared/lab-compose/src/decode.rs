//! The merged tree → a [`Project`]: values are read, references resolved, contradictions told.

mod env_files;
mod health;
mod mounts;
mod ports;
mod resources;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{NetworkName, ProjectName, ServiceName, VolumeName};

use crate::check;
use crate::codes::{self, CodeInfo};
use crate::doc::Doc;
use crate::project::{self, Network, Project, Service, ServiceMountSource, Volume};
use crate::sink::{Finding, Place, Sink};
use crate::source::{EnvMap, SourceProvider};
use crate::trail::Trail;
use crate::yaml::{Map, Node};

/// What decoding needs to know besides the tree.
pub(crate) struct Scope<'a> {
    pub(crate) name: ProjectName,
    pub(crate) project_dir: &'a str,
    pub(crate) config_files: Vec<String>,
    /// Services of profiles that are not active, with those profiles.
    pub(crate) disabled: BTreeMap<ServiceName, Vec<String>>,
    /// The environment with `.env`.
    pub(crate) env: &'a EnvMap,
    pub(crate) src: &'a dyn SourceProvider,
}

/// Reads the merged tree. The project is whole only when nothing was reported.
pub(crate) fn decode(root: &Map, scope: Scope<'_>, budget: &mut usize, sink: &mut Sink) -> Project {
    let defined = Defined::of(root);
    let mut decoder = Decoder {
        scope: &scope,
        defined,
        budget,
        sink,
        env_files: BTreeMap::new(),
        published: check::ports::Published::default(),
        edges: BTreeMap::new(),
    };
    let services = decoder.services(root);
    check::cycles::report(&decoder.edges, decoder.sink);
    check::builds::report(
        &services,
        |name, service| project::image_of(&scope.name, name, service),
        |name| build_place(root, name),
        decoder.sink,
    );
    let networks = decoder.networks(root, &services);
    let volumes = decoder.volumes(root, &services);
    Project {
        name: scope.name.clone(),
        working_dir: scope.project_dir.to_owned(),
        config_files: scope.config_files.clone(),
        disabled: scope.disabled.clone(),
        services,
        networks,
        volumes,
        extensions: extensions(root),
    }
}

/// The names that the files define.
struct Defined<'a> {
    services: BTreeSet<&'a str>,
    networks: BTreeSet<&'a str>,
    volumes: BTreeSet<&'a str>,
}

impl<'a> Defined<'a> {
    fn of(root: &'a Map) -> Self {
        let keys = |section: &str| {
            let map = root.get(section).and_then(Node::as_map);
            map.map(|map| map.0.iter().map(|entry| entry.key.as_str()).collect())
                .unwrap_or_default()
        };
        Self {
            services: keys("services"),
            networks: keys("networks"),
            volumes: keys("volumes"),
        }
    }
}

struct Decoder<'a> {
    scope: &'a Scope<'a>,
    defined: Defined<'a>,
    budget: &'a mut usize,
    sink: &'a mut Sink,
    env_files: BTreeMap<String, env_files::Loaded>,
    published: check::ports::Published,
    edges: check::cycles::Edges,
}

impl Decoder<'_> {
    fn services(&mut self, root: &Map) -> BTreeMap<ServiceName, Service> {
        let mut services = BTreeMap::new();
        let trail = Trail::ROOT.key("services");
        let section = root.get("services");
        let Some(map) = section
            .and_then(Node::as_map)
            .filter(|map| !map.0.is_empty())
        else {
            self.no_services(section);
            return services;
        };
        for entry in &map.0 {
            let name = self.name(&entry.key, entry.place, ServiceName::new);
            let body = entry.node.as_map();
            let trail = trail.key(&entry.key);
            let service = body.map(|body| self.service(&entry.key, body, entry.place, &trail));
            if let (Some(name), Some(service)) = (name, service) {
                services.insert(name, service);
            }
        }
        services
    }

    /// Where another fault is known, it may be the reason; then there is nothing to add.
    fn no_services(&mut self, section: Option<&Node>) {
        if !self.sink.has_errors() && self.scope.disabled.is_empty() {
            let place = section.map(|node| node.place);
            self.sink.add(
                Finding::error(codes::NO_SERVICES, place, "the files define no service")
                    .help("add one, as in `services: {web: {image: nginx}}`"),
            );
        }
    }

    /// A name the user chose, or the report that it is none.
    fn name<T>(
        &mut self,
        text: &str,
        place: Place,
        make: impl Fn(String) -> Result<T, lab_types::InvalidId>,
    ) -> Option<T> {
        match make(text.to_owned()) {
            Ok(name) => Some(name),
            Err(invalid) => {
                let message = invalid.to_string();
                self.sink
                    .add(Finding::error(codes::BAD_NAME, place, message));
                None
            }
        }
    }

    fn error(&mut self, code: CodeInfo, place: Place, message: impl Into<String>) {
        self.sink.add(Finding::error(code, place, message));
    }

    /// The networks that are used, whether defined or not.
    fn networks(
        &mut self,
        root: &Map,
        services: &BTreeMap<ServiceName, Service>,
    ) -> BTreeMap<NetworkName, Network> {
        let defined = self.resources(root, "networks", "bridge", NetworkName::new);
        let used: BTreeSet<&NetworkName> = services
            .values()
            .flat_map(|service| service.networks.keys())
            .collect();
        let network = |key: &NetworkName| {
            let found = match defined.get(key) {
                Some(found) => found.clone(),
                None => resources::Resource::default_of(&self.scope.name, key.as_str())?,
            };
            Some((key.clone(), found.into_network()))
        };
        used.into_iter().filter_map(network).collect()
    }

    /// The volumes that are used.
    fn volumes(
        &mut self,
        root: &Map,
        services: &BTreeMap<ServiceName, Service>,
    ) -> BTreeMap<VolumeName, Volume> {
        let defined = self.resources(root, "volumes", "local", VolumeName::new);
        let mounts = services.values().flat_map(|service| &service.mounts);
        let used: BTreeSet<&VolumeName> = mounts
            .filter_map(|mount| match &mount.source {
                ServiceMountSource::Volume(name) => Some(name),
                ServiceMountSource::Anonymous | ServiceMountSource::Bind { .. } => None,
            })
            .collect();
        let volume = |key: &VolumeName| {
            let found = defined.get(key)?.clone();
            Some((key.clone(), found.into_volume()))
        };
        used.into_iter().filter_map(volume).collect()
    }
}

/// Where a service says what it is built from.
fn build_place(root: &Map, service: &ServiceName) -> Option<Place> {
    let services = root.get("services")?.as_map()?;
    let service = services.get(service.as_str())?.as_map()?;
    Some(service.get("build")?.place)
}

/// The `x-` keys of a mapping.
fn extensions(map: &Map) -> BTreeMap<String, Doc> {
    let entries = map.0.iter().filter(|entry| entry.key.starts_with("x-"));
    entries
        .map(|entry| (entry.key.clone(), Doc::of(&entry.node)))
        .collect()
}

/// The text of `key`.
fn text<'a>(map: &'a Map, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Node::as_text)
}

/// The truth value of `key`.
fn boolean(map: &Map, key: &str) -> Option<bool> {
    map.get(key).and_then(Node::as_bool)
}

/// The list of texts of `key`.
fn texts(map: &Map, key: &str) -> Option<Vec<String>> {
    let items = map.get(key).and_then(Node::as_list)?;
    Some(
        items
            .iter()
            .filter_map(Node::as_text)
            .map(str::to_owned)
            .collect(),
    )
}

/// The pairs of `key`; one without a value has none in the file.
fn pairs(map: &Map, key: &str) -> BTreeMap<String, Option<String>> {
    let map = map.get(key).and_then(Node::as_map);
    let entries = map.map(|map| map.0.as_slice()).unwrap_or_default();
    let pair =
        |entry: &crate::yaml::Entry| (entry.key.clone(), entry.node.as_text().map(str::to_owned));
    entries.iter().map(pair).collect()
}

/// The labels of `key`.
fn labels(map: &Map, key: &str) -> BTreeMap<String, String> {
    let labels = pairs(map, key).into_iter();
    labels
        .map(|(key, value)| (key, value.unwrap_or_default()))
        .collect()
}
