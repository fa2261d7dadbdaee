//! What an `extends` says.

use std::collections::BTreeMap;

use crate::codes;
use crate::load::layers::services_of;
use crate::sink::{Finding, Place, Sink};
use crate::trail::Trail;
use crate::yaml::{Entry, Node, Value};

/// What a service extends.
#[derive(Clone)]
pub(in crate::load) struct Extends {
    /// Where the service is named.
    pub(super) place: Place,
    pub(super) service: String,
    /// The file, where another one is named.
    pub(super) file: Option<(String, Place)>,
}

/// What the services of a document extend, by service.
pub(in crate::load) type AllExtends = BTreeMap<String, Extends>;

impl Extends {
    /// Takes every `extends` out of a document that is not in full form yet.
    pub(in crate::load) fn take_all(root: &mut Node, sink: &mut Sink) -> AllExtends {
        let mut all = AllExtends::new();
        let names: Vec<String> = match root.as_map().and_then(|map| map.get("services")) {
            Some(services) => services.as_map().map_or_else(Vec::new, |map| {
                map.0.iter().map(|entry| entry.key.clone()).collect()
            }),
            None => return all,
        };
        for (name, service) in names.into_iter().zip(services_of(root)) {
            let Value::Map(map) = &mut service.value else {
                continue;
            };
            let at = map.0.iter().position(|entry| entry.key == "extends");
            let taken = at.map(|at| map.0.remove(at));
            if let Some(extends) = taken.and_then(|entry| Self::of(&entry, &name, sink)) {
                all.insert(name, extends);
            }
        }
        all
    }

    /// What an `extends` says, or the report that it says nothing.
    fn of(entry: &Entry, name: &str, sink: &mut Sink) -> Option<Self> {
        let trail = Trail::ROOT.key("services");
        let trail = trail.key(name);
        let trail = trail.key("extends");
        let place = entry.node.place;
        if let Some(service) = entry.node.as_text() {
            return Some(Self {
                place,
                service: service.to_owned(),
                file: None,
            });
        }
        let Some(map) = entry.node.as_map() else {
            if entry.node.value != Value::Invalid {
                let kind = entry.node.value.kind();
                let message = format!("{trail} must be a text or a mapping, not {kind}");
                sink.add(Finding::error(codes::WRONG_TYPE, place, message));
            }
            return None;
        };
        let mut texts: BTreeMap<&str, (&str, Place)> = BTreeMap::new();
        for entry in &map.0 {
            let key = entry.key.as_str();
            match entry.node.as_text() {
                _ if key.starts_with("x-") => {}
                _ if !["service", "file"].contains(&key) => {
                    // The real tool never looks; a slip is told all the same.
                    let message = format!("{trail} has no attribute `{key}`; it changes nothing");
                    let help = "it has `service` and `file`";
                    sink.add(Finding::warning(codes::UNKNOWN_KEY, entry.place, message).help(help));
                }
                Some(text) => drop(texts.insert(key, (text, entry.node.place))),
                None if entry.node.value == Value::Invalid => return None,
                None => {
                    let kind = entry.node.value.kind();
                    let message = format!("{} must be a text, not {kind}", trail.key(key));
                    sink.add(Finding::error(codes::WRONG_TYPE, entry.node.place, message));
                    return None;
                }
            }
        }
        let Some((service, place)) = texts.get("service") else {
            let message = format!("{trail} lacks `service`");
            sink.add(Finding::error(codes::BAD_DEFINITION, place, message).help(
                "name the service to extend, as in `extends: {file: base.yml, service: web}`",
            ));
            return None;
        };
        let file = texts.get("file");
        Some(Self {
            place: *place,
            service: (*service).to_owned(),
            file: file.map(|(file, place)| ((*file).to_owned(), *place)),
        })
    }
}
