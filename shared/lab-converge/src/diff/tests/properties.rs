//! What holds for every mixture of an assignment and an engine.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{ConfirmationId, Gate, RestartPolicy, TaskSpec, TaskTarget};
use proptest::prelude::*;

use crate::action::ActionKind;
use crate::fixture::{Bench, job, lab, name, node, redis, task, text};
use crate::labels;
use crate::model::{ModelContainer, ModelEngine};
use crate::observed::ContainerState;

/// One slot of the node: what is assigned to it and what stands under its name.
#[derive(Clone, Debug)]
struct Slot {
    assigned: Option<(TaskTarget, bool)>,
    uses_volume: bool,
    restart: u8,
    present: Present,
    state: u8,
}

/// What the engine has under a slot's name.
#[derive(Clone, Copy, Debug)]
enum Present {
    Nothing,
    ThisTask,
    EarlierTask,
    OtherSpec,
    Compose,
    OtherLab,
    Unlabelled,
}

fn slot() -> impl Strategy<Value = Slot> {
    let target = prop_oneof![Just(TaskTarget::Run), Just(TaskTarget::Stop)];
    let present = prop_oneof![
        Just(Present::Nothing),
        Just(Present::ThisTask),
        Just(Present::EarlierTask),
        Just(Present::OtherSpec),
        Just(Present::Compose),
        Just(Present::OtherLab),
        Just(Present::Unlabelled),
    ];
    let assigned = proptest::option::of((target, any::<bool>()));
    (assigned, any::<bool>(), 0u8..4, present, 0u8..6).prop_map(
        |(assigned, uses_volume, restart, present, state)| Slot {
            assigned,
            uses_volume,
            restart,
            present,
            state,
        },
    )
}

fn spec_of(slot: &Slot) -> TaskSpec {
    let restart = match slot.restart {
        0 => RestartPolicy::Always,
        1 => RestartPolicy::OnFailure,
        2 => RestartPolicy::OnFailureAtMost { max_attempts: 1 },
        _ => RestartPolicy::Never,
    };
    if slot.uses_volume {
        TaskSpec { restart, ..redis() }
    } else {
        job(restart)
    }
}

fn state_of(code: u8) -> ContainerState {
    let exited = |code| ContainerState::Exited {
        code,
        oom_killed: false,
        error: None,
    };
    match code {
        0 => ContainerState::Created,
        1 => ContainerState::Running,
        2 => ContainerState::Paused,
        3 => exited(0),
        4 => exited(1),
        _ => ContainerState::Dead,
    }
}

fn put(bench: &mut Bench, number: u32, slot: &Slot) {
    let spec = spec_of(slot);
    let mut other = task(&format!("t{number}"), "a", number, &spec);
    let container_name = labels::container_name(&other).unwrap();
    let compose = BTreeMap::from([(labels::COMPOSE_PROJECT.to_owned(), "shop".to_owned())]);
    let office = lab_types::LabId::new("office").unwrap();
    let labels = match slot.present {
        Present::Nothing => return,
        Present::ThisTask => labels::container(&lab(), &node(), &other, &spec),
        Present::EarlierTask => {
            other.id = crate::fixture::id(&format!("e{number}"));
            labels::container(&lab(), &node(), &other, &spec)
        }
        Present::OtherSpec => {
            other.spec = TaskSpec::default().digest();
            labels::container(&lab(), &node(), &other, &spec)
        }
        Present::Compose => compose,
        Present::OtherLab => labels::container(&office, &node(), &other, &spec),
        Present::Unlabelled => BTreeMap::new(),
    };
    let mut container = ModelContainer::created(container_name.as_str(), labels, spec);
    container.state = state_of(slot.state);
    if container.state != ContainerState::Created {
        container.started_at = Some(lab_types::UnixMillis(900_000));
    }
    if matches!(container.state, ContainerState::Exited { .. }) {
        container.finished_at = Some(lab_types::UnixMillis(900_500));
    }
    bench.engine.put(container);
}

fn bench_of(slots: &[Slot], networks: u8, volume: u8, confirmed: bool) -> Bench {
    let mut bench = Bench::new();
    for (number, slot) in (1u32..).zip(slots) {
        let spec = spec_of(slot);
        if let Some((target, is_open)) = slot.assigned {
            let mut task = task(&format!("t{number}"), "a", number, &spec);
            task.target = target;
            if !is_open {
                task.gate = Gate::Closed;
            }
            bench = bench.with(task, &spec);
        }
        put(&mut bench, number, slot);
    }
    let compose = BTreeMap::from([(labels::COMPOSE_PROJECT.to_owned(), "shop".to_owned())]);
    match networks {
        0 => drop(
            bench
                .engine
                .networks
                .insert(name("shop_default"), compose.clone()),
        ),
        1 => drop(
            bench
                .engine
                .networks
                .insert(name("bridge"), BTreeMap::new()),
        ),
        _ => {}
    }
    let wanted = &bench.ledger.assignment.volumes["shop_data"];
    let ours = labels::volume(&lab(), &wanted.project, &wanted.spec);
    match volume {
        0 => drop(bench.engine.volumes.insert(name("shop_data"), compose)),
        1 => drop(bench.engine.volumes.insert(name("shop_data"), ours.clone())),
        _ => {}
    }
    bench.engine.volumes.insert(name("shop_old"), ours);
    if confirmed {
        let confirmation = ConfirmationId::new("req-7").unwrap();
        bench
            .ledger
            .assignment
            .remove_volumes
            .insert(name("shop_old"), confirmation);
    }
    bench
}

