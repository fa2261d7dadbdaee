//! Cases on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lab_compose::{Config, EnvMap, LoadOptions, MemorySource, SourceFile, load, path};
use lab_types::Diagnostic;

use crate::support::{DIR, environment};

/// Files of a case that are not the project's.
const NOT_OF_PROJECT: &[&str] = &["case", "findings", "expected.", "ours."];

/// What the real tool answers.
#[derive(Clone)]
pub(super) enum Expected {
    Accepted { json: String, yaml: Option<String> },
    Refused,
}

/// A project as it stands in a folder, and what the real tool makes of it.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) expected: Expected,
    variables: EnvMap,
    arguments: Arguments,
    /// By path from the project's folder.
    files: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Arguments {
    files: Vec<String>,
    env_files: Vec<String>,
    profiles: Vec<String>,
    project_name: Option<String>,
    project_dir: Option<String>,
}

/// A file of `testdata`.
pub(super) fn text(name: &str) -> String {
    read(&root().join(name))
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases of the swarm dialect, all of which the tool accepts.
pub(super) fn stacks() -> Vec<Case> {
    let folders = entries(&root().join("stack"));
    assert!(folders.len() > 20, "the cases are gone: {}", folders.len());
    let stack = |(name, folder): (String, PathBuf)| {
        let yaml = Some(read(&folder.join("expected.yaml")));
        let json = String::new();
        Case::read(&folder, &name, Expected::Accepted { json, yaml })
    };
    folders.into_iter().map(stack).collect()
}

/// All cases, by name.
pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    collect(&root().join("config"), "", &mut cases);
    assert!(cases.len() > 700, "the cases are gone: {}", cases.len());
    cases
}

fn collect(folder: &Path, name: &str, cases: &mut Vec<Case>) {
    if let Some(expected) = expected(folder) {
        return cases.push(Case::read(folder, name, expected));
    }
    for (entry, path) in entries(folder) {
        let name = format!("{name}/{entry}");
        collect(&path, name.trim_start_matches('/'), cases);
    }
}

/// What stands in a folder, by name; nothing for what is no folder.
fn entries(folder: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path.clone())))
        .collect()
}

fn expected(folder: &Path) -> Option<Expected> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    if text("expected.error").is_some() {
        return Some(Expected::Refused);
    }
    let yaml = text("expected.yaml");
    text("expected.json").map(|json| Expected::Accepted { json, yaml })
}

