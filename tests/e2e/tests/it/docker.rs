//! The engine as the stock client sees it: the tests' second pair of eyes.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Runs the stock client and returns its standard output, trimmed.
///
/// # Panics
/// When it fails.
pub(crate) fn docker(args: &[&str]) -> String {
    try_docker(args).unwrap_or_else(|error| panic!("docker {args:?}: {error}"))
}

/// Runs the stock client; an exit code other than 0 is its standard error.
pub(crate) fn try_docker(args: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(args)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// The ids of a project's containers that run, sorted.
pub(crate) fn running(project: &str) -> Vec<String> {
    list(&["ps", "-q", "--no-trunc", "--filter", &filter(project)])
}

/// The ids of all of a project's containers, sorted.
pub(crate) fn all(project: &str) -> Vec<String> {
    list(&["ps", "-aq", "--no-trunc", "--filter", &filter(project)])
}

/// The names of a project's containers, sorted.
pub(crate) fn names(project: &str) -> Vec<String> {
    list(&[
        "ps",
        "-a",
        "--format",
        "{{.Names}}",
        "--filter",
        &filter(project),
    ])
}

fn filter(project: &str) -> String {
    format!("label=com.docker.compose.project={project}")
}

fn list(args: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = docker(args).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The image that the tests' own services run: this machine's static busybox, imported once.
pub(crate) fn busybox() -> &'static str {
    const TAG: &str = "tercio-test/busybox:1";
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        if try_docker(&["image", "inspect", TAG]).is_ok() {
            return;
        }
        let script = "set -e; d=$(mktemp -d); mkdir -p $d/bin $d/tmp $d/etc; cp /bin/busybox $d/bin/; \
             for a in sh sleep cat echo nc httpd true false kill wget hostname ls touch date test; do ln -s busybox $d/bin/$a; done; \
             echo 'root:x:0:0::/:/bin/sh' > $d/etc/passwd; tar -C $d -c . | docker import -c 'ENV PATH=/bin' - \"$1\"; rm -r $d";
        let status = Command::new("bash").args(["-c", script, "bash", TAG]).stdout(Stdio::null()).status();
        assert!(status.expect("bash runs").success(), "the test image could not be made");
    });
    TAG
}

/// Removes whatever of a project is left on the engine: only what bears the project's label, or its name.
pub(crate) fn sweep(project: &str) {
    for id in all(project) {
        let _ = try_docker(&["rm", "-f", "-v", &id]);
    }
    for (noun, list_args) in [("network", ["network", "ls"]), ("volume", ["volume", "ls"])] {
        let found = try_docker(&[
            list_args[0],
            list_args[1],
            "-q",
            "--filter",
            &filter(project),
        ]);
        for name in found.unwrap_or_default().lines() {
            let _ = try_docker(&[noun, "rm", name]);
        }
    }
    for image in images(project) {
        let _ = try_docker(&["image", "rm", "-f", &image]);
    }
}

/// The images built for a project: their names begin with its own, which no other test uses.
pub(crate) fn images(project: &str) -> Vec<String> {
    let named = format!("reference={project}-*");
    list(&[
        "image",
        "ls",
        "--format",
        "{{.Repository}}:{{.Tag}}",
        "--filter",
        &named,
    ])
}
