//! The agent and the leader.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{Assignment, ForeignPort, NodeId, PortProtocol, ReportBody, TaskSpec, UnixMillis};

use super::rig::Rig;
use crate::agent::{AgentCore, Effect};
use crate::fence::Verdict;
use crate::fixture::{fence, node, task, web};
use crate::model::ModelEngine;

fn assignment(epoch: u64, generation: u64) -> Assignment {
    let web = task("t1", "web", 1, &web());
    Assignment {
        fence: fence(epoch, generation),
        tasks: [(web.id.clone(), web)].into(),
        ..Assignment::empty(node())
    }
}

fn rig() -> Rig {
    let mut rig = Rig::new(ModelEngine::default());
    rig.pump();
    rig.hand_in();
    rig
}

fn problems(heard: &crate::agent::Heard) -> String {
    heard
        .problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

#[test]
fn an_older_assignment_is_refused_also_after_a_restart() {
    let mut rig = rig();
    rig.push(assignment(3, 7), &[web()]);
    for _ in 0..2 {
        let heard = rig.push(
            Assignment {
                tasks: BTreeMap::new(),
                ..assignment(2, 99)
            },
            &[],
        );
        assert!(matches!(heard.verdict, Verdict::Refuse { .. }));
        expect![[r#"
            AGT0102: an assignment 1.2.99 was refused: this node has accepted 1.3.7
        "#]]
        .assert_eq(&problems(&heard));
        assert_eq!(rig.core.ledger().assignment, assignment(3, 7));
        rig.restart();
    }
}

#[test]
fn an_assignment_for_another_node_is_refused() {
    let mut rig = rig();
    let other = Assignment {
        node: NodeId::new("n2").unwrap(),
        ..assignment(9, 9)
    };
    let heard = rig.push(other, &[]);
    expect![[r#"
        AGT0102: an assignment for node n2 came to node n1
    "#]]
    .assert_eq(&problems(&heard));
    assert_eq!(rig.core.ledger().accepted(), fence(0, 0).min(rig.told));
}

#[test]
fn two_assignments_of_one_number_confirm_nothing() {
    let mut rig = rig();
    rig.push(assignment(3, 7), &[web()]);
    rig.restart();
    let heard = rig.push(
        Assignment {
            tasks: BTreeMap::new(),
            ..assignment(3, 7)
        },
        &[],
    );
    expect![[r#"
        AGT0105: two different assignments are numbered 1.3.7
    "#]]
    .assert_eq(&problems(&heard));
    assert_eq!(rig.core.standing(rig.now), crate::diff::Standing::Waiting);
    assert_eq!(rig.push(assignment(3, 7), &[]).verdict, Verdict::Same);
    assert_eq!(rig.core.standing(rig.now), crate::diff::Standing::Confirmed);
}

#[test]
fn a_leader_that_knows_no_assignment_confirms_nothing_and_is_reported_when_it_repeats_that() {
    let mut rig = rig();
    rig.push(assignment(3, 7), &[web()]);
    rig.restart();
    let mut shown = Vec::new();
    for _ in 0..5 {
        let heard = rig
            .core
            .on_sync_reply(None, BTreeMap::<_, TaskSpec>::new(), rig.now);
        shown.push(problems(&heard));
    }
    expect![[r#"
        AGT0105: the leader has no assignment for this node, which has accepted 1.3.7
    "#]]
    .assert_eq(&shown[2]);
    shown.remove(2);
    assert!(shown.iter().all(String::is_empty), "{shown:?}");
    assert_eq!(rig.core.standing(rig.now), crate::diff::Standing::Waiting);
}

#[test]
fn specs_are_taken_from_an_answer_without_an_assignment_too() {
    let mut rig = rig();
    rig.push(assignment(1, 1), &[]);
    assert!(rig.core.ledger().specs.is_empty());
    let specs = BTreeMap::from([(web().digest(), web())]);
    rig.core.on_sync_reply(None, specs, rig.now);
    assert_eq!(rig.core.ledger().specs.len(), 1);
}

#[test]
fn specs_that_no_task_needs_are_dropped() {
    let mut rig = rig();
    let other = TaskSpec {
        image: "other".into(),
        ..web()
    };
    rig.push(assignment(1, 1), &[web(), other]);
    assert_eq!(rig.core.ledger().specs.len(), 1);
    rig.push(
        Assignment {
            tasks: BTreeMap::new(),
            ..assignment(1, 2)
        },
        &[],
    );
    assert!(rig.core.ledger().specs.is_empty());
}

#[test]
fn it_asks_at_once_then_less_and_less_often_and_again_at_once_when_the_bus_is_back() {
    let mut rig = rig();
    let mut at = vec![0];
    for second in 1..=60 {
        let before = rig.asked.len();
        rig.later(1_000);
        if rig.asked.len() > before {
            at.push(second);
        }
    }
    assert_eq!(at, [0, 1, 3, 7, 15, 30, 45, 60]);
    let before = rig.asked.len();
    rig.core.on_connected(rig.now);
    rig.pump();
    assert_eq!(rig.asked.len(), before + 1);
}

#[test]
fn nothing_is_reported_before_the_engine_was_seen_and_the_first_report_is_a_full_one() {
    let mut rig = Rig::new(ModelEngine::default());
    rig.pump();
    assert!(rig.core.on_inventory_ask(fence(1, 0)));
    rig.pump();
    assert!(rig.reports.is_empty());
    rig.hand_in();
    assert!(matches!(rig.reports[0].body, ReportBody::Full { .. }));
    assert_eq!(rig.reports.len(), 1);
    rig.core.on_inventory_ask(fence(1, 0));
    rig.pump();
    assert!(matches!(rig.reports[1].body, ReportBody::Full { .. }));
}

#[test]
fn a_deposed_leader_gets_no_inventory() {
    let mut rig = rig();
    rig.push(assignment(3, 7), &[web()]);
    let before = rig.reports.len();
    assert!(!rig.core.on_inventory_ask(fence(2, 99)));
    rig.pump();
    assert_eq!(rig.reports.len(), before);
}

#[test]
fn each_life_has_a_larger_number_even_when_the_clock_went_back() {
    let mut rig = rig();
    let first = rig.core.heartbeat().boot;
    rig.now = UnixMillis(5);
    rig.restart();
    let second = rig.core.heartbeat().boot;
    assert!(second > first, "{second:?}");
    rig.restart();
    assert!(rig.core.heartbeat().boot > second);
}

#[test]
fn deltas_wait_for_the_full_report_that_was_asked_for() {
    let mut rig = rig();
    rig.core.on_inventory_ask(fence(1, 0));
    let effects = rig.core.next(rig.now);
    assert!(effects.contains(&Effect::ReportFull));
    let specs = BTreeMap::from([(web().digest(), web())]);
    rig.core.on_push(assignment(1, 1), specs, rig.now);
    let mut later = Vec::new();
    for _ in 0..5 {
        let effects = rig.core.next(rig.now);
        if effects
            .iter()
            .any(|effect| matches!(effect, Effect::Persist(_)))
        {
            rig.core.on_persisted(Ok(()), rig.now);
        }
        later.extend(effects);
    }
    assert!(
        !later
            .iter()
            .any(|effect| matches!(effect, Effect::Report(_))),
        "{later:?}"
    );
    let report = AgentCore::full_report(&mut rig.core, crate::agent::NodeSight::default());
    let ReportBody::Full { inventory } = report.body else {
        panic!("not a full report")
    };
    assert!(inventory.tasks.contains_key("t1"));
}

/// Unknown is not absent: an engine that was slow for a moment does not set ports free.
#[test]
fn ports_that_could_not_be_seen_are_told_as_they_were_seen_last() {
    let mut rig = rig();
    let port = ForeignPort {
        port: 80,
        protocol: PortProtocol::Tcp,
        holder: Some("nginx".into()),
    };
    let mut told = |foreign_ports| {
        let sight = crate::agent::NodeSight {
            foreign_ports,
            ..Default::default()
        };
        match AgentCore::full_report(&mut rig.core, sight).body {
            ReportBody::Full { inventory } => inventory.foreign_ports,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(None), []);
    assert_eq!(told(Some(vec![port.clone()])), std::slice::from_ref(&port));
    assert_eq!(told(None), [port]);
    assert_eq!(told(Some(Vec::new())), []);
}
