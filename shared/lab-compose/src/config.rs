//! A project in its canonical form: what `config` prints.
//!
//! The form is Docker Compose's: the same keys in the same order, so that tools made for
//! `docker compose config` read ours. It has everything that Compose knows, also what Tercio cannot
//! act on.

mod json;
mod scalar;
mod yaml;

use std::collections::BTreeSet;

use lab_types::ProjectName;

use crate::grammar::print::{self, Style};
use crate::yaml::{Entry, Map, Node};

/// A project as its files have it, made whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its name.
    pub name: ProjectName,
    root: Map,
}

impl Config {
    pub(crate) fn new(name: ProjectName, mut root: Map) -> Self {
        let text = Node::text(crate::sink::Place::default(), name.as_str());
        root.0.retain(|entry| entry.key != "name");
        root.put("name", text);
        Self { name, root }
    }

    /// The canonical form as JSON, indented by two.
    #[must_use]
    pub fn to_json(&self) -> String {
        escaped(&json::json(&print::file(&self.root, Style::Json)))
    }

    /// The canonical form as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        escaped(&yaml::yaml(&print::file(&self.root, Style::Yaml)))
    }

    /// The names of its services, sorted.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        self.keys("services")
    }

    /// The keys of its networks, sorted.
    #[must_use]
    pub fn networks(&self) -> Vec<&str> {
        self.keys("networks")
    }

    /// The keys of its volumes, sorted.
    #[must_use]
    pub fn volumes(&self) -> Vec<&str> {
        self.keys("volumes")
    }

    /// The images that its services run, sorted, each once; one that is built and has no name gets
    /// `PROJECT-SERVICE`.
    #[must_use]
    pub fn images(&self) -> Vec<String> {
        let image = |entry: &Entry| {
            let map = entry.node.as_map();
            let named = map.and_then(|map| map.get("image")).and_then(Node::as_text);
            let named = named.filter(|image| !image.is_empty());
            named.map_or_else(|| format!("{}-{}", self.name, entry.key), str::to_owned)
        };
        let images: BTreeSet<String> = self.section("services").iter().map(image).collect();
        images.into_iter().collect()
    }

    /// The profiles of its services, sorted, each once.
    #[must_use]
    pub fn profiles(&self) -> Vec<&str> {
        let services = self.section("services").iter();
        let lists = services.filter_map(|entry| entry.node.as_map()?.get("profiles")?.as_list());
        let names: BTreeSet<&str> = lists.flatten().filter_map(Node::as_text).collect();
        names.into_iter().collect()
    }

    fn section(&self, key: &str) -> &[Entry] {
        let section = self.root.map(key).map(|map| map.0.as_slice());
        section.unwrap_or_default()
    }

    fn keys(&self, section: &str) -> Vec<&str> {
        let entries = self.section(section).iter();
        let mut names: Vec<&str> = entries.map(|entry| entry.key.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// Dollar signs so that they survive being read again.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}
