//! What is remembered of a node over the lives of its agent and the changes of leaders.

use expect_test::expect;
use lab_types::{
    DurationMs, Fence, Generation, Health, ReportBody, TaskState, TaskStatus, UnixMillis,
};

use super::{at, beat, delta, hear, one_task, progress};
use crate::observe::ReportVerdict;
use crate::testing::{Small, node, told};

#[test]
fn an_agent_that_lost_its_memory_counts_anew_and_is_believed() {
    let (mut small, task, fence) = one_task();
    hear(
        &mut small,
        &delta((2, 1), fence, vec![at(3, TaskState::Running, &task)]),
    );
    let unhealthy = TaskStatus {
        health: Health::Unhealthy,
        ..at(1, TaskState::Running, &task)
    };
    hear(&mut small, &delta((2, 2), fence, vec![unhealthy.clone()]));
    assert_eq!(progress(&small, &task).attempt, 3, "in one life it is late");
    hear(&mut small, &delta((3, 1), fence, vec![unhealthy]));
    let believed = &small.lab.observed.nodes[&node("n1")].statuses[&task];
    assert_eq!(
        (believed.progress.attempt, believed.health),
        (1, Health::Unhealthy)
    );
    hear(
        &mut small,
        &delta((3, 2), fence, vec![at(1, TaskState::Starting, &task)]),
    );
    assert_eq!(
        progress(&small, &task).state,
        TaskState::Running,
        "nor back in the next"
    );
    hear(
        &mut small,
        &delta((4, 1), fence, vec![at(1, TaskState::Stopped, &task)]),
    );
    hear(
        &mut small,
        &delta((5, 1), fence, vec![at(1, TaskState::Running, &task)]),
    );
    assert_eq!(
        progress(&small, &task).state,
        TaskState::Stopped,
        "nothing follows that"
    );
}

#[test]
fn a_node_whose_clock_is_slow_is_heard_after_a_change_of_leader() {
    let (mut small, task, fence) = one_task();
    small.lab.observed = crate::lab::Observed {
        since: small.now,
        ..crate::lab::Observed::default()
    };
    let an_hour_ago = |attempt, state| TaskStatus {
        observed_at: UnixMillis(small.now.0.saturating_sub(3_600_000)),
        ..at(attempt, state, &task)
    };
    let (running, failed) = (
        an_hour_ago(1, TaskState::Running),
        an_hour_ago(1, TaskState::Failed),
    );
    let mut full = delta((9, 1), fence, Vec::new());
    full.body = ReportBody::Full {
        inventory: Box::new(lab_types::Inventory {
            tasks: [(task.clone(), running)].into(),
            ..lab_types::Inventory::default()
        }),
    };
    let events = |verdict| match verdict {
        ReportVerdict::Applied { events, .. } => told(&events),
        other => panic!("{other:?}"),
    };
    expect![[r#"
        node ready: node n1 is ready
    "#]]
    .assert_eq(&events(hear(&mut small, &full)));
    expect![[r#"
        task failed: task 1 of shop/web failed
    "#]]
    .assert_eq(&events(hear(
        &mut small,
        &delta((9, 2), fence, vec![failed]),
    )));
}

#[test]
fn a_node_that_comes_and_goes_is_told_each_time() {
    let mut small = Small::new(&["n1"]);
    let policy = small.policy;
    let start = small.now;
    let mut ids = std::collections::BTreeSet::new();
    for round in 1..=3 {
        let at = start.plus(DurationMs(round * 10_000));
        assert_eq!(small.lab.liveness(at, start, &policy).events.len(), 1);
        let (_, event) = small.lab.on_heartbeat(&beat(1, 1, Fence::default()), at);
        ids.insert(event.unwrap().id);
    }
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_text_of_an_agent_is_kept_to_some_sentences() {
    let (mut small, task, fence) = one_task();
    let long = TaskStatus {
        message: Some("é".repeat(10_000)),
        ..at(1, TaskState::Failed, &task)
    };
    hear(&mut small, &delta((2, 1), fence, vec![long]));
    let kept = &small.lab.observed.nodes[&node("n1")].statuses[&task];
    assert_eq!(kept.message.as_ref().unwrap().len(), 1024);
}

#[test]
fn a_late_word_about_a_removed_volume_does_not_complete_a_later_removal() {
    let (mut small, _, fence) = one_task();
    let volume = lab_types::EngineName::new("shop_data").unwrap();
    let consent = lab_types::ConfirmationId::new("second").unwrap();
    let assignments = &mut small.lab.desired.assignments;
    let assignment = assignments.get_mut(&node("n1")).unwrap();
    assignment.remove_volumes.insert(volume.clone(), consent);
    assignment.fence.generation = Generation(fence.generation.0 + 2);
    let newest = assignment.fence;
    let mut removed = |sequence, accepted| {
        let mut report = delta((2, sequence), accepted, Vec::new());
        if let ReportBody::Delta {
            removed_volumes, ..
        } = &mut report.body
        {
            removed_volumes.push(volume.clone());
        }
        let verdict = hear(&mut small, &report);
        let asked = matches!(
            verdict,
            ReportVerdict::Applied {
                needs_full: true,
                ..
            }
        );
        let node = &small.lab.observed.nodes[&node("n1")];
        (node.removed_volumes.contains(&volume), asked)
    };
    assert_eq!(removed(1, fence), (false, true), "and it is asked");
    assert!(removed(2, newest).0);
}
