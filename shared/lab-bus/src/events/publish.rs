//! Publishing many messages in order without waiting for each.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::bus::{Bus, Headers, Trouble};
use crate::jetstream::{self, Acknowledgement};

/// One message for a stream.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// What has no acknowledgement yet, by number, and what will get none.
struct Waiting {
    subjects: BTreeMap<usize, String>,
    failed: Vec<String>,
}

/// Publishes messages one after the other, so that they are stored in this order, then waits for all
/// acknowledgements. Returns what happened to those that have none.
pub(super) async fn in_order(bus: &Bus, messages: Vec<Outgoing>, timeout: Duration) -> Vec<String> {
    let mut waiting = Waiting {
        subjects: BTreeMap::new(),
        failed: Vec::new(),
    };
    let deadline = Instant::now() + timeout;
    let mut troubles = bus.troubles();
    let inbox = bus.client().new_inbox();
    let mut replies = match bus.client().subscribe(format!("{inbox}.*")).await {
        Ok(replies) => replies,
        Err(error) => return vec![error.to_string(); messages.len()],
    };
    let mut broken = std::pin::pin!(bus.broken());
    for (number, message) in messages.into_iter().enumerate() {
        let (reply, subject) = (format!("{inbox}.{number}"), message.subject.clone());
        let sent = bus.publish_with_reply(message.subject, reply, message.headers, message.body);
        match sent.await {
            Ok(()) => {
                waiting.subjects.insert(number, subject);
            }
            Err(error) => waiting.failed.push(error.to_string()),
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
            self.failed.push(format!("no stream takes {subject}"));
        } else if let Err(error) = jetstream::read::<Acknowledgement>(&reply.payload) {
            self.failed.push(error.to_string());
        }
    }

    fn refuse(&mut self, denied: &str) {
        let before = self.subjects.len();
        self.subjects.retain(|_, subject| subject != denied);
        let refused = before - self.subjects.len();
        let reason = format!("this identity may not publish to {denied}");
        self.failed.extend(std::iter::repeat_n(reason, refused));
    }
}
