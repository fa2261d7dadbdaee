//! Named tasks under supervision: one that fails or panics stops the process, and says its name.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::telemetry::chain;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a supervised future may return: nothing, or a result whose error names the failure.
pub trait TaskResult: Send + 'static {
    /// The failure, if it is one.
    fn failure(self) -> Option<BoxError>;
}

impl TaskResult for () {
    fn failure(self) -> Option<BoxError> {
        None
    }
}

impl<E: Into<BoxError> + Send + 'static> TaskResult for Result<(), E> {
    fn failure(self) -> Option<BoxError> {
        self.err().map(Into::into)
    }
}

/// How a task failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It returned an error.
    Error(Arc<dyn std::error::Error + Send + Sync>),
    /// It panicked with this message.
    Panic(String),
}

/// A task that failed, by its name.
#[derive(Clone, Debug)]
pub struct TaskFailure {
    /// The name it was spawned with.
    pub task: Arc<str>,
    /// What happened.
    pub failure: Failure,
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::Error(_) => write!(f, "task {} failed", self.task),
            Failure::Panic(message) => write!(f, "task {} panicked: {message}", self.task),
        }
    }
}

impl std::error::Error for TaskFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            Failure::Error(error) => Some(&**error),
            Failure::Panic(_) => None,
        }
    }
}

/// How the end went.
#[derive(Clone, Debug, Default)]
pub struct Drained {
    /// Tasks that were still busy at the deadline and were cut off, by name.
    pub late: Vec<Arc<str>>,
    /// Tasks that failed, first one first.
    pub failures: Vec<TaskFailure>,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, Arc<str>>,
    failures: Vec<TaskFailure>,
}

/// The tasks of a process, or of one part of it. Clones share them.
///
/// Each task must watch [`Tasks::stop_token`] and end soon after it is cancelled. The first failure
/// cancels it too, so that the rest stops in order.
#[derive(Clone)]
pub struct Tasks {
    stop: CancellationToken,
    abort: CancellationToken,
    state: Arc<watch::Sender<State>>,
}

impl Tasks {
    /// No tasks yet; `stop` asks all of them to end.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            abort: CancellationToken::new(),
            state: Arc::new(watch::Sender::new(State::default())),
        }
    }

    /// Cancelled when the tasks should end.
    #[must_use]
    pub fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs `future` as a task called `name`. Must be called inside a tokio runtime.
    pub fn spawn<F>(&self, name: impl Into<Arc<str>>, future: F)
    where
        F: Future + Send + 'static,
        F::Output: TaskResult,
    {
        let mut entry = self.enter(name.into());
        let abort = self.abort.clone();
        let work = AbortOnDropHandle::new(tokio::spawn(async move { future.await.failure() }));
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // Cancel-safe: dropping the handle ends the task, which is what an abort wants.
                () = abort.cancelled() => {}
                ended = work => entry.end(ended),
            }
        });
    }

    fn enter(&self, name: Arc<str>) -> Entry {
        let mut number = 0;
        self.state.send_modify(|state| {
            number = state.next;
            state.next += 1;
            state.running.insert(number, name.clone());
        });
        Entry {
            tasks: self.clone(),
            number,
            name,
            failure: None,
        }
    }

    /// The names of the tasks that run now.
    #[must_use]
    pub fn running(&self) -> Vec<Arc<str>> {
        self.state.borrow().running.values().cloned().collect()
    }

    /// Waits for the first failure.
    ///
    /// # Cancel safety
    /// Nothing is lost: a failure stays known, and the next call returns it at once.
    pub async fn failed(&self) -> TaskFailure {
        let mut states = self.state.subscribe();
        loop {
            if let Some(first) = states.borrow_and_update().failures.first() {
                return first.clone();
            }
            // The sender lives in `self`, so a change is the only way out.
            if states.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until no task runs.
    pub async fn idle(&self) {
        let mut states = self.state.subscribe();
        // The sender lives in `self`, so the wait ends only when the condition holds.
        let _ = states.wait_for(|state| state.running.is_empty()).await;
    }

    /// Asks every task to end, waits until all have or `deadline` has passed, and cuts off the rest.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.stop.cancel();
        let in_time = tokio::time::timeout(deadline, self.idle()).await.is_ok();
        let state = self.state.borrow();
        let failures = state.failures.clone();
        let late = match in_time {
            true => Vec::new(),
            false => state.running.values().cloned().collect(),
        };
        drop(state);
        self.abort.cancel();
        Drained { late, failures }
    }
}

/// A running task's place in the list; leaves it however the task ends.
struct Entry {
    tasks: Tasks,
    number: u64,
    name: Arc<str>,
    failure: Option<Failure>,
}

impl Entry {
    fn end(&mut self, ended: Result<Option<BoxError>, JoinError>) {
        self.failure = match ended {
            Ok(None) => None,
            Ok(Some(error)) => Some(Failure::Error(error.into())),
            Err(error) => error
                .try_into_panic()
                .ok()
                .map(|payload| Failure::Panic(panic_message(payload.as_ref()))),
        };
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let failure = self.failure.take().map(|failure| TaskFailure {
            task: self.name.clone(),
            failure,
        });
        if let Some(failure) = &failure {
            tracing::error!(error = %chain(failure), "a task failed, stopping");
        }
        let failed = failure.is_some();
        self.tasks.state.send_modify(|state| {
            state.running.remove(&self.number);
            state.failures.extend(failure);
        });
        if failed {
            self.tasks.stop.cancel();
        }
    }
}

/// Runs `future` as a task called `name` that belongs to a value, and ends with it: for libraries,
/// which have no [`Tasks`]. A panic is logged under its name, and whoever waits for the value's work
/// finds that it has ended. Must be called inside a tokio runtime.
pub fn detached<F>(name: &'static str, future: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let work = AbortOnDropHandle::new(tokio::spawn(future));
    tokio::spawn(async move {
        if let Err(error) = work.await
            && let Ok(payload) = error.try_into_panic()
        {
            let message = panic_message(payload.as_ref());
            tracing::error!(task = name, message, "a task panicked");
        }
    })
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests;
