//! The page of `docker compose`'s commands and what of them is here, `ops/docs/compose-commands.md`:
//! compared by a test, and written by it with `UPDATE_EXPECT=1`.

use std::fmt::Write as _;

use clap::CommandFactory as _;
use expect_test::expect_file;

use super::Cli;
use super::absent::instead;

/// Commands with their options. Source: `docker compose COMMAND --help` of v5.
const COMPOSE: &[(&str, &str)] = &[
    ("attach", "detach-keys index no-stdin sig-proxy"),
    (
        "build",
        "build-arg builder check memory no-cache print provenance pull push quiet sbom ssh with-dependencies",
    ),
    ("commit", "author change index message pause"),
    (
        "config",
        "environment format hash images lock-image-digests models networks no-consistency no-env-resolution \
         no-interpolate no-normalize no-path-resolution output profiles quiet resolve-image-digests services \
         variables volumes",
    ),
    ("cp", "all archive follow-link index"),
    (
        "create",
        "build force-recreate no-build no-recreate pull quiet-pull remove-orphans scale yes",
    ),
    ("down", "remove-orphans rmi timeout volumes"),
    ("events", "json since until"),
    ("exec", "detach env index no-tty privileged user workdir"),
    ("export", "index output"),
    ("images", "format quiet"),
    ("kill", "remove-orphans signal"),
    (
        "logs",
        "follow index no-color no-log-prefix since tail timestamps until",
    ),
    ("ls", "all filter format quiet"),
    ("pause", ""),
    ("port", "index protocol"),
    (
        "ps",
        "all filter format no-trunc orphans quiet services status",
    ),
    ("publish", "oci-version resolve-image-digests with-env yes"),
    (
        "pull",
        "ignore-buildable ignore-pull-failures include-deps policy quiet",
    ),
    ("push", "ignore-push-failures include-deps quiet"),
    ("restart", "no-deps timeout"),
    ("rm", "force stop volumes"),
    (
        "run",
        "build cap-add cap-drop detach entrypoint env env-from-file interactive label name no-deps no-tty publish \
         pull quiet quiet-build quiet-pull remove-orphans rm service-ports use-aliases user volume workdir",
    ),
    ("scale", "no-deps"),
    ("start", "wait wait-timeout"),
    ("stats", "all format no-stream no-trunc"),
    ("stop", "timeout"),
    ("top", ""),
    ("unpause", ""),
    (
        "up",
        "abort-on-container-exit abort-on-container-failure always-recreate-deps attach attach-dependencies build \
         detach exit-code-from force-recreate menu no-attach no-build no-color no-deps no-log-prefix no-recreate \
         no-start pull quiet-build quiet-pull remove-orphans renew-anon-volumes scale timeout timestamps wait \
         wait-timeout watch yes",
    ),
    ("version", "format short"),
    ("volumes", "format quiet"),
    ("wait", "down-project"),
    ("watch", "no-up prune quiet"),
];

const HEAD: &str = "\
# The commands of Docker Compose, and what of them is here

This page is written by a test from the command's own tree of commands (`UPDATE_EXPECT=1 cargo nextest run -p
tercio compose_page`), which also keeps it true. Each command stands at the top (`tercio up`) and under `tercio
compose`; called by the name `docker-compose` (a link), the binary behaves as `tercio compose`. Options that are
not here are refused by name, never ignored. Beyond Compose there are `plan`, `apply` and `project`.

| command | state | options here | options not here yet |
|---|---|---|---|
";

#[test]
fn the_compose_page_says_what_there_is() {
    let tree = Cli::command();
    let globals: Vec<&str> = tree
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .filter_map(clap::Arg::get_long)
        .collect();
    let mut page = HEAD.to_owned();
    for (name, options) in COMPOSE {
        let Some(command) = tree.find_subcommand(name) else {
            let instead =
                instead(name).unwrap_or_else(|| panic!("{name} is neither here nor absent"));
            writeln!(page, "| `{name}` | not yet: {instead} | | |").unwrap();
            continue;
        };
        let own: Vec<&str> = command
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .collect();
        let is_here = |option: &&str| own.contains(option) || globals.contains(option);
        let (here, missing): (Vec<&str>, Vec<&str>) = options
            .split_whitespace()
            .partition(|option| is_here(option));
        let shown = |options: &[&str]| {
            let options = options.iter().map(|option| format!("`--{option}`"));
            options.collect::<Vec<_>>().join(" ")
        };
        let state = match missing.is_empty() {
            true => "whole",
            false => "in part",
        };
        writeln!(
            page,
            "| `{name}` | {state} | {} | {} |",
            shown(&here),
            shown(&missing)
        )
        .unwrap();
    }
    expect_file!["../../../../ops/docs/compose-commands.md"].assert_eq(&page);
}
