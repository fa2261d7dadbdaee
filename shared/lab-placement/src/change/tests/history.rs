//! What is kept of a project's changes, and what can be told from it.

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{Condition, ConfirmationId, ProjectModel};
use proptest::prelude::*;

use super::said;
use crate::change::Change;
use crate::change::history::REVISIONS_KEPT;
use crate::testing::{Small, project, service, svc};
use crate::view;

fn told(small: &Small) -> String {
    let rows = view::history(&small.lab, &project("shop"));
    let line = |row: &view::RevisionRow| {
        let services = row.services.iter().map(ToString::to_string);
        let all: Vec<String> = services.chain(row.others.iter().cloned()).collect();
        format!("{} by {}: {}\n", row.revision, row.by, all.join(", "))
    };
    rows.iter().map(line).collect()
}

fn at(small: &Small, revision: u64) -> ProjectModel {
    view::project_at(&small.lab, &project("shop"), revision).unwrap()
}

#[test]
fn each_change_of_a_project_is_kept_with_what_it_did() {
    let mut small = Small::new(&["n1"]);
    small.up(
        "shop",
        &[
            ("web", svc("web:1")),
            ("db", svc("db:1").volume("shop_store")),
        ],
    );
    small.scale("shop", "web", 3);
    let waits = svc("web:1")
        .replicas(3)
        .after("db", Condition::ServiceStarted);
    small.up(
        "shop",
        &[("web", waits), ("db", svc("db:1").volume("shop_store"))],
    );
    small.up("shop", &[("web", svc("web:2"))]);
    let remove = Change::RemoveService {
        project: project("shop"),
        name: service("web"),
    };
    small.change(&remove).unwrap();
    expect![[r#"
        5 by alice: web removed
        4 by alice: db removed, web updated, volumes
        3 by alice: web updated
        2 by alice: web scaled 1 → 3
        1 by alice: db created, web created, networks, volumes, files
    "#]]
    .assert_eq(&told(&small));
    let third = at(&small, 3);
    assert_eq!(third.services[&service("web")].replicas, 3);
    assert_eq!(third.services[&service("web")].depends_on.len(), 1);
    assert_eq!(third.services[&service("db")].task.image, "db:1");
    assert_eq!(third.volumes.len(), 1);
    assert!(at(&small, 5).services.is_empty());
}

#[test]
fn a_revision_that_is_not_there_or_not_kept_is_refused_with_what_is() {
    let mut small = Small::new(&["n1"]);
    let problem = |small: &Small, revision| {
        said(&view::project_at(&small.lab, &project("shop"), revision).unwrap_err())
    };
    expect![[r#"
        SCH0023: project shop cannot be told as of revision 1: the lab does not know it
          `tercio ls` lists the projects
    "#]]
    .assert_eq(&problem(&small, 1));
    small.up("shop", &[("web", svc("web:1"))]);
    for replicas in 2..=30 {
        small.scale("shop", "web", replicas);
        small.plan();
    }
    let kept = &small.lab.desired.revisions[&project("shop")];
    assert_eq!(kept.len() as u64, REVISIONS_KEPT);
    expect![[r#"
        SCH0023: project shop cannot be told as of revision 3: what was changed since is not kept any more
          the oldest that can be told is 10
    "#]]
    .assert_eq(&problem(&small, 3));
    expect![[r#"
        SCH0023: project shop cannot be told as of revision 31: there is none of that number
          it is at revision 30
    "#]]
    .assert_eq(&problem(&small, 31));
    assert_eq!(at(&small, 10).services[&service("web")].replicas, 10);
}

/// One change of a small project.
#[derive(Clone, Copy, Debug)]
enum Step {
    Up { services: u8, tag: u8 },
    Scale(u32),
    RemoveOne,
    Down { volumes: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..8, 0u8..3).prop_map(|(services, tag)| Step::Up { services, tag }),
        2 => (0u32..4).prop_map(Step::Scale),
        1 => Just(Step::RemoveOne),
        1 => any::<bool>().prop_map(|volumes| Step::Down { volumes }),
    ];
    prop::collection::vec(step, 1..25)
}

fn change_of(small: &Small, step: Step) -> Change {
    let owner = project("shop");
    match step {
        Step::Up { services, tag } => {
            let names = ["a", "b", "c"].into_iter().enumerate();
            let named = names.filter(|(bit, _)| services & (1 << bit) != 0);
            let all: Vec<_> = named
                .map(|(_, name)| {
                    (
                        name,
                        svc(&format!("{name}:{tag}")).volume(&format!("shop_{name}")),
                    )
                })
                .collect();
            small.apply_of("shop", &all)
        }
        Step::Scale(replicas) => Change::ScaleService {
            project: owner,
            name: service("a"),
            replicas,
        },
        Step::RemoveOne => Change::RemoveService {
            project: owner,
            name: service("b"),
        },
        Step::Down { volumes } => Change::RemoveProject {
            project: owner,
            remove_volumes: volumes.then(|| ConfirmationId::new("yes").unwrap()),
            shown: None,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kept_revision_is_told_as_it_was(steps in steps()) {
        let mut small = Small::new(&["n1"]);
        let owner = project("shop");
        let mut then: BTreeMap<u64, ProjectModel> = BTreeMap::new();
        for step in steps {
            let change = change_of(&small, step);
            // Some are refused, which makes no revision.
            let _ = small.change(&change);
            // What nobody needs is swept: no spec of a kept revision may be.
            small.plan();
            if let Some(record) = small.lab.desired.projects.get(&owner) {
                let revision = record.revision;
                then.entry(revision).or_insert_with(|| at(&small, revision));
            }
        }
        let kept = small.lab.desired.revisions.get(&owner);
        for number in kept.into_iter().flat_map(BTreeMap::keys) {
            prop_assert_eq!(&at(&small, *number), &then[number], "revision {}", number);
        }
    }
}
