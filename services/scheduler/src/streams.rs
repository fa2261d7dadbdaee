//! Opening streams between users and agents. The leader says which; what flows goes past it.

use std::time::Duration;

use futures::future::join_all;
use lab_bus::Bus;
use lab_types::{Fence, NodeId, NodeName, Problem, ServiceName, StreamId, TaskId, UserName, ids};
use lab_wire::agent::{CommandReply, StreamContent, StreamOpen};
use lab_wire::request::{OpenedStream, StreamsOpened, UnopenedStream};
use lab_wire::subject::CommandVerb;

use crate::agents;
use crate::codes;

/// How long an agent may take to answer that it has opened a stream, from when it is first asked: it only
/// makes two subscriptions, and the answer must come within an attempt of the caller (5 s).
const OPEN_TIMEOUT: Duration = Duration::from_secs(4);

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

/// Opens all, or says which agents refused. Logs are read of those that let them be read.
///
/// # Errors
/// `SCH0031` with one finding for each stream that was not opened.
pub(crate) async fn open(
    bus: &Bus,
    fence: Fence,
    user: &UserName,
    wanted: Vec<Wanted>,
) -> Result<StreamsOpened, Problem> {
    let opened = join_all(wanted.into_iter().map(|one| async {
        let (node_name, task) = (one.node_name.clone(), one.task.clone());
        let opened = open_one(bus, fence, user, one).await;
        opened.map_err(|problem| (node_name, task, problem))
    }));
    sort(opened.await)
}

/// Whose log a stream was to be, and why it is none.
type Refusal = (NodeName, Option<(TaskId, ServiceName, u32)>, Problem);

/// A log that is not opened stands beside the others; anything else refuses all.
fn sort(opened: Vec<Result<OpenedStream, Refusal>>) -> Result<StreamsOpened, Problem> {
    let mut sorted = StreamsOpened {
        streams: Vec::new(),
        unopened: Vec::new(),
    };
    let mut problems = Vec::new();
    for one in opened {
        match one {
            Ok(stream) => sorted.streams.push(stream),
            Err((_, None, problem)) => problems.push(problem),
            Err((node_name, Some((task, service, slot)), problem)) => {
                sorted.unopened.push(UnopenedStream {
                    node_name,
                    task,
                    service,
                    slot,
                    problem,
                });
            }
        }
    }
    match problems.len() {
        0 => Ok(sorted),
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

#[cfg(test)]
mod tests {
    use lab_types::{NodeId, NodeName, Problem, ServiceName, StreamId, TaskId};
    use lab_wire::request::OpenedStream;

    use super::{Refusal, sort};
    use crate::codes;

    fn opened() -> OpenedStream {
        OpenedStream {
            stream: StreamId::new("s1").unwrap(),
            node: NodeId::new("n1").unwrap(),
            node_name: NodeName::new("host1").unwrap(),
            task: None,
            service: None,
            slot: None,
        }
    }

    fn refused(of_task: bool) -> Refusal {
        let task = || {
            let service = ServiceName::new("web").unwrap();
            (TaskId::new("t2").unwrap(), service, 2)
        };
        let problem = Problem::new(codes::NOT_OPENED, "the agent does not answer");
        (NodeName::new("host2").unwrap(), of_task.then(task), problem)
    }

    #[test]
    fn a_log_that_is_not_opened_does_not_keep_the_others_from_being_read() {
        let sorted = sort(vec![Ok(opened()), Err(refused(true))]).unwrap();
        assert_eq!(sorted.streams, [opened()]);
        assert_eq!(sorted.unopened[0].task.as_str(), "t2");
    }

    #[test]
    fn a_build_or_pull_that_is_not_opened_refuses_all() {
        let refusal = sort(vec![Ok(opened()), Err(refused(false))]).unwrap_err();
        assert_eq!(refusal.message, "the agent does not answer");
        let two = sort(vec![Err(refused(false)), Err(refused(false))]).unwrap_err();
        assert!(two.message.starts_with("2 streams"), "{two}");
    }
}
