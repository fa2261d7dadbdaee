//! Networks and volumes: what is common to both.

use std::collections::BTreeMap;

use lab_types::{EngineName, InvalidId};

use super::{Decoder, boolean, labels, text};
use crate::codes;
use crate::project::{Network, Volume};
use crate::sink::{Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node};

/// A network or a volume.
pub(super) struct Resource {
    engine_name: EngineName,
    driver: Option<String>,
    external: bool,
    labels: BTreeMap<String, String>,
}

impl Resource {
    pub(super) fn into_network(self) -> Network {
        Network {
            engine_name: self.engine_name,
            driver: self.driver,
            external: self.external,
            labels: self.labels,
        }
    }

    pub(super) fn into_volume(self) -> Volume {
        Volume {
            engine_name: self.engine_name,
            driver: self.driver,
            external: self.external,
            labels: self.labels,
        }
    }
}

impl Decoder<'_> {
    /// All that a top-level section defines.
    pub(super) fn resources<K: Ord>(
        &mut self,
        section: &str,
        driver: &str,
        make: fn(String) -> Result<K, InvalidId>,
    ) -> BTreeMap<K, Resource> {
        let mut defined = BTreeMap::new();
        let trail = Trail::ROOT.key(section);
        let Some(map) = self.root.get(section).and_then(Node::as_map) else {
            return defined;
        };
        for entry in &map.0 {
            let Some(key) = self.name(&entry.key, entry.place, make) else {
                continue;
            };
            if let Some(resource) = self.resource(entry, driver, &trail.key(&entry.key)) {
                defined.insert(key, resource);
            }
        }
        defined
    }

    fn resource(&mut self, entry: &Entry, driver: &str, trail: &Trail<'_>) -> Option<Resource> {
        let empty = Map::default();
        let map = entry.node.as_map().unwrap_or(&empty);
        let external = boolean(map, "external").unwrap_or(false);
        self.check_external(map, external, trail);
        self.check_driver(map, driver, trail);
        let name = map.get("name")?;
        let (name, place) = (name.as_text()?.to_owned(), name.place);
        Some(Resource {
            engine_name: self.engine_name(&name, place, trail)?,
            driver: text(map, "driver").map(str::to_owned),
            external,
            labels: labels(map, "labels"),
        })
    }

    fn engine_name(&mut self, name: &str, place: Place, trail: &Trail<'_>) -> Option<EngineName> {
        EngineName::new(name)
            .map_err(|invalid| {
                let message = format!("{trail} cannot have its name: {invalid}");
                self.refuse(codes::BAD_NAME, place, message);
            })
            .ok()
    }

    fn check_external(&mut self, map: &Map, external: bool, trail: &Trail<'_>) {
        let others = map.0.iter().filter(|entry| {
            !["external", "name", "attachable"].contains(&entry.key.as_str())
                && !entry.key.starts_with("x-")
        });
        for entry in others.filter(|_| external) {
            let message = format!(
                "{trail} is external, so `{}` cannot be given here",
                entry.key
            );
            self.sink.add(
                Finding::refusal(codes::BAD_DEFINITION, entry.place, message)
                    .help("what is external is made and described elsewhere"),
            );
        }
    }

    fn check_driver(&mut self, map: &Map, supported: &str, trail: &Trail<'_>) {
        let given = map
            .get("driver")
            .and_then(|node| Some((node.place, node.as_text()?)));
        if let Some((place, driver)) = given.filter(|(_, driver)| *driver != supported) {
            let message = format!("Tercio does not support the driver `{driver}` of {trail} yet");
            self.sink.add(
                Finding::refusal(codes::NOT_SUPPORTED, place, message)
                    .help(format!("leave it out, or write {supported}")),
            );
        }
    }
}
