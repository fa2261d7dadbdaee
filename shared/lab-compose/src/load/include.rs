//! `include`: other projects' services, networks and volumes, brought in as they are.

mod entry;
mod import;

use super::Loader;
use super::files::Named;
use super::layers::Listed;
use super::rebase;
use super::site::{Chain, Site};
use crate::codes;
use crate::path;
use crate::sink::{Finding, Place};
use crate::source::EnvMap;
use crate::yaml::{Map, Node, Size, Value};

pub(super) use entry::Include;
use import::Importer;

/// Files that may include one another in a row; the longest row known has four.
const CHAIN_MAX: usize = 32;

impl Loader<'_> {
    /// Takes `include` out of a document that is not in full form yet.
    pub(super) fn take_includes(&mut self, root: &mut Node) -> Vec<Include> {
        let Value::Map(map) = &mut root.value else {
            return Vec::new();
        };
        let at = map.0.iter().position(|entry| entry.key == "include");
        let taken = at.map(|at| map.0.remove(at));
        taken.map_or_else(Vec::new, |taken| entry::read_all(taken.node, self.sink))
    }

    /// Brings into `root` what `includes` name.
    pub(super) fn include(
        &mut self,
        root: &mut Map,
        includes: &[Include],
        site: &Site<'_>,
        chain: &Chain<'_>,
    ) {
        let mut importer = Importer::new(root);
        for include in includes {
            let Some((dir, sources)) = self.included(include, site, chain) else {
                continue;
            };
            let own = self.included_variables(include, site, &dir);
            let inner = Site {
                dir,
                own,
                outer: Some(site),
            };
            let mut model = self.merged(&sources, &inner, Some(chain));
            // Short forms may stand for much more than was read.
            if self.spend(Size::of_map(&model), include.place) {
                default_contexts(&mut model);
                rebase::apply(&mut model, &path::relative(&site.dir, &inner.dir));
                importer.import(model, self.sink);
            }
        }
    }

    /// The project folder and the files of an entry; nothing when one of them is not there.
    fn included(
        &mut self,
        include: &Include,
        site: &Site<'_>,
        chain: &Chain<'_>,
    ) -> Option<(String, Vec<Listed>)> {
        let first = include.paths.first()?;
        let dir = match &include.project_directory {
            Some(given) => path::absolute(&site.dir, given),
            None => path::parent(&path::absolute(&site.dir, &first.0)).to_owned(),
        };
        let mut sources = Some(Vec::new());
        for (written, place) in &include.paths {
            let absolute = path::absolute(&site.dir, written);
            if self.is_include_cycle(&absolute, *place, chain) {
                sources = None;
                continue;
            }
            let source = self.read(Named {
                path: &absolute,
                written,
                place: *place,
                by: "`include`",
            });
            match (&mut sources, source) {
                (Some(sources), Some(source)) => sources.push((source, Some(*place))),
                _ => sources = None,
            }
        }
        Some((dir, sources?))
    }

    fn is_include_cycle(&mut self, absolute: &str, place: Place, chain: &Chain<'_>) -> bool {
        let files = chain.all();
        let Some(start) = files.iter().position(|file| file.path == absolute) else {
            if files.len() <= CHAIN_MAX {
                return false;
            }
            let message = format!("more than {CHAIN_MAX} files include one another in a row");
            self.sink
                .add(Finding::error(codes::TOO_LARGE, place, message));
            return true;
        };
        let cycle = files[start..].iter().map(|file| file.path);
        let cycle = cycle.chain([absolute]);
        let names: Vec<String> = cycle.map(|path| self.shown(path)).collect();
        let message = format!("files include one another: {}", names.join(" -> "));
        let finding = Finding::error(codes::INCLUDE, place, message)
            .help("remove one of these `include` entries");
        let first = files.get(start + 1).and_then(|file| file.named);
        self.sink.add(match first {
            Some(first) => finding.related(first),
            None => finding,
        });
        true
    }

    /// The variables of the included project's own: those of `env_file`, else of its `.env`.
    fn included_variables(&mut self, include: &Include, site: &Site<'_>, dir: &str) -> EnvMap {
        let mut own = EnvMap::new();
        let outer = |name: &str| site.variable(name).cloned();
        match &include.env_files {
            None => self.read_env_file((dir, ".env"), None, &outer, &mut own),
            Some(files) => {
                for (name, place) in files {
                    if name != "/dev/null" {
                        self.read_env_file((&site.dir, name), Some(Some(*place)), &outer, &mut own);
                    }
                }
            }
        }
        own
    }
}

/// A build without a context is one of the included project's folder, not of the one that includes it.
fn default_contexts(model: &mut Map) {
    let services = model.0.iter_mut().find(|entry| entry.key == "services");
    let Some(Value::Map(services)) = services.map(|entry| &mut entry.node.value) else {
        return;
    };
    for entry in &mut services.0 {
        let Value::Map(service) = &mut entry.node.value else {
            continue;
        };
        let build = service.0.iter_mut().find(|entry| entry.key == "build");
        if let Some(entry) = build
            && let Value::Map(build) = &mut entry.node.value
            && build.get("context").is_none()
        {
            build.put("context", Node::text(entry.place, "."));
        }
    }
}
