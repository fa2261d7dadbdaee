//! Messages and subscriptions.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt as _;
use lab_wire::roles;

/// Headers of a message.
pub type Headers = Vec<(String, String)>;

pub(crate) fn header_map(headers: &[(String, String)]) -> Option<async_nats::HeaderMap> {
    if headers.is_empty() {
        return None;
    }
    let mut map = async_nats::HeaderMap::new();
    for (name, value) in headers {
        map.append(name.as_str(), value.as_str());
    }
    Some(map)
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The connection is closed.
    #[error("there is no connection to NATS")]
    Closed,
    /// The subject or the size is not allowed.
    #[error("{subject} cannot be sent: {reason}")]
    Unsendable {
        /// Where it should have gone.
        subject: String,
        /// Why.
        reason: String,
    },
}

impl PublishError {
    pub(super) fn from_client(error: &async_nats::PublishError, subject: String) -> Self {
        use async_nats::client::PublishErrorKind as Kind;
        match error.kind() {
            Kind::Send => Self::Closed,
            Kind::MaxPayloadExceeded | Kind::InvalidSubject => Self::Unsendable {
                subject,
                reason: error.to_string(),
            },
        }
    }
}

/// Why a subscription was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The connection is closed.
    #[error("there is no connection to NATS")]
    Closed,
    /// The subject is not allowed.
    #[error("{subject} cannot be subscribed to: {reason}")]
    Invalid {
        /// Which.
        subject: String,
        /// Why.
        reason: String,
    },
}

/// One received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was sent.
    pub subject: String,
    /// Where its sender waits for an answer. A place that is not in an inbox of the sender's is
    /// not told: an answer there would be said with the answerer's rights, at another's wish.
    pub reply: Option<String>,
    /// What rides beside the body.
    pub headers: Headers,
    /// The body.
    pub payload: Bytes,
}

impl Message {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut of_name = self.headers.iter().filter(|(key, _)| key == name);
        of_name.next().map(|(_, value)| value.as_str())
    }
}

impl From<async_nats::Message> for Message {
    fn from(message: async_nats::Message) -> Self {
        let mut headers = Vec::new();
        for (name, values) in message.headers.iter().flat_map(async_nats::HeaderMap::iter) {
            let name: &str = name.as_ref();
            headers.extend(
                values
                    .iter()
                    .map(|v| (name.to_owned(), v.as_str().to_owned())),
            );
        }
        // The library keeps them in a map without order.
        headers.sort();
        let subject = message.subject.to_string();
        let reply = message.reply.map(|reply| reply.to_string());
        Self {
            reply: reply.filter(|reply| roles::may_answer(&subject, reply)),
            subject,
            headers,
            payload: message.payload,
        }
    }
}

/// Messages of one subject, or of a pattern. Dropping it ends the subscription.
///
/// The server may refuse it: nothing comes then, and a [`Trouble`](super::Trouble) says so.
#[derive(Debug)]
pub struct Subscription {
    inner: async_nats::Subscriber,
}

impl Subscription {
    pub(super) fn from_client(
        subscribed: Result<async_nats::Subscriber, async_nats::SubscribeError>,
        subject: String,
    ) -> Result<Self, SubscribeError> {
        use async_nats::client::SubscribeErrorKind as Kind;
        match subscribed {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => Err(match error.kind() {
                Kind::Other => SubscribeError::Closed,
                Kind::InvalidSubject | Kind::InvalidQueueName => SubscribeError::Invalid {
                    subject,
                    reason: error.to_string(),
                },
            }),
        }
    }

    /// Asks the server for no more. What it has sent by then still comes; then comes `None`.
    pub async fn end(&mut self) {
        // An error means that the connection is closed, which ends it as well.
        let _ = self.inner.drain().await;
    }

    /// The next message; `None` when the connection was closed for good.
    ///
    /// # Cancel safety
    /// Safe: no message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        self.inner.next().await.map(Message::from)
    }
}

impl futures::Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let next = self.inner.poll_next_unpin(context);
        next.map(|message| message.map(Message::from))
    }
}
