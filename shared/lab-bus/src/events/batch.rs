//! Storing many messages with one write to the disk: an atomic batch. Source: NATS ADR-50.

use std::time::Duration;

use super::publish::Outgoing;
use crate::bus::{Bus, Headers};
use crate::jetstream;

/// Fewer than this are stored one by one: an agent's or a small lab's events need no batch.
const MIN: usize = 8;

/// Whether all were stored, at once and in this order. Otherwise nothing was, or it is not known:
/// publishing each again is harmless, because its id is known to the server if it was stored. A batch
/// with an event that was stored before is refused as a whole.
pub(super) async fn at_once(bus: &Bus, messages: &[Outgoing], timeout: Duration) -> bool {
    if messages.len() < MIN {
        return false;
    }
    tokio::select! {
        biased;
        stored = send(bus, messages, timeout) => stored,
        () = bus.broken() => false,
    }
}

async fn send(bus: &Bus, messages: &[Outgoing], timeout: Duration) -> bool {
    let random: [u8; 16] = rand::random();
    let id = lab_types::ids::id_text(&random);
    let Some((last, before)) = messages.split_last() else {
        return false;
    };
    let headers = |message: &Outgoing, sequence: usize| -> Headers {
        let mut headers = message.headers.clone();
        headers.push(("Nats-Batch-Id".to_owned(), id.clone()));
        headers.push(("Nats-Batch-Sequence".to_owned(), sequence.to_string()));
        headers
    };
    for (index, message) in before.iter().enumerate() {
        let (subject, body) = (message.subject.clone(), message.body.clone());
        let sent = bus.publish_bytes(subject, headers(message, index + 1), body);
        if sent.await.is_err() {
            return false;
        }
    }
    let mut commit = headers(last, messages.len());
    commit.push(("Nats-Batch-Commit".to_owned(), "1".to_owned()));
    let (subject, body) = (last.subject.clone(), last.body.clone());
    match jetstream::publish(bus, subject, commit, body, timeout).await {
        Ok(Some(ack)) => usize::try_from(ack.count) == Ok(messages.len()),
        Ok(None) => false,
        Err(error) => {
            tracing::debug!(%error, "a batch of events is stored one by one");
            false
        }
    }
}
