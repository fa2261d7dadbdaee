//! A task's log from attempt to attempt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::InspectContainerOptions;
use lab_types::{Problem, TaskId, TaskState, TaskStatus};
use lab_wire::agent::LogOptions;
use lab_wire::stream::LogBatch;
use tokio::sync::{mpsc, watch};

use super::read::{AtEnd, Unheard, read};
use super::readers::{Reader, Readers};
use super::resume::Resume;
use crate::engine::watch::Connection;
use crate::engine::{Engine, Error, Kind};

/// The tasks of the node as the agent last saw them.
pub type Statuses = Arc<BTreeMap<TaskId, TaskStatus>>;

/// How long to wait before asking an engine again that ended the stream of a running container, or
/// that was lost: shorter than its restart takes, long enough not to spin.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What a log is read through.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The engine, as long as it can be used.
    pub engine: watch::Receiver<Connection>,
    /// The node's tasks.
    pub tasks: watch::Receiver<Statuses>,
    /// Where a reader says that it is not at the end yet.
    pub readers: Readers,
}

/// Sends the lines of `task` to `output`: those that are there, and with `follow` those to come,
/// until the task is over or gone. When `output` is closed, it ends.
///
/// # Errors
/// `AGT0030` when the node does not have the task, or what the engine said.
pub async fn stream(
    mut sources: Sources,
    task: TaskId,
    options: LogOptions,
    output: mpsc::Sender<LogBatch>,
) -> Result<(), Problem> {
    if !sources.tasks.borrow().contains_key(&task) {
        return Err(
            Problem::new("AGT0030", format!("task {task} is not on this node"))
                .help("look where it is with `tercio ps`"),
        );
    }
    let mut seen = Resume::default();
    let mut read_of: Option<String> = None;
    let mut reader: Option<Reader> = None;
    loop {
        let status = sources.tasks.borrow_and_update().get(&task).cloned();
        let Some(status) = status else {
            return Ok(());
        };
        let mut at = Position {
            container: status.container.clone(),
            follow: options.follow,
        };
        // While the engine is away the container is not known, and is the same one afterwards.
        if at.container.is_some() && at.container != read_of {
            (seen, read_of) = (Resume::default(), at.container.clone());
        }
        reader = at.container.as_ref().map(|container| match reader.take() {
            Some(reader) if reader.container() == container => reader,
            Some(_) | None => sources.readers.enter(container),
        });
        let next = at
            .read_on(&mut sources, (&options, &mut seen), &output)
            .await?;
        if matches!(next, Next::End) {
            reader = None;
        }
        match next {
            Next::Unheard => return Ok(()),
            Next::End if !options.follow || is_over(&status) => return Ok(()),
            Next::Again => tokio::time::sleep(AGAIN_AFTER).await,
            Next::End => {
                // Cancel-safe: both arms only wait.
                tokio::select! {
                    () = output.closed() => return Ok(()),
                    changed = sources.tasks.changed() => if changed.is_err() { return Ok(()) },
                }
            }
        }
    }
}

/// Whether the task's container will not be started again.
fn is_over(status: &TaskStatus) -> bool {
    let state = status.progress.state;
    matches!(state, TaskState::Stopped | TaskState::Rejected)
        || (state.is_terminal() && status.exhausted)
}

/// How a reading ended.
enum Next {
    /// The log's end was reached, and the container does not run.
    End,
    /// There may be more at once.
    Again,
    /// Nobody listens.
    Unheard,
}

struct Position {
    container: Option<String>,
    follow: bool,
}

impl Position {
    async fn read_on(
        &mut self,
        sources: &mut Sources,
        (options, seen): (&LogOptions, &mut Resume),
        output: &mpsc::Sender<LogBatch>,
    ) -> Result<Next, Problem> {
        let Some(container) = &self.container else {
            return Ok(Next::End);
        };
        let connection = sources.engine.borrow().clone();
        let engine = match connection {
            Connection::Up(engine) => engine,
            Connection::Down(_) if self.follow => return Ok(Next::Again),
            Connection::Down(problem) => return Err(problem),
        };
        match read_container(&engine, container, self.follow, (options, seen), output).await {
            Ok(next) => Ok(next),
            // It was removed meanwhile, or is being removed; the statuses will say so too.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::InUse) => Ok(Next::End),
            Err(error) if error.is_loss() && self.follow => Ok(Next::Again),
            Err(error) => Err(Problem::from(&error)),
        }
    }
}

async fn read_container(
    engine: &Engine,
    container: &str,
    follow: bool,
    reading: (&LogOptions, &mut Resume),
    output: &mpsc::Sender<LogBatch>,
) -> Result<Next, Error> {
    let at_end = match follow && is_running(engine, container).await? {
        true => AtEnd::Follow,
        false => AtEnd::Stop,
    };
    let heard = read(engine, container, at_end, reading, output).await?;
    Ok(match (heard, at_end) {
        (Err(Unheard), _) => Next::Unheard,
        // The engine may end a followed log a line too early when the container ends: once more,
        // from where it stands.
        (Ok(()), AtEnd::Follow) => Next::Again,
        (Ok(()), AtEnd::Stop) => Next::End,
    })
}

async fn is_running(engine: &Engine, container: &str) -> Result<bool, Error> {
    let found = engine
        .docker()
        .inspect_container(container, None::<InspectContainerOptions>)
        .await;
    let found = found.map_err(engine.failed(&format!("look at container {container}")))?;
    Ok(found.state.and_then(|state| state.running).unwrap_or(false))
}
