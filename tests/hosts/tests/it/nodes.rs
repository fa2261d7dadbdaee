//! Nodes that are told to take no tasks, or to give theirs away.

use lab_testkit::hosts::{Layout, until};

use crate::lab::{Lab, PATIENCE, PROJECT, Runs};

fn on(runs: &[Runs], host: &str) -> usize {
    runs.iter().filter(|run| run.host == host).count()
}

#[test]
fn a_drained_host_gives_its_tasks_away_and_a_paused_one_takes_no_more() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let before = lab.even(6);
    let update = |what: &str, host: &str| {
        lab.tercio(&["node", "update", "--availability", what, host])
            .ok();
    };
    update("drain", "host3");
    let drained = until("host3 runs nothing, the others all", PATIENCE, || {
        let runs = lab.runs();
        match (runs.len(), on(&runs, "host3")) {
            (6, 0) => Ok(runs),
            _ => Err(format!("{runs:?}")),
        }
    });
    let stayed = before.iter().filter(|run| run.host != "host3");
    assert!(
        stayed.clone().all(|run| drained.contains(run)),
        "what ran elsewhere was left alone: {before:?} {drained:?}"
    );
    update("active", "host3");
    update("pause", "host2");
    lab.scale(9).ok();
    let nine = lab.whole(9);
    assert_eq!(on(&nine, "host2"), on(&drained, "host2"), "{nine:?}");
    assert_eq!(
        on(&nine, "host3"),
        3,
        "the emptiest takes what comes: {nine:?}"
    );
    assert!(
        drained.iter().all(|run| nine.contains(run)),
        "a host that may take tasks again moves none: {nine:?}"
    );
}

#[test]
fn a_service_waits_for_another_on_another_host() {
    let lab = Lab::start(&Layout::of(3));
    let text = format!(
        "services:\n  db:\n    image: {image}\n    command: [sh, -c, 'sleep 2; touch /up; exec sleep 1000']\n    \
         healthcheck: {{test: [CMD, test, -e, /up], interval: 500ms, retries: 60}}\n  \
         job:\n    image: {image}\n    command: [sh, -c, 'sleep 1']\n  \
         web:\n    image: {image}\n    command: [sleep, '1000']\n    deploy: {{replicas: 3}}\n    \
         depends_on:\n      db: {{condition: service_healthy}}\n      \
         job: {{condition: service_completed_successfully}}\n",
        image = crate::lab::IMAGE
    );
    let file = lab.hosts.dir().join("waits.yml");
    std::fs::write(&file, text).expect("the lab's folder");
    let file = file.to_string_lossy();
    lab.tercio(&["up", "--file", &file, "-p", PROJECT, "-d", "--wait"])
        .ok();
    let events = lab.events();
    let at = |what: &str, service: &str| {
        let is = |event: &&serde_json::Value| {
            event["what"] == what && event["scope"]["service"] == service
        };
        let found = events
            .iter()
            .filter(is)
            .filter_map(|event| event["sequence"].as_u64());
        found
            .min()
            .unwrap_or_else(|| panic!("{what} of {service}: {events:?}"))
    };
    let web = at("task_running", "web");
    assert!(at("task_healthy", "db") < web && at("task_completed", "job") < web);
    let runs = lab.runs();
    let db = runs.iter().find(|run| run.name.contains("-db-"));
    let db = db.expect("db runs");
    assert!(
        runs.iter()
            .any(|run| run.name.contains("-web-") && run.host != db.host),
        "some wait across hosts: {runs:?}"
    );
}
