//! The way from the root of a file to a value: `services.web.ports[0]`.

use std::fmt;

/// One step and the steps before it, on the stack of whoever walks.
#[derive(Clone, Copy)]
pub(crate) struct Trail<'a> {
    parent: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl<'a> Trail<'a> {
    /// The file itself.
    pub(crate) const ROOT: Trail<'static> = Trail {
        parent: None,
        step: Step::Root,
    };

    /// The way to the value of `key`.
    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        Trail {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// The last step, when it is a key.
    pub(crate) const fn last_key(&self) -> Option<&'a str> {
        match self.step {
            Step::Key(key) => Some(key),
            Step::Root | Step::Item(_) => None,
        }
    }

    /// The way to the item numbered `index`.
    pub(crate) const fn item(&'a self, index: usize) -> Self {
        Trail {
            parent: Some(self),
            step: Step::Item(index),
        }
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below_root = self.parent.is_some_and(|parent| parent.parent.is_some());
        if let Some(parent) = self.parent.filter(|_| below_root) {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("the file"),
            Step::Key(key) if below_root => write!(f, ".{key}"),
            Step::Key(key) => f.write_str(key),
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Trail;

    #[test]
    fn a_trail_reads_like_a_path() {
        let services = Trail::ROOT.key("services");
        let web = services.key("web");
        let ports = web.key("ports");
        assert_eq!(ports.item(0).to_string(), "services.web.ports[0]");
        assert_eq!(services.to_string(), "services");
        assert_eq!(Trail::ROOT.to_string(), "the file");
    }
}
