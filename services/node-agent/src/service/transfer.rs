//! The source's end of a transfer: an image goes to another node, because the leader said so.

use lab_bus::{Bus, StreamError, StreamHost};
use lab_types::{NodeId, Problem, StreamId};

use super::command::Answer;
use super::stream::{engine, finish};
use crate::image::send;
use crate::logs::follow::Sources;

/// Between whom it goes.
pub(super) struct Ends<'a> {
    pub(super) source: &'a NodeId,
    pub(super) target: &'a NodeId,
    pub(super) stream: &'a StreamId,
}

/// Sees that the image is there, joins the transfer, answers the command that opened it, and sends.
pub(super) async fn serve(
    bus: &Bus,
    sources: &Sources,
    ends: Ends<'_>,
    image: &str,
    answer: Answer,
) {
    let engine = match engine(sources) {
        Ok(engine) => engine,
        Err(problem) => return answer.plain(Err(problem)),
    };
    if let Err(error) = send::size(&engine, image).await {
        return answer.plain(Err(Problem::from(&error)));
    }
    let Ends {
        source,
        target,
        stream,
    } = ends;
    let mut host = match StreamHost::accept_transfer(bus, source, target, stream).await {
        Ok(host) => host,
        Err(error) => {
            let message = format!("the transfer cannot be joined: {error}");
            return answer.plain(Err(Problem::new("AGT0044", message)));
        }
    };
    answer.plain(Ok(()));
    let sent = match send::send(&engine, image, &mut host).await {
        Ok(summary) => finish(host, summary).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => tracing::info!(image, %target, "an image was sent"),
        Err(StreamError::Cancelled) => tracing::info!(image, %target, "a transfer was given up"),
        Err(error) => tracing::warn!(image, %target, %error, "a transfer broke off"),
    }
}
