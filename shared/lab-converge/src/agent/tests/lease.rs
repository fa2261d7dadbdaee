//! Exclusive tasks and the lease: they stop without a leader, and go on when it confirms them.

use expect_test::expect;
use lab_types::{
    Assignment, BeatAnswer, DurationMs, Fence, Guard, RestartPolicy, TaskSpec, TaskState,
};

use super::rig::{How, Rig};
use crate::fixture::{fence, id, job, network_of, node, task, volume_of, web};
use crate::model::ModelEngine;

/// For how long an answer lets exclusive tasks run.
const LEASE: DurationMs = DurationMs::from_secs(10);

fn ledger() -> TaskSpec {
    TaskSpec {
        exclusive: Some(true),
        ..job(RestartPolicy::Never)
    }
}

fn assignment(generation: u64, guard: Guard) -> Assignment {
    let mut exclusive = task("t1", "ledger", 1, &ledger());
    exclusive.guard = guard;
    let other = task("t2", "web", 1, &web());
    Assignment {
        fence: fence(1, generation),
        tasks: [(exclusive.id.clone(), exclusive), (other.id.clone(), other)].into(),
        networks: [network_of("shop", false)].into(),
        volumes: [volume_of("shop", false)].into(),
        ..Assignment::empty(node())
    }
}

fn answer(assigned: Fence) -> BeatAnswer {
    BeatAnswer {
        leader: fence(assigned.epoch.0, 0),
        assigned,
        lease: LEASE,
    }
}

impl Rig {
    /// What the clock that counts suspend reads: it began when the wall clock did here.
    fn uptime(&self) -> DurationMs {
        DurationMs(self.now.0)
    }

    fn tick(&mut self, ms: u64) {
        self.now = self.now.plus(DurationMs(ms));
        self.core.on_clock(self.uptime(), self.now);
        self.pump();
    }

    /// The leader answers a sign of life sent now.
    fn answered(&mut self, assigned: Fence) {
        let sent_at = self.uptime();
        self.core.on_beat_answer(sent_at, &answer(assigned));
        self.pump();
    }

    /// Everything that was asked of the engine is done.
    fn work(&mut self) {
        for _ in 0..10 {
            while !self.issued.is_empty() {
                self.finish(0, How::Works);
            }
            while !self.looks.is_empty() {
                self.hand_in();
            }
        }
    }

