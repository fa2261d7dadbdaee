//! Data stays where it is, and goes only with consent.

use expect_test::expect;
use lab_types::ConfirmationId;

use super::check;
use crate::change::Change;
use crate::testing::{Small, node, project, svc, told};

fn down(small: &mut Small) {
    let change = Change::RemoveProject {
        project: project("shop"),
        remove_volumes: Some(ConfirmationId::new("yes").unwrap()),
        shown: None,
    };
    small.change(&change).unwrap();
}

#[test]
fn a_task_with_a_volume_goes_where_the_volume_is_and_waits_when_that_node_is_lost() {
    let mut small = Small::new(&["n1", "n2"]);
    small.up("other", &[("filler", svc("filler:1"))]);
    small.settle();
    // The emptier node gets it at first.
    small.up(
        "shop",
        &[("db", svc("db:1").volume("shop_data").replicas(2))],
    );
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.1
              other/filler 1 (filler:1) run
              networks: other_default
            n2 at 1.1.1
              shop/db 1 (db:1) run
              shop/db 2 (db:1) run
              networks: shop_default
              volumes: shop_data
        "#]],
    );
    small.lose("n2");
    let outcome = small.plan();
    assert_eq!(outcome.assignments, []);
    check(
        &outcome.report.to_string(),
        &expect![[r#"
            shop/db slots 1-2: node n2 is lost and its volume shop_data is there; the service is exclusive, so it is not replaced: bring the node back, or take it out of the lab with `tercio node rm n2` when it is off for good
        "#]],
    );
}

#[test]
fn a_confirmed_removal_reaches_the_node_and_ends_when_its_agent_has_done_it() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    down(&mut small);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/db 1 (db:1) stop
              networks: shop_default
              remove: shop_data
        "#]],
    );
    small.agents();
    let outcome = small.plan();
    check(
        &format!("{}{}", told(&outcome.events), small.shown()),
        &expect![[r#"
            volume removed: volume shop_data is gone from node n1
            n1 at 1.1.3
        "#]],
    );
    assert!(small.plan().is_empty());
}

#[test]
fn a_volume_that_is_being_removed_is_not_used_again_before_it_is_gone() {
    let mut small = Small::new(&["n1"]);
    let db = [("db", svc("db:1").volume("shop_data"))];
    small.up("shop", &db);
    small.settle();
    down(&mut small);
    small.plan();
    small.up("shop", &db);
    let outcome = small.plan();
    check(
        &format!("{}{}", outcome.report, small.shown()),
        &expect![[r#"
            shop/db slot 1: it waits until the task before it has stopped on node n1
            n1 at 1.1.2
              shop/db 1 (db:1) stop
              networks: shop_default
              remove: shop_data
        "#]],
    );
    small.settle();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.3
              shop/db 1 (db:1) run
              networks: shop_default
              volumes: shop_data
        "#]],
    );
}

#[test]
fn a_removal_is_not_over_while_a_task_may_still_use_the_volume() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    down(&mut small);
    small.plan();
    let observed = small
        .lab
        .observed
        .nodes
        .get_mut(&crate::testing::node("n1"));
    let gone = lab_types::EngineName::new("shop_data").unwrap();
    observed.unwrap().removed_volumes.insert(gone);
    small.plan();
    check(
        &small.shown(),
        &expect![[r#"
            n1 at 1.1.2
              shop/db 1 (db:1) stop
              networks: shop_default
              remove: shop_data
        "#]],
    );
}

#[test]
fn data_that_another_project_mounts_is_not_removed_with_its_own() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    let mut change = small.apply_of("audit", &[("reader", svc("reader:1").volume("shop_data"))]);
    if let Change::ApplyProject { model, .. } = &mut change {
        model
            .volumes
            .values_mut()
            .for_each(|volume| volume.external = true);
    }
    small.change(&change).unwrap();
    small.settle();
    let change = Change::RemoveProject {
        project: project("shop"),
        remove_volumes: Some(ConfirmationId::new("yes").unwrap()),
        shown: None,
    };
    let refused = small.change(&change).unwrap_err();
    check(
        &refused.to_string(),
        &expect![[r#"SCH0013: volume shop_data is also mounted by service audit/reader"#]],
    );
    small
        .change(&Change::RemoveProject {
            project: project("audit"),
            remove_volumes: None,
            shown: None,
        })
        .unwrap();
    down(&mut small);
    small.settle();
    assert!(
        small.lab.desired.assignments[&node("n1")]
            .volumes
            .is_empty()
    );
}
