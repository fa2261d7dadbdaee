//! Which Compose files make the project: named ones, `COMPOSE_FILE`, or those found here or above.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lab_compose::{
    EnvMap, FILE_NAMES, LoadOptions, OVERRIDE_NAMES, SourceFile, SourceProvider, Unreadable,
};

use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};

/// The Compose files of a project, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// In order, each with its path as the user named it.
    pub files: Vec<SourceFile>,
    /// The folder that relative paths start from.
    pub project_dir: String,
    /// Files that were passed over, for a warning.
    pub ignored: Vec<String>,
    /// Whether the user named them, or their folder.
    pub named: bool,
}

/// Reads the disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl SourceProvider for Disk {
    fn read(&self, path: &str) -> Result<Option<String>, Unreadable> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Unreadable {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}

/// Finds and reads the project's files.
///
/// # Errors
/// There are none, or one cannot be read.
pub fn discover(args: &ProjectArgs, folder: &Path, env: &EnvMap) -> Outcome<Files> {
    let named = match args.file.is_empty() {
        false => Some(args.file.clone()),
        true => from_environment(args, folder, env)?,
    };
    let project_dir = args.project_directory.as_ref().map(|dir| folder.join(dir));
    let (paths, ignored) = match named {
        Some(paths) => (paths, Vec::new()),
        None => search(project_dir.as_deref().unwrap_or(folder), folder)?,
    };
    let mut files = Vec::new();
    for path in &paths {
        let text = utf8(path)?;
        files.push(SourceFile::new(text, read(path, folder)?));
    }
    let first = paths.iter().find(|path| *path != Path::new("-"));
    let of_first = first.and_then(|path| folder.join(path).parent().map(Path::to_path_buf));
    let project_dir = project_dir
        .or(of_first)
        .unwrap_or_else(|| folder.to_owned());
    Ok(Files {
        files,
        project_dir: utf8(&clean(&project_dir))?.to_owned(),
        ignored,
        named: !args.file.is_empty() || args.project_directory.is_some(),
    })
}

fn utf8(path: &Path) -> Outcome<&str> {
    path.to_str().ok_or_else(|| {
        Failure::new(
            "CLI0031",
            format!("the path {} is not UTF-8", path.display()),
            "rename the file or its folder",
        )
    })
}

fn read(path: &Path, folder: &Path) -> Outcome<String> {
    let refuse = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => "check the path given with -f, or in COMPOSE_FILE",
            _ => "the file must be readable, and UTF-8 text",
        };
        Failure::new(
            "CLI0031",
            format!(
                "the Compose file {} cannot be read: {error}",
                path.display()
            ),
            help,
        )
    };
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(refuse)?;
        return Ok(text);
    }
    std::fs::read_to_string(folder.join(path)).map_err(refuse)
}

/// What `COMPOSE_FILE` names, in the environment or in the files of variables that are known before the
/// Compose files are.
fn from_environment(
    args: &ProjectArgs,
    folder: &Path,
    env: &EnvMap,
) -> Outcome<Option<Vec<PathBuf>>> {
    let dir = args.project_directory.as_ref();
    let dir = dir.map_or_else(|| folder.to_owned(), |dir| folder.join(dir));
    let options = LoadOptions {
        project_dir: utf8(&clean(&dir))?.to_owned(),
        current_dir: Some(utf8(folder)?.to_owned()),
        env_files: args.env_file.clone(),
        files_named: args.project_directory.is_some(),
        ..LoadOptions::default()
    };
    // What is wrong in the files of variables is told when the project is loaded.
    let variables = lab_compose::environment(&Disk, env, &options);
    let variable = |name: &str| variables.get(name).cloned();
    let Some(list) = variable("COMPOSE_FILE").filter(|list| !list.is_empty()) else {
        return Ok(None);
    };
    let separator = variable("COMPOSE_PATH_SEPARATOR").filter(|separator| !separator.is_empty());
    let separator = separator.unwrap_or_else(|| ":".to_owned());
    Ok(Some(list.split(&separator).map(PathBuf::from).collect()))
}

/// The file of `start` or of the nearest folder above it that has one, with its override file.
fn search(start: &Path, folder: &Path) -> Outcome<(Vec<PathBuf>, Vec<String>)> {
    for dir in start.ancestors() {
        let in_dir = |names: &[&str]| -> Vec<PathBuf> {
            let paths = names.iter().map(|name| dir.join(name));
            paths.filter(|path| path.is_file()).collect()
        };
        let mut found = in_dir(FILE_NAMES).into_iter();
        let Some(first) = found.next() else {
            continue;
        };
        let mut overrides = in_dir(OVERRIDE_NAMES).into_iter();
        let paths = std::iter::once(first).chain(overrides.next());
        // A file of this folder is named as the user would: without the folder.
        let named = paths.map(|path| match path.strip_prefix(folder) {
            Ok(short) => short.to_owned(),
            Err(_) => path,
        });
        let ignored = found
            .chain(overrides)
            .map(|path| path.display().to_string());
        return Ok((named.collect(), ignored.collect()));
    }
    Err(Failure::new(
        "CLI0030",
        format!(
            "there is no Compose file in {} or a folder above it",
            start.display()
        ),
        format!(
            "make one of {}, or name a file with -f",
            FILE_NAMES.join(", ")
        ),
    ))
}

