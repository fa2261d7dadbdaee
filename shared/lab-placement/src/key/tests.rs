use lab_types::{NodeId, Pass, ProjectName, RequestId, ServiceName, SpecDigest};
use proptest::prelude::*;

use super::Key;

fn project() -> impl Strategy<Value = ProjectName> {
    "[a-z0-9][a-z0-9_-]{0,12}".prop_map(|text| ProjectName::new(text).unwrap())
}

fn service() -> impl Strategy<Value = ServiceName> {
    "[A-Za-z0-9_][A-Za-z0-9._-]{0,12}".prop_map(|text| ServiceName::new(text).unwrap())
}

fn key() -> impl Strategy<Value = Key> {
    let token = "[A-Za-z0-9_-]{1,16}";
    prop_oneof![
        "[0-9a-f]{64}".prop_map(|text| Key::Spec(SpecDigest::new(text).unwrap())),
        project().prop_map(Key::Project),
        (project(), service()).prop_map(|(p, s)| Key::Service(p, s)),
        token.prop_map(|text| Key::Node(NodeId::new(text).unwrap())),
        (project(), service(), any::<u32>()).prop_map(|(p, s, n)| Key::Outcome(p, s, n)),
        token.prop_map(|text| Key::Assignment(NodeId::new(text).unwrap())),
        token.prop_map(|text| Key::Answer(RequestId::new(text).unwrap())),
        any::<u64>().prop_map(|pass| Key::Outbox(Pass(pass))),
        Just(Key::Head),
    ]
}

proptest! {
    #[test]
    fn reading_a_key_is_the_inverse_of_printing_it(key in key()) {
        let text = key.to_string();
        prop_assert_eq!(text.parse::<Key>().unwrap(), key, "{}", text);
    }

    #[test]
    fn a_printed_key_fits_the_stream(key in key()) {
        let text = key.to_string();
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-=.".contains(&b)));
        prop_assert!(!text.starts_with('.') && !text.ends_with('.') && !text.contains(".."));
    }

    #[test]
    fn whatever_is_read_prints_the_same_again(text in "(outcome|outbox|op|node|desired.service)[.][a-z0-9=.A-F]{0,12}") {
        if let Ok(key) = text.parse::<Key>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }
}

#[test]
fn a_dotted_service_keeps_its_name_and_two_spellings_of_one_key_are_not_accepted() {
    let key: Key = "desired.service.shop.a=2Eb".parse().unwrap();
    assert_eq!(
        key,
        Key::Service(
            ProjectName::new("shop").unwrap(),
            ServiceName::new("a.b").unwrap()
        )
    );
    for twin in [
        "desired.service.shop.a=2eb",
        "desired.service.shop.=41",
        "outbox.007",
        "outbox.+7",
        "spec.zz",
        "head.other",
        "",
    ] {
        assert!(twin.parse::<Key>().is_err(), "{twin:?} was accepted");
    }
}
