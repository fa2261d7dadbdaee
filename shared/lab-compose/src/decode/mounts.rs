//! What is mounted into a service's containers.

use lab_types::VolumeName;

use super::{Decoder, boolean};
use crate::codes;
use crate::project::{ServiceMount, ServiceMountSource, Written};
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

impl Decoder<'_> {
    pub(super) fn mounts(&mut self, map: &Map, trail: &Trail<'_>) -> Vec<ServiceMount> {
        let items = map
            .get("volumes")
            .and_then(Node::as_list)
            .unwrap_or_default();
        let trail = trail.key("volumes");
        let maps = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some((index, item.as_map()?)));
        maps.filter_map(|(index, map)| self.mount(map, &trail.item(index)))
            .collect()
    }

    fn mount(&mut self, map: &Map, trail: &Trail<'_>) -> Option<ServiceMount> {
        let target = self.mount_target(map, trail);
        let source = self.mount_source(map, trail);
        Some(ServiceMount {
            source: source?,
            target: target?,
            read_only: boolean(map, "read_only").unwrap_or(false),
            written: Written(
                map.get("source")
                    .and_then(|node| self.sink.location(node.place)),
            ),
        })
    }

    fn mount_target(&mut self, map: &Map, trail: &Trail<'_>) -> Option<String> {
        let node = map.get("target")?;
        let target = node.as_text()?;
        if target.starts_with('/') {
            return Some(target.to_owned());
        }
        let letter = target.split(':').next().unwrap_or_default();
        let lone = target.contains(':') && letter.chars().count() == 1;
        let message = if lone {
            format!("in \"{target}\" in {trail} the single letter reads as a Windows drive")
        } else {
            format!("the target of {trail} must be an absolute path, not \"{target}\"")
        };
        self.refuse(codes::BAD_MOUNT, node.place, message);
        None
    }

    fn mount_source(&mut self, map: &Map, trail: &Trail<'_>) -> Option<ServiceMountSource> {
        let kind = map.get("type")?;
        let source = map.get("source");
        match kind.as_text()? {
            "bind" => {
                self.check_options(map, "volume", "a bind mount", trail);
                bind(map)
            }
            "volume" => {
                self.check_options(map, "bind", "a volume", trail);
                match source {
                    None => Some(ServiceMountSource::Anonymous),
                    // One that is not defined or has a bad name is told elsewhere.
                    Some(node) => match node.as_text()? {
                        "" => Some(ServiceMountSource::Anonymous),
                        key => VolumeName::new(key).ok().map(ServiceMountSource::Volume),
                    },
                }
            }
            later @ ("tmpfs" | "image" | "npipe" | "cluster") => {
                let message =
                    format!("Tercio does not support mounts of type {later} yet: {trail}");
                self.sink.add(
                    Finding::refusal(codes::NOT_SUPPORTED, kind.place, message)
                        .help("the types volume and bind are supported"),
                );
                None
            }
            // Told as an error before.
            _ => None,
        }
    }

    fn check_options(&mut self, map: &Map, other: &str, kind: &str, trail: &Trail<'_>) {
        if let Some(options) = map.entry(other) {
            let message = format!("{trail} is {kind} and has options under `{other}`");
            self.refuse(codes::BAD_DEFINITION, options.place, message);
        }
    }
}

fn bind(map: &Map) -> Option<ServiceMountSource> {
    let options = map.get("bind").and_then(Node::as_map);
    let create_host_path = options
        .and_then(|options| boolean(options, "create_host_path"))
        .unwrap_or(false);
    let source = map.get("source")?;
    Some(ServiceMountSource::Bind {
        path: source.as_text()?.to_owned(),
        create_host_path,
    })
}
