//! Names of services that point at something the files define.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::ServiceName;

use super::cycles::{self, Edges};
use super::entries;
use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::suggest::nearest;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

type Disabled = BTreeMap<ServiceName, Vec<String>>;

/// The names that each section defines.
struct Defined<'a>(BTreeMap<&'static str, BTreeSet<&'a str>>);

impl<'a> Defined<'a> {
    fn of(root: &'a Map) -> Self {
        const SECTIONS: [&str; 6] = [
            "services", "networks", "volumes", "configs", "secrets", "models",
        ];
        let names = |section| {
            let names = entries(root, section)
                .iter()
                .map(|entry| entry.key.as_str());
            (section, names.collect())
        };
        Self(SECTIONS.into_iter().map(names).collect())
    }

    fn has(&self, section: &str, key: &str) -> bool {
        self.0.get(section).is_some_and(|names| names.contains(key))
    }

    /// The name that was meant, where one is near and there is room to say so.
    fn nearest(&self, section: &str, key: &str, sink: &Sink) -> Option<&'a str> {
        let names = self.0.get(section).filter(|_| !sink.is_full())?;
        nearest(key, names.iter().copied())
    }
}

pub(super) fn all(root: &Map, disabled: &Disabled, sink: &mut Sink) {
    let trail = Trail::ROOT.key("services");
    let defined = Defined::of(root);
    let mut edges = Edges::new();
    for entry in entries(root, "services") {
        let Some(service) = entry.node.as_map() else {
            continue;
        };
        let trail = trail.key(&entry.key);
        networks(&defined, service, &trail, sink);
        volumes(&defined, service, &trail, sink);
        objects(&defined, service, &trail, sink);
        contexts(root, service, &trail, sink);
        dependencies(
            &defined,
            disabled,
            (&entry.key, service),
            &trail,
            (&mut edges, sink),
        );
    }
    cycles::report(&edges, sink);
}

fn networks(defined: &Defined<'_>, service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    for entry in entries(service, "networks") {
        let key = entry.key.as_str();
        if defined.has("networks", key) {
            continue;
        }
        let message = format!("{trail} joins the network `{key}`, which is not defined");
        let help = match defined.nearest("networks", key, sink) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("define it: `networks: {{{key}: }}` at the top level"),
        };
        sink.add(Finding::error(codes::UNDEFINED_NETWORK, entry.place, message).help(help));
    }
}

fn volumes(defined: &Defined<'_>, service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let trail = trail.key("volumes");
    for (index, item) in service.list("volumes").iter().enumerate() {
        let Some(mount) = item
            .as_map()
            .filter(|map| map.text("type") == Some("volume"))
        else {
            continue;
        };
        let Some((node, key)) = named(mount, "source") else {
            continue;
        };
        if key.is_empty() || defined.has("volumes", key) {
            continue;
        }
        let trail = trail.item(index);
        let message = format!("{trail} mounts the volume `{key}`, which is not defined");
        let help = match defined.nearest("volumes", key, sink) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if key.contains('/') => format!("for a folder write `./{key}`"),
            None => format!(
                "define it: `volumes: {{{key}: }}` at the top level; for a folder write `./{key}`"
            ),
        };
        sink.add(Finding::error(codes::UNDEFINED_VOLUME, node.place, message).help(help));
    }
}

fn named<'a>(map: &'a Map, key: &str) -> Option<(&'a Node, &'a str)> {
    let node = map.get(key)?;
    Some((node, node.as_text()?))
}

fn objects(defined: &Defined<'_>, service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let empty = Map::default();
    let build = service.map("build").unwrap_or(&empty);
    let lists = [
        ("config", "configs", service.list("configs")),
        ("secret", "secrets", service.list("secrets")),
        ("secret", "secrets", build.list("secrets")),
    ];
    for (noun, section, list) in lists {
        for (node, key) in list
            .iter()
            .filter_map(|item| named(item.as_map()?, "source"))
        {
            undefined(defined, (noun, section), key, node.place, trail, sink);
        }
    }
    for entry in entries(service, "models") {
        undefined(
            defined,
            ("model", "models"),
            &entry.key,
            entry.place,
            trail,
            sink,
        );
    }
}

fn undefined(
    defined: &Defined<'_>,
    (noun, section): (&str, &str),
    key: &str,
    place: Place,
    trail: &Trail<'_>,
    sink: &mut Sink,
) {
    if defined.has(section, key) {
        return;
    }
    let message = format!("{trail} uses the {noun} `{key}`, which is not defined");
    let help = match defined.nearest(section, key, sink) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("define it under `{section}` at the top level"),
    };
    sink.add(Finding::error(codes::UNDEFINED_OBJECT, place, message).help(help));
}

/// Contexts that are the images of other services.
fn contexts(root: &Map, service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(build) = service.map("build") else {
        return;
    };
    for entry in entries(build, "additional_contexts") {
        let text = entry.node.as_text().unwrap_or_default();
        let Some(name) = text.strip_prefix("service:") else {
            continue;
        };
        let other = root.map("services").and_then(|map| map.get(name));
        let fault = match other.and_then(Node::as_map) {
            None => "is not defined",
            Some(map) if map.get("build").is_none() => "is not built",
            Some(_) => continue,
        };
        let message = format!("{trail} builds from the service `{name}`, which {fault}");
        sink.add(Finding::error(
            codes::UNDEFINED_SERVICE,
            entry.node.place,
            message,
        ));
    }
}

fn dependencies(
    defined: &Defined<'_>,
    disabled: &Disabled,
    (name, service): (&str, &Map),
    trail: &Trail<'_>,
    (edges, sink): (&mut Edges, &mut Sink),
) {
    for entry in entries(service, "depends_on") {
        let Some(body) = entry.node.as_map() else {
            continue;
        };
        let key = entry.key.as_str();
        if defined.has("services", key) {
            let edges = edges.entry(name.to_owned()).or_default();
            edges.insert(entry.key.clone(), entry.place);
            continue;
        }
        let required = body.get("required").and_then(Node::as_bool).unwrap_or(true);
        if !required {
            continue;
        }
        let message = format!("{trail} depends on the service `{key}`, which is not defined");
        let profiles = ServiceName::new(key)
            .ok()
            .and_then(|name| disabled.get(&name));
        let help = match (profiles, defined.nearest("services", key, sink)) {
            (Some(profiles), _) => {
                let profile = profiles.first().map_or("", String::as_str);
                format!(
                    "its profile is not active: say `--profile {profile}`, or write `required: false`"
                )
            }
            (None, Some(meant)) => format!("did you mean `{meant}`?"),
            (None, None) => "define it, or write `required: false` if it may be absent".to_owned(),
        };
        sink.add(Finding::error(codes::UNDEFINED_SERVICE, entry.place, message).help(help));
    }
}
