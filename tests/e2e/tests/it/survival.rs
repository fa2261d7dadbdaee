//! Mishaps: nothing is recreated, nothing doubled, nothing acknowledged is lost.

use std::process::Stdio;

use crate::{
    docker,
    lab::{Lab, PATIENCE, Said},
    wait,
};

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

/// When a process is killed: before a change is asked for, or as soon as it has been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    During,
}

#[test]
fn each_part_killed_before_and_during_a_change_neither_doubles_nor_recreates_nor_loses_anything() {
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

    // Each round changes the number, so that each change has something to do.
    let rounds = [
        (0, Moment::Before, 3),
        (0, Moment::During, 4),
        (1, Moment::Before, 2),
        (1, Moment::During, 5),
        (2, Moment::Before, 3),
        (2, Moment::During, 6),
    ];
    for (victim, moment, replicas) in rounds {
        let round = format!("{:?} killed {moment:?}", roles[victim]);
        let number = format!("web={replicas}");
        let scale = ["service", "scale", "-p", &project, "--detach", &number];
        if moment == Moment::During {
            let said = lab.tercio(&scale);
            assert_eq!(said.code, 0, "{round}: {}", said.all());
        }
        children[victim].kill_9();
        children[victim] = lab.serve(roles[victim]);
        answering(&lab);
        if moment == Moment::Before {
            let said = lab.tercio(&scale);
            assert_eq!(said.code, 0, "{round}: {}", said.all());
        }
        let ids = lab.running(&project, replicas);
        assert!(
            first.iter().all(|id| ids.contains(id)),
            "{round}: a container was recreated"
        );
    }
}

fn is_there(pid: i32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}/exe")).exists()
}

#[test]
fn an_embedded_lab_killed_with_all_its_children_comes_back_as_it_was() {
    let mut lab = Lab::new();
    let project = lab.project("power");
    let file = lab.file("compose.yml", &sleeper(2));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    let before = lab.running(&project, 2);
    let status = lab.status();
    for name in ["pid", "nats_pid"] {
        let pid = status[name]
            .as_i64()
            .and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.unwrap_or_else(|| panic!("{name} in {status}"));
        let killed = rustix::process::Pid::from_raw(pid)
            .map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
        // nats-server goes with whoever has started it, which may be sooner.
        let is_gone = matches!(killed, Some(Ok(()) | Err(rustix::io::Errno::SRCH)));
        assert!(is_gone, "{name} {pid}: {killed:?}");
        wait::until(
            &format!("{name} {pid} is gone"),
            PATIENCE,
            || match is_there(pid) {
                true => Err("it is there".into()),
                false => Ok(()),
            },
        );
    }
    lab.tercio(&["lab", "start"]).ok();
    answering(&lab);
    let after = lab.status();
    for name in ["pid", "nats_pid"] {
        assert_ne!(status[name], after[name], "{name}");
    }
    lab.compose(&file, &project, &["up", "-d"]).ok();
    assert_eq!(docker::running(&project), before);
}

#[test]
fn two_first_commands_at_once_share_the_lab_that_one_of_them_starts() {
    let mut lab = Lab::new();
    let projects = [lab.project("one"), lab.project("two")];
    let file = lab.file("compose.yml", &sleeper(1));
    let file = file.to_str().expect("UTF-8");
    let children = projects.clone().map(|project| {
        let mut command = lab.command(&["up", "-d", "--file", file, "-p", &project]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("tercio starts")
    });
    for child in children {
        Said::of(child.wait_with_output().expect("tercio ends")).ok();
    }
    for project in &projects {
        lab.running(project, 1);
    }
}
