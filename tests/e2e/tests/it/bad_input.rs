//! Bad input: a clear message, an exit code other than 0, and nothing changed.

use std::net::TcpListener;
use std::path::Path;

use crate::{
    docker,
    lab::{Lab, PATIENCE, Said, binary},
    wait,
};

/// A lab that runs, so that "nothing changed" can be asked of it.
fn running_lab() -> Lab {
    let lab = Lab::new();
    lab.tercio(&["lab", "start"]).ok();
    lab
}

/// What the lab says of a project: nothing, when it never was applied.
fn facts(lab: &Lab, project: &str) -> serde_json::Value {
    let subject = format!("tercio.v1.req.admin.{project}.project.facts");
    lab.tercio(&["req", &subject, "{}"]).ok().json()
}

/// Runs `up` of a bad file: it must fail with these words, and the lab must know nothing of the project.
#[track_caller]
fn refuse(lab: &mut Lab, text: &str, words: &[&str]) {
    let project = lab.project("bad");
    let file = lab.file("compose.yml", text);
    lab.compose(&file, &project, &["up", "-d"]).refused(words);
    assert_eq!(docker::all(&project), Vec::<String>::new());
    let facts = facts(lab, &project);
    assert_eq!(facts["revision"], 0, "the state moved: {facts}");
}

#[test]
fn files_that_cannot_be_used_are_refused_with_line_and_column() {
    let mut lab = running_lab();
    let image = docker::busybox();
    lab.compose(Path::new("/nowhere/compose.yml"), "x", &["up", "-d"])
        .refused(&["/nowhere/compose.yml"]);
    refuse(
        &mut lab,
        "services:\n  web:\n   image: [\n",
        &["compose.yml:", "CMP"],
    );
    refuse(
        &mut lab,
        &format!("services:\n  web:\n    image: {image}\n    imagee: x\n"),
        &["compose.yml:4:5", "imagee", "image"],
    );
    refuse(
        &mut lab,
        &format!("services:\n  web:\n    image: {image}\n    networks: [back]\n"),
        &["compose.yml:4:16", "back"],
    );
    refuse(
        &mut lab,
        &format!(
            "services:\n  a:\n    image: {image}\n    depends_on: [b]\n  b:\n    image: {image}\n    depends_on: [a]\n"
        ),
        &["a -> b -> a"],
    );
}

#[test]
fn a_port_that_is_taken_is_refused_with_its_holder() {
    let mut lab = running_lab();
    let holder = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = holder.local_addr().expect("bound").port();
    let image = docker::busybox();
    let text = format!(
        "services:\n  web:\n    image: {image}\n    command: [sleep, '1000']\n    ports: ['{port}:80']\n"
    );
    refuse(&mut lab, &text, &[&port.to_string(), "taken", "pid"]);
}

#[test]
fn an_image_that_does_not_exist_is_refused_before_anything_is_made() {
    let mut lab = running_lab();
    refuse(
        &mut lab,
        "services:\n  web:\n    image: tercio-test/never-made:1\n",
        &["tercio-test/never-made:1"],
    );
}

#[test]
fn garbage_bytes_get_a_clear_answer() {
    let lab = running_lab();
    let said = lab.tercio(&[
        "req",
        "tercio.v1.req.admin.x.service.scale",
        "{\"service\": 7}",
    ]);
    said.refused(&["BUS"]);
    let said = lab.tercio(&["req", "tercio.v1.req.admin.x.service.scale", "{nonsense"]);
    said.refused(&["JSON"]);
}

#[test]
fn a_second_lab_on_the_same_state_folder_is_refused() {
    let lab = running_lab();
    let output = lab
        .command(&["serve", "--embedded"])
        .output()
        .expect("tercio runs");
    Said::of(output).refused(&["already", "pid"]);
    assert_eq!(
        lab.tercio(&["lab", "status"]).code,
        0,
        "the first lab goes on"
    );
}

#[test]
fn no_nats_server_and_one_too_old_are_said_with_what_to_do() {
    let lab = Lab::new();
    let mut command = lab.command(&["lab", "start"]);
    let said = Said::of(
        command
            .env("TERCIO_NATS_SERVER", "/nowhere/nats-server")
            .output()
            .expect("runs"),
    );
    said.refused(&["nats-server", "NAT"]);

    let old = lab.file("nats-server", "#!/bin/sh\necho 'nats-server: v2.9.10'\n");
    make_executable(&old);
    let mut command = lab.command(&["lab", "start"]);
    let said = Said::of(
        command
            .env("TERCIO_NATS_SERVER", &old)
            .output()
            .expect("runs"),
    );
    said.refused(&["2.9.10", "2.15.1"]);
}

