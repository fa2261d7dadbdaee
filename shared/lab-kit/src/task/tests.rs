use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Tasks;
use crate::telemetry::chain;

const DEADLINE: Duration = Duration::from_secs(5);

fn tasks() -> Tasks {
    Tasks::new(CancellationToken::new())
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_stops_the_rest_and_is_named_with_its_cause() {
    let tasks = tasks();
    let stop = tasks.stop_token().clone();
    tasks.spawn("patient", async move { stop.cancelled().await });
    tasks.spawn("beats", async { Err(std::io::Error::other("no route")) });
    let failure = tasks.failed().await;
    assert_eq!(chain(&failure).to_string(), "task beats failed: no route");
    assert!(tasks.stop_token().is_cancelled());
    let drained = tasks.drain(DEADLINE).await;
    assert!(drained.late.is_empty(), "{drained:?}");
    assert_eq!(drained.failures.len(), 1);
}

fn panics(_: &mut std::task::Context<'_>) -> std::task::Poll<()> {
    panic!("slot {} is gone", 3)
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_with_its_message() {
    let tasks = tasks();
    tasks.spawn("planner", std::future::poll_fn(panics));
    let failure = tasks.failed().await;
    assert_eq!(failure.to_string(), "task planner panicked: slot 3 is gone");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_late_and_cut_off() {
    let tasks = tasks();
    let held = CancellationToken::new();
    let guard = held.clone().drop_guard();
    tasks.spawn("deaf", async move {
        std::future::pending::<()>().await;
        drop(guard);
    });
    let started = tokio::time::Instant::now();
    let drained = tasks.drain(DEADLINE).await;
    assert_eq!(drained.late, ["deaf".into()]);
    assert_eq!(started.elapsed(), DEADLINE);
    // What it owned is dropped: it really ended.
    held.cancelled().await;
    tasks.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_well_leaves_the_list_and_stops_nothing() {
    let tasks = tasks();
    tasks.spawn("short", async { Ok::<(), std::fmt::Error>(()) });
    assert_eq!(tasks.running(), ["short".into()]);
    tasks.idle().await;
    assert!(!tasks.stop_token().is_cancelled());
    assert!(tasks.drain(DEADLINE).await.failures.is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_kept_and_a_failure_while_draining_too() {
    let tasks = tasks();
    for name in ["a", "b"] {
        let stop = tasks.stop_token().clone();
        tasks.spawn(name, async move {
            stop.cancelled().await;
            Err(std::io::Error::other("could not say goodbye"))
        });
    }
    let drained = tasks.drain(DEADLINE).await;
    assert_eq!(drained.failures.len(), 2);
}
