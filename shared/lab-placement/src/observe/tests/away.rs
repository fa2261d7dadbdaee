//! Nodes that are waited for: away is not lost.

use expect_test::expect;
use lab_types::{DurationMs, Fence, Heartbeat, NodeLiveness};

use super::beat;
use crate::testing::{Small, node, svc, told};

fn laptop(patience_secs: u64) -> Small {
    let mut small = Small::new(&["n1", "n2"]);
    let record = small.lab.desired.nodes.get_mut(&node("n1")).unwrap();
    record.patience = Some(DurationMs::from_secs(patience_secs));
    small.up("shop", &[("web", svc("web:1").replicas(2))]);
    small.settle();
    small
}

/// So long after its last sign of life, while the other node goes on.
fn silent_for(small: &mut Small, ms: u64) -> String {
    let start = small.lab.observed.nodes[&node("n1")].last_seen.unwrap();
    small.now = start.plus(DurationMs(ms));
    let other = Heartbeat {
        node: node("n2"),
        ..beat(1, 9, Fence::default())
    };
    small.lab.on_heartbeat(&other, small.now);
    let since = small.lab.observed.since;
    let silence = small.lab.liveness(small.now, since, &small.policy);
    told(&silence.events)
}

#[test]
fn a_patient_nodes_tasks_stay_its_own_until_its_patience_ends() {
    let mut small = laptop(3600);
    assert_eq!(silent_for(&mut small, 2_999), "");
    expect![[r#"
        node away: node n1 is away: its tasks stay its own for another 3597s
    "#]]
    .assert_eq(&silent_for(&mut small, 3_000));
    assert_eq!(small.lab.liveness_of(&node("n1")), NodeLiveness::Away);
    assert_eq!(small.plan().assignments, [], "nothing is replaced");
    assert_eq!(silent_for(&mut small, 3_599_999), "", "told once");
    small.scale("shop", "web", 3);
    let outcome = small.plan();
    let placed: Vec<_> = outcome
        .report
        .placed
        .iter()
        .map(|p| p.node.to_string())
        .collect();
    assert_eq!(placed, ["n2"], "and it gets nothing new");
    expect![[r#"
        node lost: node n1 is lost: not heard for 3600s
    "#]]
    .assert_eq(&silent_for(&mut small, 3_600_000));
    assert_eq!(small.plan().report.placed.len(), 1);
}

#[test]
fn a_node_that_is_back_from_being_away_goes_on_as_if_nothing_had_happened() {
    let mut small = laptop(3600);
    silent_for(&mut small, 600_000);
    small.plan();
    let before = small.shown();
    let back = beat(1, 1, Fence::default());
    let (_, event) = small.lab.on_heartbeat(&back, small.now);
    expect![[r#"
        node ready: node n1 is ready
    "#]]
    .assert_eq(&told(&event.into_iter().collect::<Vec<_>>()));
    assert!(small.plan().is_empty());
    assert_eq!(small.shown(), before);
}

#[test]
fn many_nodes_away_are_no_common_fault() {
    let mut small = Small::new(&["n1", "n2"]);
    for name in ["n1", "n2"] {
        let record = small.lab.desired.nodes.get_mut(&node(name)).unwrap();
        record.patience = Some(DurationMs::from_secs(3600));
    }
    let (since, policy) = (small.lab.observed.since, small.policy);
    let silence = small
        .lab
        .liveness(since.plus(DurationMs(3_000)), since, &policy);
    assert_eq!((silence.events.len(), silence.held), (2, None));
}
