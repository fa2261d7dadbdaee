//! The lints of decision crates: the root's, and a ban on everything a decision must not read.
//!
//! The clippy.toml nearest to a crate replaces the root's instead of adding to it, so the root's rules
//! are copied into each.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use toml::Value;

use crate::deps::rules::decision_crates;
use crate::finding::Finding;
use crate::workspace::root;

const HEAD: &str = "\
# Written by `cargo xtask clippy-toml` from the root's clippy.toml and the bans for decision crates:
# change those, not this file.
";

/// What a decision must not call, with the reason.
const METHODS: &[(&str, &[&str])] = &[
    (
        "a decision gets the time as an argument",
        &[
            "std::time::Instant::now",
            "std::time::SystemTime::now",
            "std::time::Instant::elapsed",
            "std::time::SystemTime::elapsed",
        ],
    ),
    (
        "a decision gets the environment as an argument",
        &[
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "std::env::args",
            "std::env::args_os",
            "std::env::current_dir",
            "std::env::temp_dir",
        ],
    ),
    (
        "a decision gets a seeded generator as an argument",
        &["rand::rng", "rand::random"],
    ),
    (
        "a decision does no I/O",
        &[
            "std::fs::canonicalize",
            "std::fs::copy",
            "std::fs::create_dir",
            "std::fs::create_dir_all",
            "std::fs::exists",
            "std::fs::hard_link",
            "std::fs::metadata",
            "std::fs::read",
            "std::fs::read_dir",
            "std::fs::read_link",
            "std::fs::read_to_string",
            "std::fs::remove_dir",
            "std::fs::remove_dir_all",
            "std::fs::remove_file",
            "std::fs::rename",
            "std::fs::set_permissions",
            "std::fs::symlink_metadata",
            "std::fs::write",
            "std::path::Path::canonicalize",
            "std::path::Path::exists",
            "std::path::Path::is_dir",
            "std::path::Path::is_file",
            "std::path::Path::metadata",
            "std::path::Path::read_dir",
            "std::path::Path::read_link",
            "std::path::Path::symlink_metadata",
            "std::path::Path::try_exists",
        ],
    ),
    (
        "a decision starts nothing",
        &["std::process::Command::new", "std::thread::spawn"],
    ),
];

/// What a decision must not use, with the reason.
const TYPES: &[(&str, &[&str])] = &[
    (
        "its order differs from run to run: use a BTree",
        &["std::collections::HashMap", "std::collections::HashSet"],
    ),
    (
        "a decision does no I/O",
        &[
            "std::fs::File",
            "std::fs::OpenOptions",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
        ],
    ),
];

/// Writes the file of every decision crate there is.
pub(crate) fn write() -> Result<()> {
    let text = expected()?;
    for path in paths() {
        std::fs::write(root().join(&path), &text).with_context(|| path.clone())?;
        println!("{path}");
    }
    Ok(())
}

/// Refuses a decision crate whose file is not the one `write` would write.
pub(crate) fn run() -> Result<Vec<Finding>> {
    let expected = expected()?;
    let differs =
        |path: &String| std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(&expected);
    let message = "not as the template has it: run `cargo xtask clippy-toml`";
    Ok(paths()
        .filter(differs)
        .map(|path| Finding::of_file(&path, message))
        .collect())
}

fn paths() -> impl Iterator<Item = String> {
    decision_crates()
        .map(|name| format!("shared/{name}"))
        .filter(|folder| root().join(folder).join("Cargo.toml").is_file())
        .map(|folder| format!("{folder}/clippy.toml"))
}

fn expected() -> Result<String> {
    let text = std::fs::read_to_string(root().join("clippy.toml")).context("clippy.toml")?;
    generate(&text).context("clippy.toml")
}

fn generate(of_root: &str) -> Result<String> {
    let rules: toml::Table = of_root.parse()?;
    let mut text = HEAD.to_owned();
    for (key, value) in &rules {
        if !value.is_array() {
            writeln!(text, "{key} = {value}")?;
        }
    }
    let none = Vec::new();
    for (key, bans) in [("disallowed-methods", METHODS), ("disallowed-types", TYPES)] {
        let inherited = rules.get(key).and_then(Value::as_array).unwrap_or(&none);
        writeln!(text, "{key} = [")?;
        for entry in inherited {
            writeln!(text, "  {entry},")?;
        }
        for (reason, paths) in bans {
            for path in *paths {
                writeln!(text, "  {{ path = {path:?}, reason = {reason:?} }},")?;
            }
        }
        writeln!(text, "]")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::generate;

    #[test]
    fn the_roots_rules_are_kept_and_the_bans_added() {
        let root = "allow-unwrap-in-tests = true\ntoo-many-lines-threshold = 70\ndisallowed-methods = [\n  { path = \"a::b\", reason = \"c\" },\n]\n";
        let text = generate(root).unwrap();
        let rules: toml::Table = text.parse().unwrap();
        assert_eq!(rules["too-many-lines-threshold"].as_integer(), Some(70));
        assert_eq!(rules["allow-unwrap-in-tests"].as_bool(), Some(true));
        let paths = |key: &str| -> Vec<String> {
            let entries = rules[key].as_array().unwrap();
            let path = |entry: &toml::Value| entry["path"].as_str().unwrap().to_owned();
            entries.iter().map(path).collect()
        };
        let methods = paths("disallowed-methods");
        assert_eq!(methods[0], "a::b");
        assert!(methods.contains(&"std::time::Instant::now".to_owned()));
        assert!(paths("disallowed-types").contains(&"std::collections::HashMap".to_owned()));
    }
}
