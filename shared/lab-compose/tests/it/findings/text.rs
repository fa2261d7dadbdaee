//! YAML itself and the references in it.

use expect_test::expect;

use super::{check, check_service};

#[test]
fn syntax_errors_have_a_place() {
    check(
        "services:\n  w:\n    image: [a\n",
        &expect![[r#"
        compose.yml:3:12 CMP0001 unclosed bracket '['
    "#]],
    );
    check(
        "services:\n\tw: a\n",
        &expect![[r#"
        compose.yml:2:2 CMP0001 tabs disallowed within this context (block indentation)
    "#]],
    );
    check(
        "services:\n  w:\n    image: \"a\n",
        &expect![[r#"
        compose.yml:3:12 CMP0001 unclosed quote
    "#]],
    );
    check(
        "services: {w: {image: a}}\n  x: 1\n",
        &expect![[r#"
        compose.yml:2:3 CMP0001 while parsing a block mapping, did not find expected key
    "#]],
    );
    check(
        "a: b: c\n",
        &expect![[r#"
        compose.yml:1:5 CMP0001 mapping values are not allowed in this context
    "#]],
    );
    check(
        "services: @x\n",
        &expect![[r#"
        compose.yml:1:11 CMP0001 unexpected character: `@'
    "#]],
    );
}

#[test]
fn keys_are_unique_texts() {
    check_service(
        "    image: b\n    restart: always\n    restart: 'no'\n",
        &expect![[r#"
            compose.yml:4:5 CMP0002 the key `image` is already given at line 3 (see compose.yml:3:5)
            compose.yml:6:5 CMP0002 the key `restart` is already given at line 5 (see compose.yml:5:5)
        "#]],
    );
    check(
        "services:\n  1: {image: a}\n  ~: {image: a}\n  [a]: {image: a}\n  true: {image: a}\n",
        &expect![[r#"
            compose.yml:2:3 CMP0003 the key is a number, not a text
            compose.yml:3:3 CMP0003 the key is nothing, not a text
            compose.yml:4:3 CMP0003 the key is a list, not a text
            compose.yml:5:3 CMP0003 the key is a truth value, not a text
        "#]],
    );
}

#[test]
fn aliases_have_anchors_and_merge_keys_have_mappings() {
    check(
        "services:\n  w: *none\n",
        &expect![[r#"
        compose.yml:2:6 CMP0001 the alias *none has no anchor &none before it
    "#]],
    );
    check(
        "services: &s\n  w: {image: a, x-a: *s}\n",
        &expect![[r#"
        compose.yml:2:22 CMP0001 the alias stands inside the value that it refers to
    "#]],
    );
    check(
        "x-a: &a {image: a}\nservices:\n  w:\n    <<: *a\n    <<: *a\n",
        &expect![[r#"
            compose.yml:5:5 CMP0002 the key `<<` is already given at line 4 (see compose.yml:4:5)
        "#]],
    );
    check(
        "x-a: &a [1]\nservices:\n  w: {<<: *a, image: a}\n  v: {<<: text, image: a}\n",
        &expect![[r#"
            compose.yml:1:10 CMP0007 `<<` takes a mapping or a list of mappings, not a number
            compose.yml:4:11 CMP0007 `<<` takes a mapping or a list of mappings, not a text
        "#]],
    );
    check(
        "x-a: &a {image: a}\nservices:\n  w: {\"<<\": *a, image: b}\n",
        &expect![[r#"
            compose.yml:3:7 CMP0005 a service has no attribute `<<`
        "#]],
    );
}

#[test]
fn only_yamls_own_tags_are_read() {
    check_service(
        "    command: !foo x\n    labels: !!set {a}\n    restart: !!int x\n",
        &expect![[r#"
            compose.yml:4:14 CMP0033 the tag !foo is not known and changes nothing
            compose.yml:5:13 CMP0033 the tag !!set is not known and changes nothing
            compose.yml:6:14 CMP0033 `x` is not what its tag !!int says
        "#]],
    );
    check_service(
        "    ports: !reset []\n    labels: !override {a: b}\n    environment: {A: !!str 5, B: !!null x, C: ! 7}\n",
        &expect![""],
    );
}

#[test]
fn references_are_read_or_refused_at_their_dollar() {
    check_service(
        "    command: run ${S:=x} \"a\"\n    labels:\n      - plain=${}\n      - 'single=${1x}'\n      - \"esc\\t${S\"\n      - \"double=${ S }\"\n",
        &expect![[r#"
            compose.yml:4:18 CMP0008 the variable reference in services.w.command cannot be read
            compose.yml:6:15 CMP0008 the variable reference in services.w.labels[0] cannot be read
            compose.yml:7:17 CMP0008 the variable reference in services.w.labels[1] cannot be read
            compose.yml:8:9 CMP0008 the variable reference in services.w.labels[2] cannot be read
            compose.yml:9:17 CMP0008 the variable reference in services.w.labels[3] cannot be read
        "#]],
    );
    check_service(
        "    labels: {block: \"$$\"}\n    command: |\n      echo\n      ${\n",
        &expect![[r#"
            compose.yml:6:7 CMP0008 the variable reference in services.w.command cannot be read
        "#]],
    );
}

#[test]
fn variables_without_value_are_told() {
    check_service(
        "    command: a $U b ${V}\n    labels: [\"x=${W:?give W}\", 'y=${E:?}']\n",
        &expect![[r#"
            compose.yml:4:16 CMP0010 the variable U is not set; an empty text stands in for it
            compose.yml:4:21 CMP0010 the variable V is not set; an empty text stands in for it
            compose.yml:5:17 CMP0009 the required variable W has no value: give W
            compose.yml:5:35 CMP0009 the required variable E has no value
        "#]],
    );
}

#[test]
fn interpolated_values_are_cast_where_a_number_or_truth_is_wanted() {
    check_service(
        "    deploy: {replicas: \"${N:-2}\"}\n    healthcheck: {test: x, retries: \"${R:-x}\", disable: \"${D:-no}\"}\n",
        &expect![[r#"
            compose.yml:5:37 CMP0013 services.w.healthcheck.retries must be a whole number, not "x"
            compose.yml:5:57 CMP0037 "no" in services.w.healthcheck.disable is an older word for false
        "#]],
    );
}

#[test]
fn columns_count_characters_not_bytes() {
    check(
        "services: {ä: {image: a}, b: {x-ü: 'ö ö', imäge: \"ü${\"}}\n",
        &expect![[r#"
            compose.yml:1:12 CMP0015 the name `ä` in services is not allowed
            compose.yml:1:27 CMP0021 services.b has neither `image` nor `build`
            compose.yml:1:43 CMP0005 a service has no attribute `imäge`
            compose.yml:1:52 CMP0008 the variable reference in services.b.imäge cannot be read
        "#]],
    );
}
