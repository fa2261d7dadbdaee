//! Events of the YAML parser → trees, with aliases and merge keys resolved, within limits.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::anchored::{Anchored, Size};
use super::keys::{self, Key, Valued};
use super::tag::Merging;
use super::{Document, Marks, Node, Value, limits, scalar, tag};
use crate::codes;
use crate::sink::{FileId, Finding, Place, Sink};

/// The documents of a file. Whatever cannot be read is reported; a file with a syntax error gives
/// `None`, because what follows the error cannot be trusted.
pub(crate) fn read(file: FileId, source: &str, sink: &mut Sink) -> Option<Vec<Document>> {
    let start = Place {
        file,
        line: 1,
        column: 1,
    };
    if source.len() > limits::SOURCE_BYTES_MAX {
        let mebibytes = limits::SOURCE_BYTES_MAX >> 20;
        let message = format!("the file is larger than {mebibytes} MiB");
        sink.add(Finding::error(codes::TOO_LARGE, start, message));
        return None;
    }
    let mut builder = Builder::new(file, source, sink);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: limits::DEPTH_MAX,
        block_nesting_limit: limits::DEPTH_MAX,
    };
    for next in Parser::new_from_str_with_options(source, options) {
        let fed = match next {
            Ok((event, span)) => builder.feed(event, &span),
            Err(error) => stop(syntax(&error, file)),
        };
        if let Err(finding) = fed {
            builder.sink.add(*finding);
            return None;
        }
    }
    Some(builder.documents)
}

fn syntax(error: &ScanError, file: FileId) -> Finding {
    let place = place_of(file, error.marker());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(place),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => {
            Finding::error(codes::YAML_SYNTAX, place, error.info())
                .help("indent with blanks; YAML allows no tabs there")
        }
        // The parser's own words serve for all others.
        _ => Finding::error(codes::YAML_SYNTAX, place, error.info()),
    }
}

fn too_deep(place: Place) -> Finding {
    let message = format!("values are nested more than {} deep", limits::DEPTH_MAX);
    Finding::error(codes::TOO_LARGE, place, message)
}

fn place_of(file: FileId, mark: &Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        file,
        line: number(mark.line()).max(1),
        column: number(mark.col()).saturating_add(1),
    }
}

/// A collection that is still open.
enum Frame {
    List {
        open: Open,
        items: Vec<Node>,
    },
    Map {
        open: Open,
        entries: Vec<(Key, Valued)>,
        key: Option<Key>,
    },
}

/// What is known of a collection from its start.
#[derive(Clone, Copy)]
struct Open {
    place: Place,
    anchor: usize,
    merging: Option<Merging>,
}

struct Builder<'a> {
    file: FileId,
    source: &'a str,
    sink: &'a mut Sink,
    frames: Vec<Frame>,
    documents: Vec<Document>,
    /// Collections that are open and bear `!override`: what is tagged inside is theirs.
    overriding: usize,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    alias_bytes: usize,
}

/// An error ends the reading of the file.
type Fed = Result<(), Box<Finding>>;

fn stop(finding: Finding) -> Fed {
    Err(Box::new(finding))
}

impl<'a> Builder<'a> {
    fn new(file: FileId, source: &'a str, sink: &'a mut Sink) -> Self {
        Self {
            file,
            source,
            sink,
            frames: Vec::new(),
            documents: Vec::new(),
            overriding: 0,
            anchors: BTreeMap::new(),
            nodes: 0,
            alias_bytes: 0,
        }
    }

    /// Takes one event in; an error ends the reading of the file.
    fn feed(&mut self, event: Event<'_>, span: &Span) -> Fed {
        let place = place_of(self.file, &span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, place)?;
                let tag = tag.as_deref();
                let merges = text == "<<" && style == ScalarStyle::Plain && tag.is_none();
                let merging = tag.and_then(tag::merging);
                let value = match tag {
                    // What such a tag holds is a text, whatever it looks like.
                    Some(_) if merging.is_some() => scalar::plain(&text),
                    Some(tag) => {
                        tag::scalar(&text, tag, tag_place(place, span, self.file), self.sink)
                    }
                    None if style == ScalarStyle::Plain => scalar::resolve(&text),
                    None => scalar::plain(&text),
                };
                let node = Node::new(place, with_inset(value, style, span, self.source));
                let valued = self.marked(Valued::plain(node), merging);
                self.complete(valued, anchor, merges)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let merging = self.open(place, tag.as_deref(), "seq", span)?;
                let open = Open {
                    place,
                    anchor,
                    merging,
                };
                let items = Vec::new();
                self.frames.push(Frame::List { open, items });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                let merging = self.open(place, tag.as_deref(), "map", span)?;
                let open = Open {
                    place,
                    anchor,
                    merging,
                };
                let entries = Vec::new();
                self.frames.push(Frame::Map {
                    open,
                    entries,
                    key: None,
                });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, place),
            Event::UnresolvedAlias(name) => {
                let message = format!("the alias *{name} has no anchor &{name} before it");
                self.sink
                    .add(Finding::error(codes::YAML_SYNTAX, place, message));
                self.complete(Valued::plain(Node::invalid(place)), 0, false)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            // Stream and document starts, and whatever a later parser adds besides nodes.
            _ => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, place: Place) -> Fed {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > limits::NODES_MAX {
            let message = format!("the file holds more than {} values", limits::NODES_MAX);
            return stop(
                Finding::error(codes::TOO_LARGE, place, message)
                    .help("aliases count with everything they stand for"),
            );
        }
        Ok(())
    }