/// The path without `.` and, as far as it can be told from the text, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lab_compose::EnvMap;

    use super::{Files, discover};
    use crate::cli::ProjectArgs;
    use crate::failure::{Failure, Outcome};

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn named(files: &[&str]) -> ProjectArgs {
        ProjectArgs {
            file: files.iter().map(Into::into).collect(),
            ..ProjectArgs::default()
        }
    }

    fn found(root: &Path, from: &str, args: &ProjectArgs, env: &[(&str, &str)]) -> Outcome<Files> {
        let env: EnvMap = env
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        discover(args, &root.join(from), &env)
    }

    /// The files' paths without the test's folder, then the project's folder.
    fn words(root: &Path, files: &Files) -> String {
        let short = |path: &str| path.replace(root.to_str().unwrap(), "ROOT");
        let paths = files.files.iter().map(|file| short(&file.path));
        let paths: Vec<String> = paths.collect();
        format!("{} in {}", paths.join(" "), short(&files.project_dir))
    }

    #[test]
    fn a_file_is_found_here_or_above_with_its_override_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        write(&root, "shop/docker-compose.yml", "a");
        write(&root, "shop/compose.yaml", "b");
        write(&root, "shop/docker-compose.override.yml", "c");
        write(&root, "shop/deep/er/x", "");
        let none = ProjectArgs::default();
        let here = found(&root, "shop", &none, &[]).unwrap();
        assert_eq!(
            words(&root, &here),
            "compose.yaml docker-compose.override.yml in ROOT/shop"
        );
        assert_eq!(here.files[0].content, "b");
        assert_eq!(here.ignored.len(), 1);
        let below = found(&root, "shop/deep/er", &none, &[]).unwrap();
        assert_eq!(
            words(&root, &below),
            "ROOT/shop/compose.yaml ROOT/shop/docker-compose.override.yml in ROOT/shop"
        );
    }

    #[test]
    fn named_files_go_before_the_variable_and_that_before_the_search() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["compose.yaml", "sub/a.yml", "b.yml", "c.yml"] {
            write(&root, name, "x");
        }
        let named = named(&["sub/a.yml", "b.yml"]);
        let env = [("COMPOSE_FILE", "b.yml:c.yml")];
        assert_eq!(
            words(&root, &found(&root, "", &named, &env).unwrap()),
            "sub/a.yml b.yml in ROOT/sub"
        );
        let none = ProjectArgs::default();
        assert_eq!(
            words(&root, &found(&root, "", &none, &env).unwrap()),
            "b.yml c.yml in ROOT"
        );
        write(
            &root,
            ".env",
            "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=c.yml,b.yml\n",
        );
        assert_eq!(
            words(&root, &found(&root, "", &none, &[]).unwrap()),
            "c.yml b.yml in ROOT"
        );
        let elsewhere = ProjectArgs {
            project_directory: Some("sub".into()),
            ..named
        };
        let files = found(&root, "", &elsewhere, &[]).unwrap();
        assert_eq!(words(&root, &files), "sub/a.yml b.yml in ROOT/sub");
    }

    #[test]
    fn the_variable_may_come_from_the_files_of_variables_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["compose.yaml", "sub/a.yml", "b.yml", "c.yml"] {
            write(&root, name, "x");
        }
        write(&root, ".env", "COMPOSE_FILE=b.yml\n");
        write(&root, "one.env", "COMPOSE_FILE=c.yml\nSEP=;\n");
        let two = "COMPOSE_PATH_SEPARATOR=$SEP\nCOMPOSE_FILE=sub/a.yml;c.yml\n";
        write(&root, "two.env", two);
        let none = ProjectArgs::default();
        let by = |args: &ProjectArgs, env: &[(&str, &str)]| {
            words(&root, &found(&root, "", args, env).unwrap())
        };
        assert_eq!(by(&none, &[]), "b.yml in ROOT");
        let off = ("COMPOSE_DISABLE_ENV_FILE", "1");
        assert_eq!(by(&none, &[off]), "compose.yaml in ROOT");
        let files = ("COMPOSE_ENV_FILES", "one.env,two.env");
        assert_eq!(by(&none, &[files]), "sub/a.yml c.yml in ROOT/sub");
        assert_eq!(by(&none, &[files, off]), "sub/a.yml c.yml in ROOT/sub");
        let option = ProjectArgs {
            env_file: vec!["one.env".to_owned()],
            ..ProjectArgs::default()
        };
        assert_eq!(by(&option, &[files]), "c.yml in ROOT");
        let own = ("COMPOSE_FILE", "sub/a.yml");
        assert_eq!(by(&option, &[own]), "sub/a.yml in ROOT/sub");
    }

    #[test]
    fn it_is_known_whether_the_user_named_the_files_or_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        write(&root, "sub/compose.yaml", "x");
        write(&root, "compose.yaml", "x");
        let is_named =
            |args: &ProjectArgs, env: &[(&str, &str)]| found(&root, "", args, env).unwrap().named;
        let none = ProjectArgs::default();
        assert!(!is_named(&none, &[]));
        assert!(!is_named(&none, &[("COMPOSE_FILE", "sub/compose.yaml")]));
        assert!(is_named(&named(&["sub/compose.yaml"]), &[]));
        let there = ProjectArgs {
            project_directory: Some("sub".into()),
            ..none
        };
        assert!(is_named(&there, &[]));
    }

    #[test]
    fn a_missing_file_is_named_and_no_file_at_all_says_what_to_make() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |args: &ProjectArgs| match found(folder.path(), "", args, &[]) {
            Err(Failure::Problem(problem)) => *problem,
            other => panic!("{other:?}"),
        };
        let missing = problem(&named(&["nowhere.yml"]));
        assert_eq!(missing.code.0, "CLI0031");
        assert!(missing.message.contains("nowhere.yml"), "{missing}");
        // Assumes, as everywhere, that no folder above the temporary one holds a Compose file.
        assert_eq!(problem(&ProjectArgs::default()).code.0, "CLI0030");
    }
}
