//! Many nodes, many tasks: limits hold, and what belongs together stays together.

use std::collections::BTreeMap;

use lab_types::{DurationMs, Fence, NodeLiveness, TaskTarget};

use super::{Stage, register, up};
use crate::change::Change;
use crate::leader::EVENTS_MAX;
use crate::record::Record;
use crate::testing::{model, node, project, svc};

#[test]
fn no_more_agents_are_asked_at_a_time_than_the_policy_says() {
    let mut stage = Stage::new();
    for number in 0..100 {
        stage.ask(
            &format!("join-{number}"),
            register(&format!("n{number:03}")),
        );
    }
    stage.settle();
    stage.core.tick(stage.now);
    stage.take();
    assert_eq!(stage.asked.len(), 64);
    stage.report("n000");
    stage.take();
    assert_eq!(stage.asked.len(), 65, "one has answered, the next is asked");
    stage.now = stage.now.plus(DurationMs(1999));
    stage.core.tick(stage.now);
    stage.take();
    assert_eq!(stage.asked.len(), 65);
    stage.now = stage.now.plus(DurationMs(1));
    stage.core.tick(stage.now);
    stage.take();
    assert_eq!(
        stage.asked.len(),
        65 + 64,
        "who did not answer is asked again"
    );
}

#[test]
fn nodes_that_never_answer_do_not_keep_the_others_from_being_asked() {
    let mut stage = Stage::new();
    let names: Vec<String> = (0..200).map(|number| format!("n{number:03}")).collect();
    for name in &names {
        stage.ask(&format!("join-{name}"), register(name));
    }
    stage.settle();
    stage.succeed();
    // The first eighty are switched off; the others beat, and answer when they are asked.
    for _ in 0..20 {
        for name in &names[80..] {
            stage.beat(name, Fence::default());
        }
        stage.core.tick(stage.now);
        stage.take();
        for asked in std::mem::take(&mut stage.asked) {
            if asked >= node("n080") {
                stage.report(asked.as_str());
            }
        }
        stage.take();
        stage.now = stage.now.plus(DurationMs(500));
    }
    let lab = stage.core.lab();
    let unheard: Vec<&String> = names[80..]
        .iter()
        .filter(|name| lab.liveness_of(&node(name)) != NodeLiveness::Ready)
        .collect();
    assert!(unheard.is_empty(), "{} of 120: {unheard:?}", unheard.len());
    stage.asked.clear();
    stage.now = stage.now.plus(DurationMs(2000));
    for name in &names[80..] {
        stage.beat(name, Fence::default());
    }
    stage.core.tick(stage.now);
    stage.take();
    assert!(
        stage.asked.is_empty(),
        "who is lost is asked when it is heard"
    );
    stage.beat("n000", Fence::default());
    stage.take();
    assert_eq!(stage.asked, [node("n000")]);
}

