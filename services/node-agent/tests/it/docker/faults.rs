//! Nats or the engine goes away: what runs goes on running, what dies is started again, and nothing
//! is made anew.

use super::agent::{is_running, kill, life, restarted};
use super::bed::shell;
use super::leader::{Agent, Heard, World};
use super::proxy::EngineProxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_what_dies_is_started_again_and_when_nats_returns_nothing_is_made_anew() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    let other = world.add("other", shell("exec sleep 600"));
    world.commit();
    for task in [&task, &other] {
        world.status(&task.id, "it runs", is_running).await;
    }
    let name = |service: &str| format!("{}-{service}-1", world.bed.project);
    let (web, calm) = (name("web"), name("other"));
    let (before, untouched) = (life(&world.bed, &web).await, life(&world.bed, &calm).await);
    world.nats.kill().await;
    kill(&world.bed, &web).await;
    restarted(&world.bed, &web, &before).await;
    let (reports, after) = (
        world.leader.heard.borrow().reports,
        life(&world.bed, &web).await,
    );
    world.nats.start_again().await;
    world
        .heard("a report comes again", |heard| {
            (heard.reports > reports).then_some(())
        })
        .await;
    world
        .status(&task.id, "its second attempt is reported", |status| {
            is_running(status) && status.progress.attempt == 2
        })
        .await;
    assert_eq!(life(&world.bed, &web).await, after);
    assert_eq!(life(&world.bed, &calm).await, untouched);
    agent.stop().await;
}

async fn beaten(world: &World, times: usize) {
    let beats = world.leader.heard.borrow().beats + times;
    world
        .heard("it beats", |heard| (heard.beats >= beats).then_some(()))
        .await;
}

/// After a restart of nats-server all agents come back at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_has_nothing_new_to_tell_only_beats_when_nats_returns() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    world.commit();
    world.status(&task.id, "it runs", is_running).await;
    // What there was to report is reported by then.
    beaten(&world, 3).await;
    let reports = world.leader.heard.borrow().reports;
    world.nats.kill().await;
    world.nats.start_again().await;
    beaten(&world, 3).await;
    assert_eq!(world.leader.heard.borrow().reports, reports);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_starts_from_disk_when_neither_nats_nor_a_leader_is_there() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    world.commit();
    world.status(&task.id, "it runs", is_running).await;
    let name = format!("{}-web-1", world.bed.project);
    let before = life(&world.bed, &name).await;
    agent.kill().await;
    world.nats.kill().await;
    kill(&world.bed, &name).await;
    let config = {
        world.nats.start_again().await;
        let config = world.config();
        world.nats.kill().await;
        config
    };
    let agent = Agent::with(config);
    restarted(&world.bed, &name, &before).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_comes_later_is_found_and_told_to_the_leader() {
    let mut world = World::new().await;
    let mut config = world.config();
    let link = world.path("engine.sock");
    config.engine.socket = Some(link.clone());
    let agent = Agent::with(config);
    let task = world.add("web", shell("exec sleep 600"));
    world.commit();
    world
        .heard("it lives without an engine", |heard| {
            (heard.beats > 1).then_some(())
        })
        .await;
    std::os::unix::fs::symlink(super::bed::socket(), &link).unwrap();
    world.status(&task.id, "it runs", is_running).await;
    let engine = world.heard("the engine is told", |heard| {
        heard.inventory.clone()?.facts.engine.clone()
    });
    assert_eq!(engine.await.version, world.bed.engine.facts().version);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_goes_away_and_returns_keeps_its_containers_and_what_died_is_started_again()
{
    let mut world = World::new().await;
    let mut config = world.config();
    let socket = world.path("engine.sock");
    let engine = EngineProxy::start(&socket);
    config.engine.socket = Some(socket.clone());
    let agent = Agent::with(config);
    let task = world.add("web", shell("exec sleep 600"));
    let calm = world.add("calm", shell("exec sleep 600"));
    world.commit();
    let first = world.status(&task.id, "it runs", is_running).await;
    let second = world.status(&calm.id, "it runs", is_running).await;
    let name = |service: &str| format!("{}-{service}-1", world.bed.project);
    let before = life(&world.bed, &name("web")).await;
    let untouched = life(&world.bed, &name("calm")).await;
    engine.cut(&socket).await;
    kill(&world.bed, &name("web")).await;
    let none = |heard: &Heard| {
        heard
            .inventory
            .clone()?
            .facts
            .engine
            .is_none()
            .then_some(())
    };
    world.heard("the loss is told", none).await;
    // Unknown is not absent: no state changes, however long the engine is away.
    let beats = world.leader.heard.borrow().beats;
    let later = |heard: &Heard| (heard.beats > beats + 3).then(|| heard.clone());
    let later = world.heard("some seconds have passed", later).await;
    for status in [&first, &second] {
        let now = &later.statuses[&status.task];
        assert_eq!(now.progress, status.progress, "{now:?}");
        assert!(
            now.message
                .as_ref()
                .is_some_and(|message| message.contains("no Docker engine"))
        );
    }
    let engine = EngineProxy::start(&socket);
    restarted(&world.bed, &name("web"), &before).await;
    let there = |heard: &Heard| heard.inventory.clone()?.facts.engine.clone();
    world.heard("the return is told", there).await;
    assert_eq!(life(&world.bed, &name("calm")).await, untouched);
    agent.stop().await;
    drop(engine);
}
