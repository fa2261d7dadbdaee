use std::ffi::OsString;
use std::future::ready;

use expect_test::expect;
use serde::{Deserialize, Serialize};

use super::arguments::{Ask, help, parse};
use super::{Failure, Program, ServiceConfig, perform, start, write_problem};
use crate::config::{ConfigProblem, Validate};
use crate::task::Tasks;
use crate::telemetry;

const PROGRAM: Program<'_> = Program {
    service: "test-agent",
    about: "does nothing well",
    version: "1.2.3",
};

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    name: String,
    log: telemetry::Config,
}

impl Validate for Config {
    fn problems(&self) -> Vec<ConfigProblem> {
        Vec::new()
    }
}

impl ServiceConfig for Config {
    fn log(&self) -> &telemetry::Config {
        &self.log
    }
}

fn words(line: &str) -> impl Iterator<Item = OsString> {
    line.split_whitespace().map(OsString::from)
}

/// What it prints, or the problem it ends with.
fn performed(line: &str) -> Result<String, String> {
    let mut out = Vec::new();
    let work = |_: Config, _: Tasks| ready(Err(std::io::Error::other("the bus is gone")));
    let told = |problem| {
        let mut err = Vec::new();
        write_problem(&mut err, &problem).unwrap();
        Err(String::from_utf8(err).unwrap())
    };
    match perform(&PROGRAM, parse(words(line)), &mut out, work) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(Failure::Usage(sentence)) => Err(sentence),
        Err(Failure::Config(problem) | Failure::Work(problem)) => told(problem),
    }
}

#[test]
fn the_command_line_is_read_or_refused_with_a_sentence() {
    let file = |path: &str| Some(path.into());
    assert_eq!(parse(words("")), Ok(Ask::Run { file: None }));
    let both_ways = ["--config a.toml", "--config=a.toml"];
    for line in both_ways {
        let file = file("a.toml");
        assert_eq!(parse(words(line)), Ok(Ask::Run { file }), "{line}");
    }
    let dump = parse(words("--dump-config --config a.toml"));
    let file = file("a.toml");
    assert_eq!(dump, Ok(Ask::DumpConfig { file }));
    assert_eq!(
        parse(words("--config")),
        Err("--config needs a file".into())
    );
    let unknown = parse(words("--cofnig a"));
    assert_eq!(unknown, Err("\"--cofnig\" is not known here".into()));
}

#[test]
fn the_version_the_help_and_the_configuration_are_printed() {
    assert_eq!(
        performed("--version"),
        Ok("tercio-test-agent 1.2.3\n".into())
    );
    assert_eq!(performed("--help"), Ok(help(&PROGRAM)));
    assert!(help(&PROGRAM).contains("TERCIO_TEST_AGENT__LOG__FORMAT=json"));
    expect![[r#"
        name = ""

        [log]
        format = "human"
        filter = "info"
    "#]]
    .assert_eq(&performed("--dump-config").unwrap());
}

#[test]
fn a_bad_configuration_is_told_finding_by_finding() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.toml");
    std::fs::write(&path, "naem = 1\n[log]\nformat = 3\n").unwrap();
    let told = performed(&format!("--config {}", path.display())).unwrap_err();
    let told = told.replace(&format!("{}/", directory.path().display()), "");
    expect![[r#"
        error[KIT0001]: the configuration of test-agent has 2 problems
          KIT0004: a.toml:1:1: naem: is not a known key; did you mean name?
          KIT0005: a.toml:3:1: log.format: expected enum Format, found signed int `3`
          help: correct every line; --dump-config prints what would be used
    "#]]
    .assert_eq(&told);
}

#[test]
fn work_that_fails_ends_the_process_with_its_name_and_cause() {
    let told = performed("").unwrap_err();
    expect![[r#"
        error[KIT0030]: task test-agent failed: the bus is gone
          help: the log before this message tells more
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_service_that_is_done_ends_the_process_and_stops_its_helpers() {
    let work = |_: Config, tasks: Tasks| {
        let stop = tasks.stop_token().clone();
        tasks.spawn("helper", async move { stop.cancelled().await });
        ready(())
    };
    assert_eq!(start(&PROGRAM, Config::default(), work), Ok(()));
}
