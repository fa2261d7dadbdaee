//! The main job: the counting page of the tutorial, up, seen, and down again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::{
    docker,
    lab::{Lab, PATIENCE, checkout},
    wait,
};

/// A port of this machine that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port")
        .port()
}

/// One GET, by hand: no HTTP client is worth a dependency here.
pub(crate) fn get(port: u16) -> Result<String, String> {
    let say = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(say)?;
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .map_err(say)?;
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .map_err(say)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(say)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.trim().to_owned()),
        Some(_) | None => Err(answer),
    }
}

/// The example's folder with its port replaced, so that runs side by side do not collide.
fn example(lab: &Lab, port: u16) -> std::path::PathBuf {
    let source = checkout().join("ops/examples/composetest");
    for name in ["app.py", "requirements.txt", "Dockerfile"] {
        let text = std::fs::read_to_string(source.join(name)).expect("the example is there");
        lab.file(&format!("composetest/{name}"), &text);
    }
    let compose = std::fs::read_to_string(source.join("docker-compose.yml")).expect("the example");
    assert!(compose.contains("5000:5000"), "{compose}");
    lab.file(
        "composetest/docker-compose.yml",
        &compose.replace("5000:5000", &format!("{port}:5000")),
    )
}

#[test]
fn the_page_of_the_tutorial_counts_and_docker_sees_the_project_as_its_own() {
    let mut lab = Lab::new();
    let project = lab.project("count");
    let port = free_port();
    let file = example(&lab, port);

    let up = lab.compose(&file, &project, &["up", "-d"]).ok();
    assert!(
        up.err.contains("lab") || up.out.contains("lab"),
        "it says that it starts a lab: {}",
        up.all()
    );
    let first = wait::until("the page", PATIENCE, || get(port));
    assert_eq!(first, "Hello World! I have been seen 1 times.");
    assert_eq!(get(port).unwrap(), "Hello World! I have been seen 2 times.");

    assert_eq!(
        docker::names(&project),
        [format!("{project}-redis-1"), format!("{project}-web-1")]
    );
    let networks = docker::docker(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(
        networks
            .lines()
            .any(|name| name == format!("{project}_default")),
        "{networks}"
    );

    let rows = lab
        .compose(&file, &project, &["ps", "--format", "json"])
        .ok()
        .json();
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{rows}");
    let table = lab.compose(&file, &project, &["ps"]).ok().out;
    assert!(
        table.contains(&format!("{project}-web-1")) && table.contains("5000/tcp"),
        "{table}"
    );

    let logs = lab
        .compose(&file, &project, &["logs", "--tail", "5", "web"])
        .ok()
        .out;
    assert!(logs.contains("GET / HTTP"), "{logs}");

    let before = docker::running(&project);
    let again = lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(
        docker::running(&project),
        before,
        "a second up recreates nothing: {}",
        again.all()
    );
    let plan = lab.compose(&file, &project, &["up", "--plan"]).ok();
    assert!(
        plan.out.to_lowercase().contains("nothing"),
        "an empty plan is said: {}",
        plan.all()
    );

    lab.compose(&file, &project, &["down"]).ok();
    assert_eq!(docker::all(&project), Vec::<String>::new());
    let network = format!("{project}_default");
    wait::until("the network goes", PATIENCE, || {
        let left = docker::docker(&["network", "ls", "--format", "{{.Name}}"]);
        match left.lines().any(|name| name == network) {
            true => Err(left),
            false => Ok(()),
        }
    });
    assert_eq!(docker::images(&project), [format!("{project}-web:latest")]);
    drop(lab);
    assert_eq!(docker::images(&project), Vec::<String>::new());
}
