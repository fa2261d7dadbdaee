//! Keys that a mapping does not have.

use super::Canonical;
use crate::codes;
use crate::grammar::{FILE, Object};
use crate::sink::Finding;
use crate::suggest::nearest;
use crate::yaml::Entry;

impl Canonical<'_> {
    pub(super) fn unknown_key(&mut self, entry: &Entry, object: &Object) {
        let key = &entry.key;
        let message = format!("{} has no attribute `{key}`", object.what);
        let finding = Finding::error(codes::UNKNOWN_KEY, entry.place, message);
        if self.sink.is_full() {
            return self.sink.add(finding);
        }
        let known = object.keys.iter().map(|field| field.key);
        self.sink.add(match nearest(key, known) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None if looks_like_service(entry) && std::ptr::eq(object, &raw const FILE) => finding
                .help("a service stands under services:, as in `services: {web: {image: …}}`"),
            None => finding.help(format!(
                "what {} may have: {}",
                object.what,
                known_keys(object)
            )),
        });
    }
}

/// Whether a key at the top level is a service of a file in the format of version 1.
fn looks_like_service(entry: &Entry) -> bool {
    entry
        .node
        .as_map()
        .is_some_and(|map| map.get("image").is_some() || map.get("build").is_some())
}

fn known_keys(object: &Object) -> String {
    let names: Vec<&str> = object.keys.iter().map(|field| field.key).collect();
    names.join(", ")
}