impl Case {
    fn read(folder: &Path, name: &str, expected: Expected) -> Self {
        let mut files = BTreeMap::new();
        project_files(folder, "", &mut files);
        let described = std::fs::read_to_string(folder.join("case")).unwrap_or_default();
        let (mut arguments, mut variables) = (None, EnvMap::new());
        for line in described.lines() {
            match line.split_once(' ') {
                Some(("arguments", words)) => arguments = Some(Arguments::read(words)),
                Some(("variable", pair)) => {
                    let (key, value) = pair.split_once('=').expect("KEY=VALUE");
                    variables.insert(key.to_owned(), value.to_owned());
                }
                _ => assert!(line.starts_with('#'), "{name}: {line}"),
            }
        }
        let arguments = arguments.unwrap_or_else(|| Arguments::plain(&files));
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            expected,
            variables,
            arguments,
            files,
        }
    }

    /// The project in full, or what is wrong with it: what `tercio config` prints of either.
    pub(super) fn config(&self) -> (Option<Config>, Vec<Diagnostic>) {
        let named = self.arguments.files.iter();
        let found: Vec<SourceFile> = named
            .filter_map(|name| Some(SourceFile::new(name, self.files.get(name)?)))
            .collect();
        self.config_of(&found)
    }

    /// The same with a text in place of the Compose files.
    pub(super) fn config_of_text(&self, text: &str) -> (Option<Config>, Vec<Diagnostic>) {
        self.config_of(&[SourceFile::new("compose.yml", text)])
    }

    fn config_of(&self, files: &[SourceFile]) -> (Option<Config>, Vec<Diagnostic>) {
        let mut env = environment();
        env.extend(self.variables.clone());
        load(files, &self.source(), &env, &self.options()).to_print()
    }

    /// The case with other files.
    pub(super) fn changed(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.files);
        changed
    }

    /// The files but the Compose files.
    pub(super) fn beside(&self) -> BTreeMap<String, String> {
        let named = &self.arguments.files;
        let files = self.files.iter().filter(|(name, _)| !named.contains(name));
        files
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect()
    }

    /// The names of files that are not there.
    pub(super) fn missing(&self) -> Vec<&str> {
        let named = self.arguments.files.iter().map(String::as_str);
        named
            .filter(|name| !self.files.contains_key(*name))
            .collect()
    }

    /// The files beside the Compose files.
    fn source(&self) -> MemorySource {
        let mut files = self.files.clone();
        files.insert("/dev/null".to_owned(), String::new());
        MemorySource::new(DIR, files)
    }

    fn options(&self) -> LoadOptions {
        let first = self.arguments.files.first().map_or(DIR, String::as_str);
        let of_first = first.rsplit_once('/').map_or("", |(folder, _)| folder);
        let project_dir = self.arguments.project_dir.as_deref().unwrap_or(of_first);
        LoadOptions {
            project_name: self.arguments.project_name.clone(),
            project_dir: path::absolute(DIR, project_dir),
            current_dir: Some(DIR.to_owned()),
            env_files: self.arguments.env_files.clone(),
            files_named: true,
            profiles: self.arguments.profiles.clone(),
            ..LoadOptions::default()
        }
    }

    /// Whether the last part of an attribute's path is a key in one of the files.
    pub(super) fn mentions(&self, path: &str) -> bool {
        let key = path.rsplit('.').next().unwrap_or(path);
        let key = format!("{}:", key.trim_end_matches("[]"));
        self.files.values().any(|text| text.contains(&key))
    }
}

fn project_files(folder: &Path, under: &str, files: &mut BTreeMap<String, String>) {
    for (entry, path) in entries(folder) {
        let name = format!("{under}{entry}");
        if path.is_dir() {
            project_files(&path, &format!("{name}/"), files);
        } else if !NOT_OF_PROJECT.iter().any(|own| name.starts_with(own)) {
            files.insert(name, read(&path));
        }
    }
}

impl Arguments {
    fn plain(files: &BTreeMap<String, String>) -> Self {
        let names = ["compose.yml", "override.yml"];
        let there = names.into_iter().filter(|name| files.contains_key(*name));
        Self {
            files: there.map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    fn read(words: &str) -> Self {
        let mut arguments = Self::default();
        let mut words = words.split_whitespace();
        while let Some(option) = words.next() {
            let value = words.next().expect("each option has a value").to_owned();
            match option {
                "-f" => arguments.files.push(value),
                "-p" => arguments.project_name = Some(value),
                "--env-file" => arguments.env_files.push(value),
                "--profile" => arguments.profiles.push(value),
                "--project-directory" => arguments.project_dir = Some(value),
                other => panic!("{other} is not known here"),
            }
        }
        arguments
    }
}

/// Whether a document has a value at `path`: `services.*.ports[].target`. The tool writes some keys in
/// upper case.
pub(super) fn holds(json: &serde_json::Value, path: &str) -> bool {
    let Some((key, rest)) = path
        .split_once('.')
        .or((!path.is_empty()).then_some((path, "")))
    else {
        return true;
    };
    let (key, is_list) = key
        .strip_suffix("[]")
        .map_or((key, false), |key| (key, true));
    let Some(map) = json.as_object() else {
        return false;
    };
    let below = map
        .iter()
        .filter(|(found, _)| key == "*" || found.eq_ignore_ascii_case(key));
    let mut below = below.map(|(_, value)| value);
    match is_list {
        false => below.any(|value| holds(value, rest)),
        true => below.any(|value| {
            let items = value.as_array();
            items.is_some_and(|items| items.iter().any(|item| holds(item, rest)))
        }),
    }
}
