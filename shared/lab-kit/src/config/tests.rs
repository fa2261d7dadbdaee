use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use lab_types::Problem;
use serde::{Deserialize, Serialize};

use super::{Bytes, ConfigProblem, Error, HumanDuration, Loader, Redacted, Validate, dump};
use crate::retry::Backoff;
use crate::telemetry;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    name: String,
    lease: Lease,
    log: telemetry::Config,
    memory: Bytes,
    token: Redacted<String>,
    backup_token: Option<Redacted<String>>,
    labels: BTreeMap<String, String>,
    peers: BTreeMap<String, Peer>,
    back_off: Option<Backoff>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lease {
    ttl: HumanDuration,
    renew: HumanDuration,
    tries: u32,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            ttl: HumanDuration::from_secs(10),
            renew: HumanDuration::from_millis(2500),
            tries: 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    url: String,
    weight: u8,
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems: Vec<_> = self.log.problems();
        problems = problems.into_iter().map(|p| p.under("log")).collect();
        if self.lease.renew >= self.lease.ttl {
            let message = format!(
                "must be shorter than lease.ttl, which is {}",
                self.lease.ttl
            );
            problems.push(ConfigProblem::invalid("lease.renew", message));
        }
        problems
    }
}

#[derive(Serialize)]
struct Flags {
    name: Option<String>,
    lease: LeaseFlags,
}

#[derive(Serialize)]
struct LeaseFlags {
    tries: Option<u32>,
}

/// Loads from a file of this text and these variables; the file's folder is left out of messages.
fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    load_with(file, variables, |loader| loader)
}

fn load_with(
    file: &str,
    variables: &[(&str, &str)],
    change: impl FnOnce(Loader) -> Loader,
) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lab.toml");
    std::fs::write(&path, file).unwrap();
    let loader = Loader::new("node-agent")
        .file(Some(path))
        .environment(owned(variables));
    let folder = format!("{}/", directory.path().display());
    let loaded: Result<Config, Error> = change(loader).load();
    loaded.map_err(|error| error.to_string().replace(&folder, ""))
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn check_refused(file: &str, variables: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&load(file, variables).unwrap_err());
}

#[test]
fn each_source_wins_over_the_one_before_it() {
    let file = "name = 'file'\nmemory = '64MiB'\n[lease]\nttl = '20s'\ntries = 7\n";
    let variables = [
        ("TERCIO_NODE_AGENT__LEASE__TTL", "30s"),
        ("TERCIO_NODE_AGENT__LEASE__TRIES", "8"),
    ];
    let flags = Flags {
        name: None,
        lease: LeaseFlags { tries: Some(9) },
    };
    let config = load_with(file, &variables, |loader| loader.flags(&flags)).unwrap();
    assert_eq!(config.name, "file");
    assert_eq!(config.memory, Bytes::from_mib(64));
    assert_eq!(config.lease.ttl, HumanDuration::from_secs(30));
    assert_eq!(config.lease.tries, 9);
    assert_eq!(config.lease.renew, HumanDuration::from_millis(2500));
}

