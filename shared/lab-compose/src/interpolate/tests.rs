use super::{EXPANDED_BYTES_MAX, Expanded, Fault, expand};

/// U is unset, E is empty, S is `sv`.
fn lookup(name: &str) -> Option<String> {
    match name {
        "E" => Some(String::new()),
        "S" => Some("sv".to_owned()),
        "BIG" => Some("x".repeat(1 << 20)),
        _ => None,
    }
}

fn run(text: &str) -> Result<Expanded, Fault> {
    expand(text, &lookup, &mut EXPANDED_BYTES_MAX.clone())
}

fn value(text: &str) -> String {
    run(text)
        .unwrap_or_else(|fault| panic!("{text:?}: {fault:?}"))
        .text
}

#[test]
fn every_operator_meets_an_unset_an_empty_and_a_set_variable() {
    let cases = [
        ("${U:-d}", "d"),
        ("${U-d}", "d"),
        ("${E:-d}", "d"),
        ("${E-d}", ""),
        ("${S:-d}", "sv"),
        ("${S-d}", "sv"),
        ("${S:+alt}", "alt"),
        ("${S+alt}", "alt"),
        ("${U+alt}", ""),
        ("${U:+alt}", ""),
        ("${E:+alt}", ""),
        ("${E+alt}", "alt"),
        ("${S:?m}", "sv"),
        ("${S?m}", "sv"),
        ("${E?m}", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn words_nest_hold_braces_and_other_operators() {
    let cases = [
        ("${U:-${V:-deep}}", "deep"),
        ("${U:-a${S}b}c", "asvbc"),
        ("${U:-a:-b}", "a:-b"),
        ("${U-a?b}", "a?b"),
        ("${U:-http://x:80/?a=b}", "http://x:80/?a=b"),
        ("${U:-{\"k\":\"v\"}}", "{\"k\":\"v\"}"),
        ("${U:-{a}{b}}", "{a}{b}"),
        ("${U:-a}b}", "ab}"),
        ("${U:-$$x}", "$x"),
        ("${U:-a$}", "a$"),
        ("${U:-}", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn bare_names_end_where_a_name_ends_and_other_dollars_stay() {
    let cases = [
        ("$S-x$S_y", "sv-x"),
        ("$S.x", "sv.x"),
        ("a$$b", "a$b"),
        ("$$S", "$S"),
        ("$$$S", "$sv"),
        ("$1", "$1"),
        ("a $ b", "a $ b"),
        ("end$", "end$"),
        ("$(ls)", "$(ls)"),
        ("ü$S", "üsv"),
        ("$ü", "$ü"),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn what_the_grammar_does_not_know_is_refused_at_its_dollar() {
    for text in [
        "${}",
        "${1x}",
        "${ S }",
        "${S",
        "${S:=x}",
        "${S=x}",
        "${S:0:1}",
        "${S/a/b}",
        "${S:}",
        "${S!}",
        "${S:-${}}",
    ] {
        let faults = run(&format!("ab{text}"));
        let at = if text == "${S:-${}}" { 7 } else { 2 };
        assert_eq!(faults, Err(Fault::Format { at }), "{text}");
    }
}

#[test]
fn a_missing_required_variable_says_its_message() {
    let fault = |text: &str| match run(text) {
        Err(Fault::Required { at, name, message }) => (at, name, message),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(fault("x${U:?set ${S}}"), (1, "U".into(), "set sv".into()));
    assert_eq!(fault("${E:?}"), (0, "E".into(), String::new()));
    assert_eq!(fault("${U:-${V?inner}}"), (5, "V".into(), "inner".into()));
}

#[test]
fn a_default_that_is_not_used_requires_and_warns_of_nothing() {
    for text in ["${S:-${U?no}}", "${S:-$U}", "${U:+${V:?no}}"] {
        let expanded = run(text).unwrap();
        assert_eq!(expanded.unset, [], "{text}");
    }
}

#[test]
fn unset_variables_are_named_with_their_offsets() {
    let expanded = run("a$U ${V}${W:-$X}").unwrap();
    assert_eq!(expanded.text, "a ");
    let expected = [(1, "U"), (4, "V"), (13, "X")].map(|(at, name)| (at, name.to_owned()));
    assert_eq!(expanded.unset, expected);
}

#[test]
fn expansions_are_bounded_in_size_and_depth() {
    assert!(matches!(
        run(&"$BIG".repeat(64)),
        Err(Fault::TooLarge { .. })
    ));
    let deep = "${U:-".repeat(100_000) + &"}".repeat(100_000);
    assert!(matches!(run(&deep), Err(Fault::TooLarge { .. })));
}
