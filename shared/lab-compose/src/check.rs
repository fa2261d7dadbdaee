//! Checks over the whole project: what makes a file no Compose file ([`services`], [`references`],
//! [`objects`], [`cycles`]), and what whoever acts on it must be told ([`builds`], [`ports`]).

pub(crate) mod builds;
pub(crate) mod cycles;
mod limits;
mod objects;
pub(crate) mod ports;
mod references;
mod services;

pub(crate) use limits::COUNT_MAX;

use std::collections::BTreeMap;

use lab_types::ServiceName;

use crate::codes;
use crate::sink::{Finding, Sink};
use crate::trail::Trail;
use crate::yaml::Map;

/// Reports every contradiction of the normalised tree; `disabled` are services of profiles that are
/// not active.
pub(crate) fn consistency(
    root: &Map,
    disabled: &BTreeMap<ServiceName, Vec<String>>,
    sink: &mut Sink,
) {
    if root.0.is_empty() && disabled.is_empty() && !sink.has_errors() {
        let message = "the files define no service";
        sink.add(
            Finding::error(codes::NO_SERVICES, None, message)
                .help("add a service, as in `services: {web: {image: nginx}}`"),
        );
    }
    let services = entries(root, "services");
    let trail = Trail::ROOT.key("services");
    for entry in services {
        let trail = trail.key(&entry.key);
        if let Some(service) = entry.node.as_map() {
            services::service(service, entry.place, &trail, sink);
            limits::service(service, &trail, sink);
        }
    }
    services::container_names(services, sink);
    references::all(root, disabled, sink);
    objects::all(root, sink);
}

/// The entries of a section of the file.
fn entries<'a>(root: &'a Map, section: &str) -> &'a [crate::yaml::Entry] {
    root.map(section)
        .map(|map| map.0.as_slice())
        .unwrap_or_default()
}
