//! Containers as the engine shows them, from their making to their removal.

use std::collections::BTreeMap;

use lab_converge::{ActionKind, ContainerState};
use lab_types::{
    DurationMs, EngineName, Health, HealthCheck, HealthTest, Mount, MountSource, NetworkAttachment, NetworkName,
    PortProtocol, PortPublish, TaskSpec, VolumeName,
};
use node_agent::engine::Kind;

use super::bed::{Bed, IMAGE, remove_of, shell, start_of, stop_of, wait_for};

#[tokio::test]
async fn a_container_is_made_started_stopped_and_removed_and_each_step_tells_how_it_is_then() {
    let bed = Bed::new().await;
    let create = bed.create("web", &shell("exec sleep 600"));
    let made = bed.execute(ActionKind::CreateContainer(Box::new(create))).await.unwrap().unwrap();
    assert_eq!((&made.state, made.started_at), (&ContainerState::Created, None));
    assert_eq!(made.name, format!("{}-web-1", bed.project));
    let started = bed.execute(start_of(&made)).await.unwrap().unwrap();
    assert_eq!(started.state, ContainerState::Running);
    assert!(started.started_at.is_some());
    let seen = bed.observe().await;
    assert_eq!(seen.containers.values().collect::<Vec<_>>(), [&started]);
    let stopped = bed.execute(stop_of(&made)).await.unwrap().unwrap();
    assert!(matches!(stopped.state, ContainerState::Exited { code: 137, .. }), "{stopped:?}");
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
async fn everything_in_a_spec_is_what_the_engine_shows() {
    let bed = Bed::new().await;
    let (front, back, volume) = (bed.name("front"), bed.name("back"), bed.name("data"));
    bed.network(&front).await;
    bed.network(&back).await;
    let labels = bed.project_labels();
    bed.execute(ActionKind::CreateVolume { name: volume.clone(), labels }).await.unwrap();
    let folder = tempfile::tempdir_in("/work/tmp").or_else(|_| tempfile::tempdir()).unwrap();
    let (given, missing) = (folder.path().join("given"), folder.path().join("missing"));
    std::fs::create_dir(&given).unwrap();
    let attach = |engine_name, alias: &str| NetworkAttachment {
        network: NetworkName::new(alias).unwrap(),
        engine_name,
        aliases: vec![alias.to_owned()],
    };
    let bind = |path: &std::path::Path, create_host_path, target: &str| Mount {
        source: MountSource::Bind {
            path: path.to_str().unwrap().to_owned(),
            create_host_path,
        },
        target: target.to_owned(),
        read_only: create_host_path,
    };
    let volume_of = |source, target: &str| Mount {
        source,
        target: target.to_owned(),
        read_only: false,
    };
    let mut spec = shell("exec sleep 600");
    spec.environment = BTreeMap::from([("A".into(), "1=2".into()), ("B".into(), String::new())]);
    spec.labels = BTreeMap::from([("team".into(), "red".into())]);
    spec.networks = vec![attach(front.clone(), "web"), attach(back.clone(), "api")];
    let named = MountSource::Volume {
        volume: VolumeName::new("data").unwrap(),
        engine_name: volume.clone(),
    };
    spec.mounts = vec![
        volume_of(named, "/data"),
        volume_of(MountSource::Anonymous, "/scratch"),
        bind(&given, false, "/given"),
        bind(&missing, true, "/missing"),
    ];
    spec.ports = vec![
        PortPublish {
            host_ip: Some("127.0.0.1".into()),
            published: Some(48_123),
            target: 80,
            protocol: PortProtocol::Tcp,
        },
        PortPublish {
            host_ip: None,
            published: None,
            target: 53,
            protocol: PortProtocol::Udp,
        },
    ];
    let line = "test -e /tmp/well".to_owned();
    spec.healthcheck = Some(HealthCheck {
        test: HealthTest::Shell { line },
        interval: Some(DurationMs(200)),
        timeout: Some(DurationMs::from_secs(2)),
        retries: Some(2),
        start_period: None,
    });
    spec.stop_grace = DurationMs(1500);
    let running = bed.create_and_start("web", &spec).await;

    let shown = bed.inspect(&running.id.0).await;
    let (config, host) = (shown.config.unwrap(), shown.host_config.unwrap());
    let environment = config.env.unwrap();
    assert!(environment.contains(&"A=1=2".to_owned()) && environment.contains(&"B=".to_owned()));
    assert_eq!(config.labels.unwrap()["team"], "red");
    assert_eq!(config.stop_timeout, Some(2));
    assert_eq!(format!("{:?}", host.restart_policy.unwrap().name.unwrap()), "NO");
    let networks = shown.network_settings.unwrap().networks.unwrap();
    for (name, alias) in [(&front, "web"), (&back, "api")] {
        let aliases = networks[name.as_str()].aliases.clone().unwrap();
        assert!(aliases.contains(&alias.to_owned()), "{aliases:?}");
    }
    let mut unnamed = None;
    let mut mounts: Vec<_> = shown.mounts.unwrap().into_iter().map(|mount| {
        let source = match mount.name {
            Some(name) if name.len() == 64 => {
                unnamed = Some(name);
                "unnamed".to_owned()
            }
            name => name.or(mount.source).unwrap(),
        };
        format!("{} {source} {}", mount.destination.unwrap(), mount.rw.unwrap())
    }).collect();
    mounts.sort();
    let expected = [
        format!("/data {volume} true"),
        format!("/given {} true", given.display()),
        format!("/missing {} false", missing.display()),
        "/scratch unnamed true".to_owned(),
    ];
    assert_eq!(mounts, expected);
    assert!(missing.is_dir(), "the engine made the folder");

    let fixed = running.ports.iter().find(|port| port.target == 80).unwrap();
    assert_eq!(fixed, &spec.ports[0]);
    let free = running.ports.iter().find(|port| port.target == 53).unwrap();
    assert!(free.published.is_some_and(|port| port > 1024) && running.ports.len() == 2);

    wait_for("the check has failed twice", || async {
        let seen = bed.observe().await.containers.remove(&running.id)?;
        (seen.health == Health::Unhealthy).then_some(())
    })
    .await;
    let seen = bed.observe().await;
    let network = &seen.networks[&back];
    assert!(network.owner.is_ours() && network.attached.contains(&running.name), "{network:?}");
    let volume = &seen.volumes[&volume];
    assert!(volume.owner.is_ours() && volume.used_by.contains(&running.name), "{volume:?}");
    assert!(seen.images.contains(IMAGE));
    bed.execute(stop_of(&running)).await.unwrap();
    bed.execute(remove_of(&running)).await.unwrap();
    remove_unnamed(&bed, &unnamed.unwrap()).await;
}

/// The volume without a name stays when its container is removed: it may hold data.
async fn remove_unnamed(bed: &Bed, volume: &str) {
    let found = bed.docker.inspect_volume(volume).await;
    found.expect("the unnamed volume was removed with its container");
    let options = bollard::query_parameters::RemoveVolumeOptions { force: false };
    bed.docker.remove_volume(volume, Some(options)).await.unwrap();
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
    };
    // No container can have a network of its own and the host's.
    spec.networks = vec![attach(front), attach(EngineName::new("host").unwrap())];
    let create = bed.create("web", &spec);
    let error = bed.execute(ActionKind::CreateContainer(Box::new(create))).await.unwrap_err();
    assert!(error.message.contains("to network host"), "{error}");
    assert!(bed.observe().await.containers.is_empty());
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
    let made = bed.execute(ActionKind::CreateContainer(Box::new(create))).await.unwrap().unwrap();
    let error = bed.execute(start_of(&made)).await.unwrap_err();
    assert_eq!(error.kind, Kind::PortTaken, "{error}");
    let own = format!("port {port}/tcp of this node is already in use by ");
    assert!(error.message.contains(&own), "{error}");
    assert!(error.message.ends_with(&format!("(pid {})", std::process::id())), "{error}");
}
