//! The scale probe in small, so that it does not rot.

use std::time::Duration;

use scale::failover::{self, Failure};
use scale::probe::{self, Size};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_agents_run_five_hundred_tasks_and_bear_a_killed_server_and_a_killed_leader() {
    let dir = tempfile::tempdir().expect("the temporary folder can be written");
    let size = Size {
        agents: 50,
        tasks: 500,
        idle: Duration::from_secs(2),
    };
    let report = Box::pin(probe::run(dir.path(), size)).await;
    assert!(report.faults.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_scheduler_goes_on_when_the_leader_is_killed() {
    let dir = tempfile::tempdir().expect("the temporary folder can be written");
    let report = Box::pin(failover::run(dir.path(), Failure::Crash, 1)).await;
    assert!(report.faults.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_is_refused_by_the_state_and_by_the_agents() {
    let dir = tempfile::tempdir().expect("the temporary folder can be written");
    // Longer than the lease.
    let pause = Duration::from_secs(6);
    let report = Box::pin(failover::run(dir.path(), Failure::Pause(pause), 1)).await;
    assert!(report.faults.is_empty(), "{report}");
}
