//! Changes: what a file asks for comes about, and what it does not name stays.

use crate::{
    docker,
    lab::{Lab, PATIENCE},
    wait,
};

pub(crate) fn sleeper(replicas: u32, text: &str) -> String {
    format!(
        "services:\n  web:\n    image: {}\n    command: [sh, -c, 'trap \"exit 0\" TERM; echo {text}; sleep 1000 & wait']\n    deploy:\n      replicas: {replicas}\n",
        docker::busybox()
    )
}

#[test]
fn scaling_keeps_what_runs_and_a_changed_command_replaces_it() {
    let mut lab = Lab::new();
    let project = lab.project("change");
    let file = lab.file("compose.yml", &sleeper(2, "one"));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let two = lab.running(&project, 2);

    lab.tercio(&["service", "scale", "-p", &project, "web=4"])
        .ok();
    let four = lab.running(&project, 4);
    assert!(
        two.iter().all(|id| four.contains(id)),
        "scaling up recreated a container"
    );
    lab.tercio(&["service", "scale", "-p", &project, "web=1"])
        .ok();
    lab.running(&project, 1);
    assert_eq!(
        docker::names(&project),
        [format!("{project}-web-1")],
        "the highest slots go first"
    );

    let file = lab.file("compose.yml", &sleeper(1, "two"));
    let plan = lab.compose(&file, &project, &["up", "--plan"]).ok();
    assert!(
        plan.out.contains("command"),
        "the plan names the cause: {}",
        plan.all()
    );
    let before = lab.running(&project, 1);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let after = lab.running(&project, 1);
    assert_ne!(before, after);
    let logs = lab.compose(&file, &project, &["logs", "web"]).ok().out;
    assert!(logs.contains("two") && !logs.contains("one"), "{logs}");
}

#[test]
fn up_returns_when_the_containers_of_services_it_removes_are_gone() {
    let mut lab = Lab::new();
    let project = lab.project("fewer");
    let service = |name: &str| {
        let image = docker::busybox();
        // Its end takes a while.
        format!(
            "  {name}:\n    image: {image}\n    command: [sh, -c, 'trap \"sleep 2; exit 0\" TERM; while true; do sleep 1; done']\n"
        )
    };
    let both = format!("services:\n{}{}", service("web"), service("old"));
    let file = lab.file("compose.yml", &both);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let file = lab.file("compose.yml", &format!("services:\n{}", service("web")));
    let up = lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(docker::names(&project), [format!("{project}-web-1")]);
    let gone = format!("Container {project}-old-1  Removed");
    assert!(up.err.contains(&gone), "{}", up.all());
}

#[test]
fn a_volume_outlives_down_and_goes_only_with_consent() {
    let mut lab = Lab::new();
    let project = lab.project("data");
    let text = format!(
        "services:\n  db:\n    image: {}\n    command: [sh, -c, 'echo kept >> /data/f; exec sleep 1000']\n    volumes: ['store:/data']\nvolumes:\n  store: {{}}\n",
        docker::busybox()
    );
    let file = lab.file("compose.yml", &text);
    let volume = format!("{project}_store");
    let exists = || docker::try_docker(&["volume", "inspect", &volume]).is_ok();

    lab.compose(&file, &project, &["up", "-d"]).ok();
    assert!(exists());
    lab.compose(&file, &project, &["down"]).ok();
    assert!(exists(), "down removed a volume");

    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.compose(&file, &project, &["down", "-v"])
        .refused(&[&volume, "--yes"]);
    assert!(exists(), "a refused down -v removed a volume");
    assert_eq!(
        docker::running(&project).len(),
        1,
        "a refused down -v changed something"
    );

    lab.compose(&file, &project, &["down", "-v", "--yes"]).ok();
    assert!(!exists(), "down -v ended before the volume was gone");
}

#[test]
fn a_volume_that_left_the_files_goes_only_when_it_is_named() {
    let mut lab = Lab::new();
    let project = lab.project("left");
    let service = |name: &str| {
        let image = docker::busybox();
        format!(
            "  {name}:\n    image: {image}\n    command: [sh, -c, 'trap \"exit 0\" TERM; while true; do sleep 1; done']\n    volumes: ['{name}:/data']\n"
        )
    };
    let text = format!(
        "services:\n{}{}volumes:\n  db: {{}}\n  old: {{}}\n",
        service("db"),
        service("old")
    );
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let text = format!("services:\n{}volumes:\n  db: {{}}\n", service("db"));
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let old = format!("{project}_old");
    let exists = |name: &str| {
        let volume = format!("{project}_{name}");
        docker::try_docker(&["volume", "inspect", &volume]).is_ok()
    };

    let named = format!("{project}_db, {old} (no longer in the files)");
    lab.compose(&file, &project, &["down", "-v"])
        .refused(&[&named]);
    let down = lab.compose(&file, &project, &["down", "-v", "--yes"]).ok();
    assert!(
        down.err.contains(&format!("volume {old} stays")),
        "{}",
        down.all()
    );
    assert!(!exists("db") && exists("old"));
    let options = ["down", "-v", "--yes", "--dropped", &old];
    lab.compose(&file, &project, &options).ok();
    assert!(!exists("old"));
}

