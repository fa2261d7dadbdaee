//! Commands that read or change a little, as users of `docker compose` type them.

use crate::docker;
use crate::lab::{Lab, Said, binary};

#[test]
fn ports_volumes_ends_and_numbers_are_told_and_changed_as_compose_does() {
    let mut lab = Lab::new();
    let project = lab.project("verbs");
    let text = format!(
        "services:
  web:
    image: {image}
    command: [sh, -c, 'trap \"exit 0\" TERM; sleep 1000 & wait']
    ports: ['80', '127.0.0.1::53/udp']
    volumes: ['store:/data']
  once:
    image: {image}
    command: [sh, -c, 'sleep 1; exit 3']
    restart: \"no\"
volumes:
  store: {{}}
",
        image = docker::busybox()
    );
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d"]);
    let ended = lab.compose(&file, &project, &["wait", "once"]);
    assert_eq!(ended.code, 3, "{}", ended.all());
    assert_eq!(ended.out, format!("{project}-once-1  3\n"));

    let port = |args: &[&str]| lab.compose(&file, &project, args).ok().out;
    let bound = docker::docker(&["port", &format!("{project}-web-1"), "53/udp"]);
    assert_eq!(
        port(&["port", "--protocol", "udp", "web", "53"]).trim(),
        bound.trim()
    );
    let bound = docker::docker(&["port", &format!("{project}-web-1"), "80/tcp"]);
    let number = bound
        .lines()
        .next()
        .and_then(|line| line.rsplit(':').next());
    let told = port(&["port", "web", "80"]);
    assert_eq!(told.trim().rsplit(':').next(), number, "{told} of {bound}");
    lab.compose(&file, &project, &["port", "web", "81"])
        .refused(&["CLI0055", "81/tcp"]);

    let volumes = lab.compose(&file, &project, &["volumes", "-q"]).ok().out;
    assert_eq!(volumes, format!("{project}_store\n"));
    lab.compose(&file, &project, &["scale", "web=2"]).ok();
    lab.running(&project, 2);

    let link = lab.file("bin/docker-compose", "");
    std::fs::remove_file(&link).expect("the empty file");
    std::os::unix::fs::symlink(binary("tercio"), &link).expect("a link");
    let mut called = lab.any_command(&link);
    called.args(["-p", &project, "ps", "-q", "web"]);
    let said = Said::of(called.output().expect("it runs")).ok();
    assert_eq!(said.out.lines().count(), 2, "{}", said.all());
}
