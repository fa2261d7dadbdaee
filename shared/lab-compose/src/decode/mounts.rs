//! What is mounted into a service's containers.

use lab_types::VolumeName;

use super::{Decoder, boolean};
use crate::codes;
use crate::path;
use crate::project::{ServiceMount, ServiceMountSource, Written};
use crate::sink::Finding;
use crate::suggest::nearest;
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
        let has_options = ["bind", "volume"].iter().any(|key| map.get(key).is_some());
        Some(ServiceMount {
            source: source?,
            target: target?,
            read_only: boolean(map, "read_only").unwrap_or(false),
            has_options,
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
            return Some(path::clean(target));
        }
        let message = format!("the target of {trail} must be an absolute path, not \"{target}\"");
        self.error(codes::BAD_MOUNT, node.place, message);
        None
    }

    fn mount_source(&mut self, map: &Map, trail: &Trail<'_>) -> Option<ServiceMountSource> {
        let kind = map.get("type")?;
        let source = map.get("source");
        match kind.as_text()? {
            "bind" => {
                self.check_options(map, "volume", "a bind mount", trail);
                self.bind(map, trail)
            }
            "volume" => {
                self.check_options(map, "bind", "a volume", trail);
                match source {
                    None => Some(ServiceMountSource::Anonymous),
                    Some(node) => self.named_volume(node, trail),
                }
            }
            later @ ("tmpfs" | "image" | "npipe" | "cluster") => {
                let message =
                    format!("Tercio does not support mounts of type {later} yet: {trail}");
                self.sink.add(
                    Finding::error(codes::NOT_SUPPORTED, kind.place, message)
                        .help("the types volume and bind are supported"),
                );
                None
            }
            other => {
                let message =
                    format!("the type of {trail} must be volume or bind, not \"{other}\"");
                self.error(codes::BAD_CHOICE, kind.place, message);
                None
            }
        }
    }

    fn check_options(&mut self, map: &Map, other: &str, kind: &str, trail: &Trail<'_>) {
        if let Some(options) = map.entry(other) {
            let message = format!("{trail} is {kind} and has options under `{other}`");
            self.error(codes::BAD_DEFINITION, options.place, message);
        }
    }

    fn bind(&mut self, map: &Map, trail: &Trail<'_>) -> Option<ServiceMountSource> {
        let options = map.get("bind").and_then(Node::as_map);
        let create_host_path = options
            .and_then(|options| boolean(options, "create_host_path"))
            .unwrap_or(false);
        if map.get("source").is_none() {
            let place = map.get("type")?.place;
            let message = format!("{trail} is a bind mount and lacks `source`");
            self.error(codes::BAD_DEFINITION, place, message);
        }
        let source = map.get("source")?;
        let path = self.host_path(source.as_text()?, source.place);
        Some(ServiceMountSource::Bind {
            path,
            create_host_path,
        })
    }

    fn named_volume(&mut self, node: &Node, trail: &Trail<'_>) -> Option<ServiceMountSource> {
        let key = node.as_text()?;
        if !self.defined.volumes.contains(key) {
            let message = format!("{trail} mounts the volume `{key}`, which is not defined");
            let finding = Finding::error(codes::UNDEFINED_VOLUME, node.place, message);
            let help = match nearest(key, self.defined.volumes.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if key.contains('/') => format!("for a folder write `./{key}`"),
                None => format!(
                    "define it: `volumes: {{{key}: }}` at the top level; for a folder write `./{key}`"
                ),
            };
            self.sink.add(finding.help(help));
            return None;
        }
        // A bad name is reported where the volume is defined.
        VolumeName::new(key).ok().map(ServiceMountSource::Volume)
    }
}
