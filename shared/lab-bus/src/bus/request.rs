//! Sending requests and waiting for their replies.

use std::time::Duration;

use bytes::Bytes;
use lab_types::{ProjectName, RequestId, UserName};
use lab_wire::{Access, Encoding, Request, RequestAddress, header};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::message::header_map;
use super::{Bus, Headers, Message, Trouble};
use crate::call::{CallError, CallOptions, problem_of};

/// How long to wait before a request is repeated: some tries within the shortest election.
const REPEAT_WAIT: Duration = Duration::from_millis(250);
/// Random bytes in a request's id: as many as a UUID has.
const REQUEST_ID_BYTES: usize = 16;

/// A fresh idempotency id.
#[must_use]
pub fn fresh_request_id() -> RequestId {
    let random: [u8; REQUEST_ID_BYTES] = rand::random();
    let text = lab_types::ids::id_text(&random);
    RequestId::new(text).expect("invariant: base 32 is a request id")
}

impl Bus {
    /// Sends a body as it is, once, and returns the reply as it is, for `tercio req`.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Refused`] when the reply carries an error.
    pub async fn call_raw(
        &self,
        subject: impl Into<String> + Send,
        headers: Headers,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Message, CallError> {
        let reply = self.round_trip(subject.into(), headers, body, timeout);
        let reply = reply.await?;
        match problem_of(&reply) {
            Some(problem) => Err(CallError::Refused(Box::new(problem))),
            None => Ok(reply),
        }
    }

    /// Sends one message and waits for whatever comes back.
    pub(crate) async fn round_trip(
        &self,
        subject: String,
        headers: Headers,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Message, CallError> {
        let mut troubles = self.troubles();
        let mut request = async_nats::Request::new().payload(body);
        if let Some(map) = header_map(&headers) {
            request = request.headers(map);
        }
        let request = request.timeout(Some(timeout));
        tokio::select! {
            biased;
            reply = self.client().send_request(subject.clone(), request) => match reply {
                Ok(reply) => Ok(reply.into()),
                Err(error) => Err(self.call_error(&error, subject, timeout)),
            },
            () = refused(&mut troubles, &subject) => Err(CallError::PermissionDenied { subject }),
            // The client library would wait out the time; the reply may come to nobody.
            () = self.broken() => Err(CallError::Disconnected),
        }
    }

    fn call_error(
        &self,
        error: &async_nats::RequestError,
        subject: String,
        after: Duration,
    ) -> CallError {
        use async_nats::RequestErrorKind as Kind;
        match error.kind() {
            Kind::NoResponders => CallError::NoResponders { subject },
            Kind::TimedOut if !self.is_connected() => CallError::Disconnected,
            Kind::TimedOut => CallError::TimedOut { subject, after },
            Kind::InvalidSubject | Kind::MaxPayloadExceeded => CallError::Unsendable {
                subject,
                reason: error.to_string(),
            },
            Kind::Other => CallError::Disconnected,
        }
    }

    /// Sends a message to one receiver and waits for its reply, once; for internal commands.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn request_message<T: Serialize + Sync, R: DeserializeOwned>(
        &self,
        subject: impl Into<String> + Send,
        message: &T,
        timeout: Duration,
    ) -> Result<R, CallError> {
        let subject = subject.into();
        let body = lab_wire::encode(message, Encoding::MessagePack).into();
        let reply = self.call_raw(subject.clone(), content_type(), body, timeout);
        read_reply(&reply.await?, subject)
    }

    /// Sends a typed request and waits for its reply, repeating it (with the same request id) when
    /// nobody answers.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Refused`] with what the service said.
    pub async fn call<R: Request>(
        &self,
        user: &UserName,
        project: Option<&ProjectName>,
        request: &R,
        options: CallOptions,
    ) -> Result<R::Reply, CallError> {
        let address = RequestAddress {
            user: user.clone(),
            project: project.cloned(),
            noun: R::INFO.noun.to_owned(),
            verb: R::INFO.verb.to_owned(),
        };
        let subject = String::from(address.subject());
        let mut headers = content_type();
        let id = options.request_id.clone();
        let id = id.or_else(|| request.request_id().cloned());
        let id = id.or_else(|| (R::INFO.access == Access::Change).then(fresh_request_id));
        headers.extend(id.map(|id| (header::REQUEST_ID.to_owned(), id.to_string())));
        let body: Bytes = lab_wire::encode(request, Encoding::MessagePack).into();
        let reply = self.repeat(&subject, &headers, &body, &options);
        read_reply(&reply.await?, subject)
    }

    /// Sends the same message again and again until it is answered or the time is up.
    async fn repeat(
        &self,
        subject: &str,
        headers: &Headers,
        body: &Bytes,
        options: &CallOptions,
    ) -> Result<Message, CallError> {
        let deadline = Instant::now() + options.timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let attempt = options.attempt.min(left);
            let sent = self.call_raw(subject, headers.clone(), body.clone(), attempt);
            let error = match sent.await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if !error.is_transient() || Instant::now() + REPEAT_WAIT >= deadline {
                return Err(match error {
                    CallError::TimedOut { subject, .. } => CallError::TimedOut {
                        subject,
                        after: options.timeout,
                    },
                    other => other,
                });
            }
            tokio::time::sleep(REPEAT_WAIT).await;
        }
    }
}

fn content_type() -> Headers {
    let content = Encoding::MessagePack.content_type();
    vec![(header::CONTENT_TYPE.to_owned(), content.to_owned())]
}

fn read_reply<R: DeserializeOwned>(reply: &Message, subject: String) -> Result<R, CallError> {
    lab_wire::decode(&reply.payload).map_err(|source| CallError::Decode { subject, source })
}

/// Waits for the server to refuse a message of ours to `subject`.
async fn refused(troubles: &mut broadcast::Receiver<Trouble>, subject: &str) {
    loop {
        match troubles.recv().await {
            Ok(Trouble::PublishDenied { subject: denied }) if denied == subject => return,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
