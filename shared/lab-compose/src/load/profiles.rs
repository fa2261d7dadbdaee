//! Which services take part: those without `profiles`, and those of profiles that are active.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::ServiceName;

use super::Loader;
use crate::source::EnvMap;
use crate::yaml::{Map, Node, Value};

impl Loader<'_> {
    /// Takes the services of inactive profiles out of the merged tree; what is returned are their
    /// profiles, by service.
    pub(super) fn take_disabled(
        &self,
        root: &mut Map,
        env: &EnvMap,
    ) -> BTreeMap<ServiceName, Vec<String>> {
        let services = root.0.iter_mut().find(|entry| entry.key == "services");
        let Some(Value::Map(services)) = services.map(|entry| &mut entry.node.value) else {
            return BTreeMap::new();
        };
        let active = self.active(services, env);
        let mut disabled = BTreeMap::new();
        services.0.retain(|entry| {
            let profiles = profiles_of(&entry.node);
            let stays = profiles.is_empty()
                || active.contains("*")
                || profiles.iter().any(|profile| active.contains(profile));
            // A service that cannot be named stays, so that its name is reported.
            let name = ServiceName::new(entry.key.as_str());
            match (stays, name) {
                (false, Ok(name)) => {
                    disabled.insert(name, profiles);
                    false
                }
                (true, _) | (false, Err(_)) => true,
            }
        });
        disabled
    }

    /// The profiles asked for, and those of the services that are named.
    fn active(&self, services: &Map, env: &EnvMap) -> BTreeSet<String> {
        let mut active: BTreeSet<String> = match self.options.profiles.as_slice() {
            [] => {
                let variable = env.get("COMPOSE_PROFILES").map_or("", String::as_str);
                let names = variable.split(',').map(str::trim);
                names.map(str::to_owned).collect()
            }
            asked => asked.iter().cloned().collect(),
        };
        for name in &self.options.services {
            active.extend(services.get(name).map(profiles_of).unwrap_or_default());
        }
        active
    }
}

fn profiles_of(service: &Node) -> Vec<String> {
    let profiles = service.as_map().and_then(|map| map.get("profiles"));
    let items = profiles.and_then(Node::as_list).unwrap_or_default();
    let texts = items.iter().filter_map(Node::as_text);
    texts.map(str::to_owned).collect()
}