/// What is not this lab's, in a form that can be compared.
fn foreign(engine: &ModelEngine) -> String {
    let theirs =
        |labels: &BTreeMap<String, String>| labels.get(labels::LAB).is_none_or(|lab| lab != "home");
    let containers: Vec<_> = engine
        .containers
        .iter()
        .filter(|(_, c)| theirs(&c.labels))
        .collect();
    let networks: Vec<_> = engine
        .networks
        .iter()
        .filter(|(_, labels)| theirs(labels))
        .collect();
    let volumes: Vec<_> = engine
        .volumes
        .iter()
        .filter(|(_, labels)| theirs(labels))
        .collect();
    format!("{containers:?} {networks:?} {volumes:?}")
}

/// Carries decisions out until nothing is due at any time; gives how many rounds it took.
fn run_to_the_end(bench: &mut Bench) -> Option<usize> {
    let confirmed: BTreeSet<_> = bench
        .ledger
        .assignment
        .remove_volumes
        .keys()
        .cloned()
        .collect();
    for round in 0..40 {
        let decision = bench.decide();
        for action in &decision.actions {
            if let ActionKind::RemoveVolume { name, .. } = &action.kind {
                assert!(confirmed.contains(name), "removed without consent: {name}");
            }
        }
        let before = bench.ledger.tasks.clone();
        bench.step();
        for (id, entry) in &bench.ledger.tasks {
            let earlier = before.get(id).map(|entry| entry.progress);
            assert!(
                earlier <= Some(entry.progress),
                "{id} went back: {}",
                text(&decision)
            );
        }
        match (decision.actions.is_empty(), decision.wake_at) {
            (true, None) => return Some(round),
            (true, Some(at)) => bench.now = at,
            (false, _) => {}
        }
    }
    None
}

proptest! {
    #[test]
    fn carrying_a_decision_out_leaves_nothing_to_decide_and_nothing_foreign_changed(
        slots in proptest::collection::vec(slot(), 0..12),
        networks in 0u8..3,
        volume in 0u8..3,
        confirmed: bool,
    ) {
        let mut bench = bench_of(&slots, networks, volume, confirmed);
        let before = foreign(&bench.engine);
        let rounds = run_to_the_end(&mut bench);
        prop_assert!(rounds.is_some(), "does not end: {}", text(&bench.decide()));
        prop_assert_eq!(foreign(&bench.engine), before);
        prop_assert_eq!(bench.engine.volumes.contains_key("shop_old"), !confirmed);
        for (number, slot) in (1u32..).zip(&slots) {
            let Some((target, is_open)) = slot.assigned else { continue };
            let entry = &bench.ledger.tasks[format!("t{number}").as_str()];
            let state = entry.progress.state;
            let ran_before = slot.state != 0 && matches!(slot.present, Present::ThisTask);
            let fits = match target {
                TaskTarget::Stop => state == lab_types::TaskState::Stopped,
                TaskTarget::Unknown => false,
                TaskTarget::Run if is_open || ran_before => {
                    state == lab_types::TaskState::Running || entry.exhausted
                }
                TaskTarget::Run => state == lab_types::TaskState::Ready || entry.exhausted,
            };
            prop_assert!(fits, "t{number} is {state} of {slot:?}");
        }
        let ours: BTreeSet<_> = bench.ledger.assignment.tasks.keys().cloned().collect();
        for container in bench.observe().containers.values() {
            prop_assert!(ours.contains(&container.identity.task), "{} is left", container.name);
        }
    }

    #[test]
    fn without_the_leaders_word_nothing_is_ever_stopped_or_removed(
        slots in proptest::collection::vec(slot(), 0..12),
        networks in 0u8..3,
        volume in 0u8..3,
        waiting: bool,
    ) {
        let mut bench = bench_of(&slots, networks, volume, true);
        use crate::diff::Standing;
        bench.standing = if waiting { Standing::Waiting } else { Standing::FromDisk };
        for action in bench.decide().actions {
            let harmless = match action.kind {
                ActionKind::PullImage { .. }
                | ActionKind::FetchImage { .. }
                | ActionKind::CreateNetwork { .. }
                | ActionKind::CreateVolume { .. }
                | ActionKind::CreateContainer(_)
                | ActionKind::StartContainer { .. } => !waiting,
                ActionKind::StopContainer { .. }
                | ActionKind::RemoveContainer { .. }
                | ActionKind::RemoveNetwork { .. }
                | ActionKind::RemoveVolume { .. } => false,
            };
            prop_assert!(harmless, "{action:?}");
        }
    }

    #[test]
    fn the_same_input_gives_the_same_decision(
        slots in proptest::collection::vec(slot(), 0..12),
        networks in 0u8..3,
        volume in 0u8..3,
    ) {
        let bench = bench_of(&slots, networks, volume, true);
        prop_assert_eq!(bench.decide(), bench.decide());
    }
}
