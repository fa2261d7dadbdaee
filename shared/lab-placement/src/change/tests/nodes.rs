//! Changing a node and taking it out of the lab.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{Availability, DurationMs, NodeName, NodeRole, TaskTarget};

use super::{refused, written};
use crate::change::{Change, NodeChanges};
use crate::testing::{Small, node, svc, told};

fn update(name: &str, changes: NodeChanges) -> Change {
    Change::UpdateNode {
        node: name.to_owned(),
        changes,
    }
}

fn available(name: &str, availability: Availability) -> Change {
    update(
        name,
        NodeChanges {
            availability: Some(availability),
            ..NodeChanges::default()
        },
    )
}

fn remove(name: &str) -> Change {
    Change::RemoveNode {
        node: name.to_owned(),
    }
}

fn labelled(add: &[(&str, &str)], remove: &[&str]) -> NodeChanges {
    NodeChanges {
        add_labels: add
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        remove_labels: remove.iter().map(|key| (*key).to_owned()).collect(),
        ..NodeChanges::default()
    }
}

#[test]
fn a_node_is_changed_in_one_step_that_says_what_is_different() {
    let mut small = Small::new(&["n1"]);
    let change = update(
        "n1",
        NodeChanges {
            availability: Some(Availability::Drain),
            patience: Some(DurationMs::from_secs(3600)),
            ..labelled(&[("disk", "ssd"), ("rack", "2")], &["old"])
        },
    );
    expect![[r#"
        put node.n1 worker
        node updated: node n1 is changed: its tasks go elsewhere, label disk=ssd, label rack=2, it may be silent for 3600s
    "#]]
    .assert_eq(&written(&mut small, &change));
    assert!(
        small.decide(&change).unwrap().is_empty(),
        "said again it changes nothing"
    );
    let back = NodeChanges {
        availability: Some(Availability::Active),
        patience: Some(DurationMs(0)),
        ..labelled(&[("disk", "hdd")], &["rack"])
    };
    expect![[r#"
        put node.n1 worker
        node updated: node n1 is changed: it takes tasks, label disk=hdd, without label rack, it may be silent for as long as any node
    "#]]
    .assert_eq(&written(&mut small, &update("n1", back)));
    let record = &small.lab.desired.nodes[&node("n1")];
    assert_eq!(record.patience, None);
    assert_eq!(
        record.labels,
        BTreeMap::from([("disk".into(), "hdd".into())])
    );
}

#[test]
fn what_cannot_be_changed_so_is_refused_with_every_finding() {
    let mut small = Small::new(&["n1"]);
    refused(
        &mut small,
        &available("n7", Availability::Pause),
        &expect![[r#"
            SCH0015: the lab has no node "n7"
              it has n1
        "#]],
    );
    let changes = NodeChanges {
        patience: Some(DurationMs::from_secs(u64::MAX / 1000)),
        ..labelled(&[("a b", "c"), ("both", "x")], &["both"])
    };
    refused(
        &mut small,
        &update("n1", changes),
        &expect![[r#"
            SCH0001: the change of node n1 breaks 3 rules, so nothing was changed
              see the single findings
            - SCH0017: "a b" is no key of a label
            - SCH0017: the label both is both to be set and to be taken away
            - SCH0008: a patience of more than a year
        "#]],
    );
}

#[test]
fn an_agent_that_registers_again_undoes_nothing_that_a_person_has_set() {
    let mut small = Small::new(&["n1"]);
    let patience = NodeChanges {
        patience: Some(DurationMs::from_secs(60)),
        ..labelled(&[("disk", "ssd")], &[])
    };
    small.change(&update("n1", patience)).unwrap();
    let change = Change::RegisterNode {
        id: node("n1"),
        name: NodeName::new("renamed").unwrap(),
        role: NodeRole::Manager,
        labels: BTreeMap::new(),
    };
    expect![[r#"
        put node.n1 manager
        node updated: node renamed told the lab what changed about it: it is a manager
    "#]]
    .assert_eq(&written(&mut small, &change));
    let record = &small.lab.desired.nodes[&node("n1")];
    assert_eq!(record.patience, Some(DurationMs::from_secs(60)));
    assert_eq!(record.labels.len(), 1);
}

#[test]
fn a_paused_node_keeps_what_it_has_and_a_new_task_says_why_it_waits() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.change(&available("n1", Availability::Pause)).unwrap();
    small.scale("shop", "web", 2);
    let outcome = small.plan();
    expect![[r#"
        shop/web slot 2: no node can take it: node n1 is paused
    "#]]
    .assert_eq(&outcome.report.to_string());
    expect![[r#"
        n1 at 1.1.1
          shop/web 1 (web:1) run
          networks: shop_default
    "#]]
    .assert_eq(&small.shown());
    small
        .change(&available("n1", Availability::Active))
        .unwrap();
    assert_eq!(small.plan().report.placed.len(), 1);
}

#[test]
fn drained_with_nowhere_to_go_the_tasks_stop_and_say_why_they_wait() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.settle();
    small.change(&available("n1", Availability::Drain)).unwrap();
    small.settle();
    expect![[r#"
        shop/web slot 1: no node can take it: node n1 is drained
    "#]]
    .assert_eq(&small.plan().report.to_string());
}

#[test]
fn a_node_is_taken_out_only_when_it_is_lost_and_nothing_should_run_there() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    refused(
        &mut small,
        &remove("n1"),
        &expect![[r#"
            SCH0016: node n1 is ready: only a lost node can be taken out of the lab
              drain it, wait until it has no task, and end its agent; it is lost some seconds later, or when its patience has ended
        "#]],
    );
    small.lose("n1");
    small.plan();
    refused(
        &mut small,
        &remove("n1"),
        &expect![[r#"
            SCH0016: node n1 still has what should run: shop/db 1
              `tercio node update --availability drain n1` gives it up; volumes that are on the node begin empty elsewhere
        "#]],
    );
    small.change(&available("n1", Availability::Drain)).unwrap();
    small.plan();
    expect![[r#"
        put assignment.n1
        remove node.n1
        node removed: node n1 was taken out of the lab; on its disk stay the volumes shop_data
    "#]]
    .assert_eq(&written(&mut small, &remove("n1")));
    small.settle();
    expect![[r#"
        n1 at 1.1.3
        n2 at 1.1.1
          shop/db 1 (db:1) run
          networks: shop_default
          volumes: shop_data
    "#]]
    .assert_eq(&small.shown());
}

#[test]
fn a_node_that_was_taken_out_and_comes_back_is_told_to_stop_everything() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("shop", &[("web", svc("web:1").replicas(2))]);
    small.settle();
    let obeyed = small.lab.desired.assignments[&node("n1")].fence;
    small.lose("n1");
    small.plan();
    let running = small.lab.desired.assignments[&node("n1")].tasks.values();
    assert!(running.clone().all(|task| task.target == TaskTarget::Stop));
    small.change(&remove("n1")).unwrap();
    small.register("n1");
    let assignment = &small.lab.desired.assignments[&node("n1")];
    assert!(assignment.tasks.is_empty() && assignment.fence > obeyed);
    small.report("n1");
    small.settle();
    assert_eq!(told(&small.plan().events), "");
}
