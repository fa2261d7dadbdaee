//! `[SOURCE:]TARGET[:OPTIONS]`

use crate::codes;
use crate::grammar::Expansion;
use crate::sink::Finding;
use crate::yaml::{Map, Node, Value};

/// Options of Compose that change how something is mounted and are not supported yet.
const LATER: &[&str] = &[
    "nocopy",
    "z",
    "Z",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "cached",
    "consistent",
    "delegated",
    "volume-nocopy",
];

/// A mount in its short form.
pub(in crate::grammar) fn mount(expansion: &mut Expansion<'_>, text: &str) -> Vec<Map> {
    match parse(text) {
        Ok(mount) => vec![mount.into_map(expansion)],
        Err(fault) => {
            let trail = expansion.trail;
            let finding = match fault {
                Fault::Malformed(why) => {
                    let message = format!("the mount \"{text}\" in {trail} cannot be read: {why}");
                    Finding::error(codes::BAD_MOUNT, expansion.place, message)
                        .help("write [SOURCE:]TARGET[:ro], as in \"./site:/srv:ro\"")
                }
                Fault::Drive => {
                    let message = format!(
                        "in \"{text}\" in {trail} the single letter reads as a Windows drive"
                    );
                    Finding::error(codes::BAD_MOUNT, expansion.place, message)
                        .help("give the volume a longer name")
                }
                Fault::Later(option) => {
                    let message = format!(
                        "Tercio does not support the mount option `{option}` in {trail} yet"
                    );
                    Finding::error(codes::NOT_SUPPORTED, expansion.place, message)
                        .help("the options ro and rw are supported")
                }
            };
            expansion.sink.add(finding);
            Vec::new()
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Malformed(&'static str),
    Drive,
    Later(String),
}

#[derive(Debug, PartialEq, Eq)]
struct Mount<'a> {
    source: Option<&'a str>,
    target: &'a str,
    read_only: bool,
}

impl Mount<'_> {
    fn into_map(self, expansion: &Expansion<'_>) -> Map {
        let place = expansion.place;
        let is_path = self
            .source
            .is_some_and(|source| source.starts_with(['.', '/', '~']));
        let mut map = Map::default();
        map.put(
            "type",
            Node::text(place, if is_path { "bind" } else { "volume" }),
        );
        if let Some(source) = self.source {
            map.put("source", Node::text(place, source));
        }
        map.put("target", Node::text(place, self.target));
        if self.read_only {
            map.put("read_only", Node::new(place, Value::Bool(true)));
        }
        let mut options = Map::default();
        if is_path {
            options.put("create_host_path", Node::new(place, Value::Bool(true)));
        }
        let key = if is_path { "bind" } else { "volume" };
        map.put(key, Node::new(place, Value::Map(options)));
        map
    }
}

fn parse(text: &str) -> Result<Mount<'_>, Fault> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(Fault::Malformed("it has more than two colons")),
    };
    let is_letter =
        |text: &str| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_alphabetic());
    if source.is_some_and(is_letter) {
        return Err(Fault::Drive);
    }
    if source == Some("") {
        return Err(Fault::Malformed("the source is empty"));
    }
    if !target.starts_with('/') {
        return Err(Fault::Malformed("the target is not an absolute path"));
    }
    let mut read_only = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => read_only = true,
            "rw" => read_only = false,
            later if LATER.contains(&later) => return Err(Fault::Later(later.to_owned())),
            _ => return Err(Fault::Malformed("its last part is not an option of mounts")),
        }
    }
    Ok(Mount {
        source,
        target,
        read_only,
    })
}

#[cfg(test)]
mod tests {
    use super::{Fault, Mount, parse};

    #[test]
    fn every_short_form_is_read() {
        let mount = |source, target, read_only| {
            Ok(Mount {
                source,
                target,
                read_only,
            })
        };
        let cases = [
            ("/anon", mount(None, "/anon", false)),
            ("data:/d", mount(Some("data"), "/d", false)),
            (".:/code", mount(Some("."), "/code", false)),
            ("../x:/x:ro", mount(Some("../x"), "/x", true)),
            ("~/z:/z:rw", mount(Some("~/z"), "/z", false)),
            ("/h:/c:ro,rw", mount(Some("/h"), "/c", false)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_mount_is_refused_with_the_reason() {
        let malformed = |why| Err(Fault::Malformed(why));
        let cases = [
            ("", malformed("the target is not an absolute path")),
            ("data", malformed("the target is not an absolute path")),
            ("/a:ro", malformed("the target is not an absolute path")),
            (":/x", malformed("the source is empty")),
            (
                "/a:/b:/c",
                malformed("its last part is not an option of mounts"),
            ),
            ("/a:/b:ro:rw", malformed("it has more than two colons")),
            ("a:/a", Err(Fault::Drive)),
            ("C:\\x:/a", Err(Fault::Drive)),
            ("/a:/b:z", Err(Fault::Later("z".to_owned()))),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
