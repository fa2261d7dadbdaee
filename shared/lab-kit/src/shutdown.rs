//! From a signal to a process that has ended in order, or says who kept it.

use std::sync::Arc;
use std::time::Duration;

use lab_types::Problem;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::task::{TaskFailure, Tasks};
use crate::telemetry::chain;

/// How long the tasks of a service may take to stop: below the 10 s that Docker and systemd's
/// stricter set-ups wait before they kill.
pub const DRAIN_MAX: Duration = Duration::from_secs(8);

/// What the user asked for by signals.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled by the first SIGINT or SIGTERM: stop in order.
    pub requested: CancellationToken,
    /// Cancelled by the second: stop now.
    pub forced: CancellationToken,
}

impl Shutdown {
    /// Listens from now on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses the signal handlers.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = Self::default();
        let told = shutdown.clone();
        tokio::spawn(async move {
            let name = next(&mut interrupt, &mut terminate).await;
            tracing::info!(signal = name, "stopping");
            told.requested.cancel();
            let name = next(&mut interrupt, &mut terminate).await;
            tracing::warn!(signal = name, "stopping at once");
            told.forced.cancel();
        });
        Ok(shutdown)
    }
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    // Cancel-safe: `recv` of the one that loses keeps its signal.
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

/// Why the process did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task failed or panicked, and the rest was stopped for it.
    #[error("stopped because a part failed")]
    Failed {
        /// The first one.
        #[source]
        first: TaskFailure,
        /// Tasks that moreover did not stop in time.
        late: Vec<Arc<str>>,
    },
    /// Tasks were cut off.
    #[error("not stopped in time: {}", .late.join(", "))]
    Late {
        /// Their names.
        late: Vec<Arc<str>>,
    },
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Failed { first, .. } => Self::new("KIT0030", chain(first).to_string())
                .help("the log before this message tells more"),
            Error::Late { .. } => Self::new("KIT0031", error.to_string()),
        }
    }
}

/// Waits for a signal or the first failure, then stops all tasks within `deadline`. A second signal
/// ends the wait.
///
/// # Errors
/// The first failure, or who was late. The caller turns it into the exit code.
pub async fn run(tasks: &Tasks, shutdown: &Shutdown, deadline: Duration) -> Result<(), Error> {
    // Cancel-safe: every arm is level-triggered.
    tokio::select! {
        biased;
        () = shutdown.requested.cancelled() => {}
        () = tasks.stop_token().cancelled() => {}
        _ = tasks.failed() => {}
    }
    let drained = tokio::select! {
        biased;
        drained = tasks.drain(deadline) => drained,
        () = shutdown.forced.cancelled() => tasks.drain(Duration::ZERO).await,
    };
    match (drained.failures.into_iter().next(), drained.late) {
        (Some(first), late) => Err(Error::Failed { first, late }),
        (None, late) if late.is_empty() => Ok(()),
        (None, late) => Err(Error::Late { late }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::{DRAIN_MAX, Error, Problem, Shutdown, run};
    use crate::task::Tasks;

    fn tasks() -> Tasks {
        Tasks::new(CancellationToken::new())
    }

    fn patient(tasks: &Tasks) {
        let stop = tasks.stop_token().clone();
        tasks.spawn("patient", async move { stop.cancelled().await });
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_to_stop_ends_well_when_all_tasks_listen() {
        let (tasks, shutdown) = (tasks(), Shutdown::default());
        patient(&tasks);
        shutdown.requested.cancel();
        run(&tasks, &shutdown, DRAIN_MAX).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_late_is_said_by_name() {
        let (tasks, shutdown) = (tasks(), Shutdown::default());
        patient(&tasks);
        tasks.spawn("deaf", std::future::pending::<()>());
        shutdown.requested.cancel();
        let error = run(&tasks, &shutdown, DRAIN_MAX).await.unwrap_err();
        assert_eq!(error.to_string(), "not stopped in time: deaf");
        assert_eq!(Problem::from(&error).code.0, "KIT0031");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_does_not_wait_for_the_deadline() {
        let (tasks, shutdown) = (tasks(), Shutdown::default());
        tasks.spawn("deaf", std::future::pending::<()>());
        shutdown.requested.cancel();
        shutdown.forced.cancel();
        let started = tokio::time::Instant::now();
        let error = run(&tasks, &shutdown, DRAIN_MAX).await.unwrap_err();
        assert!(matches!(error, Error::Late { .. }));
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    async fn fails() {
        tokio::task::yield_now().await;
        panic!("head is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_ends_the_process_with_the_tasks_name() {
        let (tasks, shutdown) = (tasks(), Shutdown::default());
        patient(&tasks);
        tasks.spawn("commit", fails());
        let error = run(&tasks, &shutdown, DRAIN_MAX).await.unwrap_err();
        let problem = Problem::from(&error);
        assert_eq!(problem.code.0, "KIT0030");
        assert_eq!(problem.message, "task commit panicked: head is gone");
    }

    #[tokio::test]
    async fn a_real_sigterm_asks_to_stop_and_a_second_one_at_once() {
        let shutdown = Shutdown::on_signals().unwrap();
        let own = rustix::process::getpid();
        let send = || {
            rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        };
        send();
        shutdown.requested.cancelled().await;
        assert!(!shutdown.forced.is_cancelled());
        send();
        shutdown.forced.cancelled().await;
    }
}
