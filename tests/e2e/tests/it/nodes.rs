//! Nodes that take no tasks: what happens to tasks, and what is said.

use crate::{
    docker,
    lab::{Lab, PATIENCE},
    wait,
};

fn sleeper(replicas: u32) -> String {
    format!(
        "services:\n  web:\n    image: {}\n    command: [sleep, '1000']\n    deploy:\n      replicas: {replicas}\n",
        docker::busybox()
    )
}

/// The only node's row.
fn node(lab: &Lab) -> serde_json::Value {
    let listed = lab.tercio(&["node", "ls", "--format", "json"]).ok().json();
    listed[0].clone()
}

/// Waits until the project's only service says why a task of it waits.
fn until_said(lab: &Lab, project: &str, words: &str) {
    wait::until(words, PATIENCE, || {
        let request = [
            "req",
            &format!("tercio.v1.req.admin.{project}.service.list"),
            "{}",
        ];
        let said = lab.tercio(&request).ok().out;
        if said.contains(words) {
            Ok(())
        } else {
            Err(said)
        }
    });
}

#[test]
fn a_paused_node_gets_nothing_new_and_a_drained_one_loses_what_it_has_with_the_reason_in_words() {
    let mut lab = Lab::new();
    let project = lab.project("avail");
    let file = lab.file("compose.yml", &sleeper(1));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let one = lab.running(&project, 1);
    let row = node(&lab);
    assert_eq!(row["role"], "manager", "{row}");
    let name = row["name"].as_str().expect("a name").to_owned();

    lab.tercio(&["node", "update", "--availability", "pause", &name])
        .ok();
    assert_eq!(node(&lab)["availability"], "pause");
    lab.tercio(&["service", "scale", "-d", "-p", &project, "web=2"])
        .ok();
    until_said(&lab, &project, &format!("node {name} is paused"));
    assert_eq!(lab.running(&project, 1), one, "what runs goes on");

    lab.tercio(&["node", "update", "--availability", "active", &name])
        .ok();
    lab.running(&project, 2);

    lab.tercio(&["node", "update", "--availability", "drain", &name])
        .ok();
    lab.running(&project, 0);
    until_said(&lab, &project, &format!("node {name} is drained"));
    lab.tercio(&["node", "update", "--availability", "active", &name])
        .ok();
    lab.running(&project, 2);
    let events = lab.tercio(&["events", "--since", "10m", "--format", "json"]);
    let events = events.ok().out;
    assert_eq!(
        events.matches("is changed: its tasks go elsewhere").count(),
        1,
        "{events}"
    );
}

#[test]
fn labels_and_patience_are_set_shown_and_taken_away_and_a_node_in_use_is_not_taken_out() {
    let lab = Lab::new();
    lab.tercio(&["lab", "start"]).ok();
    let name = node(&lab)["name"].as_str().expect("a name").to_owned();
    lab.tercio(&[
        "node",
        "update",
        "--label-add",
        "disk=ssd",
        "--patience",
        "12h",
        &name,
    ])
    .ok();
    let row = node(&lab);
    assert_eq!(row["labels"]["disk"], "ssd", "{row}");
    assert_eq!(row["patience"], 43_200_000, "{row}");
    let shown = lab.tercio(&["node", "inspect", "--pretty", &name]).ok().out;
    assert!(
        shown.contains("disk=ssd") && shown.contains("12 hours"),
        "{shown}"
    );
    lab.tercio(&[
        "node",
        "update",
        "--label-rm",
        "disk",
        "--patience",
        "0",
        &name,
    ])
    .ok();
    let row = node(&lab);
    assert!(
        row["labels"].is_null() && row["patience"].is_null(),
        "{row}"
    );

    lab.tercio(&["node", "rm", &name])
        .refused(&["SCH0016", "only a lost node"]);
    lab.tercio(&["node", "update", "--availability", "drain", "nobody"])
        .refused(&["SCH0015", &name]);
    lab.tercio(&["node", "update", &name])
        .refused(&["--availability"]);
    let sent = lab.tercio(&[
        "node",
        "update",
        "--availability",
        "pause",
        &name,
        "--as-command",
    ]);
    let sent = sent.ok().out;
    assert!(
        sent.contains("node.update") && sent.contains("\"pause\""),
        "{sent}"
    );
}
