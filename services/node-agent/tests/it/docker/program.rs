//! The program itself: its configuration, its memory, its end.

use std::process::{Command, Stdio};

use lab_types::TaskState;
use rustix::process::{Pid, Signal, kill_process};

use super::bed::{PATIENCE, shell};
use super::leader::World;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tercio-node-agent");

/// What an agent may use with ten tasks besides its own text: the lab's goal is 25 MiB in all, and
/// the text of a program that is not optimised alone takes 22.
const MEMORY_MAX_KIB: u64 = 8 * 1024;

fn own_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_ten_tasks_in_little_memory_and_ends_in_order() {
    let mut world = World::new().await;
    let file = world.path("node-agent.toml");
    let config = world.config();
    std::fs::write(&file, lab_kit::config::dump(&config).unwrap()).unwrap();
    let dumped = Command::new(PROGRAM)
        .arg("--config")
        .arg(&file)
        .arg("--dump-config")
        .output();
    let dumped = String::from_utf8(dumped.unwrap().stdout).unwrap();
    assert_eq!(dumped, lab_kit::config::dump(&config).unwrap());

    let log = std::fs::File::create(world.path("log")).unwrap();
    let mut program = tokio::process::Command::new(PROGRAM)
        .arg("--config")
        .arg(&file)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = program.id().unwrap();
    let tasks: Vec<_> = (1..=10)
        .map(|n| world.add(&format!("s{n}"), shell("exec sleep 600")))
        .collect();
    world.commit();
    for task in &tasks {
        let is_running =
            |status: &lab_types::TaskStatus| status.progress.state == TaskState::Running;
        world.status(&task.id, "it runs", is_running).await;
    }
    let used = own_kib(pid);
    assert!(used <= MEMORY_MAX_KIB, "{used} KiB");
    let own = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(own, Signal::TERM).unwrap();
    let ended = tokio::time::timeout(PATIENCE, program.wait()).await;
    let log = std::fs::read_to_string(world.path("log")).unwrap();
    assert!(ended.expect("it does not end").unwrap().success(), "{log}");
}

#[test]
fn a_configuration_without_lab_and_node_is_refused_with_both_named() {
    let refused = Command::new(PROGRAM)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{told}");
    assert!(
        told.contains("lab: is missing") && told.contains("node: is missing"),
        "{told}"
    );
}
