//! Volumes go with their data only when that was agreed to.

use lab_types::{ConfirmationId, EngineName};

use crate::change::Change;
use crate::record::Answer;
use crate::testing::{Small, project, svc};

#[test]
fn a_consent_holds_for_the_volumes_that_were_named() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_store"))]);
    small.settle();
    let down = |shown: &[&str]| Change::RemoveProject {
        project: project("shop"),
        remove_volumes: Some(ConfirmationId::new("yes").unwrap()),
        shown: Some(
            shown
                .iter()
                .map(|name| EngineName::new(*name).unwrap())
                .collect(),
        ),
    };
    let refused = small.change(&down(&["shop_other"])).unwrap_err();
    assert_eq!(refused.code.to_string(), "SCH0019");
    assert!(refused.message.contains("shop_store"), "{refused}");
    assert_eq!(small.lab.desired.services.len(), 1, "nothing was changed");
    small.change(&down(&["shop_other", "shop_store"])).unwrap();
}

#[test]
fn a_volume_that_the_files_no_longer_have_goes_only_when_the_consent_names_it() {
    let mut small = Small::new(&["n1"]);
    let old = [
        ("db", svc("db:1").volume("shop_store")),
        ("log", svc("log:1").volume("shop_old")),
    ];
    small.up("shop", &old);
    small.settle();
    small.up("shop", &old[..1]);
    small.settle();
    let name = |name: &str| EngineName::new(name).unwrap();
    let facts = crate::view::project_facts(&small.lab, &project("shop"));
    assert_eq!(facts.dropped_volumes, [name("shop_old")].into());
    let down = |shown: Option<&[&str]>| Change::RemoveProject {
        project: project("shop"),
        remove_volumes: Some(ConfirmationId::new("yes").unwrap()),
        shown: shown.map(|shown| shown.iter().copied().map(name).collect()),
    };
    let mut removed = |shown| match small.decide(&down(shown)).unwrap().answer {
        Answer::ProjectRemoved {
            volumes,
            kept_volumes,
            ..
        } => (volumes, kept_volumes),
        other => panic!("{other:?}"),
    };
    let (store, old) = (name("shop_store"), name("shop_old"));
    assert_eq!(removed(None), (vec![store.clone()], vec![old.clone()]));
    let declared = removed(Some(&["shop_store"]));
    assert_eq!(declared, (vec![store.clone()], vec![old.clone()]));
    let both = removed(Some(&["shop_old", "shop_store"]));
    assert_eq!(both, (vec![old, store], Vec::new()));
    // What was kept can still be named when the rest is gone.
    small.change(&down(None)).unwrap();
    small.settle();
    small.change(&down(Some(&["shop_old"]))).unwrap();
    small.settle();
    assert!(!small.shown().contains("shop_old"), "{}", small.shown());
}
