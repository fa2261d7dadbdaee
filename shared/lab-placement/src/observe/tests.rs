//! Messages that are lost, repeated, delayed and reordered, and nodes that fall silent.

mod away;
mod memory;
mod silence;

use expect_test::expect;
use lab_types::{
    AgentBoot, AttemptEnd, Fence, Generation, Health, Heartbeat, Report, ReportBody, TaskId,
    TaskProgress, TaskState, TaskStatus, UnixMillis,
};
use proptest::prelude::*;

use super::{FenceView, HeartbeatVerdict, ReportVerdict};
use crate::testing::{Small, node, status, svc, told};

fn one_task() -> (Small, TaskId, Fence) {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    small.plan();
    let assignment = &small.lab.desired.assignments[&node("n1")];
    let (task, fence) = (
        assignment.tasks.keys().next().unwrap().clone(),
        assignment.fence,
    );
    (small, task, fence)
}

fn delta(at: (u64, u64), accepted: Fence, changed: Vec<TaskStatus>) -> Report {
    Report {
        node: node("n1"),
        boot: AgentBoot(at.0),
        sequence: at.1,
        accepted,
        body: ReportBody::Delta {
            changed,
            forgotten: Vec::new(),
            removed_volumes: Vec::new(),
            present: None,
        },
    }
}

fn at(attempt: u32, state: TaskState, task: &TaskId) -> TaskStatus {
    TaskStatus {
        progress: TaskProgress { attempt, state },
        ..status(task, state)
    }
}

fn hear(small: &mut Small, report: &Report) -> ReportVerdict {
    let (now, policy) = (small.now, small.policy);
    small.lab.on_report(report, now, &policy)
}

fn beat(boot: u64, sequence: u64, accepted: Fence) -> Heartbeat {
    Heartbeat {
        node: node("n1"),
        boot: AgentBoot(boot),
        sequence,
        accepted,
    }
}

fn progress(small: &Small, task: &TaskId) -> TaskProgress {
    small.lab.observed.nodes[&node("n1")].statuses[task].progress
}

