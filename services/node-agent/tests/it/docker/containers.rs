//! Containers as the engine shows them, from their making to their removal.

use lab_converge::{ActionKind, ContainerState, EngineReach};
use lab_types::{
    EngineName, Mount, MountSource, NetworkAttachment, NetworkName, PortProtocol, PortPublish,
    TaskSpec,
};
use node_agent::engine::{Engine, Kind, observe};

use super::bed::{Bed, IMAGE, remove_of, shell, start_of, stop_of, wait_for};
use super::proxy::BrokenEngine;

#[tokio::test]
async fn a_container_is_made_started_stopped_and_removed_and_each_step_tells_how_it_is_then() {
    let bed = Bed::new().await;
    let create = bed.create("web", &shell("exec sleep 600"));
    let made = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (&made.state, made.started_at),
        (&ContainerState::Created, None)
    );
    assert_eq!(made.name, format!("{}-web-1", bed.project));
    let started = bed.execute(start_of(&made)).await.unwrap().unwrap();
    assert_eq!(started.state, ContainerState::Running);
    assert!(started.started_at.is_some());
    let seen = bed.observe().await;
    assert_eq!(seen.containers.values().collect::<Vec<_>>(), [&started]);
    let stopped = bed.execute(stop_of(&made)).await.unwrap().unwrap();
    assert!(
        matches!(stopped.state, ContainerState::Exited { code: 137, .. }),
        "{stopped:?}"
    );
    assert!(stopped.finished_at >= stopped.started_at);
    assert_eq!(bed.execute(remove_of(&made)).await.unwrap(), None);
    assert!(bed.observe().await.containers.is_empty());
    // What is gone already counts as removed.
    assert_eq!(bed.execute(remove_of(&made)).await.unwrap(), None);
}

#[tokio::test]
async fn a_container_started_again_is_the_same_one_with_a_later_start() {
    let bed = Bed::new().await;
    let first = bed.create_and_start("job", &shell("exit 3")).await;
    let ended = wait_for("it has ended", || async {
        let seen = bed.observe().await.containers.remove(&first.id)?;
        matches!(seen.state, ContainerState::Exited { code: 3, .. }).then_some(seen)
    })
    .await;
    let again = bed.execute(start_of(&ended)).await.unwrap().unwrap();
    assert_eq!(again.id, first.id);
    assert!(again.started_at > ended.started_at);
}

#[tokio::test]
async fn what_the_engine_refuses_is_said_in_words_and_told_apart() {
    let bed = Bed::new().await;
    let mut spec = shell("true");
    spec.image = "tercio-test/none:1".to_owned();
    let create = |spec: &TaskSpec| ActionKind::CreateContainer(Box::new(bed.create("x", spec)));
    let error = bed.execute(create(&spec)).await.unwrap_err();
    assert_eq!(error.kind, Kind::ImageMissing, "{error}");

    let mut spec = shell("true");
    spec.mounts = vec![Mount {
        source: MountSource::Bind {
            path: "/nowhere/at/all".into(),
            create_host_path: false,
            options: lab_types::BindOptions::default(),
        },
        target: "/x".into(),
        read_only: false,
    }];
    let error = bed.execute(create(&spec)).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadSpec, "{error}");

    let mut spec = shell("true");
    spec.command = Some(vec!["no-such-program".into()]);
    let made = bed.execute(create(&spec)).await.unwrap().unwrap();
    let error = bed.execute(start_of(&made)).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadSpec, "{error}");
    assert!(error.to_string().contains("no-such-program"), "{error}");

    let error = bed.execute(create(&shell("true"))).await.unwrap_err();
    assert_eq!(error.kind, Kind::NameTaken, "{error}");
    bed.execute(remove_of(&made)).await.unwrap();

    let mut spec = shell("true");
    spec.networks = vec![NetworkAttachment {
        network: NetworkName::new("gone").unwrap(),
        engine_name: bed.name("gone"),
        aliases: Vec::new(),
        endpoint: lab_types::Endpoint::default(),
    }];
    let made = bed.execute(create(&spec)).await.unwrap().unwrap();
    let error = bed.execute(start_of(&made)).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound, "{error}");
}

#[tokio::test]
async fn a_container_that_cannot_join_its_second_network_is_not_left_half_joined() {
    let bed = Bed::new().await;
    let front = bed.name("front");
    bed.network(&front).await;
    let mut spec = shell("true");
    let attach = |engine_name| NetworkAttachment {
        network: NetworkName::new("net").unwrap(),
        engine_name,
        aliases: Vec::new(),
        endpoint: lab_types::Endpoint::default(),
    };
    // No container can have a network of its own and the host's.
    spec.networks = vec![attach(front), attach(EngineName::new("host").unwrap())];
    let create = bed.create("web", &spec);
    let error = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await
        .unwrap_err();
    assert!(error.message.contains("to network host"), "{error}");
    let seen = bed.observe().await;
    assert!(seen.containers.is_empty());
    let left = seen
        .foreign_containers
        .keys()
        .find(|name| name.starts_with(bed.project.as_str()));
    assert_eq!(left, None);
}

