//! Files and environment → a project, with everything that is wrong with them.

mod environment;
mod extends;
mod files;
mod include;
mod layers;
mod name;
mod profiles;
mod rebase;
mod site;
mod version1;

use std::collections::BTreeMap;

use lab_types::{Diagnostic, ProjectName};

use crate::check;
use crate::config::Config;
use crate::decode::{self, Scope};
use crate::grammar::complete::complete;
use crate::interpolate::EXPANDED_BYTES_MAX;
use crate::normalise;
use crate::path;
use crate::project::Project;
use crate::sink::{Place, Sink, Told};
use crate::source::{EnvMap, SourceFile, SourceProvider};
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

use files::{Room, Source};
use layers::SHAPE;
use site::Site;

/// How a project is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LoadOptions {
    /// The project's name, over what environment and files say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    /// The folder that relative paths start from; absolute. Without `--project-directory` it is the
    /// folder of the first file.
    pub project_dir: String,
    /// The folder that the paths of the files themselves start from; absent for the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_dir: Option<String>,
    /// Environment files to read instead of `.env`; each must exist, later ones win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<String>,
    /// Whether the user named the files or the project's folder: then the `.env` of the current folder
    /// is not read, only the project's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_named: bool,
    /// Profiles that are active, `*` for all; without any those of `COMPOSE_PROFILES`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Services that the command names: their own profiles are active too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

/// The names under which a folder's Compose file is looked for, in this order.
pub const FILE_NAMES: &[&str] = &[
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// The names under which a file to be laid over the first is looked for in the same folder, when no
/// file was named.
pub const OVERRIDE_NAMES: &[&str] = &[
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What reading gives: to be printed, or to be acted on.
///
/// Compose knows more than Tercio can act on. What it knows is read, merged and checked; what Tercio
/// cannot act on is a *refusal*, which hinders only those who would act.
#[derive(Clone, Debug)]
pub struct Loaded {
    config: Option<Config>,
    project: Option<Project>,
    told: Told,
}

impl Loaded {
    /// What `config` prints, there when no finding is an error; and the findings.
    #[must_use]
    pub fn to_print(self) -> (Option<Config>, Vec<Diagnostic>) {
        let told = self.told.into_iter().filter(|(_, refuses)| !refuses);
        (self.config, told.map(|(one, _)| one).collect())
    }

    /// The project, there when no finding is an error or a refusal; and the findings with the
    /// refusals, which are errors for whoever asks for this.
    #[must_use]
    pub fn to_apply(self) -> (Option<Project>, Vec<Diagnostic>) {
        let told = self.told.into_iter();
        (self.project, told.map(|(one, _)| one).collect())
    }

    /// What Tercio cannot act on.
    pub fn refusals(&self) -> impl Iterator<Item = &Diagnostic> {
        let told = self.told.iter().filter(|(_, refuses)| *refuses);
        told.map(|(one, _)| one)
    }
}

/// Reads `files` in order, each over those before it, with the variables of `env` and of the
/// project's `.env`. Files that they point to come from `src`.
#[must_use]
pub fn load(
    files: &[SourceFile],
    src: &dyn SourceProvider,
    env: &EnvMap,
    options: &LoadOptions,
) -> Loaded {
    let mut sink = Sink::default();
    let read = Loader::new(files, src, options, &mut sink).run(env);
    let (config, project) = read.filter(|_| !sink.has_errors()).unzip();
    Loaded {
        config,
        project: project.filter(|_| !sink.has_refusals()),
        told: sink.into_told(),
    }
}

/// The variables that a project would be loaded with: those of `env` over those of the files that
/// `options` name, or of `.env`. What is wrong in these is told by [`load`].
#[must_use]
pub fn environment(src: &dyn SourceProvider, env: &EnvMap, options: &LoadOptions) -> EnvMap {
    let mut sink = Sink::default();
    Loader::new(&[], src, options, &mut sink).environment(env)
}

struct Loader<'a> {
    files: &'a [SourceFile],
    src: &'a dyn SourceProvider,
    options: &'a LoadOptions,
    /// Bytes that variables may still expand to.
    budget: usize,
    /// Files that were read, by absolute path; nothing for one that is not YAML.
    texts: BTreeMap<String, Option<Source>>,
    room: Room,
    sink: &'a mut Sink,
}

impl<'a> Loader<'a> {
    fn new(
        files: &'a [SourceFile],
        src: &'a dyn SourceProvider,
        options: &'a LoadOptions,
        sink: &'a mut Sink,
    ) -> Self {
        Self {
            files,
            src,
            options,
            budget: EXPANDED_BYTES_MAX,
            texts: BTreeMap::new(),
            room: Room::default(),
            sink,
        }
    }

    fn run(mut self, env: &EnvMap) -> Option<(Config, Project)> {
        let sources = self.sources();
        let mut env = self.environment(env);
        let sources = sources?;
        // A project without a usable name is read to the end all the same, to find what else is wrong.
        let name = self
            .name(&sources, &env)
            .or_else(|| ProjectName::new("unnamed").ok())?;
        env.insert("COMPOSE_PROJECT_NAME".to_owned(), name.to_string());
        env.entry("PWD".to_owned())
            .or_insert_with(|| self.options.project_dir.clone());
        let config_files = sources.iter().map(|source| source.path.clone()).collect();
        let listed: Vec<_> = sources.into_iter().map(|source| (source, None)).collect();
        let site = Site {
            dir: path::clean(&self.options.project_dir),
            own: env,
            outer: None,
        };
        let mut root = self.merged(&listed, &site, None);
        self.complete(&mut root);
        let disabled = self.take_disabled(&mut root, &site.own);
        let scope = Scope {
            name,
            project_dir: &self.options.project_dir,
            config_files,
            disabled,
            env: &site.own,
            src: self.src,
        };
        normalise::normalise(&mut root, &scope, &mut self.budget, self.sink);
        check::consistency(&root, &scope.disabled, self.sink);
        normalise::prune(&mut root);
        let project = decode::decode(&root, &scope, self.sink);
        Some((Config::new(scope.name, root), project))
    }

    /// Reports what the merged tree lacks.
    fn complete(&mut self, root: &mut Map) {
        let mut node = Node::new(Place::default(), Value::Map(std::mem::take(root)));
        complete(&mut node, &SHAPE, &Trail::ROOT, self.sink);
        if let Value::Map(map) = node.value {
            *root = map;
        }
    }
}
