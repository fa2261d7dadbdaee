//! The command line, and every service in one process.
//!
//! ```text
//! cli ─► command (one file each) ─► app ── connects, or starts ─► lab
//!                │                                                  │
//!                ├─ project: files, goals, waiting                  └─ serve: the parts, NATS as a child
//!                ├─ archive: build contexts
//!                └─ output: tables, progress, problems
//! ```
//! It decides nothing about services: it gathers, asks, waits and shows. Results go to standard output,
//! what is said on the way and what went wrong to standard error; the exit code is honest (0 done, 1 an
//! error, 2 a wrong command line, 130 cancelled). Entry point: [`main`].

pub mod app;
pub mod archive;
pub mod cli;
pub mod codes;
pub mod command;
pub mod context;
pub mod failure;
pub mod lab;
pub mod output;
pub mod project;
pub mod serve;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use lab_types::Problem;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use app::App;
use cli::{Cli, Command};
use failure::{Failure, Outcome, exit};
use output::report;
use output::screen::Screen;

/// Threads of the runtime: one for the commands that wait, a second so that packing a context or
/// several parts of a lab do not hold each other up. The lab's work is waiting, not computing.
const WORKERS: usize = 2;

/// How long blocking work may go on after a command has ended: it only reads files.
const BLOCKING_MAX: Duration = Duration::from_millis(200);

/// Runs the command that the arguments say and gives the process's exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let screen = Screen::look(variable);
    let cli = match Cli::try_parse_from(cli::by_name(arguments)) {
        Ok(cli) => cli,
        Err(error) => return refused(&screen, &error),
    };
    let ended = start(screen, cli);
    match ended {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => {
            screen.say(&report::failure(&failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Help goes to standard output with exit code 0, a wrong command line to standard error with 2, and a
/// right one of which the command does not exist yet with 1.
fn refused(screen: &Screen, error: &clap::Error) -> ExitCode {
    if let Some(failure) = cli::absent::told(error) {
        screen.say(&report::failure(&failure));
        return ExitCode::from(failure.exit_code());
    }
    let text = error.render();
    match error.use_stderr() {
        true => {
            screen.say(&text.to_string());
            ExitCode::from(exit::USAGE)
        }
        false => match screen.print(&text.to_string()) {
            Ok(()) => ExitCode::from(exit::OK),
            Err(failure) => ExitCode::from(failure.exit_code()),
        },
    }
}

fn start(screen: Screen, cli: Cli) -> Outcome {
    let folder = std::env::current_dir().map_err(|error| {
        Problem::new(
            "CLI0024",
            format!("the current folder cannot be used: {error}"),
        )
        .help("change to a folder that exists")
    })?;
    let app = App {
        globals: cli.globals.clone(),
        environment: environment(),
        folder,
        screen,
        interrupt: CancellationToken::new(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Problem::new("CLI0024", format!("no threads to run on: {error}")))?;
    let ended = runtime.block_on(run(&app, cli));
    runtime.shutdown_timeout(BLOCKING_MAX);
    ended
}

fn environment() -> BTreeMap<String, String> {
    let utf8 = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(utf8).collect()
}

/// Runs the command; Ctrl-C ends it, at once where it has no order of its own to keep.
async fn run(app: &App, cli: Cli) -> Outcome {
    if matches!(cli.command, Command::Serve(_)) {
        // The parts have their own way with signals and with what they tell.
        return Box::pin(command::run(app, cli)).await;
    }
    telemetry(app)?;
    let orderly = cli.command.minds_interrupt();
    let refuse = |error: std::io::Error| Problem::new("CLI0024", format!("no signals: {error}"));
    let mut interrupts = signal(SignalKind::interrupt()).map_err(refuse)?;
    // A task of its own, so that a command that blocks (on standard input) does not hide Ctrl-C.
    let own = app.clone();
    let mut work = tokio::spawn(async move { Box::pin(command::run(&own, cli)).await });
    let cancelled = || Err(Failure::Cancelled("cancelled".to_owned()));
    // Cancel-safe: a signal that comes while the work wins is of no use any more.
    tokio::select! {
        biased;
        ended = &mut work => return joined(ended),
        _ = interrupts.recv() => app.interrupt.cancel(),
    }
    if !orderly {
        return cancelled();
    }
    tokio::select! {
        biased;
        ended = &mut work => joined(ended),
        _ = interrupts.recv() => cancelled(),
    }
}

/// What the work's task brought; a panic goes on here.
fn joined(ended: Result<Outcome, tokio::task::JoinError>) -> Outcome {
    match ended {
        Ok(ended) => ended,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure::Said),
        },
    }
}

/// What happens on the way is told only when that was asked for.
fn telemetry(app: &App) -> Outcome {
    let asked = app.variable(lab_kit::telemetry::FILTER_VARIABLE);
    if !app.globals.verbose && asked.is_none_or(|filter| filter.is_empty()) {
        return Ok(());
    }
    let config = lab_kit::telemetry::Config {
        filter: "debug,async_nats=info".to_owned(),
        ..lab_kit::telemetry::Config::default()
    };
    match lab_kit::telemetry::init(&config) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::from(&error).into()),
    }
}
