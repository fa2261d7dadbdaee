//! The whole agent, with a real engine and a real nats-server.

use std::time::{Duration, Instant};

use lab_types::{ForeignPort, PortProtocol, PortPublish, RestartPolicy, TaskState, TaskTarget};
use lab_wire::agent::{CheckAsk, CheckReply, CommandReply};
use lab_wire::subject::CommandVerb;

use super::bed::{Bed, IMAGE, shell, wait_for};
use super::leader::{Agent, World};

pub(crate) fn is_running(status: &lab_types::TaskStatus) -> bool {
    status.progress.state == TaskState::Running
}

pub(crate) async fn kill(bed: &Bed, name: &str) {
    let none = None::<bollard::query_parameters::KillContainerOptions>;
    bed.docker.kill_container(name, none).await.unwrap();
}

/// The container's id and when it was started.
pub(crate) async fn life(bed: &Bed, name: &str) -> (String, String) {
    let shown = bed.inspect(name).await;
    let state = shown.state.unwrap();
    assert_eq!(state.running, Some(true), "{name} does not run");
    (shown.id.unwrap(), state.started_at.unwrap())
}

pub(crate) async fn restarted(bed: &Bed, name: &str, before: &(String, String)) {
    wait_for("the container was started again", || async {
        let shown = bed.inspect(name).await;
        let state = shown.state.unwrap();
        assert_eq!(shown.id.unwrap(), before.0, "the container was made anew");
        (state.running == Some(true) && state.started_at.as_ref() != Some(&before.1)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assigned_task_runs_is_reported_is_started_again_and_goes_when_it_should() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let mut spec = shell("exec sleep 600");
    spec.networks = vec![world.add_network("default")];
    spec.ports = vec![PortPublish {
        host_ip: None,
        published: Some(48_201),
        target: 80,
        protocol: PortProtocol::Tcp,
    }];
    let task = world.add("web", spec);
    world
        .heard("the agent lives", |heard| (heard.beats > 0).then_some(()))
        .await;
    assert_eq!(world.push().await, CommandReply::Done);
    let running = world.status(&task.id, "it runs", is_running).await;
    assert_eq!(running.progress.attempt, 1);
    assert_eq!(running.ports[0].published, Some(48_201));
    let name = format!("{}-web-1", world.bed.project);
    let before = life(&world.bed, &name).await;
    assert_eq!(running.container.as_ref(), Some(&before.0));
    world
        .heard("the fence is accepted", |heard| {
            (heard.accepted == world.assignment.fence).then_some(())
        })
        .await;

    let killed = Instant::now();
    kill(&world.bed, &name).await;
    let again = world.status(&task.id, "it runs again", |status| {
        is_running(status) && status.progress.attempt == 2
    });
    assert_eq!(again.await.container, running.container);
    // The engine told of it: the agent looks by itself only every ten seconds.
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "{:?}",
        killed.elapsed()
    );

    let id = task.id.clone();
    world.assignment.tasks.get_mut(&id).unwrap().target = TaskTarget::Stop;
    world.push().await;
    world
        .status(&id, "it is stopped", |status| {
            status.progress.state == TaskState::Stopped
        })
        .await;
    assert!(world.bed.observe().await.containers.is_empty());
    world.assignment.tasks.clear();
    world.assignment.networks.clear();
    world.push().await;
    world
        .heard("it is forgotten", |heard| {
            heard.statuses.is_empty().then_some(())
        })
        .await;
    let network = world.bed.name("default");
    wait_for("its network is gone", || async {
        (!world.bed.observe().await.networks.contains_key(&network)).then_some(())
    })
    .await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_starts_again_finds_its_containers_and_makes_none_anew() {
    let mut world = World::new().await;
    let first = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    world.commit();
    world.status(&task.id, "it runs", is_running).await;
    let name = format!("{}-web-1", world.bed.project);
    let before = life(&world.bed, &name).await;

    // Once stopped in order, once killed; each time the next reports the same container.
    first.stop().await;
    assert_eq!(
        life(&world.bed, &name).await,
        before,
        "a stopped agent stops no container"
    );
    let reports = world.leader.heard.borrow().reports;
    let second = Agent::start(&world);
    world
        .heard("it reports again", |heard| {
            (heard.reports > reports).then_some(())
        })
        .await;
    let status = world.status(&task.id, "it runs", is_running).await;
    assert_eq!(
        (status.container.as_ref(), status.progress.attempt),
        (Some(&before.0), 1)
    );
    second.kill().await;
    let third = Agent::start(&world);
    kill(&world.bed, &name).await;
    restarted(&world.bed, &name, &before).await;
    world
        .status(&task.id, "the next attempt runs", |status| {
            is_running(status) && status.progress.attempt == 2
        })
        .await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_with_a_limit_is_kept_and_the_end_is_reported_with_its_exit_code() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let mut spec = shell("exit 9");
    spec.restart = RestartPolicy::OnFailureAtMost { max_attempts: 2 };
    let failing = world.add("failing", spec);
    let done = world.add("done", shell("exit 0"));
    world.commit();
    let status = world
        .status(&failing.id, "it is given up", |status| status.exhausted)
        .await;
    assert_eq!(
        (status.progress.attempt, status.exit_code),
        (3, Some(9)),
        "{status:?}"
    );
    assert_eq!(status.progress.state, TaskState::Failed);
    let status = world
        .status(&done.id, "it is complete", |status| status.exhausted)
        .await;
    assert_eq!(
        (status.progress.attempt, status.progress.state),
        (1, TaskState::Complete)
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_labs_is_left_alone_and_a_taken_name_is_reported() {
    let mut world = World::new().await;
    let name = format!("{}-web-1", world.bed.project);
    let theirs = world.bed.foreign_container(&name, |_| {}).await;
    let before = life(&world.bed, &name).await;
    let agent = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    let fine = world.add("fine", shell("exec sleep 600"));
    world.commit();
    world
        .status(&fine.id, "the other task runs", is_running)
        .await;
    let told = |status: &lab_types::TaskStatus| {
        status
            .message
            .as_ref()
            .is_some_and(|message| message.contains(&name))
    };
    let status = world.status(&task.id, "the taken name is told", told).await;
    assert!(!is_running(&status), "{status:?}");
    world.assignment.tasks.clear();
    world.push().await;
    world
        .heard("all is forgotten", |heard| {
            heard.statuses.is_empty().then_some(())
        })
        .await;
    assert_eq!(life(&world.bed, &name).await, before);
    assert_eq!(before.0, theirs);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_replaced_is_refused_and_changes_nothing() {
    let mut world = World::new().await;
    let agent = Agent::start(&world);
    let task = world.add("web", shell("exec sleep 600"));
    world.assignment.fence.epoch = lab_types::Epoch(5);
    world.commit();
    world.status(&task.id, "it runs", is_running).await;
    let mut stale = world.assignment.clone();
    stale.fence.epoch = lab_types::Epoch(4);
    stale.fence.generation = lab_types::Generation(99);
    stale.tasks.clear();
    let CommandReply::Refused { problem } = world.push_as(stale.clone()).await else {
        panic!("a stale assignment was accepted");
    };
    assert_eq!(problem.code.0, "AGT0040");
    let ask = CheckAsk {
        fence: stale.fence,
        images: Vec::new(),
    };
    let refused = world
        .command::<_, CheckReply>(CommandVerb::Check, &ask)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("AGT0040"), "{refused}");
    let name = format!("{}-web-1", world.bed.project);
    life(&world.bed, &name).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_tells_images_and_foreign_ports_as_they_are_now() {
    let world = World::new().await;
    let agent = Agent::start(&world);
    let inventory = world
        .heard("the engine was seen", |heard| heard.inventory.clone())
        .await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ask = CheckAsk {
        fence: world.assignment.fence,
        images: vec![IMAGE.to_owned(), "tercio-test/none:1".to_owned()],
    };
    let reply: CheckReply = world.command(CommandVerb::Check, &ask).await.unwrap();
    assert_eq!(reply.images.keys().collect::<Vec<_>>(), [IMAGE]);
    assert!(reply.images[IMAGE].starts_with("sha256:"));
    let platform = &reply.platforms[IMAGE];
    assert!(platform.fits(&inventory.facts), "{platform}");
    let found: Option<&ForeignPort> = reply.foreign_ports.iter().find(|row| row.port == port);
    let holder = found.and_then(|row| row.holder.clone()).unwrap();
    assert!(
        holder.ends_with(&format!("(pid {})", std::process::id())),
        "{holder}"
    );
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_agent_on_the_same_directory_and_missing_credentials_are_refused() {
    let world = World::new().await;
    let agent = Agent::start(&world);
    world
        .heard("the agent lives", |heard| (heard.beats > 0).then_some(()))
        .await;
    let problem = Agent::start(&world).failed().await;
    assert_eq!(problem.code.0, "KIT0021");
    agent.stop().await;
    let mut config = world.config();
    config.nats.credentials = "/nonexistent/node.creds".into();
    let problem = Agent::with(config).failed().await;
    assert_eq!(problem.code.0, "AGT0054");
}
