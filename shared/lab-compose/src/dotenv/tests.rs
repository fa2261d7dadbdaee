use std::collections::BTreeMap;

use super::{LineFault, parse};

/// S is `sv` outside the file; everything else is unset.
fn lookup(name: &str) -> Option<String> {
    (name == "S").then(|| "sv".to_owned())
}

fn read(text: &str) -> (BTreeMap<String, Option<String>>, Vec<LineFault>) {
    let (assignments, faults) = parse(text, &lookup, &mut 1_000_000);
    (
        assignments
            .into_iter()
            .map(|one| (one.key, one.value))
            .collect(),
        faults,
    )
}

#[track_caller]
fn check(line: &str, key: &str, expected: &str) {
    let (values, faults) = read(line);
    assert_eq!(faults, [], "{line:?}");
    assert_eq!(
        values.get(key).cloned().flatten().as_deref(),
        Some(expected),
        "{line:?}"
    );
}

#[test]
fn every_way_to_write_a_line_is_read_as_docker_compose_reads_it() {
    let cases = [
        ("\u{feff}A=1", "A", "1"),
        ("# comment\nA=1", "A", "1"),
        ("  A = two words  # c", "A", "two words"),
        ("A=has#hash", "A", "has#hash"),
        ("A=#hash", "A", "#hash"),
        ("A= # no comment", "A", "# no comment"),
        ("export A=exp", "A", "exp"),
        ("exportA=1", "exportA", "1"),
        ("A: yaml", "A", "yaml"),
        ("A : x", "A", "x"),
        ("A==x", "A", "=x"),
        ("A=1 =2", "A", "1 =2"),
        ("A=", "A", ""),
        ("1N=digit", "1N", "digit"),
        ("a.b-c[0]=x", "a.b-c[0]", "x"),
        ("A=raw\\n$S", "A", "raw\\nsv"),
        ("A=a 'b' \"c\"", "A", "a 'b' \"c\""),
        ("A=  spaced\t", "A", "spaced"),
        ("A=1\r\nB=2\r\n", "A", "1"),
        ("A='lit $S \"x\"\nsecond'", "A", "lit $S \"x\"\nsecond"),
        (r"A='a\'b'", "A", "a'b"),
        ("A=\"it's\" # c", "A", "it's"),
        ("A=\"multi\nline\"", "A", "multi\nline"),
        (r#"A="\n\t\\ \" \x""#, "A", "\n\t\\ \" \\x"),
        (r#"A="\$S $S $$x""#, "A", "$S sv $x"),
        (r#"A="\0101""#, "A", "A"),
        ("A=$$x", "A", "$x"),
        ("A=${U:-d}", "A", "d"),
        ("B=1\nA=${B}-$S", "A", "1-sv"),
        ("S=own\nA=$S", "A", "sv"),
        ("A=1\nA=2", "A", "2"),
        (r#"A="\a\b\f\v\r\c""#, "A", "\u{7}\u{8}\u{c}\u{b}\r\\c"),
        ("A=\"x\" B=2 # c", "A", "x"),
        ("A=\"x\" B=2 # c", "B", "2"),
        ("A='x'#c\nB=2", "B", "2"),
        (r#"A="\0777 \08 \0""#, "A", r"\777 \8 \"),
    ];
    for (text, key, expected) in cases {
        check(text, key, expected);
    }
}

#[test]
fn a_name_alone_takes_the_callers_value() {
    assert_eq!(
        read("A\nexport B\n").0,
        BTreeMap::from([("A".into(), None), ("B".into(), None)])
    );
}

#[test]
fn what_cannot_be_read_is_told_with_line_and_column_and_the_rest_is_read() {
    let cases = [
        ("OK=1\n =x", 2, 2),
        ("A B=1", 1, 3),
        ("\n\"A\"=x", 2, 1),
        ("A=\"x", 1, 3),
        ("A='x\ny", 1, 3),
        ("A+B=1", 1, 2),
        ("A=${", 1, 3),
        ("A=${U?m}", 1, 3),
    ];
    for (text, line, column) in cases {
        let (_, faults) = read(text);
        let places: Vec<_> = faults
            .iter()
            .map(|fault| (fault.line, fault.column))
            .collect();
        assert_eq!(places, [(line, column)], "{text:?}");
    }
    let (values, faults) = read("A B\nC=1\n");
    assert_eq!((values.len(), faults.len()), (1, 1));
}

#[test]
fn an_unset_variable_is_a_warning_and_the_line_counts() {
    let (values, faults) = read("A=x$U");
    assert_eq!(values["A"].as_deref(), Some("x"));
    assert_eq!(faults[0].unset_variable.as_deref(), Some("U"));
}

#[test]
fn doubling_lines_end_at_the_budget() {
    let mut text = "A0=0123456789\n".to_owned();
    for n in 1..60 {
        text.push_str(&format!("A{n}=$A{0}$A{0}\n", n - 1));
    }
    let (_, faults) = read(&text);
    assert!(faults[0].message.contains("too much"), "{:?}", faults[0]);
}
