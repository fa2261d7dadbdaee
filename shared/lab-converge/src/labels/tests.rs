use std::collections::BTreeMap;

use lab_types::{LabId, NodeId};

use super::{container, container_name, container_owner, network, owner, volume};
use crate::fixture::{lab, network_of, node, task, volume_of, web};
use crate::observed::Owner;

fn text(labels: &BTreeMap<String, String>) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}

#[test]
fn a_container_bears_what_finds_it_again_and_what_dockers_own_tools_look_for() {
    let mut spec = web();
    spec.labels.insert("team".into(), "red".into());
    spec.labels.insert("io.tercio.lab".into(), "forged".into());
    let web = task("t1", "web", 2, &spec);
    let digest = web.spec.to_string();
    let labels = text(&container(&lab(), &node(), &web, &spec)).replace(&digest, "DIGEST");
    expect_test::expect![[r#"
        com.docker.compose.config-hash=DIGEST
        com.docker.compose.container-number=2
        com.docker.compose.oneoff=False
        com.docker.compose.project=shop
        com.docker.compose.service=web
        io.tercio.lab=home
        io.tercio.node=n1
        io.tercio.project=shop
        io.tercio.service=web
        io.tercio.slot=2
        io.tercio.spec=DIGEST
        io.tercio.stop-grace-ms=10000
        io.tercio.task=t1
        team=red
    "#]]
    .assert_eq(&labels);
}

#[test]
fn networks_and_volumes_bear_their_project_and_key() {
    let (_, network_) = network_of("shop", false);
    let (_, volume_) = volume_of("shop", false);
    let mut labels = text(&network(&lab(), &network_.project, &network_.spec));
    labels.push_str(&text(&volume(&lab(), &volume_.project, &volume_.spec)));
    expect_test::expect![[r#"
        com.docker.compose.network=default
        com.docker.compose.project=shop
        io.tercio.lab=home
        io.tercio.project=shop
        com.docker.compose.project=shop
        com.docker.compose.volume=data
        io.tercio.lab=home
        io.tercio.project=shop
    "#]]
    .assert_eq(&labels);
}

#[test]
fn what_was_written_is_read_back_and_any_gap_makes_it_foreign() {
    let spec = web();
    let web = task("t1", "web", 2, &spec);
    let labels = container(&lab(), &node(), &web, &spec);
    let name = container_name(&web).unwrap();
    let read = container_owner(&lab(), &node(), name.as_str(), &labels).unwrap();
    assert_eq!((read.task, read.spec, read.slot), (web.id, web.spec, 2));
    let needed = labels.keys().filter(|key| key.starts_with("io.tercio."));
    for key in needed {
        let mut gap = labels.clone();
        gap.remove(key);
        assert!(
            container_owner(&lab(), &node(), name.as_str(), &gap).is_err(),
            "without {key}"
        );
        gap.insert(key.clone(), "* bad *".into());
        assert!(
            container_owner(&lab(), &node(), name.as_str(), &gap).is_err(),
            "bad {key}"
        );
    }
}

#[test]
fn two_containers_of_one_slot_are_told_apart_by_their_tasks_whatever_they_are_called() {
    let spec = web();
    let owner = |id: &str, name: &str| {
        let task = task(id, "web", 2, &spec);
        let labels = container(&lab(), &node(), &task, &spec);
        let owner = container_owner(&lab(), &node(), name, &labels);
        owner.map(|labels| labels.task.to_string())
    };
    assert_eq!(owner("t1", "shop-web-2"), Ok("t1".to_owned()));
    assert_eq!(owner("t2", "shop-web-2-t2"), Ok("t2".to_owned()));
    assert_eq!(owner("t2", "shop-web-2-t1"), Err(Owner::Foreign));
}

#[test]
fn the_same_labels_under_another_name_lab_or_node_are_not_ours() {
    let spec = web();
    let labels = container(&lab(), &node(), &task("t1", "web", 2, &spec), &spec);
    let office = LabId::new("office").unwrap();
    let n2 = NodeId::new("n2").unwrap();
    let owners = [
        container_owner(&lab(), &node(), "my-copy", &labels),
        container_owner(&office, &node(), "shop-web-2", &labels),
        container_owner(&lab(), &n2, "shop-web-2", &labels),
    ];
    let expected = [
        Err(Owner::Foreign),
        Err(Owner::OtherLab { lab: "home".into() }),
        Err(Owner::OtherNode { node: "n1".into() }),
    ];
    assert_eq!(owners, expected);
}

#[test]
fn docker_composes_own_objects_are_known_as_such() {
    let labels = BTreeMap::from([(super::COMPOSE_PROJECT.to_owned(), "shop".to_owned())]);
    assert_eq!(
        owner(&lab(), &labels),
        Owner::Compose {
            project: "shop".into()
        }
    );
    assert_eq!(owner(&lab(), &BTreeMap::new()), Owner::Foreign);
}
