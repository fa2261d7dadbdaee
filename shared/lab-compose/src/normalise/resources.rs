//! What services use: the default network, names on the engine, and nothing that is not used.

use std::collections::BTreeSet;

use super::Normaliser;
use crate::sink::Place;
use crate::yaml::{Map, Node, Value};

/// Sections of resources that bear a name on the engine.
const NAMED: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

impl Normaliser<'_> {
    /// A service that names no network joins the one called `default`, which then exists.
    pub(super) fn default_network(&self, root: &mut Map) {
        let mut used = false;
        let services = root.map_mut("services").map(|map| map.0.as_mut_slice());
        for entry in services.unwrap_or_default() {
            let place = entry.place;
            let Some(service) = entry.node.map_mut() else {
                continue;
            };
            if service.get("provider").is_some() || service.get("network_mode").is_some() {
                continue;
            }
            match service.get("networks").map(|node| &node.value) {
                None => {}
                Some(Value::Map(map)) if map.0.is_empty() => {}
                Some(Value::Map(map)) => {
                    used |= map.get("default").is_some();
                    continue;
                }
                Some(_) => continue,
            }
            let mut node = Node::mapping(place);
            if let Some(map) = node.map_mut() {
                map.put("default", Node::new(place, Value::Null));
            }
            service.set("networks", node);
            used = true;
        }
        if used {
            root.set_default("networks", Node::mapping(Place::default()));
            if let Some(networks) = root.map_mut("networks") {
                networks.set_default("default", Node::new(Place::default(), Value::Null));
            }
        }
    }

    pub(super) fn resources(&mut self, root: &mut Map) {
        for section in NAMED {
            for entry in root
                .map_mut(section)
                .map(|map| map.0.as_mut_slice())
                .unwrap_or_default()
            {
                if entry.node.value == Value::Null {
                    entry.node = Node::mapping(entry.place);
                }
                let Some(map) = entry.node.map_mut() else {
                    continue;
                };
                let external = map.get("external").and_then(Node::as_bool).unwrap_or(false);
                let name = if external {
                    entry.key.clone()
                } else {
                    format!("{}_{}", self.scope.name, entry.key)
                };
                map.set_default("name", Node::text(entry.place, name));
                if let Some(file) = map.value_mut("file") {
                    self.host_path(file);
                }
                if section == "volumes" {
                    self.bound_device(map);
                }
            }
        }
    }

    /// A local volume that is a bind mount in truth has a path of the host.
    fn bound_device(&mut self, volume: &mut Map) {
        if volume.text("driver") != Some("local") {
            return;
        }
        if let Some(options) = volume.map_mut("driver_opts")
            && options.text("o") == Some("bind")
            && let Some(device) = options.value_mut("device")
        {
            self.host_path(device);
        }
    }
}

/// Takes away what no service uses.
pub(crate) fn prune(root: &mut Map) {
    let empty = Map::default();
    let services = root.map("services").unwrap_or(&empty);
    let mut used: [BTreeSet<String>; 5] = Default::default();
    let [networks, volumes, configs, secrets, models] = &mut used;
    for service in services.0.iter().filter_map(|entry| entry.node.as_map()) {
        let keys = |key: &str| {
            let map = service
                .map(key)
                .map(|map| map.0.as_slice())
                .unwrap_or_default();
            map.iter().map(|entry| entry.key.clone())
        };
        networks.extend(keys("networks"));
        models.extend(keys("models"));
        let mounts = service.list("volumes").iter().filter_map(Node::as_map);
        volumes.extend(
            mounts
                .filter(|mount| mount.text("type") == Some("volume"))
                .filter_map(source),
        );
        configs.extend(
            service
                .list("configs")
                .iter()
                .filter_map(Node::as_map)
                .filter_map(source),
        );
        let built = service
            .map("build")
            .map(|build| build.list("secrets"))
            .unwrap_or_default();
        let given = service.list("secrets").iter().chain(built);
        secrets.extend(given.filter_map(Node::as_map).filter_map(source));
    }
    for (section, used) in ["networks", "volumes", "configs", "secrets", "models"]
        .iter()
        .zip(&used)
    {
        if let Some(map) = root.map_mut(section) {
            map.0.retain(|entry| used.contains(&entry.key));
        }
    }
}

fn source(item: &Map) -> Option<String> {
    item.text("source").map(str::to_owned)
}
