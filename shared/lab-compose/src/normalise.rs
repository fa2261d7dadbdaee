//! The merged tree made whole: defaults written out, names given, paths absolute, the environment
//! put in, and what no service uses left out. What comes out is what `config` prints and what the
//! decoder reads.

mod depends;
mod edit;
mod env_files;
mod paths;
mod resources;
mod services;

use std::collections::BTreeMap;

use crate::decode::Scope;
use crate::sink::Sink;
use crate::yaml::Map;

pub(crate) use resources::prune;

/// Makes `root` whole, reading the files that services take variables and labels from.
pub(crate) fn normalise(root: &mut Map, scope: &Scope<'_>, budget: &mut usize, sink: &mut Sink) {
    let mut normaliser = Normaliser {
        scope,
        budget,
        sink,
        env_files: BTreeMap::new(),
    };
    normaliser.services(root);
    normaliser.default_network(root);
    normaliser.resources(root);
}

struct Normaliser<'a> {
    scope: &'a Scope<'a>,
    /// Bytes that variables may still expand to.
    budget: &'a mut usize,
    sink: &'a mut Sink,
    env_files: BTreeMap<String, env_files::Loaded>,
}