#[test]
fn down_says_of_a_volume_that_is_in_use_that_it_is_still_there() {
    let mut lab = Lab::new();
    let project = lab.project("used");
    let image = docker::busybox();
    let text = format!(
        "services:\n  db:\n    image: {image}\n    command: [sleep, '1000']\n    volumes: ['store:/data']\nvolumes:\n  store: {{}}\n"
    );
    let file = lab.file("compose.yml", &text);
    let volume = format!("{project}_store");
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let mount = format!("{volume}:/x");
    let foreign = docker::docker(&["create", "-v", &mount, image, "sleep", "1000"]);
    let said = lab.compose(&file, &project, &["down", "-v", "--yes"]);
    docker::docker(&["rm", &foreign]);
    let said = said.refused(&[&volume, "CLI0046"]);
    assert!(!said.err.contains(&format!("Volume {volume}  Removed")));
    wait::until(
        "the volume goes once nothing uses it",
        PATIENCE,
        || match docker::try_docker(&["volume", "inspect", &volume]) {
            Ok(_) => Err("it is there".into()),
            Err(_) => Ok(()),
        },
    );
}

#[test]
fn services_wait_for_the_conditions_they_name() {
    let mut lab = Lab::new();
    let project = lab.project("gate");
    let image = docker::busybox();
    let text = format!(
        "services:
  migrate:
    image: {image}
    command: [sh, -c, 'sleep 1; echo migrated']
  db:
    image: {image}
    command: [sh, -c, 'sleep 1; touch /tmp/ok; exec sleep 1000']
    healthcheck:
      test: [CMD, ls, /tmp/ok]
      interval: 200ms
      retries: 50
  web:
    image: {image}
    command: [sleep, '1000']
    depends_on:
      migrate: {{condition: service_completed_successfully}}
      db: {{condition: service_healthy}}
"
    );
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d", "--wait"]).ok();
    let started = |service: &str| {
        docker::docker(&[
            "inspect",
            "-f",
            "{{.State.StartedAt}}",
            &format!("{project}-{service}-1"),
        ])
    };
    let finished = docker::docker(&[
        "inspect",
        "-f",
        "{{.State.FinishedAt}}",
        &format!("{project}-migrate-1"),
    ]);
    assert!(
        started("web") > finished,
        "web started before migrate had ended"
    );
    assert!(started("web") > started("db"));
    let health = docker::docker(&[
        "inspect",
        "-f",
        "{{.State.Health.Status}}",
        &format!("{project}-db-1"),
    ]);
    assert_eq!(health, "healthy");

    let before = docker::all(&project);
    lab.compose(&file, &project, &["up", "-d", "--wait"]).ok();
    assert_eq!(
        docker::all(&project),
        before,
        "a completed service ran again"
    );
}

#[test]
fn a_service_is_reached_by_its_name_inside_the_project() {
    let mut lab = Lab::new();
    let project = lab.project("names");
    // Debian's static busybox cannot look names up; Python can, and has a server and a client.
    let text = "services:
  a:
    image: python:3.4-alpine
    command: [python, -m, http.server, '8000']
  b:
    image: python:3.4-alpine
    restart: on-failure
    command:
      - python
      - -c
      - |
        import urllib.request
        answer = urllib.request.urlopen('http://a:8000/', timeout=5)
        print('a answers', answer.status, flush=True)
";
    let file = lab.file("compose.yml", text);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    wait::until("b has reached a by its name", PATIENCE, || {
        let logs = lab.compose(&file, &project, &["logs", "b"]).ok().out;
        match logs.contains("a answers 200") {
            true => Ok(()),
            false => Err(logs),
        }
    });
}

#[test]
fn every_change_leaves_an_event_and_they_replay_in_order() {
    let mut lab = Lab::new();
    let project = lab.project("events");
    let file = lab.file("compose.yml", &sleeper(1, "x"));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.tercio(&["service", "scale", "-p", &project, "web=2"])
        .ok();
    lab.running(&project, 2);
    lab.compose(&file, &project, &["down"]).ok();

    let wanted = [
        "service_created",
        "task_running",
        "service_scaled",
        "project_removed",
    ];
    let said = wait::until("the events", PATIENCE, || {
        let said = lab.tercio(&["events", "--since", "1h", "--json"]).ok();
        if wanted.iter().all(|what| said.out.contains(what)) {
            Ok(said)
        } else {
            Err(said.out)
        }
    });
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    let sequences: Vec<u64> = lines
        .iter()
        .map(|line| {
            line["sequence"]
                .as_u64()
                .unwrap_or_else(|| panic!("{line}"))
        })
        .collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    let at = |what: &str| said.out.find(what).expect(what);
    assert!(
        wanted.windows(2).all(|pair| at(pair[0]) < at(pair[1])),
        "{}",
        said.out
    );
}

