//! `extends`: a service that begins as another one, of the same document or of another file.

use std::collections::{BTreeMap, BTreeSet};

use super::Loader;
use super::files::{Named, Source};
use super::layers::{SHAPE, services_of};
use super::rebase;
use super::site::Site;
use crate::codes;
use crate::grammar::canonical::canonical;
use crate::path;
use crate::sink::{Finding, Place, Sink};
use crate::suggest::nearest;
use crate::trail::Trail;
use crate::yaml::{Entry, Map, Marks, Node, Size, Value};

/// Services that may extend one another in a row; the longest row known has five.
const CHAIN_MAX: usize = 64;

/// What a service extends.
#[derive(Clone)]
pub(super) struct Extends {
    place: Place,
    service: String,
    /// The file, where another one is named.
    file: Option<(String, Place)>,
}

/// What the services of a document extend, by service.
pub(super) type AllExtends = BTreeMap<String, Extends>;

impl Extends {
    /// Takes every `extends` out of a document that is not in full form yet.
    pub(super) fn take_all(root: &mut Node, sink: &mut Sink) -> AllExtends {
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
                    let message = format!("{trail} has no attribute `{key}`");
                    let help = "it has `service` and `file`";
                    sink.add(Finding::error(codes::UNKNOWN_KEY, entry.place, message).help(help));
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

/// The services of one document, or of one file that is extended.
struct Book {
    /// The file's absolute path.
    path: String,
    /// The folder that its own `extends.file` start from.
    dir: String,
    /// The names of its services.
    names: BTreeSet<String>,
    /// Its documents as they were read; none for the project's own, whose services are in full form.
    raw: Vec<(Node, Marks)>,
    /// Services in full form, those that extend others without what they extend.
    services: BTreeMap<String, Node>,
    extends: AllExtends,
    /// What its last document takes away from what is extended.
    marks: Marks,
    /// Services that have what they extend.
    whole: BTreeMap<String, Node>,
}

/// A service on the way from one to what it extends.
struct Step {
    book: usize,
    name: String,
    place: Place,
}

/// Resolves the `extends` of one document.
struct Extender<'l, 'a, 's> {
    loader: &'l mut Loader<'a>,
    site: &'s Site<'s>,
    books: Vec<Book>,
    steps: Vec<Step>,
}

impl Loader<'_> {
    /// Lays each service of `root` that extends another one over that.
    pub(super) fn extend(
        &mut self,
        root: &mut Map,
        extends: AllExtends,
        marks: &Marks,
        site: &Site<'_>,
        path: &str,
    ) {
        let Some(Value::Map(services)) = section(root, "services") else {
            return;
        };
        if extends.is_empty() {
            return;
        }
        let names: Vec<String> = extends.keys().cloned().collect();
        let entries = services.0.iter();
        let book = Book {
            path: path.to_owned(),
            dir: site.dir.clone(),
            names: entries.clone().map(|entry| entry.key.clone()).collect(),
            raw: Vec::new(),
            services: entries
                .map(|entry| (entry.key.clone(), entry.node.clone()))
                .collect(),
            extends,
            marks: marks.clone(),
            whole: BTreeMap::new(),
        };
        let mut extender = Extender {
            loader: self,
            site,
            books: vec![book],
            steps: Vec::new(),
        };
        for name in names {
            // The rest would be copied for nothing.
            if extender.loader.is_exhausted() {
                break;
            }
            if let Some(whole) = extender.whole(0, &name)
                && let Some(entry) = services.0.iter_mut().find(|entry| entry.key == name)
            {
                entry.node = whole;
            }
        }
    }
}

