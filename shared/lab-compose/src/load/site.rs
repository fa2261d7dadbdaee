//! The folder and the variables that files are read with: the project's, or those of one included.

use crate::sink::Place;
use crate::source::EnvMap;

/// Where files are read.
pub(super) struct Site<'a> {
    /// The absolute folder that relative paths start from.
    pub(super) dir: String,
    /// The variables that are this site's own.
    pub(super) own: EnvMap,
    /// The site of the file that includes this one's; its variables win.
    pub(super) outer: Option<&'a Site<'a>>,
}

impl Site<'_> {
    /// The value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&String> {
        let outer = self.outer.and_then(|outer| outer.variable(name));
        outer.or_else(|| self.own.get(name))
    }
}

/// Files that are being read, each included by the one before it.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    /// The absolute path.
    pub(super) path: &'a str,
    /// Where the file before it names it.
    pub(super) named: Option<Place>,
    pub(super) outer: Option<&'a Chain<'a>>,
}

impl<'a> Chain<'a> {
    /// All of them, the outermost first.
    pub(super) fn all(&self) -> Vec<Chain<'a>> {
        let mut all = vec![*self];
        let mut at = self.outer;
        while let Some(outer) = at {
            all.push(*outer);
            at = outer.outer;
        }
        all.reverse();
        all
    }
}