#[test]
fn every_problem_of_every_source_is_told_at_once() {
    let file = "nmae = 'x'\nmemory = 64\n\n[lease]\ntll = '3s'\nrenew = '20s'\n[log]\nformat = 'jsno'\nfilter = 'a=loud'\n[back_off]\nmin = '2s'\nmax = '1s'\n";
    let variables = [
        ("TERCIO_NODE_AGENT__LEASE__TRIES", "many"),
        ("TERCIO_NODE_AGENT__LEASE_TTL", "3s"),
        ("TERCIO_NODE_AGNET__NAME", "x"),
        ("TERCIO_NODE_AGENT_NAME", "x"),
    ];
    check_refused(
        file,
        &variables,
        expect![[r#"
        the configuration of node-agent has 11 problems
          KIT0004: lab.toml:1:1: nmae: is not a known key; did you mean name?
          KIT0005: lab.toml:2:1: memory: expected a size such as "64MiB", found signed int `64`
          KIT0004: lab.toml:5:1: lease.tll: is not a known key; did you mean lease.ttl?
          KIT0007: lab.toml:6:1: lease.renew: must be shorter than lease.ttl, which is 10s
          KIT0005: lab.toml:8:1: log.format: "jsno" is not one of "human", "json"; did you mean "json"?
          KIT0007: lab.toml:9:1: log.filter: "a=loud": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5; write a level, or levels by module: "info,lab_bus=debug"
          KIT0005: lab.toml:10:2: back_off: the shortest wait (2s) is longer than the longest (1s)
          KIT0008: TERCIO_NODE_AGENT_NAME is not a variable of any service; did you mean TERCIO_NODE_AGENT__NAME?
          KIT0004: lease_ttl: is not a known key (set by TERCIO_NODE_AGENT__LEASE_TTL); did you mean TERCIO_NODE_AGENT__LEASE__TTL?
          KIT0005: lease.tries: expected u32, found string "many" (set by TERCIO_NODE_AGENT__LEASE__TRIES)
          KIT0008: TERCIO_NODE_AGNET__NAME is not a variable of any service; did you mean TERCIO_NODE_AGENT__NAME?"#]],
    );
}

#[test]
fn a_misspelt_variable_is_refused_with_the_right_name() {
    let variables = [("TERCIO_NODE_AGENT__LEASE__TLL", "3s")];
    check_refused(
        "",
        &variables,
        expect![[r#"
        the configuration of node-agent has a problem
          KIT0004: lease.tll: is not a known key (set by TERCIO_NODE_AGENT__LEASE__TLL); did you mean TERCIO_NODE_AGENT__LEASE__TTL?"#]],
    );
}

#[test]
fn variables_of_other_services_and_of_all_are_left_alone() {
    let variables = [
        ("TERCIO_SCHEDULER__LEASE__TLL", "3s"),
        ("TERCIO_LOG", "debug"),
        ("TERCIO_STATE_DIR", "/srv"),
        ("HOME", "/root"),
    ];
    assert_eq!(load("", &variables).unwrap(), Config::default());
}

#[test]
fn a_number_in_the_environment_may_stand_for_a_text() {
    let variables = [
        ("TERCIO_NODE_AGENT__NAME", "007"),
        ("TERCIO_NODE_AGENT__MEMORY", "4096"),
        ("TERCIO_NODE_AGENT__TOKEN", "12345"),
        ("TERCIO_NODE_AGENT__LABELS__RACK", "true"),
    ];
    let config = load("", &variables).unwrap();
    assert_eq!(config.name, "007");
    assert_eq!(config.memory, Bytes(4096));
    assert_eq!(config.token.expose_secret(), "12345");
    assert_eq!(config.labels["rack"], "true");
}

#[test]
fn a_key_without_default_may_come_from_two_sources_and_is_missed_by_name() {
    let file = "[peers.a]\nurl = 'nats://a'\n[peers.b]\nurl = 'nats://b'\n";
    let variables = [("TERCIO_NODE_AGENT__PEERS__A__WEIGHT", "3")];
    check_refused(
        file,
        &variables,
        expect![[r#"
        the configuration of node-agent has a problem
          KIT0006: lab.toml:3:8: peers.b.weight: is not set"#]],
    );
    let variables = [variables[0], ("TERCIO_NODE_AGENT__PEERS__B__WEIGHT", "1")];
    assert_eq!(load(file, &variables).unwrap().peers["b"].weight, 1);
}

#[test]
fn a_file_that_is_no_toml_is_refused_at_its_line_together_with_the_rest() {
    let variables = [("TERCIO_NODE_AGENT__NAEM", "x")];
    check_refused(
        "name = 'x'\n[lease\n",
        &variables,
        expect![[r#"
        the configuration of node-agent has 2 problems
          KIT0003: lab.toml:2:7: invalid table header, expected `.`, `]`
          KIT0004: naem: is not a known key (set by TERCIO_NODE_AGENT__NAEM); did you mean TERCIO_NODE_AGENT__NAME?"#]],
    );
}

#[test]
fn a_named_file_must_exist_and_the_usual_one_need_not() {
    let loader = || Loader::new("node-agent").environment(Vec::new());
    let absent = || "/no/such/file.toml".into();
    let usual: Result<Config, _> = loader().usual_file(absent()).load();
    assert_eq!(usual, Ok(Config::default()));
    let named: Result<Config, _> = loader().file(Some(absent())).load();
    expect![[r#"
        the configuration of node-agent has a problem
          KIT0002: /no/such/file.toml: cannot be read: No such file or directory (os error 2)"#]]
    .assert_eq(&named.unwrap_err().to_string());
}

#[test]
fn secrets_are_used_and_never_shown() {
    let file = "token = 'hunter2'\nbackup_token = 'hunter3'\n";
    let config = load(file, &[]).unwrap();
    assert_eq!(config.token.expose_secret(), "hunter2");
    let shown = format!("{config:?}\n{}", dump(&config).unwrap());
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("token = \"[redacted]\""), "{shown}");
    check_refused(
        "token = ['hunter2']\nbackup_token = 4711\n",
        &[],
        expect![[r#"
            the configuration of node-agent has 2 problems
              KIT0005: lab.toml:1:1: token: a secret of the wrong form: it must be text
              KIT0005: lab.toml:2:1: backup_token: a secret of the wrong form: it must be text"#]],
    );
}

#[test]
fn a_dumped_configuration_loads_again_and_a_redacted_secret_is_refused() {
    let file = "memory = '3GiB'\n[back_off]\nmin = '1s'\nmax = '1m'\n[labels]\na = 'b'\n";
    let config = load(file, &[]).unwrap();
    let dumped = dump(&config).unwrap();
    let refused = load(&dumped, &[]).unwrap_err();
    assert!(
        refused.contains("token: this is the form in which"),
        "{refused}"
    );
    let without_token = dumped.replace("token = \"[redacted]\"\n", "");
    assert_eq!(load(&without_token, &[]).unwrap(), config);
}

#[test]
fn problems_become_one_answer_with_a_finding_each_at_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lab.toml");
    std::fs::write(&path, "name = 'x'\n[lease]\ntll = '3s'\n").unwrap();
    let loader = Loader::new("node-agent").environment(Vec::new());
    let error = loader
        .file(Some(path.clone()))
        .load::<Config>()
        .unwrap_err();
    let problem = Problem::from(&error);
    assert_eq!(problem.code.0, "KIT0001");
    let found = &problem.diagnostics[0];
    assert_eq!(found.code.0, "KIT0004");
    let place = found.location.as_ref().unwrap().to_string();
    assert_eq!(place, format!("{}:3:1", path.display()));
}