    fn count_bytes(&mut self, bytes: usize, place: Place) -> Fed {
        self.alias_bytes = self.alias_bytes.saturating_add(bytes);
        if self.alias_bytes > limits::ALIAS_BYTES_MAX {
            let mebibytes = limits::ALIAS_BYTES_MAX >> 20;
            let message = format!("anchors and aliases copy more than {mebibytes} MiB of text");
            return stop(Finding::error(codes::TOO_LARGE, place, message));
        }
        Ok(())
    }

    /// Makes room for a collection whose own tag, if it has one, is `wanted`.
    fn open(
        &mut self,
        place: Place,
        tag: Option<&Tag>,
        wanted: &str,
        span: &Span,
    ) -> Result<Option<Merging>, Box<Finding>> {
        self.count(1, place)?;
        self.check_depth(1, place)?;
        let merging = tag.and_then(tag::merging);
        if let (Some(tag), None) = (tag, merging) {
            tag::collection(tag, wanted, tag_place(place, span, self.file), self.sink);
        }
        self.overriding += usize::from(merging == Some(Merging::Override));
        Ok(merging)
    }

    /// The value with what its tag says. Inside an `!override` there is nothing of an earlier file
    /// left to take away, and the tags say no more than that a value stands there.
    fn marked(&self, valued: Valued, merging: Option<Merging>) -> Valued {
        match merging {
            Some(merging) if self.overriding == 0 => Valued {
                marks: Marks::clearing(),
                reset: merging == Merging::Reset,
                ..valued
            },
            Some(_) | None => valued,
        }
    }

    fn check_depth(&self, more: usize, place: Place) -> Fed {
        if self.frames.len().saturating_add(more) > limits::DEPTH_MAX {
            return stop(too_deep(place));
        }
        Ok(())
    }

    fn close(&mut self) -> Fed {
        match self.frames.pop() {
            Some(Frame::List { open, items }) => {
                self.close_with(open, Value::List(items), Marks::new())
            }
            Some(Frame::Map { open, entries, .. }) => {
                let (map, marks) = keys::finish(entries, self.sink);
                self.close_with(open, Value::Map(map), marks)
            }
            // The parser closes only what it opened.
            None => Ok(()),
        }
    }

    fn close_with(&mut self, open: Open, value: Value, marks: Marks) -> Fed {
        self.overriding -= usize::from(open.merging == Some(Merging::Override));
        let valued = Valued {
            marks,
            ..Valued::plain(Node::new(open.place, value))
        };
        let valued = self.marked(valued, open.merging);
        self.complete(valued, open.anchor, false)
    }

    fn alias(&mut self, id: usize, place: Place) -> Fed {
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "the alias stands inside the value that it refers to";
            return stop(Finding::error(codes::YAML_SYNTAX, place, message));
        };
        let size = anchored.size;
        self.count(size.nodes, place)?;
        self.check_depth(size.height, place)?;
        self.count_bytes(size.bytes, place)?;
        let valued = self.anchors.get(&id).map(|found| found.valued.clone());
        let valued = valued.unwrap_or_else(|| Valued::plain(Node::invalid(place)));
        self.complete(valued, 0, false)
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, valued: Valued, anchor: usize, merges: bool) -> Fed {
        if anchor != 0 {
            // The copy kept for aliases counts too: nested anchors keep nested copies.
            let mut size = Size::of(&valued.node);
            size.contain(valued.marks.size());
            self.count(size.nodes, valued.node.place)?;
            self.count_bytes(size.bytes, valued.node.place)?;
            let valued = valued.clone();
            self.anchors.insert(anchor, Anchored { valued, size });
        }
        let Valued { node, marks, reset } = valued;
        match self.frames.last_mut() {
            None => {
                if marks.is_whole() {
                    let message = "a whole document cannot be reset or override another";
                    self.sink
                        .add(Finding::error(codes::BAD_TAG, node.place, message));
                }
                self.documents.push(Document { root: node, marks });
            }
            // Items have no names: what is in a list of an earlier file stays.
            Some(Frame::List { items, .. }) => items.extend((!reset).then_some(node)),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                Some(key) => entries.push((key, Valued { node, marks, reset })),
                None => *key = Some(Key::of(node, merges, self.sink)),
            },
        }
        Ok(())
    }
}

fn tag_place(node: Place, span: &Span, file: FileId) -> Place {
    span.tag_start
        .as_ref()
        .map_or(node, |mark| place_of(file, mark))
}

/// Notes where a text's characters stand, when each of them stands for itself on one line.
fn with_inset(value: Value, style: ScalarStyle, span: &Span, source: &str) -> Value {
    let Value::Text(mut text) = value else {
        return value;
    };
    let quotes = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded => return Value::Text(text),
    };
    let inner = span.slice(source).and_then(|raw| {
        let end = raw.len().checked_sub(quotes)?;
        raw.get(quotes..end)
    });
    if inner == Some(text.text.as_str()) {
        text.inset = u32::try_from(quotes).ok();
    }
    Value::Text(text)
}
