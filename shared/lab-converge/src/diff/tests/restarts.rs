//! What ends and starts again, or does not.

use expect_test::expect;
use lab_types::{DurationMs, RestartPolicy, TaskState, TaskStatus, UnixMillis};

use crate::fixture::{Bench, job, task, text};
use crate::model::ModelContainer;
use crate::observed::Silence;

fn running(restart: RestartPolicy) -> Bench {
    let spec = job(restart);
    Bench::new()
        .with(task("t1", "job", 1, &spec), &spec)
        .settle()
}

#[test]
fn the_first_failure_starts_the_same_container_again_at_once() {
    let mut bench = running(RestartPolicy::OnFailure);
    let before = bench.container("shop-job-1");
    bench.exits("shop-job-1", 3);
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 3
        task t1: starting, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        task t1: running, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
    assert_eq!(bench.container("shop-job-1"), before);
}

#[test]
fn a_crash_loop_waits_longer_each_time_and_says_when_it_goes_on() {
    let mut bench = running(RestartPolicy::Always);
    let mut waits = Vec::new();
    for _ in 0..9 {
        bench.later(5);
        bench.exits("shop-job-1", 1);
        let decision = bench.step();
        waits.push(decision.wake_at.map_or(0, |at| at.0 - bench.now.0));
        if let Some(at) = decision.wake_at {
            assert!(decision.actions.is_empty());
            bench.now = UnixMillis(at.0 - 1);
            assert!(
                bench.decide().actions.is_empty(),
                "one millisecond too early"
            );
            bench.now = at;
            assert_eq!(bench.step().actions.len(), 1);
        }
    }
    assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12800]);
    bench.exits("shop-job-1", 1);
    expect![[r#"
        task t1: failed, attempt 10: failed 10 times in a row, exit code 1; next start in 25.6s
    "#]]
    .assert_eq(&text(&bench.step()));
}

/// Lets the container end six times in a row; it then runs for the seventh time.
fn unsteady() -> Bench {
    let mut bench = running(RestartPolicy::Always);
    for _ in 0..6 {
        bench.exits("shop-job-1", 1);
        if let Some(at) = bench.step().wake_at {
            bench.now = at;
            bench.step();
        }
        assert!(bench.step().actions.is_empty());
    }
    assert_eq!(bench.ledger.tasks["t1"].ended_in_row, 6);
    bench
}

#[test]
fn ten_seconds_of_running_make_the_next_failure_a_first_one() {
    let mut bench = unsteady();
    bench.later(9_999);
    bench.exits("shop-job-1", 1);
    assert!(bench.step().actions.is_empty());
    assert_eq!(bench.ledger.tasks["t1"].ended_in_row, 7);
    let mut bench = unsteady();
    bench.later(10_000);
    bench.exits("shop-job-1", 1);
    assert_eq!(bench.step().actions.len(), 1, "it starts again at once");
    assert_eq!(bench.ledger.tasks["t1"].ended_in_row, 1);
}

#[test]
fn exit_code_0_completes_a_task_unless_it_should_always_run() {
    for restart in [
        RestartPolicy::OnFailure,
        RestartPolicy::Never,
        RestartPolicy::OnFailureAtMost { max_attempts: 3 },
    ] {
        let mut bench = running(restart);
        bench.exits("shop-job-1", 0);
        let shown = text(&bench.step());
        assert_eq!(
            shown, "task t1: complete, attempt 1, no more\n",
            "{restart:?}"
        );
    }
    let mut bench = running(RestartPolicy::Always);
    bench.exits("shop-job-1", 0);
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0
        task t1: starting, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn never_means_never_and_the_scheduler_may_act() {
    let mut bench = running(RestartPolicy::Never);
    bench.exits("shop-job-1", 137);
    expect![[r#"
        task t1: failed, attempt 1, no more: exit code 137; its restart policy asks for no further start
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn the_allowed_number_of_restarts_is_used_up() {
    let mut bench = running(RestartPolicy::OnFailureAtMost { max_attempts: 2 });
    let mut shown = String::new();
    for _ in 0..3 {
        bench.exits("shop-job-1", 1);
        bench.later(60_000);
        shown.push_str(&text(&bench.step()));
    }
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 1
        task t1: starting, attempt 2
        container shop-job-1, start (attempt 3), restart after exit code 1
        task t1: starting, attempt 3
        task t1: failed, attempt 3, no more: exit code 1; started 3 times, its restart policy allows 2 restarts
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_container_that_someone_removed_is_made_anew_and_its_attempt_has_failed() {
    let mut bench = running(RestartPolicy::OnFailure);
    let id = bench.container("shop-job-1");
    bench.engine.containers.remove(&id);
    expect![[r#"
        container shop-job-1, create, removed by someone else
        task t1: failed, attempt 1: its container was removed by someone else; starts again
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after its container was removed by someone else
        task t1: starting, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_container_that_someone_restarted_counts_as_one_attempt_more() {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.later(30_000);
    let id = bench.container("shop-job-1");
    let now = bench.now;
    bench.engine.containers.get_mut(&id).unwrap().started_at = Some(now);
    expect![[r#"
        task t1: running, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        attempt 1 failed (None): it ended and was started again by someone else
    "#]]
    .assert_eq(&ends(&bench));
}

#[test]
fn the_ends_of_the_last_attempts_are_kept_and_told() {
    let mut bench = running(RestartPolicy::OnFailure);
    for code in 1..=TaskStatus::ENDS_MAX + 2 {
        bench.exits("shop-job-1", i64::try_from(code).unwrap());
        bench.later(120_000);
        bench.step();
        bench.later(120_000);
        bench.step();
        bench.step();
    }
    expect![[r#"
        attempt 3 failed (Some(3)): exit code 3
        attempt 4 failed (Some(4)): exit code 4
        attempt 5 failed (Some(5)): exit code 5
        attempt 6 failed (Some(6)): exit code 6
        attempt 7 failed (Some(7)): exit code 7
        attempt 8 failed (Some(8)): exit code 8
        attempt 9 failed (Some(9)): exit code 9
        attempt 10 failed (Some(10)): exit code 10
    "#]]
    .assert_eq(&ends(&bench));
}

fn ends(bench: &Bench) -> String {
    let statuses = bench.decide().statuses;
    let ends = statuses["t1"].ends.iter();
    let line = |end: &lab_types::AttemptEnd| {
        let (attempt, state) = (end.progress.attempt, end.progress.state);
        format!(
            "attempt {attempt} {state} ({:?}): {}\n",
            end.exit_code, end.message
        )
    };
    ends.map(line).collect()
}

#[test]
fn an_agent_that_died_before_the_start_it_wrote_down_makes_that_start_when_it_is_back() {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.exits("shop-job-1", 1);
    let decision = bench.decide();
    // Written down, but never carried out.
    bench.ledger.tasks = decision.tasks;
    assert_eq!(bench.ledger.tasks["t1"].attempt(), 2);
    expect![[r#"
        container shop-job-1, start (attempt 2), start was not finished
        task t1: starting, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        task t1: running, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_start_that_was_carried_out_while_the_agent_was_dead_is_not_made_again() {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.exits("shop-job-1", 1);
    bench.later(100);
    bench.step();
    bench.later(100);
    bench.exits("shop-job-1", 2);
    expect![[r#"
        task t1: failed, attempt 2: failed 2 times in a row, exit code 2; next start in 100ms
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_clock_that_went_back_does_not_keep_a_task_waiting() {
    let mut bench = running(RestartPolicy::Always);
    for _ in 0..4 {
        bench.exits("shop-job-1", 1);
        bench.step();
        bench.later(1_000);
        bench.step();
    }
    bench.exits("shop-job-1", 1);
    bench.step();
    bench.now = UnixMillis(bench.now.0 - 500_000);
    let due = bench.decide().wake_at.unwrap();
    assert_eq!(due.0 - bench.now.0, 800);
}

#[test]
fn a_container_the_engine_gave_up_is_removed_and_made_anew() {
    let mut bench = running(RestartPolicy::OnFailure);
    let id = bench.container("shop-job-1");
    let dead = bench.engine.containers.get_mut(&id).unwrap();
    *dead = ModelContainer {
        state: crate::observed::ContainerState::Dead,
        ..dead.clone()
    };
    let mut shown = text(&bench.step());
    shown.push_str(&text(&bench.step()));
    expect![[r#"
        container shop-job-1, remove, half removed
        task t1: failed, attempt 1: the engine gave its container up; starts again
        container shop-job-1, create, removed by someone else
        task t1: failed, attempt 1: the engine gave its container up; starts again
    "#]]
    .assert_eq(&shown);
    bench.step();
    bench.step();
    assert_eq!(bench.ledger.tasks["t1"].progress.state, TaskState::Running);
}

/// One task that ends with exit code 0 after 30 s, and what is made of it.
fn ends_cleanly(told: impl FnOnce(&mut Bench)) -> String {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.later(30_000);
    bench.exits("shop-job-1", 0);
    told(&mut bench);
    text(&bench.step())
}

#[test]
fn a_clean_end_that_someone_asked_for_is_not_the_end_of_the_work() {
    let signal = |ago: u64| {
        move |bench: &mut Bench| {
            let id = bench.container("shop-job-1");
            let container = bench.engine.containers.get_mut(&id).unwrap();
            container.signalled_at = Some(UnixMillis(bench.now.0 - ago));
        }
    };
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0, when someone asked it to end
        task t1: starting, attempt 2
    "#]].assert_eq(&ends_cleanly(signal(9_000)));
    // A signal long before: the work has gone on since.
    expect![[r#"
        task t1: complete, attempt 1, no more
    "#]]
    .assert_eq(&ends_cleanly(signal(20_000)));
}

#[test]
fn a_clean_end_before_the_machine_was_started_again_is_not_the_end_of_the_work() {
    let booted = |after: u64| {
        move |bench: &mut Bench| bench.engine.booted_at = Some(UnixMillis(bench.now.0 + after))
    };
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0, before its machine was started again
        task t1: starting, attempt 2
    "#]].assert_eq(&ends_cleanly(booted(5_000)));
    expect![[r#"
        task t1: complete, attempt 1, no more
    "#]]
    .assert_eq(&ends_cleanly(booted(0)));
}

#[test]
fn a_clean_end_while_the_engine_did_not_answer_is_not_the_end_of_the_work() {
    let silent = |from: u64, to: u64, told: Option<u64>| {
        move |bench: &mut Bench| {
            let now = bench.now.0;
            let at = |ago| UnixMillis(now - ago);
            let id = bench.container("shop-job-1");
            let container = bench.engine.containers.get_mut(&id).unwrap();
            container.told_end_at = told.map(at);
            bench.engine.silence = Some(Silence {
                after: at(from),
                until: Some(at(to)),
            });
        }
    };
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0, while the engine was away
        task t1: starting, attempt 2
    "#]].assert_eq(&ends_cleanly(silent(2_000, 0, None)));
    expect![[r#"
        task t1: complete, attempt 1, no more
    "#]]
    .assert_eq(&ends_cleanly(silent(9_000, 5_000, Some(0))));
    // The engine still knows of the end: it was there all the time.
    expect![[r#"
        task t1: complete, attempt 1, no more
    "#]]
    .assert_eq(&ends_cleanly(silent(2_000, 0, Some(0))));
}

#[test]
fn a_clean_end_is_judged_when_the_engine_has_told_of_it_or_should_have() {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.later(30_000);
    bench.exits("shop-job-1", 0);
    let ended = bench.now;
    let says = |bench: &mut Bench, told: Option<UnixMillis>, signalled: Option<UnixMillis>| {
        let id = bench.container("shop-job-1");
        let container = bench.engine.containers.get_mut(&id).unwrap();
        (container.told_end_at, container.signalled_at) = (told, signalled);
    };
    says(&mut bench, None, None);
    assert_eq!(text(&bench.step()), "task t1: running, attempt 1\n");
    assert_eq!(bench.decide().wake_at, Some(ended.plus(DurationMs(2_000))));
    // Whatever comes first of the end, the signal before it, and the time.
    let mut asked = bench.clone();
    says(&mut asked, Some(ended), Some(ended));
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0, when someone asked it to end
        task t1: starting, attempt 2
    "#]].assert_eq(&text(&asked.step()));
    for told in [Some(ended), None] {
        let mut late = bench.clone();
        says(&mut late, told, None);
        late.later(if told.is_some() { 0 } else { 2_000 });
        expect![[r#"
            task t1: complete, attempt 1, no more
        "#]]
        .assert_eq(&text(&late.step()));
    }
}

/// An engine that is killed and started again ends its containers before it answers, and a look may be
/// answered before the agent has asked what happened.
#[test]
fn while_an_engine_has_not_told_what_happened_a_clean_end_is_not_judged() {
    let mut bench = running(RestartPolicy::OnFailure);
    bench.later(30_000);
    let lost = bench.now;
    bench.engine.silence = Some(Silence {
        after: lost,
        until: None,
    });
    bench.later(500);
    bench.exits("shop-job-1", 0);
    let id = bench.container("shop-job-1");
    let container = bench.engine.containers.get_mut(&id).unwrap();
    container.told_end_at = None;
    for _ in 0..3 {
        bench.later(10_000);
        assert_eq!(text(&bench.step()), "task t1: running, attempt 1\n");
    }
    bench.engine.silence = Some(Silence {
        after: lost,
        until: Some(bench.now),
    });
    expect![[r#"
        container shop-job-1, start (attempt 2), restart after exit code 0, while the engine was away
        task t1: starting, attempt 2
    "#]].assert_eq(&text(&bench.step()));
}

#[test]
fn ends_from_outside_make_no_crash_loop() {
    let mut bench = running(RestartPolicy::Always);
    for _ in 0..6 {
        bench.later(5);
        let id = bench.container("shop-job-1");
        let container = bench.engine.containers.get_mut(&id).unwrap();
        container.signalled_at = Some(bench.now);
        bench.exits("shop-job-1", 137);
        bench.step();
        bench.step();
    }
    let entry = &bench.ledger.tasks["t1"];
    assert_eq!((entry.attempt(), entry.ended_in_row), (7, 0));
}
