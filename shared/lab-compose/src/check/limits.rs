//! What a service says twice, in an older attribute and under `deploy`, and how many there are of it.

use crate::codes;
use crate::grammar::text_of;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::{Map, Node};

/// An older attribute, its counterpart, and the sections of `deploy.resources` that hold that.
const TWICE: [(&str, &str, &str); 4] = [
    ("cpus", "limits", "cpus"),
    ("mem_limit", "limits", "memory"),
    ("mem_reservation", "reservations", "memory"),
    ("pids_limit", "limits", "pids"),
];

pub(super) fn service(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    counts(service, trail, sink);
    let resources = service.map("deploy").and_then(|map| map.map("resources"));
    for (older, section, newer) in TWICE {
        let Some(said) = service.get(older).filter(|node| is_some(node)) else {
            continue;
        };
        let Some(section_map) = resources.and_then(|map| map.map(section)) else {
            continue;
        };
        if text_of(service, older) == text_of(section_map, newer) {
            continue;
        }
        let message =
            format!("{trail}.{older} and {trail}.deploy.resources.{section}.{newer} differ");
        let other = section_map.get(newer).map_or(said.place, |node| node.place);
        sink.add(
            Finding::error(codes::BAD_DEFINITION, said.place, message)
                .related(other)
                .help("write one of the two, or the same in both"),
        );
    }
}

/// Whether a number is there and not zero.
fn is_some(node: &Node) -> bool {
    node.value.scalar_text().is_some_and(|text| text != "0")
}

fn counts(service: &Map, trail: &Trail<'_>, sink: &mut Sink) {
    let scale = service.get("scale").filter(|node| node.as_int().is_some());
    let replicas = service.map("deploy").and_then(|map| map.get("replicas"));
    let replicas = replicas.filter(|node| node.as_int().is_some());
    if let (Some(scale), Some(replicas)) = (scale, replicas)
        && scale.as_int() != replicas.as_int()
    {
        let message = format!("{trail}.scale and {trail}.deploy.replicas differ");
        sink.add(
            Finding::error(codes::BAD_DEFINITION, replicas.place, message)
                .related(scale.place)
                .help("write one of the two, or the same in both"),
        );
    }
    let counts = [("scale", scale), ("deploy.replicas", replicas)];
    for (key, node) in counts
        .iter()
        .filter_map(|(key, node)| Some((key, (*node)?)))
    {
        let count = node.as_int().unwrap_or_default();
        if count < 0 {
            let message = format!("{trail}.{key} must be from 0 to {COUNT_MAX}, not {count}");
            sink.add(Finding::error(codes::BAD_NUMBER, node.place, message));
        }
    }
    if let (Some(name), Some(many)) = (service.get("container_name"), scale.or(replicas))
        && name.as_text().is_some_and(|name| !name.is_empty())
        && many.as_int().is_some_and(|count| count > 1)
    {
        let message = format!("{trail} names its container and asks for several");
        sink.add(
            Finding::error(codes::BAD_DEFINITION, name.place, message)
                .related(many.place)
                .help("remove `container_name`: a name can be borne by one container only"),
        );
    }
}

/// The largest count accepted anywhere: ten times the tasks of the largest lab planned for.
pub(crate) const COUNT_MAX: u32 = 1_000_000;
