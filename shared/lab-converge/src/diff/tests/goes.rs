//! What has to go, and what stays.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{ConfirmationId, PortPublish, TaskSpec, TaskTarget};

use crate::diff::Standing;
use crate::fixture::{Bench, busy, lab, name, network_of, redis, task, text, web};
use crate::labels;
use crate::model::ModelContainer;

fn shop() -> Bench {
    Bench::new()
        .with(task("t1", "web", 1, &web()), &web())
        .with(task("t2", "redis", 1, &redis()), &redis())
        .settle()
}

fn confirm(bench: &mut Bench, volume: &str) {
    let confirmation = ConfirmationId::new("req-7").unwrap();
    bench
        .ledger
        .assignment
        .remove_volumes
        .insert(name(volume), confirmation);
}

#[test]
fn a_task_asked_to_stop_is_stopped_then_removed_then_reported_stopped_until_it_is_dropped() {
    let mut bench = shop();
    bench.assigned("t1").target = TaskTarget::Stop;
    let mut shown = String::new();
    for _ in 0..3 {
        shown.push_str(&text(&bench.step()));
        shown.push_str("--\n");
    }
    bench.ledger.assignment.tasks.remove("t1");
    shown.push_str(&text(&bench.step()));
    expect![[r#"
        container shop-web-1, stop within 10s, asked to stop
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        container shop-web-1, remove, asked to stop
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        task t1: stopped, attempt 1, no more
        task t2: running, attempt 1
        --
        task t2: running, attempt 1
    "#]]
    .assert_eq(&shown);
}

#[test]
fn what_is_not_assigned_goes_but_its_volume_stays() {
    let mut bench = shop();
    bench.ledger.assignment.tasks.clear();
    bench.ledger.assignment.networks.clear();
    bench.ledger.assignment.volumes.clear();
    let mut shown = String::new();
    for _ in 0..4 {
        shown.push_str(&text(&bench.step()));
        shown.push_str("--\n");
    }
    expect![[r#"
        container shop-web-1, stop within 10s, not assigned
        container shop-redis-1, stop within 10s, not assigned
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        container shop-web-1, remove, not assigned
        container shop-redis-1, remove, not assigned
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        network shop_default, remove, not assigned
        --
        --
    "#]]
    .assert_eq(&shown);
    assert!(bench.engine.volumes.contains_key("shop_data"));
}

#[test]
fn a_volume_goes_only_with_a_confirmation_and_only_when_nobody_uses_it() {
    let mut bench = shop();
    bench.ledger.assignment.volumes.clear();
    confirm(&mut bench, "shop_data");
    let decision = bench.step();
    assert!(
        decision.actions.is_empty(),
        "redis uses it: {}",
        text(&decision)
    );
    bench.ledger.assignment.tasks.remove("t2");
    let mut shown = String::new();
    for _ in 0..4 {
        shown.push_str(&text(&bench.step()));
        shown.push_str("--\n");
    }
    expect![[r#"
        container shop-redis-1, stop within 10s, not assigned
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        container shop-redis-1, remove, not assigned
        task t1: running, attempt 1
        task t2: running, attempt 1
        --
        volume shop_data, remove with its data, removal confirmed
        task t1: running, attempt 1
        --
        task t1: running, attempt 1
        volume shop_data is gone
        --
    "#]]
    .assert_eq(&shown);
}

/// A node without tasks on which the volume of the assignment is from earlier.
fn with_volume() -> Bench {
    let mut bench = Bench::new().settle();
    for (name, listed) in &bench.ledger.assignment.volumes {
        let labels = crate::labels::volume(&bench.ledger.lab, &listed.project, &listed.spec);
        bench.engine.volumes.insert(name.clone(), labels);
    }
    bench
}

#[test]
fn a_volume_used_by_a_foreign_container_waits_for_it() {
    let mut bench = with_volume();
    bench.ledger.assignment.volumes.clear();
    confirm(&mut bench, "shop_data");
    bench
        .engine
        .put(ModelContainer::created("backup", BTreeMap::new(), redis()));
    assert!(bench.decide().actions.is_empty());
}

#[test]
fn a_volume_waits_for_a_container_that_is_being_made_with_it() {
    let mut bench = with_volume();
    bench.ledger.assignment.volumes.clear();
    confirm(&mut bench, "shop_data");
    let create = crate::diff::Busy {
        kind: crate::diff::Kind::Start,
        volumes: [name("shop_data")].into(),
        words: None,
    };
    let maker = crate::action::Subject::Task(crate::fixture::id("gone"));
    bench.calls.busy.insert(maker.clone(), create);
    assert!(bench.decide().actions.is_empty());
    bench.engine.volumes.remove("shop_data");
    assert!(
        bench.decide().removed_volumes.is_empty(),
        "it may be made anew"
    );
    bench.calls.busy.remove(&maker);
    assert!(!bench.decide().removed_volumes.is_empty());
}

#[test]
fn a_volume_that_is_not_the_labs_is_not_removed_and_counts_as_gone() {
    let mut bench = Bench::new().settle();
    bench
        .engine
        .volumes
        .insert(name("old_data"), BTreeMap::new());
    confirm(&mut bench, "old_data");
    expect![[r#"
        volume old_data is gone
        AGT0103: volume old_data was to be removed, but it is made outside the lab
    "#]]
    .assert_eq(&text(&bench.decide()));
}

#[test]
fn a_volume_that_is_wanted_and_to_be_removed_stays() {
    let mut bench = with_volume();
    confirm(&mut bench, "shop_data");
    expect![[r#"
        AGT0103: volume shop_data is both wanted and to be removed; it stays
    "#]]
    .assert_eq(&text(&bench.decide()));
}

#[test]
fn a_network_of_the_lab_stays_while_anyone_is_attached_and_foreign_ones_stay_always() {
    let mut bench = Bench::new().settle();
    bench.ledger.assignment.networks.clear();
    bench
        .engine
        .networks
        .insert(name("bridge"), BTreeMap::new());
    let debug = TaskSpec {
        mounts: Vec::new(),
        ..redis()
    };
    let id = bench
        .engine
        .put(ModelContainer::created("debug", BTreeMap::new(), debug));
    assert!(bench.decide().actions.is_empty());
    bench.engine.containers.remove(&id);
    expect![[r#"
        network shop_default, remove, not assigned
    "#]]
    .assert_eq(&text(&bench.step()));
    assert!(bench.decide().actions.is_empty());
}

#[test]
fn on_the_strength_of_an_old_ledger_nothing_is_stopped_or_removed() {
    for standing in [Standing::Waiting, Standing::FromDisk] {
        let mut bench = shop();
        bench.assigned("t1").target = TaskTarget::Stop;
        bench.ledger.assignment.tasks.remove("t2");
        let (unused, network) = network_of("old", false);
        let labels = labels::network(&lab(), &network.project, &network.spec);
        bench.engine.networks.insert(unused, labels);
        bench.ledger.assignment.volumes.clear();
        confirm(&mut bench, "shop_data");
        bench.standing = standing;
        assert!(bench.decide().actions.is_empty(), "{standing:?}");
    }
}

#[test]
fn a_replacement_waits_for_the_name_and_the_port_of_the_one_it_replaces() {
    let newer = TaskSpec {
        stop_grace: lab_types::DurationMs(1),
        ..web()
    };
    let mut bench = shop().with(task("t3", "web", 1, &newer), &newer);
    bench.assigned("t1").target = TaskTarget::Stop;
    expect![[r#"
        container shop-web-1, stop within 10s, asked to stop
        task t1: running, attempt 1
        task t2: running, attempt 1
        task t3: preparing: waits until the previous shop-web-1 is gone
    "#]]
    .assert_eq(&text(&bench.step()));
    let bench = bench.settle();
    expect![[r#"
        task t1: stopped, attempt 1, no more
        task t2: running, attempt 1
        task t3: running, attempt 1
    "#]]
    .assert_eq(&text(&bench.decide()));

    let mut other_name = shop().with(task("t3", "web", 2, &newer), &newer);
    other_name.assigned("t1").target = TaskTarget::Stop;
    other_name.calls.busy.insert(
        crate::action::Subject::Task(crate::fixture::id("t1")),
        busy(crate::diff::Kind::Stop),
    );
    other_name.step();
    expect![[r#"
        task t1: running, attempt 1
        task t2: running, attempt 1
        task t3: ready: waits until the previous user of port 8000 is gone
    "#]]
    .assert_eq(&text(&other_name.step()));
}

#[test]
fn a_task_stopped_before_it_ever_ran_only_loses_its_container() {
    let spec = TaskSpec {
        ports: Vec::<PortPublish>::new(),
        ..web()
    };
    let mut bench = Bench::new().with(task("t1", "web", 1, &spec), &spec);
    bench.step();
    bench.step();
    bench.assigned("t1").target = TaskTarget::Stop;
    expect![[r#"
        container shop-web-1, remove, asked to stop
        task t1: preparing
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        task t1: stopped, no more
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_stop_that_fails_again_and_again_says_why() {
    let mut bench = shop();
    let task = bench.ledger.assignment.tasks.get_mut("t1").unwrap();
    task.target = TaskTarget::Stop;
    bench.calls.failed.insert(
        crate::action::Subject::Task(crate::fixture::id("t1")),
        crate::diff::Failure {
            times: 3,
            message: "tried to kill container, but did not receive an exit event".into(),
            retryable: true,
            next_at: lab_types::UnixMillis(u64::MAX),
        },
    );
    let status = &bench.decide().statuses["t1"];
    assert_eq!(
        status.message.as_deref(),
        Some(
            "the engine did not stop it yet: tried to kill container, but did not receive an exit event"
        )
    );
}
