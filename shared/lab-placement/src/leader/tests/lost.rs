//! Nodes that are lost while the leader changes.

use expect_test::expect;
use lab_types::{DurationMs, EventWhat, Fence, NodeLiveness};

use super::{Stage, up};
use crate::testing::{node, told};

const NODES: [&str; 6] = ["n1", "n2", "n3", "n4", "n5", "n6"];

impl Stage {
    /// Time passes, second by second, while these nodes live.
    fn pass(&mut self, seconds: u64, alive: &[&str]) {
        for _ in 0..seconds {
            self.now = self.now.plus(DurationMs(1_000));
            for name in alive {
                let push = self.got.get(&node(name));
                let accepted = push.map_or_else(Fence::default, |push| push.assignment.fence);
                self.beat(name, accepted);
            }
            self.core.tick(self.now);
            self.settle();
        }
    }

    /// Another leader takes over, and hears these nodes.
    fn change_leader(&mut self, alive: &[&str]) {
        self.succeed();
        for name in alive {
            self.report(name);
        }
        self.settle();
        self.events.clear();
    }

    fn lost(&self) -> Vec<&str> {
        let nodes = NODES.into_iter();
        let lost = nodes.filter(|n| self.core.lab().liveness_of(&node(n)) == NodeLiveness::Lost);
        lost.collect()
    }

    fn told_of_nodes(&self) -> String {
        let of_nodes = |what: EventWhat| {
            matches!(
                what,
                EventWhat::NodeLost | EventWhat::NodeReady | EventWhat::LabHeld
            )
        };
        let events = self.events.iter().filter(|event| of_nodes(event.what));
        told(&events.cloned().collect::<Vec<_>>())
    }
}

/// Six nodes with a task each, of which two were lost one after the other, long ago.
fn two_long_gone() -> Stage {
    let mut stage = Stage::with_nodes(&NODES);
    stage.ask("r1", up(0, "web:1", 6));
    stage.settle();
    for name in NODES {
        stage.report(name);
    }
    stage.pass(10, &NODES[..5]);
    stage.pass(10, &NODES[..4]);
    stage.pass(60, &NODES[..4]);
    assert_eq!(stage.lost(), ["n5", "n6"]);
    stage
}

#[test]
fn long_gone_nodes_are_not_told_again_by_the_next_leader_and_hold_nothing() {
    let mut stage = two_long_gone();
    stage.change_leader(&NODES[..4]);
    stage.pass(9, &NODES[..4]);
    assert!(stage.lost().is_empty(), "unknown is not absent");
    stage.pass(2, &NODES[..4]);
    assert_eq!(stage.lost(), ["n5", "n6"]);
    assert_eq!(stage.told_of_nodes(), "");
    assert_eq!(stage.core.held(), None);
    stage.pass(4, &NODES[..3]);
    expect![[r#"
        node lost: node n4 is lost: not heard for 3s
    "#]]
    .assert_eq(&stage.told_of_nodes());
    let moved = &stage.core.lab().desired.assignments[&node("n4")].tasks;
    assert!(
        moved
            .values()
            .all(|task| task.target == lab_types::TaskTarget::Stop),
        "a real loss is replaced at once"
    );
}

#[test]
fn a_node_that_vanishes_while_the_leader_changes_is_lost_beside_the_long_gone_and_replaced() {
    let mut stage = two_long_gone();
    stage.change_leader(&NODES[..3]);
    stage.pass(11, &NODES[..3]);
    expect![[r#"
        node lost: node n4 is lost: this leader never heard of it
    "#]]
    .assert_eq(&stage.told_of_nodes());
    assert_eq!(stage.core.held(), None);
}

#[test]
fn the_share_that_vanishes_together_is_of_the_nodes_that_were_there() {
    let many = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"];
    let mut stage = Stage::with_nodes(&many);
    for alive in [7, 6, 5, 4, 3] {
        stage.pass(10, &many[..alive]);
    }
    stage.pass(60, &many[..3]);
    stage.events.clear();
    stage.pass(4, &NODES[..1]);
    expect![[r#"
        node lost: node n2 is lost: not heard for 3s
        node lost: node n3 is lost: not heard for 3s
        lab held: 2 of 3 nodes vanished together: replacing their tasks is held for a while
    "#]]
    .assert_eq(&stage.told_of_nodes());
}

#[test]
fn a_node_that_is_back_is_told_by_the_next_leader_when_it_is_lost_again() {
    let mut stage = two_long_gone();
    stage.change_leader(&NODES[..4]);
    stage.pass(10, &NODES[..4]);
    stage.report("n5");
    stage.settle();
    let record = &stage.core.lab().desired.nodes[&node("n5")];
    assert_eq!(record.lost_since, None);
    stage.change_leader(&NODES[..5]);
    stage.pass(4, &NODES[..4]);
    expect![[r#"
        node lost: node n5 is lost: not heard for 3s
    "#]]
    .assert_eq(&stage.told_of_nodes());
}

#[test]
fn what_one_leader_holds_the_next_one_holds_no_longer_than_it_would_have() {
    let mut stage = Stage::with_nodes(&NODES);
    stage.ask("r1", up(0, "web:1", 6));
    stage.settle();
    for name in NODES {
        stage.report(name);
    }
    stage.pass(5, &NODES[..3]);
    let until = stage.core.held().unwrap().until;
    stage.change_leader(&NODES[..3]);
    let held = stage.core.held().unwrap();
    assert_eq!((held.vanished, held.of), (3, 6));
    assert!(held.until <= until, "{held:?} {until:?}");
    stage.pass(10, &NODES[..3]);
    let tasks = |stage: &Stage, name: &str| {
        let assignment = &stage.core.lab().desired.assignments[&node(name)];
        let wanted = assignment.tasks.values();
        wanted
            .filter(|task| task.target == lab_types::TaskTarget::Run)
            .count()
    };
    assert_eq!(tasks(&stage, "n4"), 1, "nothing is replaced yet");
    stage.pass(30, &NODES[..3]);
    assert_eq!(tasks(&stage, "n4"), 0);
}
