//! Random projects.

use crate::doc::{Doc, Project};
use crate::grammar::{Attribute, CONFIG, Kind, MODEL, NETWORK, SECRET, SERVICE, VOLUME};
use crate::random::Random;

/// Attributes of one service: few, so that most projects are right and differences stand alone.
const SERVICE_ATTRIBUTES_MAX: usize = 5;

/// Attributes of a part, such as `build`, and entries of a list or mapping.
const PART_ATTRIBUTES_MAX: usize = 3;

/// A service's parts nest no deeper in Compose; deeper ones are left empty.
const DEPTH_MAX: usize = 8;

const SERVICES: &[&str] = &["a", "b", "c"];

/// A section beside the services.
struct Section {
    name: &'static str,
    entries: &'static [&'static str],
    attributes: &'static [Attribute],
    /// What an entry needs at least.
    least: Option<Attribute>,
}

const SECTIONS: &[Section] = &[
    Section {
        name: "networks",
        entries: &["n", "m", "default"],
        attributes: NETWORK,
        least: None,
    },
    Section {
        name: "volumes",
        entries: &["vv", "ww"],
        attributes: VOLUME,
        least: None,
    },
    Section {
        name: "secrets",
        entries: &["s", "t"],
        attributes: SECRET,
        least: Some(("file", Kind::Word(&["./f"]))),
    },
    Section {
        name: "configs",
        entries: &["s", "t"],
        attributes: CONFIG,
        least: Some(("file", Kind::Word(&["./f"]))),
    },
    Section {
        name: "models",
        entries: &["m1", "m2"],
        attributes: MODEL,
        least: Some(("model", Kind::Word(&["x"]))),
    },
];

const ENV_FILE: &str = "A=1\nB=\"two $S\"\n# comment\nexport D='x' # y\nS\n";

/// The project of a seed.
pub(crate) fn project(seed: u64) -> Project {
    let mut make = Make(Random::new(seed));
    let lower = make.file();
    let mut layers = vec![("compose.yml", lower)];
    if make.0.once_in(2) {
        let upper = make.over(&layers[0].1);
        layers.push(("override.yml", upper));
    }
    let base = make.services(SERVICES).yaml();
    let beside = [
        ("a.env", ENV_FILE.to_owned()),
        ("b.env", "B=3\nC=${A}-${B}\n".to_owned()),
        ("base.yml", base.clone()),
        ("sub/base.yml", base),
        ("sub/a.env", "A=sub\n".to_owned()),
    ];
    Project {
        layers,
        beside: beside.into(),
    }
}

struct Make(Random);

impl Make {
    fn file(&mut self) -> Doc {
        let names = &SERVICES[..1 + self.0.below(SERVICES.len())];
        let Doc::Map(mut sections) = self.services(names) else {
            return Doc::Map(Vec::new());
        };
        for section in SECTIONS {
            let mut entries = Vec::new();
            for name in section.entries {
                // Few projects say anything of the default network.
                if *name == "default" && !self.0.once_in(4) {
                    continue;
                }
                let entry = match self.0.once_in(4) {
                    true => self.map(section.attributes, 0),
                    false => {
                        let least = section.least.iter();
                        Doc::Map(least.map(|one| self.attribute(one, 0)).collect())
                    }
                };
                entries.push(((*name).to_owned(), entry));
            }
            sections.push((section.name.to_owned(), Doc::Map(entries)));
        }
        Doc::Map(sections)
    }

    fn services(&mut self, names: &[&str]) -> Doc {
        let services = names
            .iter()
            .map(|name| ((*name).to_owned(), self.service()));
        let services = Doc::Map(services.collect());
        Doc::Map(vec![("services".to_owned(), services)])
    }

    fn service(&mut self) -> Doc {
        let mut entries = Vec::new();
        if !self.0.once_in(20) {
            let image = self.0.pick(&["i", "'r:5/i:${U:-1}'", "i@sha256:0ed5"]);
            entries.push(("image".to_owned(), Doc::Plain((*image).to_owned())));
        }
        for attribute in self.0.some(SERVICE, SERVICE_ATTRIBUTES_MAX) {
            entries.push(self.attribute(attribute, 0));
        }
        Doc::Map(entries)
    }

