//! Files and environment → a project, with everything that is wrong with them.

mod environment;
mod name;

use std::collections::BTreeMap;

use lab_types::{Diagnostic, ProjectName};

use crate::check;
use crate::codes;
use crate::config::Config;
use crate::decode::{self, Scope};
use crate::grammar::{FILE, Shape, canonical::canonical, complete::complete, merge::merge};
use crate::interpolate::{EXPANDED_BYTES_MAX, tree::Interpolator};
use crate::normalise;
use crate::path;
use crate::project::Project;
use crate::sink::{Finding, Place, Sink, Told};
use crate::source::{EnvMap, SourceFile, SourceProvider};
use crate::trail::Trail;
use crate::yaml::{self, Map, Node, Value};

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
    let read = Loader {
        files,
        src,
        options,
        budget: EXPANDED_BYTES_MAX,
        sink: &mut sink,
    }
    .run(env);
    let (config, project) = read.filter(|_| !sink.has_errors()).unzip();
    Loaded {
        config,
        project: project.filter(|_| !sink.has_refusals()),
        told: sink.into_told(),
    }
}

struct Loader<'a> {
    files: &'a [SourceFile],
    src: &'a dyn SourceProvider,
    options: &'a LoadOptions,
    /// Bytes that variables may still expand to.
    budget: usize,
    sink: &'a mut Sink,
}

impl Loader<'_> {
    fn run(mut self, env: &EnvMap) -> Option<(Config, Project)> {
        let layers = self.layers();
        let mut env = self.environment(env);
        let layers = layers?;
        // A project without a usable name is read to the end all the same, to find what else is wrong.
        let name = self
            .name(&layers, &env)
            .or_else(|| ProjectName::new("unnamed").ok())?;
        env.insert("COMPOSE_PROJECT_NAME".to_owned(), name.to_string());
        env.entry("PWD".to_owned())
            .or_insert_with(|| self.options.project_dir.clone());
        let mut root = self.merged(layers, &env)?;
        let current_dir = self
            .options
            .current_dir
            .as_ref()
            .unwrap_or(&self.options.project_dir);
        let config_files = self
            .files
            .iter()
            .map(|file| path::absolute(current_dir, &file.path));
        let scope = Scope {
            name,
            project_dir: &self.options.project_dir,
            config_files: config_files.collect(),
            disabled: BTreeMap::new(),
            env: &env,
            src: self.src,
        };
        normalise::normalise(&mut root, &scope, &mut self.budget, self.sink);
        check::consistency(&root, &scope.disabled, self.sink);
        normalise::prune(&mut root);
        let project = decode::decode(&root, &scope, self.sink);
        Some((Config::new(scope.name, root), project))
    }

    /// The documents of all files, lowest first; nothing when one of them is not YAML.
    fn layers(&mut self) -> Option<Vec<Node>> {
        let mut layers = Vec::new();
        for file in self.files {
            let id = self.sink.add_file(&file.path, &file.content);
            layers.push(yaml::read(id, &file.content, self.sink));
        }
        layers
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .map(|layers| layers.concat())
    }

    /// The layers interpolated, in full form, and laid over one another.
    fn merged(&mut self, layers: Vec<Node>, env: &EnvMap) -> Option<Map> {
        let shape = Shape::Object(&FILE);
        let mut merged = Node::new(Place::default(), Value::Map(Map::default()));
        for mut layer in layers {
            let mut interpolator = Interpolator {
                lookup: &|name| env.get(name).cloned(),
                budget: self.budget,
                sink: self.sink,
            };
            interpolator.apply(&mut layer, &Trail::ROOT);
            self.budget = interpolator.budget;
            let layer = canonical(layer, &shape, &Trail::ROOT, self.sink);
            merged = merge(merged, layer, &shape, &Trail::ROOT, self.sink);
        }
        complete(&mut merged, &shape, &Trail::ROOT, self.sink);
        if let Value::Map(map) = merged.value {
            Some(map)
        } else {
            None
        }
    }

    /// A file that is not there although it must be.
    fn missing(&mut self, name: &str, absolute: &str) {
        let message = format!("the environment file {name} does not exist");
        self.sink.add(
            Finding::error(codes::ENV_FILE_MISSING, None, message)
                .help(format!("looked for {absolute}")),
        );
    }
}
