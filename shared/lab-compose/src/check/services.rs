//! What one service says, in itself.

use std::collections::BTreeMap;

use crate::codes;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Node, Value};

pub(super) fn service(service: &Map, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    image(service, place, trail, sink);
    build(service, trail, sink);
    network_mode(service, trail, sink);
    health(service, trail, sink);
    watches(service, trail, sink);
    sources(service, trail, sink);
    targets(service, trail, sink);
}

/// Whether something stands there, be it unreadable.
fn says(map: &Map, key: &str) -> bool {
    map.get(key).is_some_and(|node| match &node.value {
        Value::Text(text) => !text.text.is_empty(),
        Value::Null => false,
        _ => true,
    })
}

fn image(service: &Map, place: Place, trail: &Trail<'_>, sink: &mut Sink) {
    if ["image", "build", "provider"]
        .iter()
        .any(|key| says(service, key))
    {
        return;
    }
    let message = format!("{trail} has neither `image` nor `build`");
    sink.add(
        Finding::error(codes::NO_IMAGE, place, message)
            .help("name an image to run, or a folder to build one from"),
    );
}

/// Reports that two attributes of a mapping cannot stand together.
fn exclusive(map: &Map, (one, two): (&str, &str), trail: &Trail<'_>, sink: &mut Sink) {
    if let (Some(first), Some(second)) = (map.entry(one), map.entry(two))
        && says(map, one)
        && says(map, two)
    {
        let message = format!("{trail} has both `{one}` and `{two}`");
        sink.add(
            Finding::error(codes::BAD_DEFINITION, second.place, message)
                .related(first.place)
                .help("remove one of the two"),
        );
    }
}

fn build(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(build) = service.map("build") else {
        return;
    };
    let trail_of_build = trail.key("build");
    let files = ("dockerfile", "dockerfile_inline");
    exclusive(build, files, &trail_of_build, sink);
    let platforms = build.list("platforms");
    if let Some(platform) = service.get("platform")
        && says(service, "platform")
        && !platforms.is_empty()
        && !platforms
            .iter()
            .any(|one| one.as_text() == platform.as_text())
    {
        let message = format!(
            "{trail} is for the platform {}, which its build does not make",
            platform.as_text().unwrap_or_default()
        );
        let place = build
            .get("platforms")
            .map_or(platform.place, |node| node.place);
        sink.add(
            Finding::error(codes::BAD_DEFINITION, platform.place, message)
                .related(place)
                .help("add it to `build.platforms`"),
        );
    }
}

fn network_mode(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let joined = service.map("networks").is_some_and(|map| !map.0.is_empty());
    if joined {
        exclusive(service, ("networks", "network_mode"), trail, sink);
    }
}

fn health(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let Some(check) = service.map("healthcheck") else {
        return;
    };
    let (Some(node), Some(first)) = (check.get("test"), check.list("test").first()) else {
        return;
    };
    if ["CMD", "CMD-SHELL", "NONE"].contains(&first.as_text().unwrap_or_default()) {
        return;
    }
    let message = format!(
        "the test of {trail}.healthcheck cannot be read: a list must begin with CMD, CMD-SHELL or NONE"
    );
    sink.add(
        Finding::error(codes::BAD_HEALTHCHECK, node.place, message)
            .help("write a text for the shell, or a list such as [\"CMD\", \"curl\", \"-f\", \"localhost\"]"),
    );
}

fn watches(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let trail = trail.key("develop");
    let trail = trail.key("watch");
    let watches = service
        .map("develop")
        .map(|map| map.list("watch"))
        .unwrap_or_default();
    for (index, node) in watches.iter().enumerate() {
        let Some(watch) = node.as_map() else { continue };
        let trail = trail.item(index);
        if watch.text("path") == Some("") {
            let message = format!("{trail} has an empty `path`");
            sink.add(Finding::error(codes::BAD_DEFINITION, node.place, message));
        }
        let copies = watch
            .text("action")
            .is_some_and(|action| !["rebuild", "restart"].contains(&action));
        if copies && !says(watch, "target") {
            let message = format!("{trail} copies files and lacks `target`");
            sink.add(
                Finding::error(codes::BAD_DEFINITION, node.place, message)
                    .help("name the folder of the container that the files go to"),
            );
        }
    }
}

/// Reports mounts of a path of the host that name none.
fn sources(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let trail = trail.key("volumes");
    for (index, node) in service.list("volumes").iter().enumerate() {
        let Some(mount) = node.as_map() else { continue };
        if mount.text("type") == Some("bind") && mount.get("source").is_none() {
            let place = mount.get("type").map_or(node.place, |node| node.place);
            let trail = trail.item(index);
            let message = format!("{trail} is a bind mount and lacks `source`");
            sink.add(Finding::error(codes::BAD_DEFINITION, place, message));
        }
    }
}

/// Reports paths of the container at which two things would be mounted.
fn targets(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let tmpfs = service.list("tmpfs").iter().filter_map(|node| {
        let text = node.as_text()?;
        Some((text.split(':').next().unwrap_or_default(), node.place))
    });
    let mounts = service.list("volumes").iter().filter_map(|node| {
        let target = node.as_map()?.text("target")?;
        Some((target, node.place))
    });
    for (target, place) in tmpfs.chain(mounts) {
        match seen.get(target) {
            Some(first) => {
                let message = format!("two entries of {trail} have the target {target}");
                sink.add(Finding::error(codes::TARGET_TAKEN_TWICE, place, message).related(*first));
            }
            None => {
                seen.insert(target.to_owned(), place);
            }
        }
    }
}

/// Reports names that two containers would bear.
pub(super) fn container_names(services: &[Entry], sink: &mut Sink) {
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for entry in services {
        let name = entry
            .node
            .as_map()
            .and_then(|map| map.get("container_name"));
        let Some((name, text)) = name.and_then(|node: &Node| Some((node, node.as_text()?))) else {
            continue;
        };
        match seen.get(text) {
            Some(first) => {
                let message = format!("the container name {text} is given twice");
                sink.add(
                    Finding::error(codes::NAME_TAKEN_TWICE, name.place, message).related(*first),
                );
            }
            None => {
                seen.insert(text, name.place);
            }
        }
    }
}
