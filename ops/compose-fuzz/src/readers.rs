//! The two that read: the real tool and this repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};
use lab_compose::{EnvMap, LoadOptions, MemorySource, SourceFile};
use lab_types::Severity;

use crate::doc::Project;

/// The version that Tercio means to equal.
pub(crate) const VERSION: &str = "2.40.3";

/// Variables that both see, and no others.
const VARIABLES: &[(&str, &str)] = &[("HOME", "/root"), ("S", "sv"), ("E", "")];

/// The code of what Compose has and Tercio does not yet read.
const NOT_SUPPORTED: &str = "CMP0006";

/// What the tool says when it fails by itself: a crash, and keys of `build.ssh` that it cannot write.
const FAILURES: &[&str] = &["panic: ", "error calling MarshalJSON"];

/// What a reader makes of a project.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// What `config --format json` prints.
    Accepted(String),
    /// Why not; the first line tells one reason from another.
    Refused(String),
    /// Not read yet, and known to be so.
    Unsupported,
    /// The tool itself failed, so that there is nothing to compare with.
    Failed,
}

/// A real Docker Compose.
pub(crate) struct Oracle {
    program: Vec<String>,
    folder: PathBuf,
}

impl Oracle {
    /// The one named, or one that is installed; nothing when there is none of the right version.
    ///
    /// # Errors
    /// The one named is not there, or of another version.
    pub(crate) fn find(named: Option<&Path>, folder: &Path) -> Result<Option<Self>> {
        let oracle = |program: &[&str]| Self {
            program: program.iter().map(|word| (*word).to_owned()).collect(),
            folder: folder.to_owned(),
        };
        if let Some(path) = named {
            let path = path
                .canonicalize()
                .with_context(|| path.display().to_string())?;
            let oracle = oracle(&[path.to_str().context("the path is not text")?]);
            return match oracle.version() {
                Some(version) if version == VERSION => Ok(Some(oracle)),
                found => bail!("{} is {found:?}, not {VERSION}", path.display()),
            };
        }
        let candidates = [oracle(&["docker-compose"]), oracle(&["docker", "compose"])];
        let mut candidates = candidates.into_iter();
        Ok(candidates.find(|one| one.version().as_deref() == Some(VERSION)))
    }

    fn version(&self) -> Option<String> {
        let output = self.run(&["version", "--short"]).ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().trim_start_matches('v').to_owned())
    }

    fn run(&self, words: &[&str]) -> Result<Output> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Command::new(&self.program[0])
            .args(&self.program[1..])
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path)
            .envs(VARIABLES.iter().copied())
            .output()
            .with_context(|| format!("cannot start {}", self.program.join(" ")))
    }

    /// What the tool makes of a project.
    ///
    /// # Errors
    /// The files cannot be written, or the tool not be started.
    pub(crate) fn read(&self, project: &Project) -> Result<Answer> {
        std::fs::remove_dir_all(&self.folder)?;
        for (name, text) in project.texts() {
            let path = self.folder.join(name);
            std::fs::create_dir_all(path.parent().context("a file in a folder")?)?;
            std::fs::write(path, text)?;
        }
        let mut words: Vec<&str> = Vec::new();
        for (name, _) in &project.layers {
            words.extend(["-f", name]);
        }
        words.extend(["config", "--format", "json"]);
        let output = self.run(&words)?;
        if output.status.success() {
            // The tool ends its JSON without a line end.
            let text = String::from_utf8(output.stdout).context("the tool writes text")?;
            return Ok(Answer::Accepted(text + "\n"));
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let told = text.lines().filter(|line| !line.contains("level=warning"));
        let told = told.collect::<Vec<_>>().join("\n");
        match FAILURES.iter().any(|words| told.contains(words)) {
            true => Ok(Answer::Failed),
            false => Ok(Answer::Refused(told)),
        }
    }
}

/// What this repository makes of a project in a folder.
pub(crate) fn ours(project: &Project, folder: &Path) -> Answer {
    let folder = folder.to_string_lossy();
    let texts = project.texts();
    let layers = project.layers.iter();
    let files: Vec<SourceFile> = layers
        .map(|(name, _)| SourceFile::new(*name, &texts[name]))
        .collect();
    let beside = texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text));
    let source = MemorySource::new(&folder, beside.collect());
    let env = VARIABLES.iter();
    let env: EnvMap = env
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let options = LoadOptions {
        project_dir: folder.into_owned(),
        files_named: true,
        ..LoadOptions::default()
    };
    let (project, findings) = lab_compose::load(&files, &source, &env, &options).to_print();
    match project {
        Some(project) => Answer::Accepted(project.to_json()),
        None => {
            let errors = findings
                .iter()
                .filter(|one| one.severity == Severity::Error);
            let mut errors = errors.map(|one| format!("{} {}", one.code, one.message));
            match errors.any(|line| line.starts_with(NOT_SUPPORTED)) {
                true => Answer::Unsupported,
                false => {
                    let first = findings.iter().find(|one| one.severity == Severity::Error);
                    Answer::Refused(first.map_or(String::new(), |one| {
                        let place = one
                            .location
                            .as_ref()
                            .map_or(String::new(), ToString::to_string);
                        format!("{} {} ({place})", one.code, one.message)
                    }))
                }
            }
        }
    }
}