/// As the engine's end between making a container and giving it its name leaves it.
#[tokio::test]
async fn what_an_earlier_try_left_unfinished_does_not_stand_in_the_way_of_the_next() {
    let bed = Bed::new().await;
    let (front, back) = (bed.name("front"), bed.name("back"));
    bed.network(&front).await;
    bed.network(&back).await;
    let mut spec = shell("true");
    spec.networks = [front, back]
        .map(|engine_name| NetworkAttachment {
            network: NetworkName::new("net").unwrap(),
            engine_name,
            aliases: Vec::new(),
            endpoint: lab_types::Endpoint::default(),
        })
        .to_vec();
    let create = || ActionKind::CreateContainer(Box::new(bed.create("web", &spec)));
    let unfinished = format!("{}-web-1.unfinished", bed.project);
    let mut half = bed.create("web", &shell("true"));
    half.name = EngineName::new(unfinished.clone()).unwrap();
    bed.execute(ActionKind::CreateContainer(Box::new(half)))
        .await
        .unwrap();
    let made = bed.execute(create()).await.unwrap().unwrap();
    assert_eq!(made.name, format!("{}-web-1", bed.project));
    bed.execute(remove_of(&made)).await.unwrap();
    // Somebody else's of that name stays, and is named.
    bed.foreign_container(&unfinished, |_| {}).await;
    let error = bed.execute(create()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NameTaken, "{error}");
}

#[tokio::test]
async fn one_container_that_the_engine_cannot_show_hides_no_other() {
    let bed = Bed::new().await;
    let calm = bed.create_and_start("calm", &shell("exec sleep 600")).await;
    let runs = bed.create_and_start("runs", &shell("exec sleep 600")).await;
    let idle = bed.create("idle", &shell("true"));
    let idle = ActionKind::CreateContainer(Box::new(idle));
    let idle = bed.execute(idle).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let _proxy = BrokenEngine::start(&socket, vec![runs.id.0.clone(), idle.id.0.clone()]);
    let engine = Engine::connect(&socket).await.unwrap();
    let seen = observe(&engine, &bed.site, &[IMAGE.to_owned()].into()).await;
    assert_eq!(seen.engine, EngineReach::Reachable);
    assert_eq!(seen.containers[&calm.id], calm);
    assert_eq!(seen.containers[&runs.id].state, ContainerState::Running);
    assert_eq!(seen.containers[&idle.id].state, ContainerState::Dead);
    assert_eq!(seen.containers[&idle.id].identity, idle.identity);
}

#[tokio::test]
async fn what_a_crash_left_unfinished_is_swept_away_and_nothing_else() {
    let bed = Bed::new().await;
    let whole = bed.create("whole", &shell("true"));
    bed.execute(ActionKind::CreateContainer(Box::new(whole)))
        .await
        .unwrap();
    // As a crash between making it and joining its second network leaves it.
    let mut half = bed.create("half", &shell("true"));
    half.name = EngineName::new(format!("{}.unfinished", half.name)).unwrap();
    bed.execute(ActionKind::CreateContainer(Box::new(half)))
        .await
        .unwrap();
    let theirs = format!("{}-theirs-1.unfinished", bed.project);
    bed.foreign_container(&theirs, |_| {}).await;
    let seen = bed.observe().await;
    let names: Vec<_> = seen
        .containers
        .values()
        .map(|container| container.name.clone())
        .collect();
    assert_eq!(
        names,
        [format!("{}-whole-1", bed.project)],
        "a half made one counts as whole"
    );
    assert_eq!(
        node_agent::engine::sweep(&bed.engine, &bed.site)
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        node_agent::engine::sweep(&bed.engine, &bed.site)
            .await
            .unwrap(),
        0
    );
    let seen = bed.observe().await;
    assert!(seen.containers.len() == 1 && seen.foreign_containers.contains_key(&theirs));
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_holder() {
    let bed = Bed::new().await;
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut spec = shell("exec sleep 600");
    spec.ports = vec![PortPublish {
        host_ip: None,
        published: Some(port),
        target: 80,
        protocol: PortProtocol::Tcp,
    }];
    let create = bed.create("web", &spec);
    let made = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await
        .unwrap()
        .unwrap();
    let error = bed.execute(start_of(&made)).await.unwrap_err();
    assert_eq!(error.kind, Kind::PortTaken, "{error}");
    let own = format!("port {port}/tcp of this node is already in use by ");
    assert!(error.message.contains(&own), "{error}");
    assert!(
        error
            .message
            .ends_with(&format!("(pid {})", std::process::id())),
        "{error}"
    );
}
