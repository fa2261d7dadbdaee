//! Loading projects in tests.

use std::collections::BTreeMap;

use lab_compose::{
    Config, EnvMap, LoadOptions, Loaded, MemorySource, Project, SourceFile, load, render,
};
use lab_types::Diagnostic;

/// The folder that projects of tests live in.
pub(crate) const DIR: &str = "/srv/demo";

/// S is `sv`, E is empty; nothing else but HOME is set.
pub(crate) fn environment() -> EnvMap {
    let pairs = [("HOME", "/root"), ("S", "sv"), ("E", "")];
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Compose files and the files beside them.
#[derive(Default)]
pub(crate) struct Files {
    compose: Vec<SourceFile>,
    beside: BTreeMap<String, String>,
}

impl Files {
    pub(crate) fn one(content: &str) -> Self {
        Self::default().and("compose.yml", content)
    }

    pub(crate) fn and(mut self, path: &str, content: &str) -> Self {
        self.compose.push(SourceFile::new(path, content));
        self
    }

    pub(crate) fn beside(mut self, path: &str, content: &str) -> Self {
        self.beside.insert(path.to_owned(), content.to_owned());
        self
    }

    /// As whoever acts sees them: refusals are errors.
    pub(crate) fn load(&self) -> (Option<Project>, Vec<Diagnostic>) {
        self.loaded().to_apply()
    }

    pub(crate) fn loaded(&self) -> Loaded {
        let source = MemorySource::new(DIR, self.beside.clone());
        let options = LoadOptions {
            project_dir: DIR.to_owned(),
            ..LoadOptions::default()
        };
        load(&self.compose, &source, &environment(), &options)
    }

    /// The project of files that are right.
    #[track_caller]
    pub(crate) fn project(&self) -> Project {
        let (project, findings) = self.load();
        let Some(project) = project else {
            panic!("{}", render::diagnostics(&findings));
        };
        project
    }

    /// What `config` prints of files that Compose allows.
    #[track_caller]
    pub(crate) fn config(&self) -> Config {
        let (config, findings) = self.loaded().to_print();
        let Some(config) = config else {
            panic!("{}", render::diagnostics(&findings));
        };
        config
    }

    /// The findings as [`lines`].
    pub(crate) fn findings(&self) -> String {
        lines(&self.load().1)
    }
}

/// The findings, one a line: `compose.yml:1:2 CMP0005 message (see compose.yml:3:4)`.
pub(crate) fn lines(findings: &[Diagnostic]) -> String {
    let line = |one: &Diagnostic| {
        let place = one
            .location
            .as_ref()
            .map_or("-".to_owned(), ToString::to_string);
        let related = one.related.as_ref();
        let related = related.map_or(String::new(), |place| format!(" (see {place})"));
        format!("{place} {} {}{related}\n", one.code, one.message)
    };
    findings.iter().map(line).collect()
}