    fn logged(&mut self) -> String {
        let lines = std::mem::take(&mut self.log);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// An agent with the exclusive task and another, both running.
fn running() -> Rig {
    let engine = ModelEngine {
        images: ["web", "job"].map(String::from).into(),
        ..ModelEngine::default()
    };
    let mut rig = Rig::new(engine);
    rig.tick(0);
    rig.hand_in();
    rig.push(assignment(1, Guard::Held), &[ledger(), web()]);
    rig.answered(fence(1, 1));
    rig.work();
    let started = rig.logged();
    assert!(started.contains("shop-ledger-1, start"), "{started}");
    rig
}

#[test]
fn an_exclusive_task_stops_when_no_sign_of_life_was_answered_for_the_leases_length() {
    let mut rig = running();
    rig.tick(9_999);
    assert_eq!(rig.logged(), "");
    rig.tick(1);
    rig.work();
    expect![[r#"
        container shop-ledger-1, stop within 10s, the leader is not heard
    "#]]
    .assert_eq(&rig.logged());
    let entry = &rig.core.ledger().tasks[&id("t1")];
    assert_eq!(
        (entry.progress.state, entry.exhausted),
        (TaskState::Failed, false)
    );
    // The leader is heard again: the restart policy is `never`, and the end was not the task's own.
    rig.tick(60_000);
    rig.answered(fence(1, 1));
    rig.work();
    expect![[r#"
        container shop-ledger-1, start (attempt 2), restart after stopped because the leader was not heard
    "#]]
    .assert_eq(&rig.logged());
}

#[test]
fn the_lease_counts_from_when_the_answered_sign_of_life_was_sent() {
    let mut rig = running();
    let sent_at = rig.uptime();
    rig.tick(6_000);
    // The answer was on its way for six seconds.
    rig.core.on_beat_answer(sent_at, &answer(fence(1, 1)));
    rig.tick(4_000);
    assert!(rig.logged().contains("the leader is not heard"));
}

#[test]
fn what_the_leader_says_without_having_heard_gives_no_lease() {
    let mut rig = running();
    rig.tick(9_000);
    rig.push(assignment(2, Guard::Held), &[]);
    rig.core.on_inventory_ask(fence(1, 0));
    rig.tick(1_000);
    assert!(rig.logged().contains("the leader is not heard"));
}

#[test]
fn an_answer_of_a_deposed_leader_gives_no_lease() {
    let mut rig = running();
    let newer = Assignment {
        fence: fence(2, 1),
        ..assignment(1, Guard::Held)
    };
    rig.push(newer, &[]);
    rig.tick(9_000);
    rig.answered(fence(1, 1));
    rig.tick(1_000);
    assert!(rig.logged().contains("the leader is not heard"));
}

#[test]
fn what_was_stopped_starts_only_on_the_word_that_the_assignment_in_hand_is_the_newest() {
    let mut rig = running();
    rig.tick(10_000);
    rig.work();
    rig.logged();
    rig.tick(20_000);
    // Meanwhile it was replaced, and the push is still on its way.
    rig.answered(fence(1, 2));
    rig.work();
    assert_eq!(rig.logged(), "");
    let mut replaced = assignment(2, Guard::Held);
    replaced.tasks.get_mut(&id("t1")).unwrap().target = lab_types::TaskTarget::Stop;
    rig.push(replaced, &[]);
    rig.answered(fence(1, 2));
    rig.work();
    expect![[r#"
        container shop-ledger-1, remove, asked to stop
    "#]]
    .assert_eq(&rig.logged());
}

#[test]
fn who_stood_still_for_longer_than_the_grace_stops_at_once() {
    let mut rig = running();
    rig.tick(30_000);
    expect![[r#"
        container shop-ledger-1, stop within 0ms, the leader is not heard
    "#]]
    .assert_eq(&rig.logged());
}

#[test]
fn a_full_disk_keeps_no_exclusive_task_running() {
    let mut rig = running();
    rig.disk_is_full = true;
    rig.tick(10_000);
    assert!(rig.logged().contains("shop-ledger-1, stop"));
}

#[test]
fn a_wall_clock_that_is_set_back_makes_no_lease_longer() {
    let mut rig = running();
    let uptime = DurationMs(rig.uptime().0 + 10_000);
    rig.now = lab_types::UnixMillis(5);
    rig.core.on_clock(uptime, rig.now);
    rig.pump();
    assert!(rig.logged().contains("shop-ledger-1, stop"));
}

#[test]
fn a_free_task_runs_on_and_asks_for_no_answer() {
    let mut rig = running();
    assert!(rig.core.wants_answer());
    rig.push(assignment(2, Guard::Free), &[]);
    assert!(!rig.core.wants_answer());
    rig.tick(3_600_000);
    rig.work();
    assert_eq!(rig.logged(), "");
}

#[test]
fn a_next_life_goes_on_within_the_lease_and_stops_without_one() {
    for (resumes, expected) in [(true, false), (false, true)] {
        let mut rig = running();
        let until = rig.core.lease_until().unwrap();
        rig.now = rig.now.plus(DurationMs(3_000));
        rig.restart();
        let uptime = rig.uptime();
        rig.core.on_clock(uptime, rig.now);
        if resumes {
            rig.core.resume_lease(until);
        }
        rig.hand_in();
        let stops = rig.logged().contains("shop-ledger-1, stop");
        assert_eq!(stops, expected, "resumes: {resumes}");
    }
}

#[test]
fn a_lease_that_is_back_before_the_stop_was_carried_out_forgets_it() {
    let mut rig = running();
    rig.tick(10_000);
    assert_eq!(rig.issued.len(), 1);
    rig.finish(0, How::Lost);
    rig.answered(fence(1, 1));
    rig.work();
    rig.logged();
    assert!(!rig.core.ledger().tasks[&id("t1")].fenced);
    // Its own end is its own: it never starts again.
    let container = rig
        .engine
        .containers
        .iter()
        .find(|(_, c)| c.name == "shop-ledger-1");
    let container = container.unwrap().0.clone();
    rig.engine.exit(&container, 0, rig.now);
    rig.core.on_engine_changed();
    rig.pump();
    rig.work();
    let entry = &rig.core.ledger().tasks[&id("t1")];
    assert_eq!(
        (entry.progress.state, entry.exhausted),
        (TaskState::Complete, true)
    );
}
