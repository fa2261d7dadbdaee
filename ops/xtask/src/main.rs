//! The menu of developer commands: `cargo xtask` prints it.
//!
//! Checks are pure functions over what was read ([`workspace`], [`source`]) and return every finding;
//! only `ci`, `golden`, `sim`, `fuzz-compose` and `lab` start other programs.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command for people: it speaks on the terminal"
)]

mod ci;
mod clippy_toml;
mod codes;
mod command;
mod deps;
mod finding;
mod fuzz;
mod golden;
mod lab;
mod lex;
mod sim;
mod source;
mod support;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

const MENU: &str = "\
cargo xtask COMMAND

  ci                 every check and every test, as the integration runs them
  deps               refuses an import that goes the wrong way through the layers
  tidy               refuses what rustfmt and clippy do not see: sizes, docs, codes, leftovers
  clippy-toml        writes clippy.toml of the decision crates from the root's (--check: compares)
  codes              writes ops/docs/errors.md from the crates' tables     (--check: compares)
  support            writes ops/docs/compose-support.md from the tables   (--check: compares)
  golden --update    lets every golden test write down what it got: read the diff before you commit
  sim --seed N       runs one simulation and prints its trace
  fuzz-compose       compares what Tercio and Docker Compose make of random projects
                     (--seeds N; --first SEED; --oracle PATH of docker compose)
  lab --hosts N      a lab of N real hosts on this machine and a shell in its context
                     (--schedulers N; --spread; -- COMMAND… runs that in place of the shell)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode> {
    match words {
        [] | ["help" | "-h" | "--help"] => {
            print!("{MENU}");
            Ok(ExitCode::SUCCESS)
        }
        ["ci"] => ci::run(),
        ["deps"] => Ok(finding::report("deps", &deps::run()?)),
        ["tidy"] => Ok(finding::report("tidy", &tidy::run()?)),
        ["clippy-toml"] => clippy_toml::write().map(|()| ExitCode::SUCCESS),
        ["clippy-toml", "--check"] => Ok(finding::report("clippy-toml", &clippy_toml::run()?)),
        ["codes"] => codes::write().map(|()| ExitCode::SUCCESS),
        ["codes", "--check"] => Ok(finding::report("codes", &codes::run()?)),
        ["support"] => support::run(false),
        ["support", "--check"] => support::run(true),
        ["golden", "--update", rest @ ..] => golden::update(rest),
        ["sim", "--seed", seed] => sim::run(seed),
        ["fuzz-compose", rest @ ..] => fuzz::run(rest),
        ["lab", rest @ ..] => lab::run(rest),
        _ => {
            eprint!("error: no such command: {}\n\n{MENU}", words.join(" "));
            Ok(ExitCode::from(EX_USAGE))
        }
    }
}

/// The exit code for a command line that was not understood. Source: sysexits.h.
const EX_USAGE: u8 = 64;
