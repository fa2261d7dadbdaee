//! A leader does nothing without a reason: no questions, no plans, no wake-ups.

use lab_types::{Availability, DurationMs, Fence, ForeignPort, PortProtocol};

use super::{Stage, up};
use crate::change::Change;
use crate::testing::{GIB, Svc, model, node, project, svc};

fn one_service(name: &str, one: Svc) -> Change {
    Change::ApplyProject {
        project: project(name),
        plan: None,
        base_revision: 0,
        model: Box::new(model(name, &[("web", one)])),
    }
}

fn beats(stage: &mut Stage, names: &[&str]) {
    for name in names {
        stage.beat(name, Fence::default());
    }
}

#[test]
fn while_a_slot_waits_only_the_nodes_on_which_its_port_is_held_are_asked() {
    let mut stage = Stage::with_nodes(&["n1", "n2", "n3", "n4"]);
    let paused = stage.core.lab.desired.nodes.get_mut(&node("n4")).unwrap();
    paused.availability = Availability::Pause;
    stage.ask("r1", one_service("big", svc("db:1").memory(64 * GIB)));
    stage.settle();
    stage.asked.clear();
    stage.now = stage.now.plus(DurationMs(2000));
    beats(&mut stage, &["n1", "n2", "n3", "n4"]);
    stage.core.tick(stage.now);
    stage.settle();
    stage.take();
    assert_eq!(stage.core.report().pending.len(), 1);
    assert_eq!(stage.asked, [], "no port keeps it waiting");

    stage.ask("r2", one_service("web", svc("web:1").port(80)));
    stage.settle();
    stage.report("n1");
    stage.settle();
    for name in ["n2", "n3"] {
        let held = ForeignPort {
            port: 80,
            protocol: PortProtocol::Tcp,
            holder: None,
        };
        stage.core.on_foreign_ports(&node(name), vec![held]);
    }
    for _ in 0..3 {
        stage.now = stage.now.plus(DurationMs(2000));
        beats(&mut stage, &["n2", "n3", "n4"]);
        stage.core.tick(stage.now);
        stage.settle();
    }
    assert_eq!(stage.core.report().pending.len(), 2);
    stage.take();
    let asked: std::collections::BTreeSet<_> = stage.asked.drain(..).collect();
    assert_eq!(asked, [node("n2"), node("n3")].into());
}

#[test]
fn an_inventory_without_news_plans_nothing() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    stage.report("n1");
    assert!(stage.core.dirty, "the task runs");
    stage.settle();
    stage.report("n1");
    assert!(!stage.core.dirty);
}

#[test]
fn while_the_bus_is_away_nothing_wakes_the_leader_and_nobody_is_asked() {
    let mut stage = Stage::with_nodes(&["n1", "n2"]);
    stage.now = stage.now.plus(DurationMs(1500));
    stage.beat("n1", Fence::default());
    stage.core.tick(stage.now);
    stage.settle();
    stage.core.asks.need(&node("n2"));
    stage.core.tick(stage.now);
    stage.core.on_disconnected();
    stage.take();
    stage.asked.clear();
    stage.now = stage.now.plus(DurationMs(60_000));
    stage.core.tick(stage.now);
    stage.settle();
    stage.take();
    assert_eq!(stage.asked, []);
    assert!(stage.core.wake_at().is_none_or(|at| at > stage.now));
    stage.core.on_connected(stage.now);
    stage.core.tick(stage.now);
    stage.take();
    assert_eq!(stage.asked, [node("n2")]);
    assert!(stage.core.wake_at().is_some_and(|at| at > stage.now));
}
