//! Files of version 1, whose services stand at the top level.

use super::Loader;
use crate::codes;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node};

/// What version 1 had under another name.
const RENAMED: &[(&str, &str)] = &[
    ("net", "`network_mode: …`"),
    ("log_driver", "`logging: {driver: …}`"),
    ("log_opt", "`logging: {options: …}`"),
    ("dockerfile", "`build: {context: …, dockerfile: …}`"),
];

impl Loader<'_> {
    /// Whether a document is in the format of version 1; then it is reported, with all that has to be
    /// changed in it.
    pub(super) fn is_version_1(&mut self, root: &Node) -> bool {
        let Some(map) = root.as_map() else {
            return false;
        };
        let services: Vec<(&Entry, &Map)> = map.0.iter().filter_map(service).collect();
        let (Some((first, _)), None) = (services.first(), map.get("services")) else {
            return false;
        };
        let message = "the file is in the format of version 1: its services stand at the top level";
        self.sink.add(
            Finding::error(codes::VERSION_1, first.place, message).help(
                "write `services:` above them and indent them below it; where `links` must work as before, \
                 add `network_mode: bridge`",
            ),
        );
        for (entry, service) in services {
            for attribute in &service.0 {
                let renamed = RENAMED.iter().find(|(old, _)| *old == attribute.key);
                if let Some((old, new)) = renamed {
                    let trail = Trail::ROOT.key(&entry.key);
                    let message = format!("{} of version 1 is written {new} now", trail.key(old));
                    let finding = Finding::error(codes::VERSION_1, attribute.place, message);
                    self.sink.add(finding);
                }
            }
        }
        true
    }
}

/// A key at the top level with what only a service has.
fn service(entry: &Entry) -> Option<(&Entry, &Map)> {
    const SECTIONS: &[&str] = &[
        "networks", "volumes", "secrets", "configs", "models", "include",
    ];
    let map = entry.node.as_map()?;
    let is_service = map.get("image").is_some() || map.get("build").is_some();
    let other = entry.key.starts_with("x-") || SECTIONS.contains(&entry.key.as_str());
    (is_service && !other).then_some((entry, map))
}
