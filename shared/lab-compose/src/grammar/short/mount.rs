//! `[SOURCE:]TARGET[:OPTIONS]`

use crate::codes;
use crate::grammar::Expansion;
use crate::path;
use crate::sink::Finding;
use crate::yaml::{Map, Node, Value};

/// How the mount of a bound path spreads, as the engine names it.
const PROPAGATIONS: &[&str] = &[
    "rprivate", "private", "rshared", "shared", "rslave", "slave",
];

/// Options of other times and tools that change nothing.
const WITHOUT_MEANING: &[&str] = &["rw", "cached", "consistent", "delegated"];

/// A mount in its short form.
pub(in crate::grammar) fn mount(expansion: &mut Expansion<'_>, text: &str) -> Vec<Map> {
    let parsed = parse(text);
    let (place, trail) = (expansion.place, expansion.trail);
    match parsed {
        Ok(mount) => {
            for doubt in mount.doubts() {
                let message = format!("the mount \"{text}\" in {trail}: {doubt}");
                let finding = Finding::refusal(codes::BAD_MOUNT, place, message);
                expansion.sink.add(finding);
            }
            vec![mount.into_map(expansion)]
        }
        Err(why) => {
            let message = format!("the mount \"{text}\" in {trail} cannot be read: {why}");
            expansion.sink.add(
                Finding::error(codes::BAD_MOUNT, place, message)
                    .help("write [SOURCE:]TARGET[:ro], as in \"./site:/srv:ro\""),
            );
            Vec::new()
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    source: Option<&'a str>,
    target: &'a str,
    options: Vec<&'a str>,
}

impl<'a> Mount<'a> {
    fn is_path(&self) -> bool {
        self.source.is_some_and(|source| {
            source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || has_drive(source)
        })
    }

    fn last_of(&self, allowed: &[&str]) -> Option<&'a str> {
        let chosen = self.options.iter().rev().copied();
        chosen.into_iter().find(|option| allowed.contains(option))
    }

    /// What Docker Compose reads without a word, and what nobody can have meant.
    fn doubts(&self) -> Vec<String> {
        let known = |option: &str| {
            ["ro", "nocopy", "z", "Z", ""].contains(&option)
                || WITHOUT_MEANING.contains(&option)
                || PROPAGATIONS.contains(&option)
        };
        let unknown = self.options.iter().filter(|option| !known(option));
        let mut doubts: Vec<String> = unknown
            .map(|option| format!("`{option}` is not an option of mounts"))
            .collect();
        if self.source.is_some_and(has_drive) {
            doubts.push("its source is a path of Windows".to_owned());
        }
        doubts
    }

    fn into_map(self, expansion: &Expansion<'_>) -> Map {
        let place = expansion.place;
        let text = |text: &str| Node::text(place, text);
        let yes = || Node::new(place, Value::Bool(true));
        let is_path = self.is_path();
        let mut map = Map::default();
        map.put("type", text(if is_path { "bind" } else { "volume" }));
        if let Some(source) = self.source {
            map.put("source", text(source));
        }
        let target = if self.target.is_empty() {
            String::new()
        } else {
            path::clean(self.target)
        };
        map.put("target", text(&target));
        if self.last_of(&["ro", "rw"]) == Some("ro") {
            map.put("read_only", yes());
        }
        let mut bind = Map::default();
        if let Some(label) = self.last_of(&["z", "Z"]) {
            bind.put("selinux", text(label));
        }
        if let Some(propagation) = self.last_of(PROPAGATIONS) {
            bind.put("propagation", text(propagation));
        }
        if is_path {
            bind.put("create_host_path", yes());
        }
        let mut volume = Map::default();
        if self.options.contains(&"nocopy") {
            volume.put("nocopy", yes());
        }
        // Two characters or less are taken for a target before anything is looked at.
        let plain = self.source.is_none() && self.target.len() <= 2;
        if is_path || !bind.0.is_empty() {
            map.put("bind", Node::new(place, Value::Map(bind)));
        }
        if !plain && (!is_path || !volume.0.is_empty()) {
            map.put("volume", Node::new(place, Value::Map(volume)));
        }
        map
    }
}

/// Whether a text begins with a letter and a colon.
fn has_drive(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next() == Some(':')
}

/// Splits at colons, but not after a lone letter.
fn sections(text: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (index, _) in text.match_indices(':') {
        let section = &text[start..index];
        let mut chars = section.chars();
        let lone = chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none();
        if !lone {
            sections.push(section);
            start = index + 1;
        }
    }
    sections.push(&text[start..]);
    sections
}

fn parse(text: &str) -> Result<Mount<'_>, &'static str> {
    let whole = |target| Mount {
        source: None,
        target,
        options: Vec::new(),
    };
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() <= 2 {
        return Ok(whole(text));
    }
    let sections = sections(text);
    if sections.contains(&"") {
        return Err("nothing stands before or after a colon");
    }
    match sections.as_slice() {
        [target] => Ok(whole(target)),
        [source, target] => Ok(Mount {
            source: Some(source),
            ..whole(target)
        }),
        [source, target, options] => Ok(Mount {
            source: Some(source),
            target,
            options: options.split(',').collect(),
        }),
        _ => Err("it has too many colons"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Mount, parse};

    #[test]
    fn every_short_form_is_read() {
        let mount = |source, target, options: &[&'static str]| {
            Ok(Mount {
                source,
                target,
                options: options.to_vec(),
            })
        };
        let cases = [
            ("/anon", mount(None, "/anon", &[])),
            ("data:/d", mount(Some("data"), "/d", &[])),
            (".:/code", mount(Some("."), "/code", &[])),
            ("../x:/x:ro", mount(Some("../x"), "/x", &["ro"])),
            ("~/z:/z:rw", mount(Some("~/z"), "/z", &["rw"])),
            ("/h:/c:ro,z", mount(Some("/h"), "/c", &["ro", "z"])),
            ("C:\\x:/a", mount(Some("C:\\x"), "/a", &[])),
            ("a:/a", mount(None, "a:/a", &[])),
            ("/a", mount(None, "/a", &[])),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_mount_is_refused_with_the_reason() {
        let empty = "nothing stands before or after a colon";
        let cases = [
            ("", "it is empty"),
            (":/x", empty),
            ("data:", empty),
            ("/a:/b:", empty),
            ("/a:/b:ro:rw", "it has too many colons"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
    }
}
