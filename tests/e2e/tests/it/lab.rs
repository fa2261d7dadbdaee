//! A lab of its own for each test: state folder, project names, and everything gone at the end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::{docker, wait};

/// How long a lab may take to start or a project to come up on a busy machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// One embedded lab with a state folder of its own.
pub(crate) struct Lab {
    dir: tempfile::TempDir,
    projects: Vec<String>,
}

/// What a command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Said {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Both streams, for messages.
    pub(crate) fn all(&self) -> String {
        format!(
            "exit {}\n--- out\n{}\n--- err\n{}",
            self.code, self.out, self.err
        )
    }

    /// # Panics
    /// When the command failed.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.all());
        self
    }

    /// # Panics
    /// When the command succeeded or does not say all of `words`.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) -> Self {
        assert_ne!(self.code, 0, "it should have failed: {}", self.all());
        for word in words {
            assert!(
                self.err.contains(word),
                "{word:?} is not said: {}",
                self.all()
            );
        }
        self
    }

    /// # Panics
    /// When standard output is not JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

/// The folder of the binaries under test: the test's own build.
pub(crate) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/test")
        .to_owned();
    let binary = folder.join(name);
    assert!(
        binary.exists(),
        "{} is not built: cargo build --workspace --bins",
        binary.display()
    );
    binary
}

/// The top of the checkout.
pub(crate) fn checkout() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    top.expect("tests/e2e stands two below the top").to_owned()
}

/// A `tercio serve` of the test's own; it does not outlive the test.
pub(crate) struct Served(Child);

impl Served {
    /// Ends it without a warning.
    pub(crate) fn kill_9(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill_9();
    }
}

impl Lab {
    /// A lab that is not started: the first `up` does it.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("tercio-e2e-")
            .tempdir()
            .expect("a folder");
        Self {
            dir,
            projects: Vec::new(),
        }
    }

    /// A project name that no other test uses; swept from the engine at the end.
    pub(crate) fn project(&mut self, stem: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{stem}-{}-{count}", std::process::id());
        self.projects.push(name.clone());
        name
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// A folder with a Compose file.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the lab's folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The `tercio` command with this lab's state folder, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.any_command(binary("tercio"));
        command.args(args);
        command
    }

    /// Any program in this lab's surroundings: whatever lab the caller has configured is out of its reach.
    pub(crate) fn any_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("TERCIO_") || name.starts_with("COMPOSE_") {
                command.env_remove(name.as_ref());
            }
        }
        for name in ["TERCIO_NATS_SERVER", "TERCIO_PYTHON"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TERCIO_STATE_DIR", self.state_dir())
            .stdin(Stdio::null())
            .current_dir(self.dir.path());
        command
    }

    /// Runs `tercio` to its end.
    pub(crate) fn tercio(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().expect("tercio runs"))
    }

    /// Runs `tercio VERB --file FILE -p PROJECT …`.
    pub(crate) fn compose(&self, file: &Path, project: &str, args: &[&str]) -> Said {
        let file = file.to_str().expect("the tests' paths are UTF-8");
        let (verb, rest) = args.split_first().expect("a verb");
        let mut all = vec![*verb, "--file", file, "-p", project];
        all.extend(rest);
        self.tercio(&all)
    }

    /// What `lab status --format json` says.
    pub(crate) fn status(&self) -> serde_json::Value {
        self.tercio(&["lab", "status", "--format", "json"])
            .ok()
            .json()
    }

    /// Starts `tercio serve ROLE…` in the foreground of a child process.
    pub(crate) fn serve(&self, roles: &[&str]) -> Served {
        let log = self
            .dir
            .path()
            .join(format!("serve-{}.log", roles.join("-")));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log");
        let mut args = vec!["serve"];
        args.extend(roles);
        let mut command = self.command(&args);
        command
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        Served(command.spawn().expect("tercio serve starts"))
    }

    /// Waits until a project has so many running containers, and returns their ids.
    #[track_caller]
    pub(crate) fn running(&self, project: &str, count: usize) -> Vec<String> {
        wait::until(
            &format!("{count} containers of {project}"),
            PATIENCE,
            || {
                let ids = docker::running(project);
                if ids.len() == count {
                    Ok(ids)
                } else {
                    Err(format!("{} run", ids.len()))
                }
            },
        )
    }
}

impl Drop for Lab {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows the end of its lab's log"
    )]
    fn drop(&mut self) {
        let stopped = self.tercio(&["lab", "stop"]);
        for project in &self.projects {
            docker::sweep(project);
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.state_dir().join("lab.log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!(
                "lab stop: {}\n--- lab.log\n{}",
                stopped.all(),
                tail.join("\n")
            );
        }
    }
}
