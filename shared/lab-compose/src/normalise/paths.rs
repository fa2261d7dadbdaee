//! Paths of the client's machine, made absolute.

use super::Normaliser;
use crate::codes;
use crate::path;
use crate::sink::Finding;
use crate::yaml::{Map, Node};

impl Normaliser<'_> {
    /// Makes a path absolute; an absolute one stays as it is written.
    pub(super) fn host_path(&mut self, node: &mut Node) {
        let Some(path) = node.as_text() else { return };
        let home = self.scope.env.get("HOME").map(String::as_str);
        if home.is_none() && path.starts_with('~') {
            let message = format!("\"{path}\" starts at the home folder, and HOME is not set");
            self.sink.add(Finding::error(
                codes::REQUIRED_VARIABLE,
                node.place,
                message,
            ));
        }
        let absolute = path::expand(self.scope.project_dir, home, path);
        *node = Node::text(node.place, absolute);
    }

    pub(super) fn build_paths(&mut self, build: &mut Map) {
        if let Some(context) = build.value_mut("context") {
            self.context(context);
        }
        if let Some(contexts) = build.map_mut("additional_contexts") {
            for context in &mut contexts.0 {
                self.context(&mut context.node);
            }
        }
        if let Some(keys) = build.map_mut("ssh") {
            for key in &mut keys.0 {
                self.host_path(&mut key.node);
            }
        }
    }

    fn context(&mut self, node: &mut Node) {
        const REMOTE: [&str; 3] = ["service:", "github.com/", "git@"];
        let text = node.as_text().unwrap_or_default();
        let remote = text.contains("://") || REMOTE.iter().any(|mark| text.starts_with(mark));
        if !remote && !text.is_empty() {
            self.host_path(node);
        }
    }

    pub(super) fn watches(&mut self, service: &mut Map) {
        let develop = service.map_mut("develop");
        let watches = develop.and_then(|map| map.value_mut("watch"));
        for watch in watches.and_then(Node::list_mut).into_iter().flatten() {
            let path = watch.map_mut().and_then(|map| map.value_mut("path"));
            if let Some(path) =
                path.filter(|path| path.as_text().is_some_and(|text| !text.is_empty()))
            {
                self.host_path(path);
            }
        }
    }
}
