//! Logs that are there already, of several containers, in one order of time.

use std::collections::VecDeque;

use lab_bus::{StreamClient, StreamItem};
use lab_types::ProjectName;
use lab_wire::request::{OpenedStream, ServiceLogs};
use lab_wire::stream::{LogBatch, LogLine};

use super::paint::{Painter, name_of, unopened};
use crate::app::Client;
use crate::failure::{Failure, Outcome};

/// One container's log, read as far as it is needed.
struct Source {
    name: String,
    stream: StreamClient,
    ready: VecDeque<LogLine>,
    ended: bool,
}

/// Prints what can be read; each log that cannot is told on its own, and makes the command fail at its
/// end.
pub(super) async fn print(
    client: &Client,
    project: &ProjectName,
    request: &ServiceLogs,
    mut painter: Painter,
) -> Outcome {
    let opened = client.call(Some(project), request).await?;
    for log in &opened.unopened {
        painter.broken(&unopened(log));
    }
    let mut is_whole = opened.unopened.is_empty();
    let mut sources = Vec::new();
    for stream in &opened.streams {
        painter.know(&name_of(stream));
        match open(client, stream).await {
            Ok(source) => sources.push(source),
            Err(failure) => {
                painter.broken(&failure);
                is_whole = false;
            }
        }
    }
    loop {
        for source in &mut sources {
            if let Err(failure) = source.fill().await {
                painter.broken(&failure);
                source.ended = true;
                is_whole = false;
            }
        }
        // The smallest time first; each source's own order is kept whatever its clock says.
        let heads = sources.iter().enumerate();
        let heads = heads.filter_map(|(i, s)| Some((s.ready.front()?.at_unix_ns, i)));
        let Some((_, next)) = heads.min() else {
            return is_whole.then_some(()).ok_or(Failure::Said);
        };
        let source = &mut sources[next];
        if let Some(line) = source.ready.pop_front() {
            painter.print(&source.name, &line)?;
        }
    }
}

async fn open(client: &Client, stream: &OpenedStream) -> Outcome<Source> {
    let joined = StreamClient::open(&client.bus, &client.user, stream).await;
    Ok(Source {
        name: name_of(stream),
        stream: joined.map_err(|error| broken(&name_of(stream), &error))?,
        ready: VecDeque::new(),
        ended: false,
    })
}

pub(super) fn broken(name: &str, error: &lab_bus::StreamError) -> Failure {
    Failure::new(
        "CLI0041",
        format!("the log of {name} broke off: {error}"),
        "its node may be away; `tercio node ls` tells",
    )
}

impl Source {
    /// Reads until there is a line, or there will be none.
    async fn fill(&mut self) -> Outcome {
        while self.ready.is_empty() && !self.ended {
            let item = self.stream.recv().await;
            match item.map_err(|error| broken(&self.name, &error))? {
                Some(StreamItem::Data(bytes)) => self.ready.extend(lines(&self.name, &bytes)?),
                Some(StreamItem::End {
                    problem: Some(problem),
                    ..
                }) => return Err(problem.into()),
                Some(StreamItem::End { problem: None, .. }) | None => self.ended = true,
            }
        }
        Ok(())
    }
}

/// The lines of a piece of a log stream.
pub(super) fn lines(name: &str, bytes: &[u8]) -> Outcome<Vec<LogLine>> {
    let batch = lab_wire::decode::<LogBatch>(bytes).map_err(|error| {
        Failure::new(
            "CLI0041",
            format!("the log of {name} cannot be read: {error}"),
            "run the node's agent and this command in the same version",
        )
    })?;
    Ok(batch.lines)
}