impl Extender<'_, '_, '_> {
    /// A service of a book with what it extends.
    fn whole(&mut self, book: usize, name: &str) -> Option<Node> {
        if let Some(whole) = self.books[book].whole.get(name) {
            return Some(whole.clone());
        }
        let own = self.own(book, name)?;
        let Some(extends) = self.books[book].extends.get(name).cloned() else {
            return Some(own);
        };
        if own.as_map().is_none() || self.is_cycle(book, name, &extends) {
            return Some(own);
        }
        self.steps.push(Step {
            book,
            name: name.to_owned(),
            place: extends.place,
        });
        let base = self.base(book, name, &extends);
        self.steps.pop();
        let whole = match base {
            Some(base) => self.over(book, name, base, own),
            None => own,
        };
        let kept = whole.clone();
        self.books[book].whole.insert(name.to_owned(), kept);
        Some(whole)
    }

    /// What a service extends, whole; nothing when it is not there, which is reported, or empty.
    fn base(&mut self, book: usize, name: &str, extends: &Extends) -> Option<Node> {
        let from = match &extends.file {
            None => book,
            Some((file, place)) => self.open(book, file, *place)?,
        };
        if !self.books[from].names.contains(&extends.service) {
            self.report_missing(from, name, extends);
            return None;
        }
        let base = self.whole(from, &extends.service)?;
        let fits = base.as_map().is_some() && self.loader.spend(Size::of(&base), extends.place);
        fits.then_some(base)
    }

    /// `own` over `base`, of which the document's own marks take their share.
    fn over(&mut self, book: usize, name: &str, base: Node, own: Node) -> Node {
        let mut base = in_file(name, base);
        let marks = self.books[book].marks.at("services");
        if let (Some(marks), Some(Value::Map(services))) = (
            marks.and_then(|marks| marks.at(name)),
            section(&mut base, "services"),
        ) {
            for entry in &mut services.0 {
                if let Value::Map(service) = &mut entry.node.value {
                    marks.clear(service);
                }
            }
        }
        let place = own.place;
        let own = Node::new(place, Value::Map(in_file(name, own)));
        of_file(self.loader.over(base, own)).unwrap_or(Node::invalid(place))
    }

    fn is_cycle(&mut self, book: usize, name: &str, extends: &Extends) -> bool {
        let again = |step: &Step| step.book == book && step.name == name;
        let Some(start) = self.steps.iter().position(again) else {
            if self.steps.len() < CHAIN_MAX {
                return false;
            }
            let message = format!("more than {CHAIN_MAX} services extend one another in a row");
            let finding = Finding::error(codes::TOO_LARGE, extends.place, message);
            self.loader.sink.add(finding);
            return true;
        };
        let named = |step: &Step| {
            let path = &self.books[step.book].path;
            format!("{} ({})", step.name, self.loader.shown(path))
        };
        let mut names: Vec<String> = self.steps[start..].iter().map(named).collect();
        names.extend(names.first().cloned());
        let message = format!("services extend one another: {}", names.join(" -> "));
        let last = self.steps.last().map_or(extends.place, |step| step.place);
        let finding = Finding::error(codes::EXTENDS, last, message)
            .help("remove one of these `extends`; none of the services could be made first");
        self.loader.sink.add(match last == extends.place {
            true => finding,
            false => finding.related(extends.place),
        });
        true
    }

    fn report_missing(&mut self, from: usize, name: &str, extends: &Extends) {
        let wanted = &extends.service;
        let book = &self.books[from];
        let shown = self.loader.shown(&book.path);
        let message = format!(
            "services.{name} extends the service `{wanted}`, which {shown} does not define"
        );
        let finding = Finding::error(codes::EXTENDS, extends.place, message);
        let known = book.names.iter().map(String::as_str);
        self.loader.sink.add(match nearest(wanted, known) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None if extends.file.is_none() => finding.help(
                "a service of another file is extended with `extends: {file: FILE, service: NAME}`",
            ),
            None => finding.help("check the service's name, and the file's"),
        });
    }

    /// The book of another file, read once for the document.
    fn open(&mut self, book: usize, file: &str, place: Place) -> Option<usize> {
        let absolute = path::absolute(&self.books[book].dir, file);
        let known = |other: &Book| other.path == absolute;
        if let Some(found) = self.books.iter().skip(1).position(known) {
            return Some(found + 1);
        }
        let source = self.loader.read(Named {
            path: &absolute,
            written: file,
            place,
            by: "`extends`",
        })?;
        let book = self.book(&source);
        self.books.push(book);
        Some(self.books.len() - 1)
    }

    fn book(&mut self, source: &Source) -> Book {
        let documents = source.documents.iter();
        let raw: Vec<(Node, Marks)> = documents
            .map(|document| {
                let root = self.loader.interpolated(document, self.site);
                (root, document.marks.clone())
            })
            .collect();
        let services = raw
            .iter()
            .filter_map(|(root, _)| root.as_map()?.get("services"));
        let maps = services.filter_map(Node::as_map);
        let names = maps.flat_map(|map| map.0.iter().map(|entry| entry.key.clone()));
        Book {
            path: source.path.clone(),
            dir: path::parent(&source.path).to_owned(),
            names: names.collect(),
            extends: AllExtends::new(),
            marks: raw
                .last()
                .map(|(_, marks)| marks.clone())
                .unwrap_or_default(),
            raw,
            services: BTreeMap::new(),
            whole: BTreeMap::new(),
        }
    }

    /// A service in full form, without what it extends. Of a file that is extended, only services that
    /// are asked for are read: what else it holds is not part of the project.
    fn own(&mut self, book: usize, name: &str) -> Option<Node> {
        let held = &mut self.books[book];
        if held.raw.is_empty() || held.services.contains_key(name) {
            return held.services.get(name).cloned();
        }
        if self.loader.is_exhausted() {
            return None;
        }
        let mut merged = Map::default();
        for (root, marks) in &held.raw {
            let services = root.as_map().and_then(|map| map.get("services"));
            let service = services
                .and_then(Node::as_map)
                .and_then(|map| map.get(name));
            marks.clear(&mut merged);
            let Some(service) = service.cloned() else {
                continue;
            };
            let mut root = Node::new(service.place, Value::Map(in_file(name, service)));
            held.extends
                .append(&mut Extends::take_all(&mut root, self.loader.sink));
            let root = canonical(root, &SHAPE, &Trail::ROOT, self.loader.sink);
            merged = self.loader.over(merged, root);
        }
        rebase::apply(&mut merged, &path::relative(&self.site.dir, &held.dir));
        let own = of_file(merged)?;
        held.services.insert(name.to_owned(), own.clone());
        Some(own)
    }
}

/// A section of a file.
pub(super) fn section<'m>(root: &'m mut Map, name: &str) -> Option<&'m mut Value> {
    let entry = root.0.iter_mut().find(|entry| entry.key == name)?;
    Some(&mut entry.node.value)
}

/// A file that holds nothing but this service.
fn in_file(name: &str, service: Node) -> Map {
    let place = service.place;
    let mut services = Map::default();
    services.put(name, service);
    let mut root = Map::default();
    root.put("services", Node::new(place, Value::Map(services)));
    root
}

/// The service of a file that holds nothing else.
fn of_file(mut root: Map) -> Option<Node> {
    match section(&mut root, "services")? {
        Value::Map(services) => Some(services.0.pop()?.node),
        _ => None,
    }
}
