use lab_types::{Incarnation, Pass, TaskSpec, WriteTag};

use super::{Lab, Misfiled};
use crate::key::Key;
use crate::record::Record;
use crate::testing::project;

fn tag(incarnation: u64, pass: u64) -> WriteTag {
    WriteTag {
        incarnation: Incarnation(incarnation),
        pass: Pass(pass),
        ..WriteTag::default()
    }
}

fn spec(image: &str) -> (Key, Record) {
    let spec = TaskSpec {
        image: image.to_owned(),
        ..TaskSpec::default()
    };
    (Key::Spec(spec.digest()), Record::Spec(Box::new(spec)))
}

#[test]
fn records_above_the_head_are_named_and_a_value_of_another_kind_is_left_alone() {
    let (before, before_value) = spec("before");
    let (above, above_value) = spec("above");
    let (restored, restored_value) = spec("restored");
    let wrong = Key::Project(project("shop"));
    let records = vec![
        (before.clone(), tag(2, 7), before_value),
        (above.clone(), tag(2, 8), above_value),
        (restored.clone(), tag(1, 99), restored_value),
        (wrong.clone(), tag(2, 3), spec("x").1),
    ];
    let loaded = Lab::load(records, tag(2, 7));
    assert_eq!(loaded.rewrite, [above]);
    assert_eq!(loaded.misfiled, [wrong]);
    assert_eq!(loaded.lab.desired.specs.len(), 3);
    assert!(loaded.lab.record(&before).is_some() && loaded.lab.record(&restored).is_some());
}

#[test]
fn what_is_put_is_what_is_read_and_what_is_removed_is_gone() {
    let mut lab = Lab::default();
    let (key, value) = spec("web:1");
    lab.put(&key, value.clone()).unwrap();
    assert_eq!(lab.record(&key), Some(value.clone()));
    assert_eq!(lab.put(&Key::Head, value), Err(Misfiled));
    lab.remove(&key);
    assert_eq!(lab, Lab::default());
}