    /// A file that gives some of what `lower` gives anew, and a little more.
    fn over(&mut self, lower: &Doc) -> Doc {
        let Doc::Map(sections) = lower else {
            return Doc::Map(Vec::new());
        };
        let mut upper = Vec::new();
        for (section, entries) in sections {
            let listed = SECTIONS.iter().find(|one| one.name == section);
            let attributes = listed.map_or(SERVICE, |one| one.attributes);
            if section != "services" && !self.0.once_in(3) {
                continue;
            }
            let Doc::Map(entries) = entries else { continue };
            let over = entries
                .iter()
                .map(|(name, entry)| (name.clone(), self.entry_over(entry, attributes)));
            upper.push((section.clone(), Doc::Map(over.collect())));
        }
        Doc::Map(upper)
    }

    fn entry_over(&mut self, lower: &Doc, attributes: &[Attribute]) -> Doc {
        let Doc::Map(entries) = lower else {
            return Doc::Map(Vec::new());
        };
        let is_there = |attribute: &&Attribute| {
            entries
                .iter()
                .any(|(key, _)| key == attribute.0.trim_start_matches('!'))
        };
        let again: Vec<&Attribute> = attributes.iter().filter(is_there).collect();
        let again: Vec<&Attribute> = again.into_iter().filter(|_| !self.0.once_in(4)).collect();
        let mut all: Vec<(String, Doc)> = Vec::new();
        for attribute in again.into_iter().chain(self.0.some(attributes, 1)) {
            let (key, value) = self.attribute(attribute, 0);
            if all.iter().any(|(there, _)| *there == key) {
                continue;
            }
            let value = match self.0.below(16) {
                0 => Doc::Tagged("!override", Box::new(value)),
                1 => Doc::Tagged("!reset", Box::new(value)),
                _ => value,
            };
            all.push((key, value));
        }
        Doc::Map(all)
    }

    fn attribute(&mut self, (key, kind): &Attribute, depth: usize) -> (String, Doc) {
        let value = self.value(kind, depth);
        (key.trim_start_matches('!').to_owned(), value)
    }

    fn map(&mut self, attributes: &[Attribute], depth: usize) -> Doc {
        let chosen = self.0.some(attributes, PART_ATTRIBUTES_MAX);
        let mut entries = Vec::new();
        for attribute in attributes {
            let is_needed = attribute.0.starts_with('!') && !self.0.once_in(30);
            if is_needed || chosen.iter().any(|one| one.0 == attribute.0) {
                entries.push(self.attribute(attribute, depth + 1));
            }
        }
        Doc::Map(entries)
    }

    fn value(&mut self, kind: &Kind, depth: usize) -> Doc {
        match kind {
            Kind::Word(words) => Doc::Plain((*self.0.pick(words)).to_owned()),
            _ if depth > DEPTH_MAX => Doc::Map(Vec::new()),
            Kind::Map(attributes) => self.map(attributes, depth),
            Kind::Named(names, kind) => {
                let names = self.0.some(names, PART_ATTRIBUTES_MAX);
                let entry = |name: &&str| ((*name).to_owned(), self.value(kind, depth + 1));
                Doc::Map(names.into_iter().map(entry).collect())
            }
            Kind::List(kind) => {
                let length = self.0.below(PART_ATTRIBUTES_MAX + 1);
                Doc::List((0..length).map(|_| self.value(kind, depth + 1)).collect())
            }
            Kind::Either(kinds) => {
                let kind = *self.0.pick(kinds);
                self.value(&kind, depth)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::project;

    #[test]
    fn a_seed_gives_one_project() {
        assert_eq!(project(7), project(7));
        assert_ne!(project(7), project(8));
    }

    #[test]
    fn half_of_the_projects_have_a_file_laid_over() {
        let with = (0..1_000)
            .filter(|seed| project(*seed).layers.len() == 2)
            .count();
        assert!((400..600).contains(&with), "{with}");
    }
}
