//! What is mounted into a service's containers.

use lab_types::{
    BindOptions, MountsBelow, Propagation, SelinuxSharing, VolumeFilling, VolumeName, VolumeOptions,
};

use super::{Decoder, boolean, labels, text};
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
        match kind.as_text()? {
            "bind" => {
                self.check_options(map, "volume", "a bind mount", trail);
                self.bind(map, trail)
            }
            "volume" => {
                self.check_options(map, "bind", "a volume", trail);
                volume(map)
            }
            "tmpfs" => {
                let options = map.map("tmpfs");
                let size = options.and_then(|options| text(options, "size"));
                let mode = options.and_then(|options| options.get("mode")?.as_int());
                Some(ServiceMountSource::Tmpfs {
                    size_bytes: size.and_then(|size| size.parse().ok()),
                    mode: mode.and_then(|mode| u32::try_from(mode).ok()),
                })
            }
            later @ ("image" | "npipe" | "cluster") => {
                let message =
                    format!("Tercio does not support mounts of type {later} yet: {trail}");
                self.sink.add(
                    Finding::refusal(codes::NOT_SUPPORTED, kind.place, message)
                        .help("the types volume, bind and tmpfs are supported"),
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

    fn bind(&mut self, map: &Map, trail: &Trail<'_>) -> Option<ServiceMountSource> {
        let nothing = Map::default();
        let options = map.map("bind").unwrap_or(&nothing);
        let path = text(map, "source")?.to_owned();
        Some(ServiceMountSource::Bind {
            path,
            create_host_path: boolean(options, "create_host_path").unwrap_or(false),
            options: BindOptions {
                propagation: self.propagation(options, trail),
                below: match text(options, "recursive") {
                    Some("disabled") => MountsBelow::Hidden,
                    Some("writable") => MountsBelow::ShownWritable,
                    Some("readonly") => MountsBelow::ShownReadOnly,
                    _ => MountsBelow::Shown,
                },
                selinux: match text(options, "selinux") {
                    Some("z") => Some(SelinuxSharing::Shared),
                    Some("Z") => Some(SelinuxSharing::Private),
                    _ => None,
                },
            },
        })
    }

    fn propagation(&mut self, options: &Map, trail: &Trail<'_>) -> Option<Propagation> {
        let node = options.get("propagation")?;
        let word = node.as_text().filter(|word| !word.is_empty())?;
        let all = [
            Propagation::Private,
            Propagation::Rprivate,
            Propagation::Shared,
            Propagation::Rshared,
            Propagation::Slave,
            Propagation::Rslave,
        ];
        let known = all.into_iter().find(|known| known.to_string() == word);
        if known.is_none() {
            let message = format!(
                "the propagation of {trail} must be one of [r]private, [r]shared and [r]slave, not \"{word}\""
            );
            self.refuse(codes::BAD_CHOICE, node.place, message);
        }
        known
    }
}

fn volume(map: &Map) -> Option<ServiceMountSource> {
    let nothing = Map::default();
    let options = map.map("volume").unwrap_or(&nothing);
    let filling = match boolean(options, "nocopy") {
        Some(true) => VolumeFilling::Empty,
        Some(false) | None => VolumeFilling::FromImage,
    };
    match text(map, "source") {
        None | Some("") => Some(ServiceMountSource::Anonymous {
            filling,
            labels: labels(options, "labels"),
        }),
        // One that is not defined or has a bad name is told elsewhere.
        Some(key) => {
            let subpath = text(options, "subpath").filter(|path| !path.is_empty());
            Some(ServiceMountSource::Volume {
                key: VolumeName::new(key).ok()?,
                options: VolumeOptions {
                    filling,
                    subpath: subpath.map(str::to_owned),
                },
            })
        }
    }
}
