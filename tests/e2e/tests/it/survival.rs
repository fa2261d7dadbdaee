//! Mishaps: nothing is recreated, nothing doubled, nothing acknowledged is lost.

use std::process::Command;

use crate::{
    docker,
    lab::{Lab, PATIENCE},
    wait,
};

const KILLS: u32 = 8;

fn sleeper(replicas: u32) -> String {
    format!(
        "services:\n  web:\n    image: {}\n    command: [sleep, '1000']\n    restart: always\n    deploy:\n      replicas: {replicas}\n",
        docker::busybox()
    )
}

/// Waits until the lab answers and its node is ready to work.
fn answering(lab: &Lab) {
    wait::until("the lab answers", PATIENCE, || {
        let said = lab.tercio(&["req", "tercio.v1.req.admin._.lab.status", "{}"]);
        if said.code == 0 && said.json()["counts"]["nodes_ready"] == 1 {
            Ok(())
        } else {
            Err(said.all())
        }
    });
}

#[test]
fn lab_stop_leaves_the_containers_and_lab_start_adopts_them() {
    let mut lab = Lab::new();
    let project = lab.project("adopt");
    let file = lab.file("compose.yml", &sleeper(3));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let before = lab.running(&project, 3);
    lab.tercio(&["lab", "stop"]).ok();
    assert_eq!(docker::running(&project), before);
    lab.tercio(&["lab", "start"]).ok();
    lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(docker::running(&project), before);
}

#[test]
fn the_agent_goes_on_without_nats_and_recreates_nothing_when_it_returns() {
    let mut lab = Lab::new();
    let project = lab.project("nonats");
    let file = lab.file("compose.yml", &sleeper(2));
    let mut nats = lab.serve(&["nats"]);
    let _control = lab.serve(&["scheduler", "planner", "provisioner"]);
    let _agent = lab.serve(&["agent"]);
    answering(&lab);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let before = lab.running(&project, 2);

    nats.kill_9();
    docker::docker(&["kill", &before[0]]);
    let after = wait::until("the killed container runs again", PATIENCE, || {
        let ids = docker::running(&project);
        if ids.len() == 2 {
            Ok(ids)
        } else {
            Err(format!("{} run", ids.len()))
        }
    });
    assert_eq!(after, before, "the same container is started again");

    let _nats = lab.serve(&["nats"]);
    answering(&lab);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(docker::running(&project), before);
}

#[test]
fn processes_killed_at_random_neither_double_nor_recreate_nor_lose_anything() {
    let mut lab = Lab::new();
    let project = lab.project("kill9");
    let file = lab.file("compose.yml", &sleeper(2));
    let roles: [&[&str]; 3] = [
        &["nats"],
        &["scheduler", "planner", "provisioner"],
        &["agent"],
    ];
    let mut children = roles.map(|roles| lab.serve(roles));
    answering(&lab);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let first = lab.running(&project, 2);

    // A fixed generator: the same order of kills each time, printed by the assertion on failure.
    let mut order = Vec::new();
    let mut seed: u32 = 12345;
    for round in 0..KILLS {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        let victim = (seed >> 16) as usize % roles.len();
        order.push(victim);
        children[victim].kill_9();
        children[victim] = lab.serve(roles[victim]);
        answering(&lab);
        let replicas = 2 + round % 3;
        let scaled = lab.tercio(&[
            "service",
            "scale",
            "-p",
            &project,
            &format!("web={replicas}"),
        ]);
        assert_eq!(scaled.code, 0, "kills {order:?}: {}", scaled.all());
        let ids = lab.running(&project, replicas as usize);
        assert!(
            first.iter().all(|id| ids.contains(id)),
            "kills {order:?}: a container was recreated"
        );
    }
}

#[test]
fn an_embedded_lab_killed_with_all_its_children_comes_back_as_it_was() {
    let mut lab = Lab::new();
    let project = lab.project("power");
    let file = lab.file("compose.yml", &sleeper(2));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let before = lab.running(&project, 2);
    let status = lab.status();
    for pid in ["pid", "nats_pid"] {
        let pid = status[pid]
            .as_u64()
            .unwrap_or_else(|| panic!("{pid} in {status}"))
            .to_string();
        let _ = Command::new("kill").args(["-9", &pid]).status();
    }
    lab.tercio(&["lab", "start"]).ok();
    answering(&lab);
    lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(docker::running(&project), before);
}
