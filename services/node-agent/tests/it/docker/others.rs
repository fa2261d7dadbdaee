//! What is not the lab's: seen, reported, never touched.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{HostConfig, PortBinding, VolumeCreateRequest};
use lab_converge::{ActionKind, Owner};
use lab_types::{EngineName, PortProtocol, PortPublish};
use node_agent::engine::{Kind, published::published};
use node_agent::facts::ports;

use super::bed::{Bed, shell, stop_of};

#[tokio::test]
async fn containers_networks_and_volumes_of_others_are_seen_as_theirs() {
    let bed = Bed::new().await;
    let taken = format!("{}-web-1", bed.project);
    bed.foreign_container(&taken, |_| {}).await;
    let composed = format!("{}-composed", bed.project);
    bed.foreign_container(&composed, |body| {
        let labels = body.labels.get_or_insert_default();
        labels.insert("com.docker.compose.project".into(), "shop".into());
    })
    .await;
    let request = VolumeCreateRequest {
        name: Some(bed.name("theirs").to_string()),
        labels: Some(bed.foreign_labels()),
        ..Default::default()
    };
    bed.docker.create_volume(request).await.unwrap();

    let seen = bed.observe().await;
    assert_eq!(seen.foreign_containers[&taken], Owner::Foreign);
    let project = "shop".to_owned();
    assert_eq!(
        seen.foreign_containers[&composed],
        Owner::Compose { project }
    );
    assert_eq!(seen.volumes[&bed.name("theirs")].owner, Owner::Foreign);
    let bridge = &seen.networks[&EngineName::new("bridge").unwrap()];
    assert!(
        bridge.owner == Owner::Foreign && bridge.attached.contains(&taken),
        "{bridge:?}"
    );
    assert!(seen.containers.is_empty());

    let create = bed.create("web", &shell("true"));
    let error = bed
        .execute(ActionKind::CreateContainer(Box::new(create)))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NameTaken, "{error}");
}

#[tokio::test]
async fn a_network_that_exists_is_not_made_a_second_time() {
    let bed = Bed::new().await;
    let name = bed.name("net");
    bed.network(&name).await;
    let labels = bed.project_labels();
    let again = bed
        .execute(ActionKind::CreateNetwork {
            name: name.clone(),
            labels,
        })
        .await;
    assert_eq!(again.unwrap_err().kind, Kind::InUse);
    bed.execute(ActionKind::RemoveNetwork { name: name.clone() })
        .await
        .unwrap();
    assert!(!bed.observe().await.networks.contains_key(&name));
    bed.execute(ActionKind::RemoveNetwork { name })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_volume_in_use_is_not_removed() {
    let bed = Bed::new().await;
    let name = bed.name("data");
    let labels = bed.project_labels();
    bed.execute(ActionKind::CreateVolume {
        name: name.clone(),
        labels,
    })
    .await
    .unwrap();
    let mount = format!("{name}:/data");
    bed.foreign_container(&format!("{}-user", bed.project), |body| {
        let binds = Some(vec![mount]);
        body.host_config = Some(HostConfig {
            binds,
            ..Default::default()
        });
    })
    .await;
    let confirmation = lab_types::ConfirmationId::new("c1").unwrap();
    let remove = ActionKind::RemoveVolume {
        name: name.clone(),
        confirmation,
    };
    assert_eq!(bed.execute(remove).await.unwrap_err().kind, Kind::InUse);
    assert!(bed.observe().await.volumes.contains_key(&name));
}

#[tokio::test]
async fn a_port_of_anothers_container_is_foreign_by_its_name_and_one_of_ours_is_not() {
    let bed = Bed::new().await;
    let other = format!("{}-other", bed.project);
    bed.foreign_container(&other, |body| {
        let binding = PortBinding {
            host_ip: None,
            host_port: Some("48124".into()),
        };
        let bindings = HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))]);
        body.exposed_ports = Some(vec!["80/tcp".into()]);
        body.host_config = Some(HostConfig {
            port_bindings: Some(bindings),
            ..Default::default()
        });
    })
    .await;
    let mut spec = shell("exec sleep 600");
    spec.ports = vec![PortPublish {
        host_ip: None,
        published: Some(48_125),
        target: 80,
        protocol: PortProtocol::Tcp,
    }];
    let ours = bed.create_and_start("web", &spec).await;
    let holder = |rows: &[lab_types::ForeignPort], port| {
        rows.iter()
            .find(|row| row.port == port)
            .map(|row| row.holder.clone().unwrap_or_default())
    };
    let held = published(&bed.engine, &bed.site).await.unwrap();
    let rows = ports::foreign(Path::new("/proc"), &held);
    assert_eq!(holder(&rows, 48_124), Some(format!("container {other}")));
    assert_eq!(holder(&rows, 48_125), None);

    // A stopped container of ours keeps its claim: the engine's proxy may outlive it a moment.
    bed.execute(stop_of(&ours)).await.unwrap();
    let held = published(&bed.engine, &bed.site).await.unwrap();
    assert!(held.ours.contains(&(PortProtocol::Tcp, 48_125)), "{held:?}");
}
