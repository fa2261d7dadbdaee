//! The agent and its engine.

use expect_test::expect;
use lab_types::{Assignment, ReportBody, TaskState, TaskTarget};

use super::rig::{How, Rig};
use crate::action::ActionError;
use crate::agent::Effect;
use crate::fixture::{fence, id, job, name, network_of, node, redis, task, volume_of, web};
use crate::model::ModelEngine;

fn engine() -> ModelEngine {
    let images = ["web", "redis", "job"].map(String::from).into();
    ModelEngine {
        images,
        ..ModelEngine::default()
    }
}

fn shop(generation: u64) -> Assignment {
    let web = task("t1", "web", 1, &web());
    let redis = task("t2", "redis", 1, &redis());
    Assignment {
        fence: fence(1, generation),
        tasks: [(web.id.clone(), web), (redis.id.clone(), redis)].into(),
        networks: [network_of("shop", false)].into(),
        volumes: [volume_of("shop", false)].into(),
        ..Assignment::empty(node())
    }
}

fn running() -> Rig {
    let mut rig = Rig::new(engine());
    rig.pump();
    rig.push(shop(1), &[web(), redis()]);
    rig.settle();
    rig
}

#[test]
fn a_push_ends_in_running_containers_and_costs_two_looks_at_the_engine() {
    let mut rig = Rig::new(engine());
    rig.pump();
    rig.hand_in();
    rig.push(shop(1), &[web(), redis()]);
    let mut looks = 1;
    while !(rig.issued.is_empty() && rig.looks.is_empty()) {
        if rig.issued.is_empty() {
            rig.hand_in();
            looks += 1;
        } else {
            rig.finish(0, How::Works);
        }
    }
    expect![[r#"
        network shop_default, create, missing
        container shop-web-1, create, missing
        volume shop_data, create, missing
        container shop-web-1, start, should run
        container shop-redis-1, create, missing
        container shop-redis-1, start, should run"#]]
    .assert_eq(&rig.log.join("\n"));
    assert_eq!(
        looks, 2,
        "one at the start, one for the images; results tell the rest"
    );
    let states: Vec<_> = rig
        .furthest
        .values()
        .map(|progress| progress.state)
        .collect();
    assert_eq!(states, [TaskState::Running, TaskState::Running]);
}

#[test]
fn the_ledger_is_on_disk_before_anything_else_comes_out() {
    let mut rig = running();
    let mut next = shop(2);
    next.tasks.remove("t1");
    let no_specs = std::collections::BTreeMap::<_, lab_types::TaskSpec>::new();
    rig.core.on_push(next, no_specs, rig.now);
    let effects = rig.core.next(rig.now);
    assert!(
        matches!(effects.as_slice(), [Effect::Persist(ledger)] if ledger.accepted() == fence(1, 2))
    );
    let before = rig.core.heartbeat();
    assert_eq!(
        before.accepted,
        fence(1, 1),
        "others hear of it when it is written"
    );
    let only_looks = rig.core.next(rig.now);
    assert!(
        only_looks
            .iter()
            .all(|effect| matches!(effect, Effect::Observe(_))),
        "{only_looks:?}"
    );
    rig.core.on_persisted(Ok(()), rig.now);
    assert_eq!(rig.core.heartbeat().accepted, fence(1, 2));
    let effects = rig.core.next(rig.now);
    let shown: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Execute(_, action) => Some(action.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        shown,
        ["container shop-web-1, stop within 10s, not assigned"]
    );
}

#[test]
fn with_a_full_disk_nothing_is_done_until_the_write_works() {
    let mut rig = running();
    rig.disk_is_full = true;
    let mut next = shop(2);
    next.tasks.remove("t1");
    rig.push(next, &[]);
    for _ in 0..5 {
        rig.later(1_000);
    }
    assert!(rig.issued.is_empty());
    assert_eq!(rig.core.heartbeat().accepted, fence(1, 1));
    let warnings = rig
        .log
        .iter()
        .filter(|line| line.starts_with("warning"))
        .collect::<Vec<_>>();
    assert_eq!(
        warnings,
        ["warning: AGT0101: the agent's ledger cannot be written: no space left on device"]
    );
    rig.disk_is_full = false;
    rig.later(1_000);
    assert_eq!(rig.issued.len(), 1);
    assert_eq!(rig.core.heartbeat().accepted, fence(1, 2));
}

#[test]
fn an_old_look_does_not_undo_what_a_newer_result_has_shown() {
    let mut rig = Rig::new(engine());
    rig.pump();
    rig.hand_in();
    rig.push(shop(1), &[web(), redis()]);
    rig.hand_in();
    while rig
        .issued
        .iter()
        .any(|(_, action)| action.to_string().contains("network"))
    {
        rig.finish(0, How::Works);
    }
    rig.core.on_engine_changed();
    rig.pump();
    assert_eq!(rig.looks.len(), 1, "taken before the containers were made");
    while !rig.issued.is_empty() {
        rig.finish(0, How::Works);
    }
    let done = rig.log.len();
    rig.hand_in();
    rig.settle();
    assert_eq!(rig.log.len(), done, "nothing is made twice: {:?}", rig.log);
}

#[test]
fn a_call_whose_answer_was_lost_is_settled_by_looking_and_not_made_twice() {
    let mut rig = Rig::new(engine());
    rig.pump();
    rig.hand_in();
    rig.push(shop(1), &[web(), redis()]);
    for _ in 0..200 {
        if rig.issued.is_empty() {
            rig.hand_in();
            rig.later(700);
        } else {
            rig.finish(0, How::WorksUnheard);
        }
    }
    let starts = rig.log.iter().filter(|line| line.contains("start")).count();
    let creates = rig
        .log
        .iter()
        .filter(|line| line.contains("create"))
        .count();
    assert_eq!((creates, starts), (4, 2), "{:?}", rig.log);
    assert!(
        rig.furthest
            .values()
            .all(|progress| progress.state == TaskState::Running)
    );
}

#[test]
fn a_port_that_is_taken_fails_the_attempt_in_words_and_is_tried_again() {
    let mut rig = Rig::new(engine());
    rig.pump();
    rig.push(shop(1), &[web(), redis()]);
    rig.hand_in();
    let message = "Bind for 0.0.0.0:8000 failed: port is already allocated";
    for _ in 0..60 {
        let web = rig
            .issued
            .iter()
            .position(|(_, a)| a.to_string().starts_with("container shop-web-1, start"));
        if let Some(index) = web {
            let (action_id, _) = rig.issued.remove(index);
            let error = ActionError {
                retryable: false,
                message: message.into(),
            };
            rig.core.on_action_result(action_id, Err(error), rig.now);
            rig.pump();
        } else if rig.issued.is_empty() {
            rig.hand_in();
            rig.later(50);
        } else {
            rig.finish(0, How::Works);
        }
    }
    let entry = &rig.core.ledger().tasks["t1"];
    assert!(entry.attempt() > 3 && entry.progress.state == TaskState::Failed);
    let told = rig
        .reports
        .iter()
        .rev()
        .find_map(|report| match &report.body {
            ReportBody::Delta { changed, .. } => changed
                .iter()
                .find(|status| status.task == id("t1"))?
                .message
                .clone(),
            ReportBody::Full { .. } | ReportBody::Unknown => None,
        });
    let told = told.unwrap();
    assert!(
        told.contains("times in a row, start failed: Bind for 0.0.0.0:8000")
            && told.contains("next start in"),
        "{told}"
    );
}

#[test]
fn a_restarted_agent_adopts_what_runs_and_changes_nothing() {
    let mut rig = running();
    let before = (rig.engine.clone(), rig.log.len());
    rig.restart();
    rig.hand_in();
    let states: Vec<_> = rig
        .furthest
        .values()
        .map(|progress| progress.state)
        .collect();
    assert_eq!(states, [TaskState::Running, TaskState::Running]);
    rig.settle();
    rig.push(shop(1), &[]);
    rig.settle();
    assert_eq!((rig.engine.clone(), rig.log.len()), before);
}

#[test]
fn after_a_reboot_without_a_leader_everything_starts_from_disk_after_ten_seconds() {
    let mut rig = running();
    for id in rig.engine.containers.keys().cloned().collect::<Vec<_>>() {
        rig.engine.exit(&id, 255, rig.now);
    }
    rig.log.clear();
    rig.restart();
    rig.hand_in();
    rig.later(9_999);
    rig.hand_in();
    assert!(rig.log.is_empty(), "{:?}", rig.log);
    assert_eq!(rig.core.wake_at().0, rig.now.0 + 1);
    rig.later(1);
    expect![[r#"
        container shop-web-1, start (attempt 2), restart after exit code 255
        container shop-redis-1, start (attempt 2), restart after exit code 255"#]]
    .assert_eq(&rig.log.join("\n"));
}

#[test]
fn after_a_reboot_the_leaders_word_ends_the_wait_at_once() {
    let mut rig = running();
    for id in rig.engine.containers.keys().cloned().collect::<Vec<_>>() {
        rig.engine.exit(&id, 255, rig.now);
    }
    rig.log.clear();
    rig.restart();
    rig.hand_in();
    let mut next = shop(2);
    next.tasks.get_mut("t1").unwrap().target = TaskTarget::Stop;
    rig.push(next, &[]);
    expect![[r#"
        container shop-web-1, remove, asked to stop
        container shop-redis-1, start (attempt 2), restart after exit code 255"#]]
    .assert_eq(&rig.log.join("\n"));
}

#[test]
fn an_agent_that_lost_its_disk_stops_nothing_before_the_leader_speaks() {
    let mut rig = running();
    rig.disk = crate::ledger::Ledger::new(crate::fixture::lab(), node());
    rig.told = lab_types::Fence::default();
    rig.furthest.clear();
    rig.log.clear();
    rig.restart();
    for _ in 0..10 {
        rig.hand_in();
        rig.later(5_000);
    }
    assert!(rig.log.is_empty(), "{:?}", rig.log);
    rig.push(shop(1), &[web(), redis()]);
    rig.settle();
    assert!(rig.log.is_empty(), "{:?}", rig.log);
    assert!(
        rig.furthest
            .values()
            .all(|progress| progress.state == TaskState::Running)
    );
}

#[test]
fn an_engine_that_is_away_is_waited_for_and_nothing_is_believed_to_have_gone() {
    let mut rig = running();
    rig.log.clear();
    rig.engine_is_down = true;
    rig.core.on_engine_changed();
    rig.pump();
    for _ in 0..5 {
        rig.hand_in();
        rig.later(2_000);
    }
    let last = rig.reports.last().unwrap();
    let ReportBody::Full { inventory } = &last.body else {
        panic!("the node's facts have changed, so all is told: {last:?}");
    };
    let words = inventory.tasks["t1"].message.as_deref();
    assert_eq!(
        words,
        Some("the Docker engine cannot be reached: connection refused")
    );
    rig.engine_is_down = false;
    rig.later(2_000);
    rig.hand_in();
    rig.settle();
    assert!(rig.log.is_empty(), "{:?}", rig.log);
}

#[test]
fn a_confirmed_volume_removal_is_carried_out_and_told_once() {
    let mut rig = running();
    let mut next = Assignment {
        fence: fence(1, 2),
        ..Assignment::empty(node())
    };
    let confirmation = lab_types::ConfirmationId::new("req-9").unwrap();
    next.remove_volumes.insert(name("shop_data"), confirmation);
    rig.push(next, &[]);
    rig.settle();
    assert!(rig.engine.volumes.is_empty() && rig.engine.containers.is_empty());
    let told = rig.reports.iter().filter(|report| match &report.body {
        ReportBody::Delta {
            removed_volumes, ..
        } => !removed_volumes.is_empty(),
        ReportBody::Full { .. } | ReportBody::Unknown => false,
    });
    assert_eq!(told.count(), 1);
}

#[test]
fn a_job_that_is_done_stays_done_over_a_restart_of_the_agent() {
    let spec = job(lab_types::RestartPolicy::OnFailure);
    let mut rig = Rig::new(engine());
    let only = task("t9", "job", 1, &spec);
    let assignment = Assignment {
        fence: fence(1, 1),
        tasks: [(only.id.clone(), only)].into(),
        ..Assignment::empty(node())
    };
    rig.push(assignment, std::slice::from_ref(&spec));
    rig.settle();
    let container = rig.engine.containers.keys().next().unwrap().clone();
    rig.engine.exit(&container, 0, rig.now);
    rig.core.on_engine_changed();
    rig.settle();
    rig.log.clear();
    rig.restart();
    rig.settle();
    assert!(rig.log.is_empty(), "{:?}", rig.log);
    assert_eq!(rig.furthest["t9"].state, TaskState::Complete);
}

#[test]
fn a_disk_that_is_full_again_is_told_again() {
    let mut rig = running();
    let warnings = |rig: &Rig| {
        let lines = rig.log.iter();
        lines.filter(|line| line.starts_with("warning")).count()
    };
    for round in 1..=2u64 {
        rig.disk_is_full = true;
        rig.push(shop(round + 1), &[]);
        rig.later(1_000);
        rig.later(1_000);
        assert_eq!(warnings(&rig), usize::try_from(round).unwrap());
        rig.disk_is_full = false;
        rig.later(1_000);
    }
}

#[test]
fn a_neighbours_change_does_not_hurry_a_registry_that_failed() {
    let mut engine = engine();
    engine.images.remove("web");
    let mut rig = Rig::new(engine);
    rig.pump();
    rig.push(shop(1), &[web(), redis()]);
    let pull = |rig: &Rig| {
        let is_pull = |action: &crate::action::Action| {
            matches!(action.kind, crate::action::ActionKind::PullImage { .. })
        };
        rig.issued.iter().position(|(_, action)| is_pull(action))
    };
    while pull(&rig).is_none() {
        match rig.issued.is_empty() {
            true => rig.hand_in(),
            false => rig.finish(0, How::Works),
        }
    }
    rig.finish(pull(&rig).unwrap(), How::Lost);
    let mut next = shop(2);
    next.tasks.remove("t2");
    rig.push(next, &[]);
    rig.hand_in();
    assert_eq!(pull(&rig), None);
    rig.later(600);
    rig.hand_in();
    assert!(pull(&rig).is_some(), "in its time");
}

#[test]
fn who_still_lacks_specs_after_some_came_asks_for_the_next_at_once() {
    let job = job(lab_types::RestartPolicy::Never);
    let mut rig = Rig::new(engine());
    rig.pump();
    let mut assignment = shop(1);
    let third = task("t3", "job", 1, &job);
    assignment.tasks.insert(third.id.clone(), third);
    rig.push(assignment.clone(), &[web()]);
    let asked = rig.asked.len();
    assert_eq!(rig.asked[asked - 1].lacking.len(), 2);
    let specs = [(redis().digest(), redis())].into();
    rig.core.on_sync_reply(Some(assignment), specs, rig.now);
    rig.pump();
    assert_eq!(rig.asked.len(), asked + 1);
    assert_eq!(rig.asked[asked].lacking, [job.digest()]);
}
