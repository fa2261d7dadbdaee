//! What agents ask the leader to keep.

use lab_types::{EventWhat, WriterKind};

use super::{Stage, up};
use crate::leader::Standing;
use crate::testing::node;

#[test]
fn an_agents_event_is_committed_under_the_leaders_name_and_about_the_node_that_spoke() {
    let mut stage = Stage::with_nodes(&["n1", "n2"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    let mut event = stage.events[0].clone();
    stage.events.clear();
    event.id = lab_types::EventId::new("agent-1").unwrap();
    event.what = EventWhat::ImageTransferred;
    event.writer_kind = WriterKind::Agent;
    event.writer = "n1".to_owned();
    event.scope.node = Some(node("n2"));
    stage.core.on_agent_event(&node("n1"), event).unwrap();
    assert_eq!(stage.events.len(), 0, "it waits for its pass");
    stage.settle();
    let told = &stage.events[0];
    assert_eq!(told.what, EventWhat::ImageTransferred);
    assert_eq!(told.writer_kind, WriterKind::Scheduler);
    assert_eq!(
        told.scope.node,
        Some(node("n1")),
        "a node speaks for itself"
    );
    assert_eq!(stage.events.len(), 1);
}

#[test]
fn a_leader_that_changes_nothing_keeps_no_agents_event_and_says_so() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    let event = stage.events[0].clone();
    stage.core.on_deposed();
    assert_eq!(*stage.core.standing(), Standing::Deposed);
    let refused = stage.core.on_agent_event(&node("n1"), event).unwrap_err();
    assert!(refused.to_string().starts_with("SCH0021"), "{refused}");
}
