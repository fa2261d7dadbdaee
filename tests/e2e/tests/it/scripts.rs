//! The scripts of `ops/examples/scripts`, run as a user runs them.

use crate::{
    docker,
    lab::{Lab, Said, binary, checkout},
};

fn run(lab: &mut Lab, program: &str, script: &str, project: &str) -> Said {
    let script = checkout().join("ops/examples/scripts").join(script);
    let tercio = binary("tercio");
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = tercio.parent().expect("a file has a folder");
    let mut command = lab.any_command(program);
    command.arg(script).arg(project).arg(docker::busybox());
    command.env("PATH", format!("{}:{path}", folder.display()));
    Said::of(command.output().expect("the script runs"))
}

/// Python with nats-py and msgpack, as `ops/test` prepares it and says in `TERCIO_PYTHON`.
fn python() -> String {
    if let Ok(said) = std::env::var("TERCIO_PYTHON") {
        return said;
    }
    let prepared = checkout().join("target/venv/bin/python3");
    assert!(
        prepared.exists(),
        "{} is missing: run ops/test",
        prepared.display()
    );
    prepared.to_string_lossy().into_owned()
}

#[test]
fn the_python_script_creates_scales_and_removes_a_service_by_its_events() {
    let mut lab = Lab::new();
    lab.tercio(&["lab", "start"]).ok();
    let project = lab.project("py");
    let said = run(&mut lab, &python(), "service.py", &project).ok();
    assert!(said.out.contains("removed"), "{}", said.all());
    assert_eq!(docker::all(&project), Vec::<String>::new());
}

#[test]
fn the_shell_script_does_the_same_in_json() {
    let mut lab = Lab::new();
    lab.tercio(&["lab", "start"]).ok();
    let project = lab.project("sh");
    let said = run(&mut lab, "bash", "service.sh", &project).ok();
    assert!(said.out.contains("removed"), "{}", said.all());
    assert_eq!(docker::all(&project), Vec::<String>::new());
}
