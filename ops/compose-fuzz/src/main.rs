//! Random projects, read by Tercio and by a real Docker Compose, whose answers must be the same.
//!
//! `cargo xtask fuzz-compose` runs it. A seed makes a project ([`make`]) from tables of what may stand
//! where ([`grammar`]); where the two answers differ, the project is made smaller as long as they do,
//! and is shown once for each kind of difference. Without the tool there is nothing to compare with:
//! that is said, and is no failure.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command for people: it speaks on the terminal"
)]

mod difference;
mod doc;
mod grammar;
mod make;
mod random;
mod readers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use readers::{Answer, Oracle, VERSION};

/// Compares what Tercio and Docker Compose make of random projects.
#[derive(Parser)]
#[command(name = "cargo xtask fuzz-compose")]
struct Args {
    /// How many projects
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The seed of the first
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The docker compose program to compare with, instead of one on PATH
    #[arg(long, value_name = "PATH")]
    oracle: Option<PathBuf>,
    /// List why projects were refused, to see whether the grammar makes enough that are right
    #[arg(long)]
    refusals: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    let root = tempfile::tempdir()?;
    let folder = root.path().canonicalize()?.join("demo");
    std::fs::create_dir(&folder)?;
    let Some(oracle) = Oracle::find(args.oracle.as_deref(), &folder)? else {
        println!("skipped: docker compose {VERSION} is not installed; name it with --oracle");
        return Ok(ExitCode::SUCCESS);
    };
    let mut count = Count::default();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in args.first..args.first.saturating_add(args.seeds) {
        let project = make::project(seed);
        let ours = readers::ours(&project, &folder);
        if ours == Answer::Unsupported {
            count.unsupported += 1;
            continue;
        }
        let theirs = oracle.read(&project)?;
        match &theirs {
            Answer::Refused(why) => {
                *count.refused.entry(difference::shape(why)).or_default() += 1;
            }
            Answer::Failed => count.failed += 1,
            _ => count.accepted += 1,
        }
        let Some(found) = difference::difference(&ours, &theirs) else {
            continue;
        };
        let times = seen.entry(found.kind.clone()).or_default();
        *times += 1;
        if *times == 1 {
            let (project, found) = difference::smallest(project, found, &oracle, &folder)?;
            println!("seed {seed}, {}\n{}", found.kind, found.told);
            for (name, text) in project.texts() {
                println!("--- {name}\n{}", text.trim_end());
            }
            println!();
        }
    }
    println!(
        "{} accepted and {} refused by Docker Compose {VERSION}, which failed at {}; {} not read by Tercio yet",
        count.accepted,
        count.refused.values().sum::<u64>(),
        count.failed,
        count.unsupported
    );
    for (why, times) in count.refused.iter().filter(|_| args.refusals) {
        println!("{times} × refused: {why}");
    }
    for (kind, times) in &seen {
        println!("{times} × {kind}");
    }
    match seen.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

/// What became of the projects.
#[derive(Default)]
struct Count {
    accepted: u64,
    failed: u64,
    /// How often, by why.
    refused: BTreeMap<String, u64>,
    unsupported: u64,
}