#[test]
fn the_quick_death_of_a_container_leaves_an_event_and_down_waits_for_the_network() {
    let mut lab = Lab::new();
    let project = lab.project("death");
    let file = lab.file("compose.yml", &sleeper(1, "x"));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let container = lab.running(&project, 1).remove(0);
    docker::docker(&["kill", &container]);
    lab.running(&project, 1);
    docker::docker(&["restart", "-t", "0", &container]);
    let wanted = [
        ("failed", "1"),
        ("running", "2"),
        ("failed", "2"),
        ("running", "3"),
    ];
    let said = wait::until("both deaths", PATIENCE, || {
        let said = lab.tercio(&["events", "--since", "1h", "--json"]).ok();
        let lines = said.out.lines();
        let events = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let attempts: Vec<(String, String)> = events
            .map(|event| {
                let what = event["what"]
                    .as_str()
                    .unwrap_or_default()
                    .replace("task_", "");
                let attempt = event["details"]["attempt"].as_str().unwrap_or_default();
                (what, attempt.to_owned())
            })
            .collect();
        let has = |(what, attempt): &(&str, &str)| {
            attempts.iter().any(|(w, a)| w == what && a == attempt)
        };
        match wanted.iter().all(has) {
            true => Ok(said),
            false => Err(said.out),
        }
    });
    let converged = said
        .out
        .lines()
        .filter(|line| line.contains("service_converged"));
    assert_eq!(converged.count(), 1, "{}", said.out);

    let said = lab.compose(&file, &project, &["down"]).ok();
    let network = format!("{project}_default");
    assert!(
        said.err.contains(&format!("Network {network}  Removed")),
        "{}",
        said.all()
    );
    let there = docker::docker(&[
        "network",
        "ls",
        "-q",
        "--filter",
        &format!("name={network}"),
    ]);
    assert_eq!(there, "");
}

#[test]
fn a_name_that_somebody_elses_container_has_is_left_to_it_and_the_next_up_tries_again() {
    let mut lab = Lab::new();
    let project = lab.project("again");
    let image = docker::busybox();
    let name = format!("{project}-web-1");
    let foreign = docker::docker(&["create", "--name", &name, image, "sleep", "1000"]);
    let text = format!("services:\n  web:\n    image: {image}\n    command: [sleep, '1000']\n");
    let file = lab.file("compose.yml", &text);
    lab.compose(&file, &project, &["up", "-d"])
        .refused(&["web.1", &name]);
    assert_eq!(
        docker::docker(&["inspect", "-f", "{{.Id}}", &name]),
        foreign
    );
    docker::docker(&["rm", &foreign]);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.running(&project, 1);
}

#[test]
fn another_folder_of_the_same_name_takes_no_services_away_unasked() {
    let mut lab = Lab::new();
    let project = lab.project("twice");
    let file = |lab: &Lab, folder: &str, service: &str| {
        let text = format!(
            "services:\n  {service}:\n    image: {}\n    command: [sleep, '1000']\n",
            docker::busybox()
        );
        lab.file(&format!("{folder}/app/compose.yml"), &text)
    };
    let (first, second) = (file(&lab, "a", "web"), file(&lab, "b", "db"));
    lab.compose(&first, &project, &["up", "-d"]).ok();
    let before = lab.running(&project, 1);
    lab.compose(&second, &project, &["up", "-d"])
        .refused(&["CLI0047", "web", "a/app", "--yes"]);
    assert_eq!(docker::running(&project), before);
    let plan = lab.compose(&second, &project, &["up", "--plan", "--format", "json"]);
    let plan = plan.ok().json();
    assert_eq!(plan["project"], project, "{plan}");
    lab.compose(&second, &project, &["up", "-d", "--remove-orphans"])
        .ok();
    let after = lab.running(&project, 1);
    assert_ne!(after, before);
}

#[test]
fn whoever_waits_for_a_service_that_waits_for_a_sick_one_is_told_at_once() {
    let mut lab = Lab::new();
    let project = lab.project("sick");
    let image = docker::busybox();
    let text = format!(
        "services:
  db:
    image: {image}
    command: [sleep, '1000']
    healthcheck: {{test: [CMD, 'false'], interval: 200ms, retries: 1}}
  web:
    image: {image}
    command: [sleep, '1000']
    depends_on:
      db: {{condition: service_healthy}}
"
    );
    let file = lab.file("compose.yml", &text);
    let sick = "web.1: db.1, which it waits for, is unhealthy";
    lab.compose(&file, &project, &["up", "-d"])
        .refused(&["CLI0040", sick]);
    let rows = lab
        .tercio(&["req", "-p", &project, "service.list", "{}"])
        .ok();
    let rows = rows.json();
    let web = rows["services"].as_array().and_then(|rows| rows.last());
    let hopeless = web.map(|web| &web["hopeless"][0]["reason"]);
    assert_eq!(
        hopeless.and_then(serde_json::Value::as_str),
        Some("db.1, which it waits for, is unhealthy"),
        "{rows}"
    );
}
