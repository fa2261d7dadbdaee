//! Publishing many messages in order without waiting for each.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use lab_wire::commit::Refusal;
use tokio::time::Instant;

use crate::bus::{Bus, Headers, PublishError, Trouble};
use crate::jetstream::{self, Acknowledgement, ApiError};

/// One message for a stream.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// What has no acknowledgement yet, by number, and what will get none.
struct Waiting {
    subjects: BTreeMap<usize, String>,
    failed: Vec<Failed>,
}

/// A message that was not stored.
pub(super) struct Failed {
    /// Why.
    pub(super) reason: String,
    /// Whether it never will be: the server refuses this very message.
    pub(super) for_good: bool,
}

/// A stream or server that is full takes the same message again when there is room.
const FULL: [u64; 2] = [10047, 10077];

impl Failed {
    const fn for_now(reason: String) -> Self {
        let for_good = false;
        Self { reason, for_good }
    }

    fn answered(error: &ApiError) -> Self {
        let for_good = matches!(
            error.refusal(),
            Some(Refusal::Permanent { code, .. }) if !FULL.contains(&code)
        );
        let reason = error.to_string();
        Self { reason, for_good }
    }
}

/// Publishes messages one after the other, so that they are stored in this order, then waits for all
/// acknowledgements. Returns what happened to those that have none.
pub(super) async fn in_order(bus: &Bus, messages: Vec<Outgoing>, timeout: Duration) -> Vec<Failed> {
    let mut waiting = Waiting {
        subjects: BTreeMap::new(),
        failed: Vec::new(),
    };
    let deadline = Instant::now() + timeout;
    let mut troubles = bus.troubles();
    let inbox = bus.client().new_inbox();
    let mut replies = match bus.client().subscribe(format!("{inbox}.*")).await {
        Ok(replies) => replies,
        Err(error) => {
            let failed = messages.iter().map(|_| Failed::for_now(error.to_string()));
            return failed.collect();
        }
    };
    let mut broken = std::pin::pin!(bus.broken());
    for (number, message) in messages.into_iter().enumerate() {
        let (reply, subject) = (format!("{inbox}.{number}"), message.subject.clone());
        let sent = bus.publish_with_reply(message.subject, reply, message.headers, message.body);
        match sent.await {
            Ok(()) => {
                waiting.subjects.insert(number, subject);
            }
            Err(error) => waiting.failed.push(Failed {
                for_good: matches!(error, PublishError::Unsendable { .. }),
                reason: error.to_string(),
            }),
        }
    }
    while !waiting.subjects.is_empty() {
        tokio::select! {
            biased;
            reply = replies.next() => match reply {
                Some(reply) => waiting.settle(&reply),
                None => break,
            },
            trouble = troubles.recv() => {
                if let Ok(Trouble::PublishDenied { subject }) = trouble {
                    waiting.refuse(&subject);
                }
            }
            () = &mut broken => break,
            () = tokio::time::sleep_until(deadline) => break,
        }
    }
    let late = waiting.subjects.values();
    let late = late.map(|subject| format!("no acknowledgement for {subject}"));
    let late = late.map(Failed::for_now);
    waiting.failed.into_iter().chain(late).collect()
}

impl Waiting {
    fn settle(&mut self, reply: &async_nats::Message) {
        let number = reply.subject.rsplit('.').next();
        let number = number.and_then(|number| number.parse().ok());
        let Some(subject) = number.and_then(|number: usize| self.subjects.remove(&number)) else {
            return;
        };
        if reply.status == Some(async_nats::StatusCode::NO_RESPONDERS) {
            let reason = format!("no stream takes {subject}");
            self.failed.push(Failed::for_now(reason));
        } else if let Err(error) = jetstream::read::<Acknowledgement>(&reply.payload) {
            self.failed.push(Failed::answered(&error));
        }
    }

    fn refuse(&mut self, denied: &str) {
        let before = self.subjects.len();
        self.subjects.retain(|_, subject| subject != denied);
        let refused = before - self.subjects.len();
        let reason = format!("this identity may not publish to {denied}");
        let failed = (0..refused).map(|_| Failed::for_now(reason.clone()));
        self.failed.extend(failed);
    }
}
