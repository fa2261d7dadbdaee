//! `extends`: a service that begins as another one, of the same document or of another file.

mod book;
mod entry;

use std::collections::BTreeMap;

use super::Loader;
use super::files::{Named, Source};
use super::layers::SHAPE;
use super::rebase;
use super::site::Site;
use crate::codes;
use crate::grammar::canonical::canonical;
use crate::path;
use crate::sink::{Finding, Place};
use crate::suggest::nearest;
use crate::trail::Trail;
use crate::yaml::{Map, Marks, Node, Size, Value};

pub(super) use entry::Extends;

use book::{Book, in_file, of_file, section};
use entry::AllExtends;

/// Services that may extend one another in a row; the longest row known has five.
const CHAIN_MAX: usize = 64;

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
        // Thousands may follow the one that was too much.
        if self.loader.is_exhausted() {
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
