//! Promises that hold for every lab, tried on labs made by chance.
//!
//! Each plan made here is checked against the invariants of [`crate::check`] before it is applied: a
//! slot never has two tasks, reservations never exceed capacity, fences only grow, gates never close,
//! nothing leaves too early, no volume goes without consent.

use std::collections::BTreeSet;

use lab_types::{Condition, ConfirmationId, NodeLiveness, TaskTarget, WriteTag};
use proptest::prelude::*;

use crate::change::Change;
use crate::key::Key;
use crate::lab::Lab;
use crate::plan::{self, PlanningInput};
use crate::record::Record;
use crate::rng::PlacementRng;
use crate::testing::{Fate, GIB, Small, Svc, node, project, svc};

const NODES: [&str; 4] = ["n1", "n2", "n3", "n4"];
const PROJECTS: [&str; 2] = ["blog", "shop"];
const SERVICES: [&str; 3] = ["api", "db", "web"];

/// What a service may be like.
#[derive(Clone, Debug)]
struct Shape {
    image: u8,
    replicas: u32,
    gib: u64,
    port: Option<u16>,
    has_volume: bool,
    waits: bool,
}

#[derive(Clone, Debug)]
enum Act {
    Up(usize, Vec<Shape>),
    Down(usize, bool),
    Scale(usize, usize, u32),
    Lose(usize),
    Return(usize),
    Report(usize),
    Fate(usize, Fate),
    Plan,
}

fn shape() -> impl Strategy<Value = Shape> {
    (
        0u8..3,
        0u32..4,
        0u64..4,
        prop::option::of(80u16..83),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(image, replicas, gib, port, has_volume, waits)| Shape {
            image,
            replicas,
            gib,
            port,
            has_volume,
            waits,
        })
}

fn act() -> impl Strategy<Value = Act> {
    let fate = prop_oneof![
        Just(Fate::Runs),
        Just(Fate::Unhealthy),
        Just(Fate::Completes),
        Just(Fate::Rejected),
        Just(Fate::Fails {
            exit_code: 1,
            exhausted: false
        }),
        Just(Fate::Fails {
            exit_code: 1,
            exhausted: true
        }),
    ];
    prop_oneof![
        3 => (0usize..2, prop::collection::vec(shape(), 1..=3)).prop_map(|(p, s)| Act::Up(p, s)),
        1 => (0usize..2, any::<bool>()).prop_map(|(p, v)| Act::Down(p, v)),
        2 => (0usize..2, 0usize..3, 0u32..5).prop_map(|(p, s, n)| Act::Scale(p, s, n)),
        2 => (0usize..4).prop_map(Act::Lose),
        2 => (0usize..4).prop_map(Act::Return),
        4 => (0usize..4).prop_map(Act::Report),
        1 => (0usize..3, fate).prop_map(|(s, f)| Act::Fate(s, f)),
        6 => Just(Act::Plan),
    ]
}

fn services(owner: &str, shapes: &[Shape]) -> Vec<(&'static str, Svc)> {
    let shaped = shapes.iter().zip(SERVICES);
    shaped
        .map(|(shape, name)| {
            let mut one = svc(&format!("{name}:{}", shape.image))
                .replicas(shape.replicas)
                .memory(shape.gib * GIB);
            if let Some(port) = shape.port {
                one = one.port(port);
            }
            if shape.has_volume {
                one = one.volume(&format!("{owner}_data"));
            }
            // The first service waits for nobody, so that there is no circle.
            if shape.waits && name != SERVICES[0] {
                one = one.after(SERVICES[0], Condition::ServiceHealthy);
            }
            (name, one)
        })
        .collect()
}

/// Does one thing; what a request is refused is fine.
fn act_on(small: &mut Small, act: &Act) {
    match act {
        Act::Up(owner, shapes) => {
            let change = small.apply_of(PROJECTS[*owner], &services(PROJECTS[*owner], shapes));
            drop(small.change(&change));
        }
        Act::Down(owner, with_volumes) => {
            let consent = ConfirmationId::new("yes").unwrap();
            let change = Change::RemoveProject {
                project: project(PROJECTS[*owner]),
                remove_volumes: with_volumes.then_some(consent),
                shown: None,
            };
            drop(small.change(&change));
        }
        Act::Scale(owner, name, replicas) => {
            let change = Change::ScaleService {
                project: project(PROJECTS[*owner]),
                name: crate::testing::service(SERVICES[*name]),
                replicas: *replicas,
            };
            drop(small.change(&change));
        }
        Act::Lose(number) => small.lose(NODES[*number]),
        Act::Return(number) | Act::Report(number) => {
            let lost = small.lab.liveness_of(&node(NODES[*number])) == NodeLiveness::Lost;
            if !lost || matches!(act, Act::Return(_)) {
                small.report(NODES[*number]);
            }
        }
        Act::Fate(name, fate) => drop(small.fates.insert(SERVICES[*name].into(), fate.clone())),
        Act::Plan => drop(small.plan()),
    }
}

