use expect_test::{Expect, expect};

use super::check;
use crate::workspace::{Dependency, Kind, Package};

/// A crate `folder/name` with these imports; one that begins with `dev:` is for tests.
fn package(folder: &str, name: &str, imports: &[&str]) -> Package {
    let dependency = |import: &&str| match import.strip_prefix("dev:") {
        Some(name) => Dependency {
            name: name.to_owned(),
            kind: Kind::Dev,
        },
        None => Dependency {
            name: (*import).to_owned(),
            kind: Kind::Normal,
        },
    };
    Package {
        name: name.to_owned(),
        folder: format!("{folder}/{name}"),
        dependencies: imports.iter().map(dependency).collect(),
        binaries: Vec::new(),
    }
}

/// The crates there are, with the imports of one of them replaced.
fn workspace(changed: Package) -> Vec<Package> {
    let mut packages = vec![
        package("shared", "lab-types", &["serde", "thiserror"]),
        package("shared", "lab-compose", &["lab-types", "dev:proptest"]),
        package("shared", "lab-placement", &["lab-types", "rand_chacha"]),
        package("shared", "lab-wire", &["lab-types", "rmp-serde"]),
        package("shared", "lab-bus", &["lab-wire", "async-nats", "tokio"]),
        package("shared", "lab-kit", &["lab-types", "figment", "tokio"]),
        package("services", "scheduler", &["lab-placement", "lab-bus"]),
        package("services", "node-agent", &["lab-kit", "bollard"]),
        package("services", "tercio", &["scheduler", "node-agent", "clap"]),
        package("shared", "lab-sim", &["lab-placement", "lab-bus"]),
        package("tests", "contract", &["async-nats", "scheduler", "lab-sim"]),
    ];
    packages.retain(|package| package.name != changed.name);
    packages.push(changed);
    packages
}

fn check_refused(changed: Package, expected: Expect) {
    let lines: Vec<_> = check(&workspace(changed))
        .iter()
        .map(ToString::to_string)
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn the_made_up_workspace_is_in_order() {
    check_refused(package("shared", "lab-types", &["serde"]), expect![""]);
}

#[test]
fn a_decision_that_knows_a_runtime_the_wire_or_another_decision_is_refused() {
    check_refused(
        package(
            "shared",
            "lab-compose",
            &["tokio", "lab-wire", "lab-placement"],
        ),
        expect![[r#"
            shared/lab-compose/Cargo.toml: lab-compose must not import tokio: a decision crate takes only data-encoding, granit-parser, rand_chacha, serde, serde_json, sha2, thiserror
            shared/lab-compose/Cargo.toml: lab-compose must not import lab-wire: a decision crate must not know the wire crate
            shared/lab-compose/Cargo.toml: lab-compose must not import lab-placement: a decision crate must not know a decision crate"#]],
    );
}

#[test]
fn nouns_and_wire_know_nothing_above_them() {
    check_refused(
        package("shared", "lab-types", &["uuid", "lab-wire"]),
        expect![[r#"
            shared/lab-types/Cargo.toml: lab-types must not import uuid: the crate of nouns takes only data-encoding, serde, serde_json, sha2, thiserror
            shared/lab-types/Cargo.toml: lab-types must not import lab-wire: the crate of nouns must not know the wire crate"#]],
    );
    check_refused(
        package("shared", "lab-wire", &["lab-bus", "lab-compose"]),
        expect![[r#"
            shared/lab-wire/Cargo.toml: lab-wire must not import lab-bus: the wire crate must not know a plumbing crate
            shared/lab-wire/Cargo.toml: lab-wire must not import lab-compose: the wire crate must not know a decision crate"#]],
    );
}

#[test]
fn the_kit_knows_neither_the_bus_nor_decisions() {
    check_refused(
        package("shared", "lab-kit", &["lab-bus", "lab-compose"]),
        expect![[r#"
            shared/lab-kit/Cargo.toml: lab-kit must not import lab-bus: the kit must not know a plumbing crate
            shared/lab-kit/Cargo.toml: lab-kit must not import lab-compose: the kit must not know a decision crate"#]],
    );
}

#[test]
fn a_service_that_imports_a_service_is_refused_and_the_command_is_not() {
    check_refused(
        package("services", "scheduler", &["node-agent"]),
        expect![
            "services/scheduler/Cargo.toml: scheduler must not import node-agent: services know each other only by their messages"
        ],
    );
    check_refused(
        package("services", "scheduler", &["dev:node-agent"]),
        expect![
            "services/scheduler/Cargo.toml: scheduler must not import node-agent: services know each other only by their messages"
        ],
    );
    check_refused(
        package("services", "scheduler", &["tercio"]),
        expect![
            "services/scheduler/Cargo.toml: scheduler must not import tercio: a service must not know the command"
        ],
    );
}

#[test]
fn what_has_one_user_is_refused_to_all_others_also_for_their_tests() {
    let wrong = [
        "async-nats",
        "bollard",
        "ssh2",
        "figment",
        "tracing-subscriber",
        "dev:clap",
    ];
    check_refused(
        package("services", "scheduler", &wrong),
        expect![[r#"
        services/scheduler/Cargo.toml: scheduler must not import async-nats: its one user is lab-bus; use lab_bus
        services/scheduler/Cargo.toml: scheduler must not import bollard: its one user is node-agent; ask the agent
        services/scheduler/Cargo.toml: scheduler must not import ssh2: its one user is provisioner; ask the provisioner
        services/scheduler/Cargo.toml: scheduler must not import figment: its one user is lab-kit; use lab_kit::config
        services/scheduler/Cargo.toml: scheduler must not import tracing-subscriber: its one user is lab-kit; use lab_kit::telemetry
        services/scheduler/Cargo.toml: scheduler must not import clap: its one user is tercio; only the command reads a command line with it"#]],
    );
}

#[test]
fn the_simulation_is_imported_by_tests_only() {
    check_refused(
        package("services", "scheduler", &["dev:lab-sim"]),
        expect![""],
    );
    check_refused(
        package("services", "scheduler", &["lab-sim"]),
        expect![
            "services/scheduler/Cargo.toml: scheduler must not import lab-sim: it proves others right; import it under dev-dependencies"
        ],
    );
}

#[test]
fn a_crate_without_a_layer_is_refused() {
    check_refused(
        package("shared", "lab-utils", &[]),
        expect![
            "shared/lab-utils/Cargo.toml: lab-utils has no layer: give it one in ops/xtask/src/deps/rules.rs"
        ],
    );
}
