//! The normalised tree → a [`Project`]: what Tercio acts on, with types. What Compose allows and
//! Tercio cannot act on is refused here, where the tables do not do it already.

mod health;
mod mounts;
mod ports;
mod resources;
mod service;

use std::collections::BTreeMap;

use lab_types::{NetworkName, ProjectName, ServiceName, VolumeName};

use crate::check;
use crate::codes::{self, CodeInfo};
use crate::grammar;
use crate::project::{self, Project, Service};
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

/// Reads the normalised tree. The project is whole only when nothing was reported.
pub(crate) fn decode(root: &Map, scope: &Scope<'_>, sink: &mut Sink) -> Project {
    grammar::refuse::refuse(root, &grammar::FILE, &Trail::ROOT, sink);
    let mut decoder = Decoder {
        scope,
        root,
        sink,
        published: check::ports::Published::default(),
    };
    let services = decoder.services();
    check::builds::report(
        &services,
        |name, service| project::image_of(&scope.name, name, service),
        |name| build_place(root, name),
        decoder.sink,
    );
    let networks = decoder.resources("networks", "bridge", NetworkName::new);
    let volumes = decoder.resources("volumes", "local", VolumeName::new);
    let networks = networks.into_iter();
    let volumes = volumes.into_iter();
    Project {
        name: scope.name.clone(),
        working_dir: scope.project_dir.to_owned(),
        config_files: scope.config_files.clone(),
        disabled: scope.disabled.clone(),
        services,
        networks: networks
            .map(|(key, one)| (key, one.into_network()))
            .collect(),
        volumes: volumes.map(|(key, one)| (key, one.into_volume())).collect(),
    }
}

struct Decoder<'a> {
    scope: &'a Scope<'a>,
    root: &'a Map,
    sink: &'a mut Sink,
    published: check::ports::Published,
}

impl Decoder<'_> {
    fn services(&mut self) -> BTreeMap<ServiceName, Service> {
        let mut services = BTreeMap::new();
        let trail = Trail::ROOT.key("services");
        let section = self.root.get("services");
        let Some(map) = section
            .and_then(Node::as_map)
            .filter(|map| !map.0.is_empty())
        else {
            self.no_services(section);
            return services;
        };
        for entry in &map.0 {
            if !grammar::is_plain(&entry.key) {
                // Told as an error before.
                continue;
            }
            let name = self.name(&entry.key, entry.place, ServiceName::new);
            let body = entry.node.as_map();
            let trail = trail.key(&entry.key);
            let service = body.map(|body| self.service(&entry.key, body, &trail));
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
                Finding::refusal(codes::NO_SERVICES, place, "the files define no service")
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
                    .add(Finding::refusal(codes::BAD_NAME, place, message));
                None
            }
        }
    }

    /// Reports what Compose allows and Tercio cannot act on.
    fn refuse(&mut self, code: CodeInfo, place: Place, message: impl Into<String>) {
        self.sink.add(Finding::refusal(code, place, message));
    }
}

/// Where a service says what it is built from.
fn build_place(root: &Map, service: &ServiceName) -> Option<Place> {
    let services = root.get("services")?.as_map()?;
    let service = services.get(service.as_str())?.as_map()?;
    Some(service.get("build")?.place)
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
