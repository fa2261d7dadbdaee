//! One pass as one atomic batch. Source: NATS ADR-50.

use std::time::Duration;

use bytes::Bytes;
use lab_wire::commit::{Answer, HEAD_KEY, Head};
use lab_wire::subject::state_key;

use super::{CommitError, PassWrites};
use crate::bus::{Bus, Headers};
use crate::jetstream::{self, ApiError, expect};

/// How long the acknowledgement of the first message may take: it is only taken note of.
const FIRST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a commit may take: 900 records of 8 KB take 0.15 s, 300 MB some seconds.
pub(super) const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long the mark of a removed key is kept. Nobody follows the stream from within, so this is
/// only for a person who looks.
const REMOVAL_TTL: &str = "1h";
/// Room for a batch's headers within the largest message: they take some 250 bytes.
const HEADER_ROOM: usize = 1024;

const OPERATION: &str = "KV-Operation";

fn header(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Whether these headers mark a removed key.
pub(super) fn is_removal(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == OPERATION)
}

/// A pass, ready to be sent any number of times.
pub(super) struct Batch<'a> {
    bus: &'a Bus,
    messages: Vec<(String, Headers, Bytes)>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(bus: &'a Bus, writes: &PassWrites) -> Result<Self, CommitError> {
        let max = bus.client().max_payload().saturating_sub(HEADER_ROOM);
        let mut messages = Vec::new();
        for (key, value) in &writes.puts {
            if value.len() > max {
                return Err(CommitError::TooLarge {
                    key: key.clone(),
                    bytes: value.len(),
                    max,
                });
            }
            let body = Bytes::copy_from_slice(value);
            messages.push((state_key(key).into(), Headers::new(), body));
        }
        for key in &writes.removes {
            let headers = [header(OPERATION, "DEL"), header("Nats-TTL", REMOVAL_TTL)];
            messages.push((state_key(key).into(), headers.into(), Bytes::new()));
        }
        Ok(Self { bus, messages })
    }

    /// Sends it under a fresh batch id.
    pub(super) async fn send(&self, head: &Head, expected: u64) -> Answer {
        // The client library waits out its time-out when the connection breaks; this does not.
        tokio::select! {
            biased;
            sent = self.try_send(head, expected) => match sent {
                Ok(answer) => answer,
                Err(error) => error.refusal().map_or(Answer::Unknown, Answer::Refused),
            },
            () = self.bus.broken() => Answer::Unknown,
        }
    }

    async fn try_send(&self, head: &Head, expected: u64) -> Result<Answer, ApiError> {
        let id = super::fresh_nonce();
        let batch = |sequence: usize| {
            [
                header("Nats-Batch-Id", &id),
                header("Nats-Batch-Sequence", sequence),
            ]
        };
        for (index, (subject, headers, body)) in self.messages.iter().enumerate() {
            let (subject, body) = (subject.clone(), body.clone());
            let mut headers = headers.clone();
            headers.extend(batch(index + 1));
            if index == 0 {
                // As a request, so that "too many open batches" shows itself.
                jetstream::publish(self.bus, subject, headers, body, FIRST_TIMEOUT).await?;
            } else if self
                .bus
                .publish_bytes(subject, headers, body)
                .await
                .is_err()
            {
                return Ok(Answer::Unknown);
            }
        }
        let mut headers = Headers::from(batch(self.messages.len() + 1));
        headers.extend([expect(expected), header("Nats-Batch-Commit", 1)]);
        let subject = state_key(HEAD_KEY).into();
        let body = lab_wire::encode(head, lab_wire::Encoding::MessagePack).into();
        let ack = jetstream::publish(self.bus, subject, headers, body, COMMIT_TIMEOUT).await?;
        Ok(ack.map_or(Answer::Unknown, |ack| Answer::Acknowledged {
            sequence: ack.sequence,
            count: ack.count,
        }))
    }
}