#[test]
fn a_large_change_is_cut_into_passes_and_each_is_a_valid_state() {
    let names: Vec<String> = (0..1000).map(|number| format!("n{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::with_nodes(&names);
    stage.ask("r1", up(0, "web:1", 3000));
    let mut passes = 0;
    let mut tasks = 0;
    while let Some(draft) = stage.draft() {
        passes += 1;
        stage.commit(&draft);
        let records = stage.store.iter();
        let records = records.map(|(key, (tag, record))| (key.clone(), *tag, record.clone()));
        let loaded = crate::lab::Lab::load(records.collect(), stage.head);
        assert_eq!(crate::check::lab(&loaded.lab), []);
        assert_eq!((loaded.rewrite, loaded.misfiled), (Vec::new(), Vec::new()));
        for (key, record) in &draft.puts {
            if let Record::Outbox(events) = record {
                assert!(
                    events.len() <= EVENTS_MAX,
                    "{key} has {} events",
                    events.len()
                );
            }
        }
        stage.take();
        let pushed = stage.got.values().map(|push| push.assignment.tasks.len());
        tasks = pushed.sum();
    }
    assert_eq!(tasks, 3000);
    assert_eq!(stage.got.len(), 1000);
    assert!(passes >= 4, "3000 events need at least that, not {passes}");
}

#[test]
fn a_replacement_and_its_withdrawal_are_in_one_pass() {
    let names: Vec<String> = (0..1000).map(|number| format!("n{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::with_nodes(&names);
    stage.ask("r1", up(0, "web:1", 1000));
    stage.settle();
    for name in &names {
        stage.report(name);
    }
    stage.settle();
    // Beats of all but some; fewer than a third, so that nothing is held.
    stage.now = stage.now.plus(DurationMs(4000));
    for name in &names[..700] {
        let fence = stage.got[&node(name)].assignment.fence;
        stage.beat(name, fence);
    }
    stage.core.tick(stage.now);
    let mut replaced = 0;
    while let Some(draft) = stage.draft() {
        stage.commit(&draft);
        stage.take();
        let mut running: BTreeMap<u32, u32> = BTreeMap::new();
        for (_, record) in stage.store.values() {
            if let Record::Assignment(assignment) = record {
                for task in assignment.tasks.values() {
                    let runs = u32::from(task.target == TaskTarget::Run);
                    replaced += usize::from(runs == 0);
                    *running.entry(task.slot).or_default() += runs;
                }
            }
        }
        assert!(
            running.values().all(|n| *n == 1),
            "each slot has one task after each pass"
        );
    }
    assert!(replaced > 0);
    assert_eq!(stage.core.report().deferred, 0);
}

#[test]
fn a_request_that_no_pass_could_hold_is_refused_and_deposes_nobody() {
    let mut stage = Stage::with_nodes(&["n1"]);
    let many = |kind: &str, n: u32| {
        let names: Vec<String> = (0..n).map(|number| format!("{kind}{number}")).collect();
        let services = names
            .iter()
            .map(|name| (name.as_str(), svc("web:1").replicas(0)));
        let services: Vec<_> = services.collect();
        Box::new(model("shop", &services))
    };
    let apply = |base_revision, model| Change::ApplyProject {
        project: project("shop"),
        plan: None,
        base_revision,
        model,
    };
    stage.ask("r1", apply(0, many("old", 500)));
    stage.settle();
    stage.ask("r2", apply(1, many("new", 500)));
    stage.settle();
    assert_eq!(
        stage.replied(),
        ["r1: revision 1, changed true", "r2: SCH0008"]
    );
    stage.ask("r3", apply(1, many("new", 390)));
    stage.settle();
    assert_eq!(stage.replied(), ["r3: revision 2, changed true"]);
}

#[test]
fn a_thousand_refused_tasks_are_tried_again_by_one_up_in_passes_that_fit() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.rejects = true;
    stage.ask("r1", up(0, "web:1", 1000));
    stage.settle();
    stage.report("n1");
    stage.settle();
    let outcomes = |stage: &Stage| stage.core.lab().desired.outcomes.len();
    assert_eq!(outcomes(&stage), 1000);
    stage.rejects = false;
    stage.ask("r2", up(1, "web:1", 1000));
    stage.settle();
    for _ in 0..3 {
        stage.report("n1");
        stage.settle();
    }
    assert_eq!(outcomes(&stage), 0);
    let tasks = stage.core.lab().desired.assignments[&node("n1")]
        .tasks
        .values();
    assert_eq!(
        tasks.filter(|task| task.target == TaskTarget::Run).count(),
        1000
    );
}

#[test]
fn an_outbox_stays_below_the_largest_message_however_long_its_words_are() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1000));
    stage.settle();
    let report = stage.written("n1");
    let lab_types::ReportBody::Full { mut inventory } = report.body.clone() else {
        panic!("{report:?}");
    };
    for status in inventory.tasks.values_mut() {
        status.message = Some("it ".repeat(5_000));
        status.progress.state = lab_types::TaskState::Failed;
    }
    let body = lab_types::ReportBody::Full { inventory };
    let report = lab_types::Report { body, ..report };
    stage.core.on_report(&report, stage.now);
    let drafts = stage.settle();
    let outboxes = drafts.iter().flat_map(|draft| &draft.puts);
    let outboxes = outboxes.filter_map(|(_, record)| match record {
        Record::Outbox(events) => Some(events),
        _ => None,
    });
    let sizes: Vec<usize> = outboxes.map(|events| format!("{events:?}").len()).collect();
    assert!(sizes.len() >= 2, "{sizes:?}");
    // As text for people an event is about twice as long as on the wire.
    assert!(sizes.iter().all(|size| *size < 2 << 20), "{sizes:?}");
}

#[test]
fn specs_too_large_for_one_message_come_in_several() {
    let mut stage = Stage::with_nodes(&["n1"]);
    let large = |image: &str| {
        let mut service = svc(image);
        let value = "x".repeat(220 * 1024);
        service.0.task.environment.insert("CONFIG".into(), value);
        service
    };
    let names = ["a", "b", "c", "d", "e"];
    let services: Vec<_> = names.iter().map(|name| (*name, large(name))).collect();
    stage.ask(
        "r1",
        Change::ApplyProject {
            project: project("shop"),
            plan: None,
            base_revision: 0,
            model: Box::new(model("shop", &services)),
        },
    );
    stage.settle();
    let push = stage.core.sync(&node("n1")).unwrap();
    let mut held = push.specs;
    let mut questions = 0;
    loop {
        let mut lacking = push.assignment.specs();
        lacking.retain(|digest| !held.contains_key(digest));
        if lacking.is_empty() {
            break;
        }
        let more = stage.core.specs_for(lacking);
        assert!((1..=2).contains(&more.len()), "{} at once", more.len());
        held.extend(more);
        questions += 1;
    }
    assert_eq!((held.len(), questions), (5, 4));
}
