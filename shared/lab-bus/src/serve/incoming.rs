//! One request, to be answered once.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use lab_types::{Problem, RequestId, UserName};
use lab_wire::{Encoding, Request, RequestAddress, RequestInfo, header};
use serde::Serialize;

use crate::bus::{Bus, Headers, Message, PublishError};
use crate::call::TRY_AGAIN;

/// What a service counts of one endpoint. Source: ADR-32, statistics.
#[derive(Debug, Default)]
pub(super) struct EndpointStats {
    pub(super) requests: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) processing_ns: AtomicU64,
    /// Held for the length of one assignment, never across an await.
    pub(super) last_error: Mutex<String>,
}

/// A request to be answered exactly once. Dropped, it is not answered, and its sender repeats it.
#[derive(Debug)]
pub struct Incoming {
    /// Who asks what about which project; NATS vouches for the user.
    pub address: RequestAddress,
    /// Its row of the table of requests.
    pub info: RequestInfo,
    /// How its body is written; the reply is written the same.
    pub encoding: Encoding,
    /// The idempotency id from the header; see [`request_id_of`](Self::request_id_of).
    pub request_id: Option<RequestId>,
    /// The body.
    pub payload: Bytes,
    responder: Responder,
}

#[derive(Debug)]
struct Responder {
    bus: Bus,
    reply: Option<String>,
    stats: Arc<EndpointStats>,
    since: Instant,
}

impl Incoming {
    /// Reads subject and headers. What is wrong with them comes with the request, to be refused.
    pub(super) fn new(
        bus: &Bus,
        message: Message,
        info: RequestInfo,
        stats: Arc<EndpointStats>,
    ) -> Result<Self, Box<(Self, Problem)>> {
        stats.requests.fetch_add(1, Ordering::Relaxed);
        let id = message.header(header::REQUEST_ID).map(RequestId::new);
        let address = RequestAddress::parse(&message.subject);
        let mut incoming = Self {
            address: RequestAddress {
                user: UserName::new("_").expect("invariant: _ is a user name"),
                project: None,
                noun: info.noun.to_owned(),
                verb: info.verb.to_owned(),
            },
            info,
            encoding: lab_wire::sniff(&message.payload),
            request_id: None,
            payload: message.payload,
            responder: Responder {
                bus: bus.clone(),
                reply: message.reply,
                stats,
                since: Instant::now(),
            },
        };
        match address {
            Ok(address) => incoming.address = address,
            Err(error) => {
                let problem = Problem::new("BUS0002", error.to_string())
                    .help("the lab's requests and their subjects stand in ops/docs");
                return Err(Box::new((incoming, problem)));
            }
        }
        match id.transpose() {
            Ok(id) => incoming.request_id = id,
            Err(error) => {
                let name = header::REQUEST_ID;
                let problem = Problem::new("BUS0002", format!("the header {name}: {error}")).help(
                    "any text of letters, digits, '_' and '-' will do, a fresh one each time",
                );
                return Err(Box::new((incoming, problem)));
            }
        }
        Ok(incoming)
    }

    /// Reads the body.
    ///
    /// # Errors
    /// A [`Problem`] with what was expected, to refuse it with.
    pub fn decode<R: Request>(&self) -> Result<R, Problem> {
        lab_wire::decode(&self.payload).map_err(|error| {
            let RequestInfo { noun, verb, .. } = self.info;
            let size = self.payload.len();
            let message = format!("the body of {noun}.{verb} ({size} bytes) is {error}");
            Problem::new("BUS0001", message).help(
                "send a JSON object (beginning with '{') or a MessagePack map with the request's \
                 named fields; `tercio req` sends JSON",
            )
        })
    }

    /// The idempotency id, from the body or else from the header.
    #[must_use]
    pub fn request_id_of<R: Request>(&self, request: &R) -> Option<RequestId> {
        let of_body = request.request_id().cloned();
        of_body.or_else(|| self.request_id.clone())
    }

    /// Answers.
    pub async fn reply<T: Serialize + Sync>(self, reply: &T) {
        let body = lab_wire::encode(reply, self.encoding).into();
        self.reply_bytes(body).await;
    }

    /// Answers with a body that is already written in this request's encoding.
    pub async fn reply_bytes(self, body: Bytes) {
        let size = body.len();
        let headers = self.content_type();
        let sent = self.responder.send(headers, body).await;
        if let Err(PublishError::Unsendable { .. }) = sent {
            let message = format!("the answer is too large for one message: {size} bytes");
            let problem = Problem::new("BUS0009", message).help("ask for less at once");
            return self.refuse(&problem).await;
        }
        self.responder.finish(None);
    }

    /// Answers: no.
    pub async fn refuse(self, problem: &Problem) {
        let mut headers = self.content_type();
        let mut add = |name: &str, value: &str| {
            // A header is one line.
            let line = value.split(['\r', '\n']).next().unwrap_or_default();
            headers.push((name.to_owned(), line.to_owned()));
        };
        add(header::ERROR_CODE, &problem.code.0);
        add(header::ERROR, &problem.message);
        if let Some(help) = &problem.help {
            add(header::ERROR_HELP, help);
        }
        let body = lab_wire::encode(problem, self.encoding).into();
        // An answer that cannot be sent is no answer, and the sender repeats its request.
        let _ = self.responder.send(headers, body).await;
        self.responder.finish(Some(problem));
    }

    /// Answers: not now, send it again. [`Bus::call`](crate::Bus::call) does so by itself.
    pub async fn try_again(self, why: &str) {
        let problem = Problem::new(TRY_AGAIN, why).help("send the same request again in a moment");
        self.refuse(&problem).await;
    }

    fn content_type(&self) -> Headers {
        let content = self.encoding.content_type();
        vec![(header::CONTENT_TYPE.to_owned(), content.to_owned())]
    }
}

impl Responder {
    async fn send(&self, headers: Headers, body: Bytes) -> Result<(), PublishError> {
        match &self.reply {
            Some(reply) => self.bus.publish_bytes(reply.clone(), headers, body).await,
            None => Ok(()),
        }
    }

    fn finish(&self, problem: Option<&Problem>) {
        let took = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.stats.processing_ns.fetch_add(took, Ordering::Relaxed);
        if let Some(problem) = problem {
            self.stats.errors.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut last) = self.stats.last_error.lock() {
                *last = problem.to_string();
            }
        }
    }
}
