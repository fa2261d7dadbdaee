//! A project in its canonical form: what `config` prints.
//!
//! The form is Docker Compose's: the same keys in the same order, so that tools made for
//! `docker compose config` read ours.

mod service;
mod write;

use crate::doc::Doc;
use crate::project::{Network, Project, Volume};

impl Project {
    /// The canonical form as JSON, indented by two.
    #[must_use]
    pub fn to_json(&self) -> String {
        let sections = [
            Some(("networks", self.network_docs(Style::Json))),
            Some(("services", self.service_docs(Style::Json))),
            (!self.volumes.is_empty()).then(|| ("volumes", self.volume_docs())),
        ];
        write::json(&self.with_name(sections))
    }

    /// The canonical form as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let sections = [
            Some(("services", self.service_docs(Style::Yaml))),
            Some(("networks", self.network_docs(Style::Yaml))),
            (!self.volumes.is_empty()).then(|| ("volumes", self.volume_docs())),
        ];
        write::yaml(&self.with_name(sections))
    }

    fn with_name(&self, sections: [Option<(&str, Doc)>; 3]) -> Doc {
        let mut all = Fields::default();
        all.put("name", Doc::text(self.name.as_str()));
        for (key, section) in sections.into_iter().flatten() {
            all.put(key, section);
        }
        all.extend(&self.extensions);
        all.into_doc()
    }

    fn network_docs(&self, style: Style) -> Doc {
        let network = |network: &Network| {
            let mut fields = Fields::default();
            fields.put("name", Doc::text(network.engine_name.as_str()));
            fields.put_some("driver", network.driver.as_ref().map(Doc::text));
            if style == Style::Json {
                // Go prints this empty struct in JSON and omits it in YAML.
                fields.put("ipam", Doc::Map(Vec::new()));
            }
            fields.put_some("external", network.external.then_some(Doc::Bool(true)));
            fields.put_labels(&network.labels);
            fields.into_doc()
        };
        let networks = self.networks.iter();
        Doc::Map(
            networks
                .map(|(key, value)| (key.to_string(), network(value)))
                .collect(),
        )
    }

    fn volume_docs(&self) -> Doc {
        let volume = |volume: &Volume| {
            let mut fields = Fields::default();
            fields.put("name", Doc::text(volume.engine_name.as_str()));
            fields.put_some("driver", volume.driver.as_ref().map(Doc::text));
            fields.put_some("external", volume.external.then_some(Doc::Bool(true)));
            fields.put_labels(&volume.labels);
            fields.into_doc()
        };
        let volumes = self.volumes.iter();
        Doc::Map(
            volumes
                .map(|(key, value)| (key.to_string(), volume(value)))
                .collect(),
        )
    }
}

/// Where the two forms differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Json,
    Yaml,
}

/// Keys and values in the order they are put in.
#[derive(Default)]
struct Fields(Vec<(String, Doc)>);

impl Fields {
    fn put(&mut self, key: &str, value: Doc) {
        self.0.push((key.to_owned(), value));
    }

    fn put_some(&mut self, key: &str, value: Option<Doc>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn put_labels(&mut self, labels: &std::collections::BTreeMap<String, String>) {
        if !labels.is_empty() {
            let labels = labels
                .iter()
                .map(|(key, value)| (key.clone(), escaped(value)));
            self.put("labels", Doc::Map(labels.collect()));
        }
    }

    fn extend(&mut self, extensions: &std::collections::BTreeMap<String, Doc>) {
        self.0.extend(
            extensions
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }

    fn into_doc(self) -> Doc {
        Doc::Map(self.0)
    }
}

/// A text whose dollar signs would survive being read again.
fn escaped(text: &str) -> Doc {
    Doc::Text(text.replace('$', "$$"))
}
