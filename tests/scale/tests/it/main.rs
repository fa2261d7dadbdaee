//! The scale probe in small, so that it does not rot.

use std::time::Duration;

use scale::probe::{self, Size};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_run_five_hundred_tasks_and_bear_a_killed_server_and_a_killed_leader() {
    let dir = tempfile::tempdir().expect("the temporary folder can be written");
    let size = Size {
        agents: 50,
        tasks: 500,
        idle: Duration::from_secs(2),
    };
    let report = probe::run(dir.path(), size).await;
    assert!(report.faults.is_empty(), "{report:#?}");
}