fn lab_after(acts: &[Act]) -> Small {
    let mut small = Small::new(&NODES);
    for act in acts {
        act_on(&mut small, act);
    }
    small
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..60)
}

/// Every record of the state stream.
fn records(lab: &Lab) -> Vec<(Key, WriteTag, Record)> {
    let desired = &lab.desired;
    let mut keys: Vec<Key> = Vec::new();
    keys.extend(desired.projects.keys().cloned().map(Key::Project));
    keys.extend(
        desired
            .services
            .keys()
            .cloned()
            .map(|(p, s)| Key::Service(p, s)),
    );
    for (project, kept) in &desired.revisions {
        keys.extend(kept.keys().map(|n| Key::Revision(project.clone(), *n)));
    }
    keys.extend(desired.specs.keys().cloned().map(Key::Spec));
    keys.extend(desired.nodes.keys().cloned().map(Key::Node));
    keys.extend(desired.assignments.keys().cloned().map(Key::Assignment));
    let outcomes = desired.outcomes.keys().cloned();
    keys.extend(outcomes.map(|(p, s, n)| Key::Outcome(p, s, n)));
    let filed = keys.into_iter().map(|key| {
        let record = lab.record(&key).unwrap();
        (key, WriteTag::default(), record)
    });
    filed.collect()
}

fn planned(small: &Small, lab: &Lab, seed: u64) -> plan::Outcome {
    let input = PlanningInput {
        now: small.now,
        policy: &small.policy,
        lab,
        leader: small.leader,
    };
    plan::plan(&input, &mut PlacementRng::from_number(seed))
}

proptest! {
    #[test]
    fn every_plan_of_every_history_keeps_every_invariant(acts in acts()) {
        let mut small = lab_after(&acts);
        small.plan();
    }

    #[test]
    fn applying_a_plan_and_planning_again_gives_nothing(acts in acts()) {
        let mut small = lab_after(&acts);
        small.plan();
        let again = small.plan_only();
        prop_assert!(again.is_empty(), "{}{}", small.shown(), again.report);
    }

    #[test]
    fn the_same_lab_and_seed_give_the_same_plan_whatever_the_order_it_was_read_in(
        acts in acts(),
        seed in any::<u64>(),
        order in any::<prop::sample::Index>(),
    ) {
        let small = lab_after(&acts);
        let first = planned(&small, &small.lab, seed);
        let mut shuffled = records(&small.lab);
        let pivot = order.index(shuffled.len());
        shuffled.rotate_left(pivot);
        shuffled.reverse();
        let mut read = Lab::load(shuffled, WriteTag::default()).lab;
        read.observed = small.lab.observed.clone();
        prop_assert_eq!(&read, &small.lab);
        let second = planned(&small, &read, seed);
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }

    #[test]
    fn when_the_faults_end_the_lab_converges_and_a_converged_lab_needs_no_plan(acts in acts()) {
        let mut small = lab_after(&acts);
        for name in NODES {
            small.report(name);
        }
        small.fates.clear();
        small.settle();
        prop_assert!(small.plan_only().is_empty());
        let pending = small.plan_only().pending;
        let lab = &small.lab;
        for (key, record) in &lab.desired.services {
            let tasks = lab.desired.assignments.values().flat_map(|a| a.tasks.values());
            let mine = tasks.filter(|task| (&task.project, &task.service) == (&key.0, &key.1));
            let slots: BTreeSet<u32> = mine
                .inspect(|task| assert_eq!(task.target, TaskTarget::Run, "nothing is left over"))
                .map(|task| task.slot)
                .collect();
            for slot in 1..=record.replicas {
                let place = (key.0.clone(), key.1.clone(), slot);
                let ended = lab.desired.outcomes.contains_key(&place);
                prop_assert!(
                    slots.contains(&slot) || ended || pending.contains(&place),
                    "{:?} has no task and nobody says why", place
                );
            }
            prop_assert!(slots.iter().all(|slot| (1..=record.replicas).contains(slot)));
        }
    }

    #[test]
    fn scaled_to_zero_nothing_is_placed(acts in acts()) {
        let mut small = lab_after(&acts);
        for service in small.lab.desired.services.values_mut() {
            service.replicas = 0;
        }
        for _ in 0..3 {
            prop_assert_eq!(small.plan().report.placed, []);
            small.agents();
        }
    }

    #[test]
    fn with_every_project_down_and_its_volumes_removed_nothing_is_left(acts in acts()) {
        let mut small = lab_after(&acts);
        for owner in 0..PROJECTS.len() {
            act_on(&mut small, &Act::Down(owner, true));
        }
        for name in NODES {
            small.report(name);
        }
        small.settle();
        for assignment in small.lab.desired.assignments.values() {
            prop_assert!(assignment.tasks.is_empty() && assignment.networks.is_empty());
            prop_assert!(assignment.remove_volumes.is_empty());
        }
        // But for what the projects were.
        small.lab.desired.revisions.clear();
        small.settle();
        prop_assert!(small.lab.desired.specs.is_empty());
        prop_assert!(small.lab.desired.outcomes.is_empty());
    }
}
