//! The whole `main` of a service: command line, configuration, telemetry, work, orderly end.
//!
//! ```text
//! fn main() -> ExitCode {
//!     let program = Program { service: "scheduler", about: "…", version: env!("CARGO_PKG_VERSION") };
//!     process::run(&program, |config: Config, tasks| scheduler::run(config, tasks))
//! }
//! ```

mod arguments;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lab_types::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Loader, Validate, dump};
use crate::shutdown::{self, DRAIN_MAX, Shutdown};
use crate::task::{TaskResult, Tasks};
use crate::telemetry;
use arguments::Ask;

/// The exit code for a command line that was not understood. Source: sysexits.h.
const EX_USAGE: u8 = 64;

/// The exit code for a configuration that was refused, so that a service manager can know that
/// starting again is of no use. Source: sysexits.h.
const EX_CONFIG: u8 = 78;

/// How many threads run tasks at most: decisions run on one, the rest waits for the network.
const WORKERS_MAX: usize = 4;

/// How long blocking calls may keep the process after all tasks have ended.
const BLOCKING_MAX: Duration = Duration::from_secs(1);

/// A service's program.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The service's name, as for [`Loader::new`]; the program is called `tercio-<service>`.
    pub service: &'a str,
    /// What it does, a phrase for `--help`.
    pub about: &'a str,
    /// For `--version`.
    pub version: &'a str,
}

/// A configuration that is enough to start a process with.
pub trait ServiceConfig:
    Serialize + DeserializeOwned + Default + Validate + Send + 'static
{
    /// Its section about telemetry.
    fn log(&self) -> &telemetry::Config;
}

/// Reads the command line and the configuration, and runs `work` until it ends, fails or a signal
/// asks it to stop. Problems are told on stderr; the exit code is 0, 1 for a failure,
/// 64 for a bad command line and 78 for a bad configuration.
pub fn run<C, W, F>(program: &Program<'_>, work: W) -> ExitCode
where
    C: ServiceConfig,
    W: FnOnce(C, Tasks) -> F,
    F: Future + Send + 'static,
    F::Output: TaskResult,
{
    let ask = arguments::parse(std::env::args_os().skip(1));
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let ended = perform(program, ask, &mut out, work);
    let told = match &ended {
        Ok(()) => Ok(()),
        Err(Failure::Usage(sentence)) => {
            write!(err, "error: {sentence}\n\n{}", arguments::help(program))
        }
        Err(Failure::Config(problem) | Failure::Work(problem)) => write_problem(&mut err, problem),
    };
    // Whoever closed stderr does not want to know; the exit code still tells.
    drop(told);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Work(_)) => ExitCode::FAILURE,
        Err(Failure::Usage(_)) => ExitCode::from(EX_USAGE),
        Err(Failure::Config(_)) => ExitCode::from(EX_CONFIG),
    }
}

enum Failure {
    Usage(String),
    Config(Problem),
    Work(Problem),
}

fn perform<C, W, F>(
    program: &Program<'_>,
    ask: Result<Ask, String>,
    out: &mut impl Write,
    work: W,
) -> Result<(), Failure>
where
    C: ServiceConfig,
    W: FnOnce(C, Tasks) -> F,
    F: Future + Send + 'static,
    F::Output: TaskResult,
{
    let say = |out: &mut dyn Write, text: &str| {
        // Whoever closed stdout wants no more of it.
        let _ = out.write_all(text.as_bytes());
        Ok(())
    };
    match ask.map_err(Failure::Usage)? {
        Ask::Help => say(out, &arguments::help(program)),
        Ask::Version => say(
            out,
            &format!("tercio-{} {}\n", program.service, program.version),
        ),
        Ask::DumpConfig { file } => {
            let config: C = load(program, file)?;
            let text = dump(&config).map_err(|error| {
                let error = telemetry::chain(&error).to_string();
                Failure::Config(Problem::new("KIT0013", error))
            })?;
            say(out, &text)
        }
        Ask::Run { file } => {
            let config: C = load(program, file)?;
            telemetry::init(config.log())
                .map_err(|error| Failure::Config(Problem::from(&error)))?;
            start(program, config, work).map_err(Failure::Work)
        }
    }
}

fn load<C: ServiceConfig>(program: &Program<'_>, file: Option<PathBuf>) -> Result<C, Failure> {
    let loader = Loader::new(program.service).file(file);
    loader
        .load()
        .map_err(|error| Failure::Config(Problem::from(&error)))
}

fn start<C, W, F>(program: &Program<'_>, config: C, work: W) -> Result<(), Problem>
where
    W: FnOnce(C, Tasks) -> F,
    F: Future + Send + 'static,
    F::Output: TaskResult,
{
    let cannot = |what: &str, error: std::io::Error| {
        Problem::new("KIT0012", format!("cannot start {what}: {error}"))
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(WORKERS_MAX))
        .enable_all()
        .build()
        .map_err(|error| cannot("the runtime", error))?;
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::on_signals().map_err(|error| cannot("signal handlers", error))?;
        let tasks = Tasks::new(shutdown.requested.child_token());
        let stop = tasks.stop_token().clone();
        let work = work(config, tasks.clone());
        tasks.spawn(program.service, async move {
            let result = work.await;
            // The service is done, so its helpers are no longer needed.
            stop.cancel();
            result
        });
        let ended = shutdown::run(&tasks, &shutdown, DRAIN_MAX).await;
        ended.map_err(|error| Problem::from(&error))
    });
    runtime.shutdown_timeout(BLOCKING_MAX);
    ended
}

/// Writes a problem for a person: what, each finding on a line, what to do.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_problem(out: &mut impl Write, problem: &Problem) -> std::io::Result<()> {
    writeln!(out, "error[{}]: {}", problem.code, problem.message)?;
    for finding in &problem.diagnostics {
        write!(out, "  {}: ", finding.code)?;
        if let Some(place) = &finding.location {
            write!(out, "{place}: ")?;
        }
        write!(out, "{}", finding.message)?;
        match &finding.help {
            Some(help) => writeln!(out, "; {help}")?,
            None => writeln!(out)?,
        }
    }
    match &problem.help {
        Some(help) => writeln!(out, "  help: {help}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
