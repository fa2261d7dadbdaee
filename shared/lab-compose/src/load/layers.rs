//! Files that belong together → one tree, each over those before it.

use super::Loader;
use super::extends::Extends;
use super::files::Source;
use super::site::{Chain, Site};
use crate::codes;
use crate::grammar::{FILE, Shape, canonical::canonical, merge::merge};
use crate::interpolate::tree::Interpolator;
use crate::sink::{Finding, Place};
use crate::trail::Trail;
use crate::yaml::{Document, Map, Node, Value};

/// A file, and where another one names it.
pub(super) type Listed = (Source, Option<Place>);

/// The shape of a whole file.
pub(super) const SHAPE: Shape = Shape::Object(&FILE);

impl Loader<'_> {
    /// The files' documents interpolated, in full form, with what they include and extend, and laid
    /// over one another.
    pub(super) fn merged(
        &mut self,
        sources: &[Listed],
        site: &Site<'_>,
        chain: Option<&Chain<'_>>,
    ) -> Map {
        let mut merged = Map::default();
        for (source, named) in sources {
            let chain = Chain {
                path: &source.path,
                named: *named,
                outer: chain,
            };
            for document in source.documents.iter() {
                let layer = self.layer(document, site, &chain);
                document.marks.clear(&mut merged);
                merged = self.over(merged, layer);
            }
        }
        merged
    }

    /// One document in full form, with what it includes and extends.
    fn layer(&mut self, document: &Document, site: &Site<'_>, chain: &Chain<'_>) -> Node {
        if document.root.value == Value::Null {
            let place = document.root.place;
            let message = "the document is empty";
            self.sink.add(
                Finding::error(codes::WRONG_TYPE, place, message)
                    .help("remove its `---`, or write below it what the project has"),
            );
            return Node::invalid(place);
        }
        let mut layer = self.interpolated(document, site);
        if self.is_version_1(&layer) {
            return Node::invalid(layer.place);
        }
        let includes = self.take_includes(&mut layer);
        let extended = Extends::take_all(&mut layer, self.sink);
        let mut layer = canonical(layer, &SHAPE, &Trail::ROOT, self.sink);
        if let Value::Map(map) = &mut layer.value {
            self.include(map, &includes, site, chain);
            self.extend(map, extended, &document.marks, site, chain.path);
        }
        layer
    }

    /// A document with its variables replaced.
    pub(super) fn interpolated(&mut self, document: &Document, site: &Site<'_>) -> Node {
        let mut root = document.root.clone();
        let mut interpolator = Interpolator {
            lookup: &|name| site.variable(name).cloned(),
            budget: self.budget,
            sink: self.sink,
        };
        interpolator.apply(&mut root, &Trail::ROOT);
        self.budget = interpolator.budget;
        if site.outer.is_some() {
            fill_listed_variables(&mut root, site);
        }
        root
    }

    /// One tree over another, by the rules of the grammar.
    pub(super) fn over(&mut self, base: Map, over: Node) -> Map {
        let base = Node::new(Place::default(), Value::Map(base));
        let merged = merge(base, over, &SHAPE, &Trail::ROOT, self.sink);
        match merged.value {
            Value::Map(map) => map,
            // It was reported.
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Date(_)
            | Value::List(_)
            | Value::Invalid => Map::default(),
        }
    }
}

/// `- NAME` in the environment of an included service takes its value from the variables that the
/// included files are read with, which the project's own services do not see.
fn fill_listed_variables(root: &mut Node, site: &Site<'_>) {
    for service in services_of(root) {
        let Value::Map(service) = &mut service.value else {
            continue;
        };
        let environment = service
            .0
            .iter_mut()
            .find(|entry| entry.key == "environment");
        if let Some(Value::List(items)) = environment.map(|entry| &mut entry.node.value) {
            for item in items {
                let value = item.as_text().and_then(|name| {
                    let value = site.variable(name)?;
                    Some(format!("{name}={value}"))
                });
                if let Some(value) = value {
                    *item = Node::text(item.place, value);
                }
            }
        }
    }
}

/// The services of a document.
pub(super) fn services_of(root: &mut Node) -> impl Iterator<Item = &mut Node> {
    let sections = match &mut root.value {
        Value::Map(map) => map.0.as_mut_slice(),
        _ => &mut [],
    };
    let services = sections.iter_mut().find(|entry| entry.key == "services");
    let services = match services.map(|entry| &mut entry.node.value) {
        Some(Value::Map(map)) => map.0.as_mut_slice(),
        _ => &mut [],
    };
    services.iter_mut().map(|entry| &mut entry.node)
}
