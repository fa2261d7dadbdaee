//! From an assignment to running containers.

use expect_test::expect;
use lab_types::{Gate, Health};

use crate::action::Subject;
use crate::diff::{Failure, Kind, Standing};
use crate::fixture::{Bench, busy, id, job, redis, task, text, web};

fn shop() -> Bench {
    Bench::new()
        .with(task("t1", "web", 1, &web()), &web())
        .with(task("t2", "redis", 1, &redis()), &redis())
}

#[test]
fn networks_and_volumes_come_first_then_containers_then_their_starts() {
    let mut bench = shop();
    expect![[r#"
        network shop_default, create, missing
        volume shop_data, create, missing
        task t1: preparing: waits for the network shop_default
        task t2: preparing: waits for the network shop_default; waits for the volume shop_data
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        container shop-web-1, create, missing
        container shop-redis-1, create, missing
        task t1: preparing
        task t2: preparing
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        container shop-web-1, start, should run
        container shop-redis-1, start, should run
        task t1: starting, attempt 1
        task t2: starting, attempt 1
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        task t1: running, attempt 1
        task t2: running, attempt 1
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_closed_gate_lets_the_container_be_made_but_not_started_until_it_opens() {
    let mut bench = shop();
    bench.assigned("t1").gate = Gate::Closed;
    let mut bench = bench.settle();
    expect![[r#"
        task t1: ready: waits until what it depends on is there
        task t2: running, attempt 1
    "#]]
    .assert_eq(&text(&bench.step()));
    bench.assigned("t1").gate = Gate::Open;
    expect![[r#"
        container shop-web-1, start, gate opened
        task t1: starting, attempt 1
        task t2: running, attempt 1
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn an_image_that_is_not_there_is_pulled_once_for_all_tasks_that_need_it() {
    let mut late = job(lab_types::RestartPolicy::Never);
    late.image = "late".into();
    let mut bench = Bench::new()
        .with(task("t1", "a", 1, &late), &late)
        .with(task("t2", "a", 2, &late), &late)
        .settle_network();
    bench.engine.registry.insert("late".into());
    expect![[r#"
        image late, pull, needed by shop-a-1
        task t1: preparing: waits for the image late
        task t2: preparing: waits for the image late
    "#]]
    .assert_eq(&text(&bench.step()));
    expect![[r#"
        container shop-a-1, create, missing
        container shop-a-2, create, missing
        task t1: preparing
        task t2: preparing
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn a_registry_that_does_not_answer_is_asked_again_later_and_the_task_says_so() {
    let mut late = job(lab_types::RestartPolicy::Never);
    late.image = "late".into();
    let mut bench = Bench::new()
        .with(task("t1", "a", 1, &late), &late)
        .settle_network();
    let failure = Failure {
        times: 2,
        message: "no route to host".into(),
        retryable: true,
        next_at: lab_types::UnixMillis(bench.now.0 + 700),
    };
    bench
        .calls
        .failed
        .insert(Subject::Image("late".into()), failure.clone());
    let decision = bench.decide();
    expect![[r#"
        task t1: preparing: the image late was not pulled yet: no route to host
    "#]]
    .assert_eq(&text(&decision));
    assert_eq!(decision.wake_at, Some(failure.next_at));
    bench.later(700);
    expect![[r#"
        image late, pull, needed by shop-a-1
        task t1: preparing: the image late was not pulled yet: no route to host
    "#]]
    .assert_eq(&text(&bench.decide()));
}

#[test]
fn an_image_nobody_has_looked_for_yet_is_not_taken_to_be_missing() {
    let mut late = job(lab_types::RestartPolicy::Never);
    late.image = "unasked".into();
    let bench = Bench::new()
        .with(task("t1", "a", 1, &late), &late)
        .settle_network();
    expect![[r#"
        task t1: preparing: looks for the image unasked
    "#]]
    .assert_eq(&text(&bench.decide()));
}

#[test]
fn no_more_than_eight_containers_are_made_or_started_side_by_side() {
    let spec = job(lab_types::RestartPolicy::Always);
    let mut bench = Bench::new();
    for slot in 1..=20 {
        bench = bench.with(task(&format!("t{slot:02}"), "a", slot, &spec), &spec);
    }
    let mut bench = bench.settle_network();
    assert_eq!(bench.decide().actions.len(), 8);
    bench
        .calls
        .busy
        .insert(Subject::Task(id("t01")), busy(Kind::Start));
    bench
        .calls
        .busy
        .insert(Subject::Task(id("t02")), busy(Kind::Start));
    let decision = bench.decide();
    assert_eq!(decision.actions.len(), 6);
    let touches = |task: &str| {
        decision
            .actions
            .iter()
            .any(|action| action.subject() == Subject::Task(id(task)))
    };
    assert!(
        !touches("t01") && touches("t03"),
        "one call at a time for each task"
    );
    let last = decision
        .statuses
        .values()
        .last()
        .and_then(|status| status.message.clone());
    assert_eq!(last.as_deref(), Some("waits for its turn to start"));
}

#[test]
fn a_task_without_its_spec_waits_for_it() {
    let mut bench = Bench::new()
        .with(task("t1", "web", 1, &web()), &web())
        .settle_network();
    bench.ledger.specs.clear();
    expect![[r#"
        task t1: accepted: waits for its spec from the leader
    "#]]
    .assert_eq(&text(&bench.decide()));
}

#[test]
fn health_is_reported_as_the_engine_sees_it_and_only_while_the_container_runs() {
    let mut bench = shop().settle();
    let web = bench.container("shop-web-1");
    bench.engine.containers.get_mut(&web).unwrap().health = Health::Unhealthy;
    expect![[r#"
        task t1: running, attempt 1, Unhealthy
        task t2: running, attempt 1
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn while_the_leader_may_still_be_heard_nothing_is_made_and_what_runs_is_adopted() {
    let mut bench = shop().settle();
    bench.exits("shop-redis-1", 1);
    bench.ledger.tasks.clear();
    bench.standing = Standing::Waiting;
    expect![[r#"
        task t1: running, attempt 1
        task t2: failed, attempt 1: exit code 1; starts again
    "#]]
    .assert_eq(&text(&bench.step()));
    bench.standing = Standing::FromDisk;
    expect![[r#"
        container shop-redis-1, start (attempt 2), restart after exit code 1
        task t1: running, attempt 1
        task t2: starting, attempt 2
    "#]]
    .assert_eq(&text(&bench.step()));
}

#[test]
fn with_the_engine_gone_nothing_is_done_and_the_last_known_states_stand() {
    let bench = shop().settle();
    let mut observed = bench.observe();
    let message = "connection refused".to_owned();
    observed.engine = crate::observed::EngineReach::Unreachable { message };
    let decision = crate::diff::diff(
        &bench.ledger,
        &observed,
        &bench.calls,
        (bench.standing, bench.lease),
        bench.now,
    );
    expect![[r#"
        task t1: running, attempt 1, Unknown: the Docker engine cannot be reached: connection refused
        task t2: running, attempt 1, Unknown: the Docker engine cannot be reached: connection refused
    "#]]
    .assert_eq(&text(&decision));
}
