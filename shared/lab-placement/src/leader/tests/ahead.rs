//! Nodes that obey an assignment that the state has never held.

use expect_test::expect;
use lab_types::{AgentBoot, DurationMs, Epoch, Fence, Generation, Heartbeat, NodeLiveness};

use super::{Stage, register, up};
use crate::change::Change;
use crate::leader::Standing;
use crate::testing::{node, told};

/// Runs three tasks on three nodes.
fn running() -> Stage {
    let mut stage = Stage::with_nodes(&["n1", "n2", "n3"]);
    stage.ask("r1", up(0, "web:1", 3));
    stage.settle();
    for name in ["n1", "n2", "n3"] {
        stage.report(name);
    }
    stage.settle();
    stage.got.clear();
    stage.replies.clear();
    stage
}

fn far(stage: &Stage) -> Fence {
    Fence {
        incarnation: stage.head.incarnation,
        epoch: Epoch(1),
        generation: Generation(9999),
    }
}

fn fence_of(stage: &Stage, name: &str) -> Fence {
    stage.core.lab().desired.assignments[&node(name)].fence
}

#[test]
fn one_node_ahead_is_left_alone_and_told_while_all_others_go_on() {
    let mut stage = running();
    let ahead = far(&stage);
    let before = fence_of(&stage, "n1");
    stage.beat("n1", ahead);
    assert_eq!(*stage.core.standing(), Standing::Leading);
    stage.ask("r2", up(1, "web:2", 3));
    stage.settle();
    assert_eq!(stage.replied(), ["r2: revision 2, changed true"]);
    let pushed: Vec<&str> = stage.got.keys().map(lab_types::NodeId::as_str).collect();
    assert_eq!(pushed, ["n2", "n3"], "nothing is sent to it");
    assert_eq!(fence_of(&stage, "n1"), before);
    assert_eq!(stage.core.sync(&node("n1")), None);
    stage.report("n2");
    stage.report("n3");
    stage.settle();
    let shown: String = stage.core.report().to_string();
    expect![[r#"
        shop/web slot 1: it waits until the task before it has stopped on node n1, which obeys a version of its assignment that the lab's state does not know
    "#]]
    .assert_eq(&shown);
    let notices: Vec<String> = stage.core.ahead().iter().map(ToString::to_string).collect();
    expect!["SCH0046: node n1 obeys version 1.1.9999 of its assignment, but the lab's state knows only 1.1.1: nothing is sent to it"].assert_eq(&notices.join("\n"));
}

#[test]
fn several_nodes_ahead_halt_the_lab() {
    let mut stage = running();
    let ahead = far(&stage);
    stage.beat("n1", ahead);
    stage.beat("n2", ahead);
    stage.ask("r2", up(1, "web:2", 3));
    assert_eq!(stage.replied(), ["r2: SCH0020"]);
    let Standing::Halted(problem) = stage.core.standing() else {
        panic!("{:?}", stage.core.standing());
    };
    expect!["SCH0020: node n1 obeys version 1.1.9999 of its assignment, but the lab's state knows only 1.1.1; node n2 obeys version 1.1.9999 of its assignment, but the lab's state knows only 1.1.1: the state was restored from an older copy, or another scheduler leads"].assert_eq(&problem.to_string());
}

#[test]
fn what_would_change_the_assignment_of_a_node_ahead_is_refused() {
    let mut stage = Stage::with_nodes(&["n1", "n2"]);
    let service = crate::testing::svc("db:1").volume("shop_data");
    let model = crate::testing::model("shop", &[("db", service)]);
    stage.ask(
        "r1",
        Change::ApplyProject {
            project: crate::testing::project("shop"),
            plan: None,
            base_revision: 0,
            model: Box::new(model),
        },
    );
    stage.settle();
    let ahead = far(&stage);
    stage.beat("n1", ahead);
    stage.ask(
        "r2",
        Change::RemoveProject {
            project: crate::testing::project("shop"),
            remove_volumes: Some(lab_types::ConfirmationId::new("yes").unwrap()),
            shown: None,
        },
    );
    stage.settle();
    assert_eq!(stage.replied().last().unwrap(), "r2: SCH0046");
}

#[test]
fn a_node_whose_ledger_is_gone_obeys_again() {
    let mut stage = running();
    let ahead = far(&stage);
    stage.beat("n1", ahead);
    assert_eq!(stage.core.ahead().len(), 1);
    let beat = Heartbeat {
        node: node("n1"),
        boot: AgentBoot(2),
        sequence: 0,
        accepted: Fence::default(),
    };
    stage.now = stage.now.plus(DurationMs(1_500));
    stage.core.on_heartbeat(&beat, stage.now);
    stage.take();
    assert!(stage.core.ahead().is_empty());
    let got = &stage.got[&node("n1")].assignment;
    assert_eq!(got.fence, fence_of(&stage, "n1"));
}

#[test]
fn a_node_ahead_that_is_lost_is_replaced_and_taken_out_and_obeys_when_it_comes_back() {
    let mut stage = running();
    let ahead = far(&stage);
    stage.beat("n1", ahead);
    stage.settle();
    for _ in 0..4 {
        stage.now = stage.now.plus(DurationMs(1_000));
        for name in ["n2", "n3"] {
            let obeyed = fence_of(&stage, name);
            stage.beat(name, obeyed);
        }
        stage.core.tick(stage.now);
        stage.settle();
    }
    assert_eq!(
        stage.core.lab().liveness_of(&node("n1")),
        NodeLiveness::Lost
    );
    let tasks = &stage.core.lab().desired.assignments[&node("n1")].tasks;
    assert!(
        tasks
            .values()
            .all(|task| task.target == lab_types::TaskTarget::Stop)
    );
    stage.replies.clear();
    stage.ask(
        "r2",
        Change::RemoveNode {
            node: "n1".to_owned(),
        },
    );
    stage.settle();
    stage.ask("r3", register("n1"));
    stage.settle();
    assert!(fence_of(&stage, "n1") > ahead, "{}", fence_of(&stage, "n1"));
    stage.events.clear();
    stage.got.clear();
    stage.now = stage.now.plus(DurationMs(1_500));
    stage.beat("n1", ahead);
    stage.take();
    assert!(stage.got[&node("n1")].assignment.tasks.is_empty());
    assert_eq!(told(&stage.events), "");
}
