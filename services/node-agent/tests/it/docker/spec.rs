//! What a spec says is what the engine shows.

use std::collections::BTreeMap;
use std::path::Path;

use lab_converge::ActionKind;
use lab_types::{
    BindOptions, DurationMs, Endpoint, EngineName, Health, HealthCheck, HealthTest, Mount,
    MountSource, NetworkAttachment, NetworkName, PortProtocol, PortPublish, VolumeFilling,
    VolumeName, VolumeOptions,
};

use super::bed::{Bed, IMAGE, remove_of, shell, stop_of, wait_for};

fn attach(engine_name: &EngineName, alias: &str) -> NetworkAttachment {
    NetworkAttachment {
        network: NetworkName::new(alias).unwrap(),
        engine_name: engine_name.clone(),
        aliases: vec![alias.to_owned()],
        endpoint: Endpoint::default(),
    }
}

#[tokio::test]
async fn environment_labels_policy_and_networks_with_their_aliases() {
    let bed = Bed::new().await;
    let (front, back) = (bed.name("front"), bed.name("back"));
    bed.network(&front).await;
    bed.network(&back).await;
    let mut spec = shell("exec sleep 600");
    spec.environment = BTreeMap::from([("A".into(), "1=2".into()), ("B".into(), String::new())]);
    spec.labels = BTreeMap::from([("team".into(), "red".into())]);
    spec.networks = vec![attach(&front, "web"), attach(&back, "api")];
    spec.stop_grace = DurationMs(1500);
    let running = bed.create_and_start("web", &spec).await;
    assert_eq!(running.name, format!("{}-web-1", bed.project));

    let shown = bed.inspect(&running.id.0).await;
    let (config, host) = (shown.config.unwrap(), shown.host_config.unwrap());
    let environment = config.env.unwrap();
    assert!(environment.contains(&"A=1=2".to_owned()) && environment.contains(&"B=".to_owned()));
    let labels = config.labels.unwrap();
    assert_eq!(
        (labels["team"].as_str(), config.stop_timeout),
        ("red", Some(2))
    );
    assert_eq!(
        labels["com.docker.compose.project"],
        bed.project.to_string()
    );
    let policy = host.restart_policy.unwrap().name.unwrap();
    assert_eq!(policy.to_string(), "no");
    let networks = shown.network_settings.unwrap().networks.unwrap();
    for (name, alias) in [(&front, "web"), (&back, "api")] {
        let aliases = networks[name.as_str()].aliases.clone().unwrap();
        assert!(aliases.contains(&alias.to_owned()), "{aliases:?}");
    }
    let seen = bed.observe().await;
    for name in [&front, &back] {
        let network = &seen.networks[name];
        assert!(
            network.owner.is_ours() && network.attached.contains(&running.name),
            "{network:?}"
        );
    }
    assert!(seen.images.contains(IMAGE));
}

fn bind(path: &Path, create_host_path: bool, target: &str) -> Mount {
    let path = path.to_str().unwrap().to_owned();
    Mount {
        source: MountSource::Bind {
            path,
            create_host_path,
            options: BindOptions::default(),
        },
        target: target.to_owned(),
        read_only: create_host_path,
    }
}

fn volume_at(source: MountSource, target: &str) -> Mount {
    Mount {
        source,
        target: target.to_owned(),
        read_only: false,
    }
}

#[tokio::test]
async fn mounts_of_every_kind_and_the_unnamed_one_outlives_its_container() {
    let bed = Bed::new().await;
    let volume = bed.name("data");
    let (name, labels) = (volume.clone(), bed.project_labels());
    bed.execute(ActionKind::CreateVolume { name, labels })
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (given, missing) = (folder.path().join("given"), folder.path().join("missing"));
    std::fs::create_dir(&given).unwrap();
    let named = MountSource::Volume {
        volume: VolumeName::new("data").unwrap(),
        engine_name: volume.clone(),
        options: VolumeOptions::default(),
    };
    let anonymous = MountSource::Anonymous {
        filling: VolumeFilling::default(),
        labels: BTreeMap::new(),
    };
    let mut spec = shell("exec sleep 600");
    spec.mounts = vec![
        volume_at(named, "/data"),
        volume_at(anonymous, "/scratch"),
        bind(&given, false, "/given"),
        bind(&missing, true, "/missing"),
    ];
    let running = bed.create_and_start("web", &spec).await;
    let mut unnamed = None;
    let mut shown = Vec::new();
    for mount in bed.inspect(&running.id.0).await.mounts.unwrap() {
        let source = match mount.name {
            Some(name) if name.len() == 64 => {
                unnamed = Some(name);
                "unnamed".to_owned()
            }
            name => name.or(mount.source).unwrap(),
        };
        shown.push(format!(
            "{} {source} {}",
            mount.destination.unwrap(),
            mount.rw.unwrap()
        ));
    }
    shown.sort();
    let expected = [
        format!("/data {volume} true"),
        format!("/given {} true", given.display()),
        format!("/missing {} false", missing.display()),
        "/scratch unnamed true".to_owned(),
    ];
    assert_eq!(shown, expected);
    assert!(missing.is_dir(), "the engine made no folder");
    let seen = bed.observe().await;
    let seen = &seen.volumes[&volume];
    assert!(
        seen.owner.is_ours() && seen.used_by.contains(&running.name),
        "{seen:?}"
    );

    bed.execute(stop_of(&running)).await.unwrap();
    bed.execute(remove_of(&running)).await.unwrap();
    let unnamed = unnamed.unwrap();
    let found = bed.docker.inspect_volume(&unnamed).await;
    found.expect("the unnamed volume was removed with its container");
    let options = bollard::query_parameters::RemoveVolumeOptions { force: false };
    bed.docker
        .remove_volume(&unnamed, Some(options))
        .await
        .unwrap();
}

#[tokio::test]
async fn ports_as_they_are_bound_and_health_as_it_is_judged() {
    let bed = Bed::new().await;
    let mut spec = shell("exec sleep 600");
    let fixed = PortPublish {
        host_ip: Some("127.0.0.1".into()),
        published: Some(48_123),
        target: 80,
        protocol: PortProtocol::Tcp,
    };
    let free = PortPublish {
        host_ip: None,
        published: None,
        target: 53,
        protocol: PortProtocol::Udp,
    };
    spec.ports = vec![fixed.clone(), free];
    let line = "test -e /tmp/well".to_owned();
    spec.healthcheck = Some(HealthCheck {
        test: HealthTest::Shell { line },
        interval: Some(DurationMs(200)),
        timeout: Some(DurationMs::from_secs(2)),
        retries: Some(2),
        start_period: None,
        start_interval: None,
    });
    let running = bed.create_and_start("web", &spec).await;
    assert_eq!(running.health, Health::Starting);
    assert_eq!(
        running.ports.iter().find(|port| port.target == 80),
        Some(&fixed)
    );
    let free = running.ports.iter().find(|port| port.target == 53).unwrap();
    assert!(free.published.is_some_and(|port| port > 1024) && running.ports.len() == 2);

    let judged = async |health| {
        wait_for("its health is judged", || async {
            let seen = bed.observe().await.containers.remove(&running.id)?;
            (seen.health == health).then_some(())
        })
        .await;
    };
    judged(Health::Unhealthy).await;
    bed.exec(&running.id.0, &["touch", "/tmp/well"]).await;
    judged(Health::Healthy).await;
}
