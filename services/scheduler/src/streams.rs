//! Opening streams between users and agents. The leader says which; what flows goes past it.

use std::time::Duration;

use futures::future::join_all;
use lab_bus::Bus;
use lab_types::{Fence, NodeId, NodeName, Problem, ServiceName, StreamId, TaskId, UserName, ids};
use lab_wire::agent::{CommandReply, StreamContent, StreamOpen};
use lab_wire::request::{OpenedStream, StreamsOpened};
use lab_wire::subject::CommandVerb;

use crate::agents;
use crate::codes;

/// How long an agent may take to answer that it has opened a stream. It only makes two subscriptions.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Random bytes in a stream's id: 80 bits, so that nobody guesses another's.
const STREAM_ID_BYTES: usize = 10;

/// One stream to be opened.
pub(crate) struct Wanted {
    /// At which agent.
    pub(crate) node: NodeId,
    /// The node's name, for people.
    pub(crate) node_name: NodeName,
    /// Whose log, when it is one.
    pub(crate) task: Option<(TaskId, ServiceName, u32)>,
    /// What flows.
    pub(crate) content: StreamContent,
}

/// Opens all, or says which agents refused.
///
/// # Errors
/// `SCH0031` with one finding for each stream that was not opened.
pub(crate) async fn open(
    bus: &Bus,
    fence: Fence,
    user: &UserName,
    wanted: Vec<Wanted>,
) -> Result<StreamsOpened, Problem> {
    let opened = join_all(
        wanted
            .into_iter()
            .map(|one| open_one(bus, fence, user, one)),
    )
    .await;
    let mut streams = Vec::new();
    let mut problems = Vec::new();
    for one in opened {
        match one {
            Ok(stream) => streams.push(stream),
            Err(problem) => problems.push(problem),
        }
    }
    match problems.len() {
        0 => Ok(StreamsOpened { streams }),
        1 => Err(problems.remove(0)),
        count => {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let message = format!("{count} streams were not opened: {}", said.join("; "));
            Err(Problem::new(codes::NOT_OPENED, message))
        }
    }
}

async fn open_one(
    bus: &Bus,
    fence: Fence,
    user: &UserName,
    wanted: Wanted,
) -> Result<OpenedStream, Problem> {
    let stream = new_stream_id();
    let command = StreamOpen {
        fence,
        user: user.clone(),
        stream: stream.clone(),
        content: wanted.content,
    };
    let to = (&wanted.node, CommandVerb::Open);
    let reply = agents::ask(bus, to, &command, OPEN_TIMEOUT).await;
    match reply {
        Ok(CommandReply::Done) => {}
        Ok(CommandReply::Refused { problem }) => return Err(*problem),
        Ok(CommandReply::Unknown) => {
            let message = format!(
                "the agent of node {} answered in an unknown way",
                wanted.node_name
            );
            return Err(
                Problem::new(codes::NOT_OPENED, message).help("run all parts in the same version")
            );
        }
        Err(error) => {
            let message = format!(
                "the agent of node {} does not answer: {error}",
                wanted.node_name
            );
            return Err(Problem::new(codes::NOT_OPENED, message)
                .help("`tercio node ls` shows which nodes report"));
        }
    }
    let (task, service, slot) = match wanted.task {
        Some((task, service, slot)) => (Some(task), Some(service), Some(slot)),
        None => (None, None, None),
    };
    Ok(OpenedStream {
        stream,
        node: wanted.node,
        node_name: wanted.node_name,
        task,
        service,
        slot,
    })
}

pub(crate) fn new_stream_id() -> StreamId {
    let random: [u8; STREAM_ID_BYTES] = rand::random();
    StreamId::new(ids::id_text(&random)).expect("invariant: base 32 is made of letters and digits")
}