#[test]
fn no_docker_engine_is_said_and_the_lab_waits_for_one() {
    let mut lab = Lab::new();
    let project = lab.project("noengine");
    let image = docker::busybox();
    let file = lab.file(
        "compose.yml",
        &format!("services:\n  web:\n    image: {image}\n"),
    );
    let mut command = lab.command(&["lab", "start"]);
    let started = Said::of(
        command
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .output()
            .expect("runs"),
    );
    started.ok();
    lab.compose(&file, &project, &["up", "-d"])
        .refused(&["engine"]);
    assert_eq!(docker::all(&project), Vec::<String>::new());
}

#[test]
fn a_full_disk_in_the_state_folder_is_said() {
    let lab = Lab::new();
    let state = lab.state_dir();
    std::fs::create_dir_all(&state).expect("a folder");
    let _full = FullDisk::on(&state);
    lab.tercio(&["lab", "start"]).refused(&["space"]);
}

#[test]
fn an_interrupted_up_changes_nothing_or_everything() {
    let mut lab = running_lab();
    let project = lab.project("ctrlc");
    let image = docker::busybox();
    // The health check never passes, so `up --wait` is still waiting when it is interrupted.
    let text = format!(
        "services:\n  web:\n    image: {image}\n    command: [sleep, '1000']\n    healthcheck: {{test: [CMD, 'false'], interval: 1s, retries: 100}}\n"
    );
    let file = lab.file("compose.yml", &text);
    let file_name = file.to_str().expect("UTF-8").to_owned();
    let mut command = lab.command(&["up", "-f", &file_name, "-p", &project, "-d", "--wait"]);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("runs");
    lab.running(&project, 1);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let said = Said::of(child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, 130, "{}", said.all());
    let rows = lab
        .tercio(&["service", "ls", "--format", "json"])
        .ok()
        .json();
    assert!(
        rows.to_string().contains(&project),
        "what was applied is there whole: {rows}"
    );
    lab.compose(&file, &project, &["down"]).ok();
    wait::until("all is gone", PATIENCE, || {
        let left = docker::all(&project);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("own file");
    assert!(binary("tercio").exists());
}

/// A folder on a file system of 1 MiB that is full.
struct FullDisk<'a>(&'a Path);

impl<'a> FullDisk<'a> {
    fn on(path: &'a Path) -> Self {
        let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        let status = std::process::Command::new("mount")
            .args(mount)
            .arg(path)
            .status();
        assert!(
            status.expect("mount runs").success(),
            "the tests run as root"
        );
        let disk = Self(path);
        let filler = vec![0_u8; 4 << 20];
        let _ = std::fs::write(path.join("filler"), filler);
        disk
    }
}

impl Drop for FullDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0)
            .status();
    }
}

#[test]
fn an_option_that_would_have_no_effect_is_refused() {
    let lab = Lab::new();
    let text = "services: {web: {image: x}}\n";
    let file = lab.file("compose.yml", text);
    let file = file.to_str().expect("UTF-8");
    for (args, code, word) in [
        (&["up", "-d", "--file", file, "web"][..], 2, "all services"),
        (
            &["up", "--wait", "--file", file, "--attach", "web"],
            2,
            "all services",
        ),
        (&["up", "--file", file, "--format", "json"], 2, "--format"),
        (&["down", "-p", "x", "--format", "json"], 2, "--format"),
        (&["logs", "-p", "x", "--format", "yaml"], 2, "--format"),
        (&["version", "--as-command"], 1, "CLI0026"),
        (&["events", "--as-command"], 1, "CLI0026"),
        (&["sub", "--as-command", "a.b"], 1, "CLI0026"),
        (&["config", "--as-command", "--file", file], 1, "CLI0026"),
    ] {
        let said = lab.tercio(args).refused(&[word]);
        assert_eq!(said.code, code, "{args:?}: {}", said.all());
    }
    let said = lab.tercio(&["config", "--file", file, "--services", "--format", "json"]);
    assert_eq!(said.ok().json(), serde_json::json!(["web"]));
    let far = [
        "-H",
        "nats://127.0.0.1:1",
        "--creds",
        "/dev/null",
        "version",
    ];
    let said = lab.tercio(&far).refused(&["CLI000"]);
    assert!(said.out.starts_with("tercio "), "{}", said.all());
}
