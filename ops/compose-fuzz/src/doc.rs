//! Projects as trees that can be written down and made smaller.

use std::collections::BTreeMap;

/// A YAML value. Scalars are written as they stand: the grammar chooses between `5`, `"5"` and `'5'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doc {
    /// As it stands, with its quotes.
    Plain(String),
    /// In its order.
    List(Vec<Doc>),
    /// In its order.
    Map(Vec<(String, Doc)>),
    /// A value under a tag such as `!reset`.
    Tagged(&'static str, Box<Doc>),
}

/// The files of a project by their names; those in [`Project::layers`] are laid over one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    /// The Compose files, lowest first.
    pub(crate) layers: Vec<(&'static str, Doc)>,
    /// Files that they point to, as text.
    pub(crate) beside: BTreeMap<&'static str, String>,
}

impl Doc {
    /// Keys of the first levels on lines of their own, the rest in flow style.
    pub(crate) fn yaml(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    /// Levels that are written as blocks: sections, their entries, and the attributes of these.
    const BLOCK_LEVELS: usize = 3;

    fn write(&self, depth: usize, text: &mut String) {
        match self {
            Self::Map(entries) if depth < Self::BLOCK_LEVELS && !entries.is_empty() => {
                for (key, value) in entries {
                    text.push_str(&"  ".repeat(depth));
                    text.push_str(key);
                    text.push(':');
                    let is_block = depth + 1 < Self::BLOCK_LEVELS
                        && matches!(value, Self::Map(entries) if !entries.is_empty());
                    text.push_str(if is_block { "\n" } else { " " });
                    value.write(
                        if is_block {
                            depth + 1
                        } else {
                            Self::BLOCK_LEVELS
                        },
                        text,
                    );
                    if !is_block {
                        text.push('\n');
                    }
                }
            }
            Self::Plain(plain) => text.push_str(plain),
            Self::Tagged(tag, value) => {
                text.push_str(tag);
                text.push(' ');
                value.write(Self::BLOCK_LEVELS, text);
            }
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::flow).collect();
                text.push_str(&format!("[{}]", items.join(", ")));
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| format!("{key}: {}", value.flow());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                text.push_str(&format!("{{{}}}", entries.join(", ")));
            }
        }
    }

    fn flow(&self) -> String {
        let mut text = String::new();
        self.write(Self::BLOCK_LEVELS, &mut text);
        text
    }

    /// Every document that is this one with one thing less, the largest things first.
    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        match self {
            Self::Plain(_) => {}
            Self::Tagged(tag, value) => {
                all.push((**value).clone());
                let tagged = |value| Self::Tagged(tag, Box::new(value));
                all.extend(value.smaller().into_iter().map(tagged));
            }
            Self::List(items) => {
                for index in 0..items.len() {
                    let mut fewer = items.clone();
                    fewer.remove(index);
                    all.push(Self::List(fewer));
                }
                for (index, item) in items.iter().enumerate() {
                    all.extend(item.smaller().into_iter().map(|smaller| {
                        let mut items = items.clone();
                        items[index] = smaller;
                        Self::List(items)
                    }));
                }
            }
            Self::Map(entries) => {
                for index in 0..entries.len() {
                    let mut fewer = entries.clone();
                    fewer.remove(index);
                    all.push(Self::Map(fewer));
                }
                for (index, (_, value)) in entries.iter().enumerate() {
                    all.extend(value.smaller().into_iter().map(|smaller| {
                        let mut entries = entries.clone();
                        entries[index].1 = smaller;
                        Self::Map(entries)
                    }));
                }
            }
        }
        all
    }
}

impl Project {
    /// Every project that is this one with one thing less.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for index in 1..self.layers.len() {
            let mut fewer = self.clone();
            fewer.layers.remove(index);
            all.push(fewer);
        }
        for name in self.beside.keys() {
            let mut fewer = self.clone();
            fewer.beside.remove(name);
            all.push(fewer);
        }
        for (index, (_, doc)) in self.layers.iter().enumerate() {
            all.extend(doc.smaller().into_iter().map(|smaller| {
                let mut project = self.clone();
                project.layers[index].1 = smaller;
                project
            }));
        }
        all
    }

    /// All files with their texts.
    pub(crate) fn texts(&self) -> BTreeMap<&'static str, String> {
        let layers = self.layers.iter();
        let mut texts = self.beside.clone();
        texts.extend(layers.map(|(name, doc)| (*name, doc.yaml())));
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::Doc;

    fn plain(text: &str) -> Doc {
        Doc::Plain(text.to_owned())
    }

    fn sample() -> Doc {
        let ports = Doc::List(vec![plain("80"), plain("\"81:81\"")]);
        let ports = Doc::Tagged("!override", Box::new(ports));
        let service = Doc::Map(vec![
            ("image".to_owned(), plain("i")),
            ("ports".to_owned(), ports),
        ]);
        let services = Doc::Map(vec![("w".to_owned(), service)]);
        Doc::Map(vec![("services".to_owned(), services)])
    }

    #[test]
    fn sections_are_blocks_and_attributes_flow() {
        let expected = "services:\n  w:\n    image: i\n    ports: !override [80, \"81:81\"]\n";
        assert_eq!(sample().yaml(), expected);
    }

    #[test]
    fn each_smaller_document_lacks_one_thing() {
        let smaller: Vec<String> = sample().smaller().iter().map(Doc::yaml).collect();
        assert!(
            smaller.contains(&"services:\n  w:\n    ports: !override [80, \"81:81\"]\n".to_owned())
        );
        assert!(
            smaller.contains(
                &"services:\n  w:\n    image: i\n    ports: [80, \"81:81\"]\n".to_owned()
            )
        );
        assert!(
            smaller
                .contains(&"services:\n  w:\n    image: i\n    ports: !override [80]\n".to_owned())
        );
        assert!(!smaller.contains(&sample().yaml()));
    }
}