#[test]
fn a_tasks_life_is_told_once_step_by_step() {
    let (mut small, task, fence) = one_task();
    let mut events = Vec::new();
    let healthy = TaskStatus {
        health: Health::Healthy,
        ..at(1, TaskState::Running, &task)
    };
    let failed = TaskStatus {
        exit_code: Some(137),
        message: Some("exit code 137".to_owned()),
        ..at(1, TaskState::Failed, &task)
    };
    let steps = [
        at(0, TaskState::Preparing, &task),
        at(1, TaskState::Running, &task),
        healthy.clone(),
        healthy,
        failed,
        at(2, TaskState::Running, &task),
    ];
    for (number, step) in (2..).zip(steps) {
        let verdict = hear(&mut small, &delta((1, number), fence, vec![step]));
        let ReportVerdict::Applied {
            events: told,
            needs_full: false,
            ..
        } = verdict
        else {
            panic!("{verdict:?}");
        };
        events.extend(told);
    }
    expect![[r#"
        task running: task 1 of shop/web runs
        task healthy: task 1 of shop/web is healthy
        task failed: task 1 of shop/web failed: exit code 137
        task running: task 1 of shop/web runs
    "#]]
    .assert_eq(&told(&events));
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "each fact has an id of its own");
}

#[test]
fn a_report_that_is_not_newer_is_ignored_and_a_gap_asks_for_everything() {
    let (mut small, task, fence) = one_task();
    let running = delta((1, 2), fence, vec![at(1, TaskState::Running, &task)]);
    hear(&mut small, &running);
    assert_eq!(hear(&mut small, &running), ReportVerdict::NotNewer);
    let older = delta((1, 1), fence, vec![at(1, TaskState::Failed, &task)]);
    assert_eq!(hear(&mut small, &older), ReportVerdict::NotNewer);
    let early = delta((0, 99), fence, vec![at(1, TaskState::Failed, &task)]);
    assert_eq!(hear(&mut small, &early), ReportVerdict::NotNewer);
    let verdict = hear(&mut small, &delta((1, 5), fence, Vec::new()));
    assert!(
        matches!(
            verdict,
            ReportVerdict::Applied {
                needs_full: true,
                ..
            }
        ),
        "{verdict:?}"
    );
    assert_eq!(progress(&small, &task).state, TaskState::Running);
}

#[test]
fn a_stopped_task_stays_stopped_and_an_agent_without_memory_may_say_so() {
    let (mut small, task, fence) = one_task();
    let mut after = |number, status| {
        hear(&mut small, &delta((1, number), fence, vec![status]));
        let seen = progress(&small, &task);
        (seen.attempt, seen.state)
    };
    let (running, stopped) = (TaskState::Running, TaskState::Stopped);
    assert_eq!(after(2, at(3, running, &task)), (3, running));
    assert_eq!(after(3, at(0, stopped, &task)), (3, stopped));
    assert_eq!(after(4, at(4, running, &task)), (3, stopped));
}

#[test]
fn a_new_life_of_an_agent_is_asked_for_everything_and_its_old_messages_are_stale() {
    let (mut small, _, fence) = one_task();
    let now = small.now;
    let heard = |fence, needs_full| HeartbeatVerdict::Heard { fence, needs_full };
    let verdict = |small: &mut Small, beat: &Heartbeat| small.lab.on_heartbeat(beat, now).0;
    assert_eq!(
        verdict(&mut small, &beat(1, 1, fence)),
        heard(FenceView::Current, false)
    );
    assert_eq!(
        verdict(&mut small, &beat(2, 0, fence)),
        heard(FenceView::Current, true)
    );
    assert_eq!(
        verdict(&mut small, &beat(1, 1, fence)),
        HeartbeatVerdict::StaleBoot
    );
    // The first report of the new life may be overtaken by its second beat.
    assert_eq!(
        verdict(&mut small, &beat(2, 1, fence)),
        heard(FenceView::Current, true)
    );
}

#[test]
fn a_beat_shows_a_lost_report_a_lost_push_and_a_state_from_an_older_copy() {
    let (mut small, _, fence) = one_task();
    let now = small.now;
    let lower = Fence::default();
    let higher = Fence {
        generation: Generation(fence.generation.0 + 1),
        ..fence
    };
    let mut verdict = |beat: Heartbeat| small.lab.on_heartbeat(&beat, now).0;
    let heard = |fence, needs_full| HeartbeatVerdict::Heard { fence, needs_full };
    assert_eq!(verdict(beat(1, 1, lower)), heard(FenceView::Behind, false));
    assert_eq!(verdict(beat(1, 2, fence)), heard(FenceView::Current, true));
    let ahead = FenceView::Ahead {
        node: higher,
        record: fence,
    };
    assert_eq!(verdict(beat(1, 2, higher)), heard(ahead, true));
    let stranger = Heartbeat {
        node: node("n9"),
        ..beat(1, 1, fence)
    };
    assert_eq!(verdict(stranger), HeartbeatVerdict::Unregistered);
}

#[test]
fn what_another_leader_told_long_ago_is_not_told_again() {
    let (mut small, task, fence) = one_task();
    small.lab.observed = crate::lab::Observed {
        since: UnixMillis(10_000_000),
        ..crate::lab::Observed::default()
    };
    let mut full = delta((1, 2), fence, Vec::new());
    full.body = ReportBody::Full {
        inventory: Box::new(lab_types::Inventory {
            tasks: [(task.clone(), at(1, TaskState::Running, &task))].into(),
            ..lab_types::Inventory::default()
        }),
    };
    let verdict = hear(&mut small, &full);
    let ReportVerdict::Applied { events, .. } = verdict else {
        panic!("{verdict:?}");
    };
    expect![[r#"
        node ready: node n1 is ready
    "#]]
    .assert_eq(&told(&events));
    assert_eq!(progress(&small, &task).state, TaskState::Running);
}

fn liveness(small: &Small) -> String {
    let nodes = small.lab.observed.nodes.iter();
    let words: Vec<String> = nodes
        .map(|(id, node)| format!("{id} {}", node.liveness))
        .collect();
    words.join(", ")
}

const STATES: [TaskState; 11] = [
    TaskState::Assigned,
    TaskState::Accepted,
    TaskState::Preparing,
    TaskState::Ready,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Complete,
    TaskState::Failed,
    TaskState::Rejected,
    TaskState::Stopped,
    TaskState::Unknown,
];

proptest! {
    #[test]
    fn within_one_life_of_its_agent_a_tasks_state_never_goes_back_whatever_arrives_in_whatever_order(
        messages in prop::collection::vec((0u64..3, 1u64..8, 0u32..4, 0usize..11, any::<bool>()), 1..40)
    ) {
        let (mut small, task, fence) = one_task();
        let mut last: Option<(AgentBoot, bool, TaskStatus)> = None;
        for (boot, sequence, attempt, state, full) in messages {
            let seen = at(attempt, STATES[state], &task);
            let mut report = delta((boot + 1, sequence), fence, vec![seen.clone()]);
            if full {
                let inventory = lab_types::Inventory {
                    tasks: [(task.clone(), seen)].into(),
                    ..lab_types::Inventory::default()
                };
                report.body = ReportBody::Full { inventory: Box::new(inventory) };
            }
            hear(&mut small, &report);
            let observed = &small.lab.observed.nodes[&node("n1")];
            let now = observed.statuses.get(&task);
            if let (Some((life, inherited, old)), Some(new)) = (&last, now) {
                let another_life = observed.boot > *life || *inherited;
                let forward = new.progress >= old.progress || another_life;
                prop_assert!(forward, "{:?} after {:?}", new, old);
                let stopped = TaskState::Stopped;
                prop_assert!(old.progress.state != stopped || new.progress.state == stopped);
                prop_assert!(new.progress.state != TaskState::Unknown);
            }
            let inherited = observed.inherited.contains(&task);
            last = now.map(|now| (observed.boot, inherited, now.clone()));
        }
    }

    #[test]
    fn messages_repeated_and_out_of_order_end_where_the_newest_says(
        order in Just((2u64..12).collect::<Vec<_>>()).prop_shuffle(),
        repeats in prop::collection::vec(2u64..12, 0..10),
    ) {
        let (mut small, task, fence) = one_task();
        // In report n the task is in attempt n.
        let report = |n: u64| {
            let attempt = u32::try_from(n).unwrap();
            delta((1, n), fence, vec![at(attempt, TaskState::Running, &task)])
        };
        for n in order.into_iter().chain(repeats) {
            hear(&mut small, &report(n));
        }
        prop_assert_eq!(progress(&small, &task).attempt, 11);
    }
}

#[test]
fn an_attempt_that_ended_between_two_looks_is_told_once() {
    let (mut small, task, fence) = one_task();
    let mut heard = |sequence, status: &TaskStatus| {
        let report = delta((2, sequence), fence, vec![status.clone()]);
        match hear(&mut small, &report) {
            ReportVerdict::Applied { events, .. } => events,
            other => panic!("{other:?}"),
        }
    };
    heard(1, &at(1, TaskState::Running, &task));
    let end = |attempt, code| AttemptEnd {
        progress: TaskProgress {
            attempt,
            state: TaskState::Failed,
        },
        at: UnixMillis(1_000_500),
        exit_code: Some(code),
        message: format!("exit code {code}"),
    };
    let again = TaskStatus {
        ends: vec![end(1, 137), end(2, 3)],
        ..at(3, TaskState::Running, &task)
    };
    let events = heard(2, &again);
    expect![[r#"
        task failed: task 1 of shop/web failed: exit code 137
        task failed: task 1 of shop/web failed: exit code 3
        task running: task 1 of shop/web runs
    "#]]
    .assert_eq(&told(&events));
    assert_eq!(events[0].details["exit_code"], "137");
    assert_eq!(events[0].details["attempt"], "1");
    expect![""].assert_eq(&told(&heard(3, &again)));
    let ended = TaskStatus {
        ends: vec![end(1, 137), end(2, 3), end(3, 4)],
        message: Some("exit code 4; starts again".to_owned()),
        ..at(3, TaskState::Failed, &task)
    };
    expect![[r#"
        task failed: task 1 of shop/web failed: exit code 4; starts again
    "#]]
    .assert_eq(&told(&heard(4, &ended)));
}
