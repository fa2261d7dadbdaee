//! Variables and labels that services take from files: later files over earlier ones, what the
//! service itself says over all.

use std::collections::BTreeMap;

use super::Normaliser;
use crate::codes;
use crate::dotenv;
use crate::path;
use crate::sink::{FileId, Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

/// A file that has been read; several services may name it.
#[derive(Clone)]
pub(super) struct Loaded {
    file: FileId,
    text: String,
}

/// How a service names one of its files.
struct Named<'a> {
    node: &'a Node,
    required: bool,
    raw: bool,
}

impl Normaliser<'_> {
    /// Makes `environment` whole: a variable without a value anywhere stays there without one.
    pub(super) fn variables(&mut self, service: &mut Map, trail: &Trail<'_>) {
        let own = pairs(service, "environment");
        let mut all: BTreeMap<String, Node> = BTreeMap::new();
        for file in service.list("env_file").iter().filter_map(Node::as_map) {
            let Some(node) = file.get("path").filter(|node| node.as_text().is_some()) else {
                continue;
            };
            let named = Named {
                node,
                required: file.get("required").and_then(Node::as_bool).unwrap_or(true),
                raw: self.is_raw(file, trail),
            };
            let project = self.scope.env;
            let lookup = |name: &str| {
                let of_project = project.get(name).map(String::as_str);
                let own = || own.get(name).and_then(Node::as_text);
                of_project.or_else(own).map(str::to_owned)
            };
            let found = self.read_pairs(&named, &lookup, &all, trail);
            all.extend(found);
        }
        for (key, mut node) in own {
            self.take_from_environment(&key, &mut node);
            all.insert(key, node);
        }
        put_pairs(service, "environment", all);
    }

    /// Makes `labels` whole.
    pub(super) fn labels(&mut self, service: &mut Map, trail: &Trail<'_>) {
        let mut all: BTreeMap<String, Node> = BTreeMap::new();
        for node in service.list("label_file") {
            let named = Named {
                node,
                required: true,
                raw: false,
            };
            // Other than with variables, what an earlier file says wins over an earlier line.
            let lookup = |name: &str| all.get(name).and_then(Node::as_text).map(str::to_owned);
            let found = self.read_pairs(&named, &lookup, &BTreeMap::new(), trail);
            all.extend(found);
        }
        all.extend(pairs(service, "labels"));
        put_pairs(service, "labels", all);
    }

    fn is_raw(&mut self, file: &Map, trail: &Trail<'_>) -> bool {
        match file.text("format") {
            None | Some("") => false,
            Some("raw") => true,
            Some(other) => {
                let place = file.get("format").map(|node| node.place);
                let message = format!(
                    "the format of an environment file of {trail} must be raw, not \"{other}\""
                );
                self.sink
                    .add(Finding::error(codes::BAD_CHOICE, place, message));
                false
            }
        }
    }

    /// The pairs of a file, in which `lookup` gives what variables stand for; what it does not have may
    /// stand in an earlier line, or in an earlier file.
    fn read_pairs(
        &mut self,
        named: &Named<'_>,
        lookup: &dyn Fn(&str) -> Option<String>,
        earlier: &BTreeMap<String, Node>,
        trail: &Trail<'_>,
    ) -> BTreeMap<String, Node> {
        let place = named.node.place;
        let name = named.node.as_text().unwrap_or_default();
        let Some(loaded) = self.load_env_file(name, place, named.required, trail) else {
            return BTreeMap::new();
        };
        let Some(left) = self.budget.checked_sub(loaded.text.len()) else {
            let message = format!("the environment files of the project are too large: {trail}");
            self.sink
                .add(Finding::error(codes::TOO_LARGE, place, message));
            return BTreeMap::new();
        };
        *self.budget = left;
        let earlier = earlier.iter();
        let earlier: BTreeMap<String, String> = earlier
            .filter_map(|(key, node)| Some((key.clone(), node.as_text()?.to_owned())))
            .collect();
        let (assignments, faults) = if named.raw {
            dotenv::parse_raw(&loaded.text)
        } else {
            dotenv::parse_after(&loaded.text, lookup, earlier.clone(), self.budget)
        };
        for fault in faults {
            self.sink.add(fault.finding(loaded.file));
        }
        let full = |(key, value): (String, Option<String>)| {
            // A name without a value is looked up like a variable, or is not there at all.
            let value = value
                .or_else(|| lookup(&key))
                .or_else(|| earlier.get(&key).cloned())?;
            Some((key, Node::text(place, value)))
        };
        let pairs = assignments.into_iter().map(|one| (one.key, one.value));
        pairs.filter_map(full).collect()
    }

    fn load_env_file(
        &mut self,
        name: &str,
        place: Place,
        required: bool,
        trail: &Trail<'_>,
    ) -> Option<Loaded> {
        let mut node = Node::text(place, name);
        self.host_path(&mut node);
        let absolute = path::clean(node.as_text().unwrap_or_default());
        if let Some(loaded) = self.env_files.get(&absolute) {
            return Some(loaded.clone());
        }
        match self.scope.src.read(&absolute) {
            Ok(Some(text)) => {
                let file = self.sink.add_file(name, &text);
                let loaded = Loaded { file, text };
                self.env_files.insert(absolute, loaded.clone());
                return Some(loaded);
            }
            Ok(None) if !required => {}
            Ok(None) => {
                let message = format!("the environment file {name} of {trail} does not exist");
                self.sink.add(
                    Finding::error(codes::ENV_FILE_MISSING, place, message).help(format!(
                        "looked for {absolute}; write {{path: {name}, required: false}} if it may be absent"
                    )),
                );
            }
            Err(unreadable) => {
                let message = format!("the environment file of {trail}: {unreadable}");
                self.sink
                    .add(Finding::error(codes::FILE_UNREADABLE, place, message));
            }
        }
        None
    }
}

/// The pairs of an attribute.
fn pairs(service: &Map, key: &str) -> BTreeMap<String, Node> {
    let entries = service
        .map(key)
        .map(|map| map.0.as_slice())
        .unwrap_or_default();
    let entries = entries.iter();
    entries
        .map(|entry| (entry.key.clone(), entry.node.clone()))
        .collect()
}

fn put_pairs(service: &mut Map, key: &str, pairs: BTreeMap<String, Node>) {
    let invalid = service
        .get(key)
        .is_some_and(|node| node.value == Value::Invalid);
    if invalid || (pairs.is_empty() && service.get(key).is_none()) {
        return;
    }
    let place = service.get(key).map_or(Place::default(), |node| node.place);
    let mut map = Map::default();
    for (key, node) in pairs {
        map.put(&key, node);
    }
    service.set(key, Node::new(place, Value::Map(map)));
}
