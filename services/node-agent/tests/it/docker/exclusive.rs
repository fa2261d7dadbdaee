//! A guarded task with a real engine: it runs only while a leader answers.

use std::time::Duration;

use lab_types::{DurationMs, Guard, TaskSpec, TaskState};
use lab_wire::agent::CommandReply;

use super::agent::{is_running, life};
use super::bed::{shell, wait_for};
use super::leader::{Agent, World};

/// Long enough for a busy machine to answer five signs of life within it.
const LEASE: DurationMs = DurationMs::from_secs(5);

async fn has_ended(world: &World, name: &str) {
    wait_for("the container has ended", || async {
        let shown = world.bed.inspect(name).await;
        (shown.state.unwrap().running == Some(false)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_task_ends_without_a_leader_and_goes_on_with_one_also_over_the_agents_death() {
    let mut world = World::new().await;
    world.leader.answer_beats(Some(LEASE));
    let agent = Agent::start(&world);
    let spec = TaskSpec {
        exclusive: Some(true),
        stop_grace: DurationMs::from_secs(1),
        ..shell("exec sleep 600")
    };
    let task = world.add("ledger", spec);
    let guarded = world.assignment.tasks.get_mut(&task.id).unwrap();
    guarded.guard = Guard::Held;
    world
        .heard("the agent lives", |heard| (heard.beats > 0).then_some(()))
        .await;
    assert_eq!(world.push().await, CommandReply::Done);
    world.status(&task.id, "it runs", is_running).await;
    let name = format!("{}-ledger-1", world.bed.project);

    world.leader.answer_beats(None);
    let ended = world.status(&task.id, "it was stopped", |status| {
        status.progress.state == TaskState::Failed
    });
    let ended = ended.await;
    assert!(!ended.exhausted);
    let message = ended.message.unwrap_or_default();
    assert!(message.contains("the leader was not heard"), "{message}");
    has_ended(&world, &name).await;

    world.leader.answer_beats(Some(LEASE));
    world
        .status(&task.id, "it runs again", |status| {
            is_running(status) && status.progress.attempt == 2
        })
        .await;

    // Killed and started again within the lease: nothing happens to the container.
    let before = life(&world.bed, &name).await;
    agent.kill().await;
    let beats = world.leader.heard.borrow().beats;
    let agent = Agent::start(&world);
    world
        .heard("the next life was answered", |heard| {
            (heard.beats > beats + 2).then_some(())
        })
        .await;
    assert_eq!(life(&world.bed, &name).await, before);

    // Dead for longer than that, and with no leader when it is back: it stops what it finds.
    agent.kill().await;
    world.leader.answer_beats(None);
    // Nothing shows that a lease is over while nobody lives who could notice: time itself is waited for.
    tokio::time::sleep(LEASE.as_std() + Duration::from_secs(1)).await;
    assert_eq!(
        life(&world.bed, &name).await,
        before,
        "nobody could stop it"
    );
    let agent = Agent::start(&world);
    has_ended(&world, &name).await;
    agent.stop().await;
}
