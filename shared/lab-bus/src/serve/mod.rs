//! Answering requests by the NATS micro-service protocol (ADR-32).
//!
//! The requests come through a bounded channel to the one task that owns the service's state; stock
//! tools discover, ping and measure the service meanwhile.

mod discovery;
mod incoming;

pub use incoming::Incoming;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{SelectAll, select_all};
use futures::{Stream, StreamExt as _};
use lab_wire::{RequestInfo, subject};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bus::{Bus, Message, SubscribeError, Subscription};
use discovery::Discovery;
use incoming::EndpointStats;

/// How many requests may wait for the service. The leader answers a thousand a second, so a request
/// that finds the queue full would wait longer than a caller's back-off; it is told to try again.
const QUEUE: usize = 256;

/// How long a service that stops waits for the server to say that nothing more comes: many times a
/// round trip, and short beside an election.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// The queue group of replicas. Source: ADR-32's default.
const GROUP: &str = "q";

/// What a service says of itself.
#[derive(Clone, Debug)]
pub struct ServiceInfo {
    /// `[A-Za-z0-9_-]+`: `scheduler`.
    pub name: String,
    /// `major.minor.patch`.
    pub version: String,
    /// One sentence.
    pub description: String,
}

/// Who gets a request when several serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One of them: a queue group of equal replicas.
    Replicas,
    /// All: only the leader serves, and a paused one must not swallow the new one's requests.
    LeaderOnly,
}

/// Why a service cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The connection is closed, or a subject not allowed.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

/// A running service. Dropping it stops it.
#[derive(Debug)]
pub struct ServiceServer {
    stop: DropGuard,
    task: JoinHandle<()>,
}

/// A subscription that knows which endpoint it is for.
struct OfEndpoint {
    index: usize,
    subscription: Subscription,
}

impl Stream for OfEndpoint {
    type Item = (usize, Message);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let index = self.index;
        let next = self.subscription.poll_next_unpin(context);
        next.map(|message| message.map(|message| (index, message)))
    }
}

struct Server {
    bus: Bus,
    endpoints: Vec<(RequestInfo, Arc<EndpointStats>)>,
    requests: SelectAll<OfEndpoint>,
    discovery: Discovery,
    queue: mpsc::Sender<Incoming>,
}

impl ServiceServer {
    /// Starts to serve `endpoints`; requests come through the channel.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(
        bus: &Bus,
        info: ServiceInfo,
        endpoints: Vec<RequestInfo>,
        sharing: Sharing,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), ServeError> {
        let mut subscriptions = Vec::new();
        for (index, endpoint) in endpoints.iter().enumerate() {
            let subscription = subscribe(bus, endpoint, sharing).await?;
            subscriptions.push(OfEndpoint {
                index,
                subscription,
            });
        }
        let endpoints: Vec<_> = endpoints
            .into_iter()
            .map(|endpoint| (endpoint, Arc::new(EndpointStats::default())))
            .collect();
        let discovery = Discovery::start(bus, info, sharing, &endpoints).await?;
        let (queue, incoming) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let server = Server {
            bus: bus.clone(),
            endpoints,
            requests: select_all(subscriptions),
            discovery,
            queue,
        };
        let task = lab_kit::task::detached("serve", server.run(stop.clone()));
        let stop = stop.drop_guard();
        Ok((Self { stop, task }, incoming))
    }

    /// Stops to serve. Requests already in the channel can still be answered.
    pub async fn stop(self) {
        drop(self.stop);
        // An error means that the task panicked, which was logged.
        let _ = self.task.await;
    }

    /// Stops to serve without a word: another serves already, and what it answers must not meet
    /// "not now" from here. What is not answered is repeated by its sender.
    pub async fn abandon(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn subscribe(
    bus: &Bus,
    endpoint: &RequestInfo,
    sharing: Sharing,
) -> Result<Subscription, SubscribeError> {
    let pattern = subject::request_pattern(endpoint.noun, endpoint.verb);
    match sharing {
        Sharing::Replicas => bus.subscribe_in_group(pattern, GROUP).await,
        Sharing::LeaderOnly => bus.subscribe(pattern).await,
    }
}

impl Server {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.leave().await,
                // Cancel-safe, both: a message is taken or it stays.
                Some((index, message)) = self.requests.next() => {
                    if let Some(incoming) = self.read(index, message).await {
                        self.enqueue(incoming).await;
                    }
                }
                Some(message) = self.discovery.next() => {
                    self.discovery.answer(&self.bus, &message, &self.endpoints).await;
                }
                else => return,
            }
        }
    }

    /// Reads a request; one that cannot be read is refused.
    async fn read(&mut self, index: usize, message: Message) -> Option<Incoming> {
        let (info, stats) = self.endpoints.get(index)?;
        match Incoming::new(&self.bus, message, *info, Arc::clone(stats)) {
            Ok(incoming) => Some(incoming),
            Err(refused) => {
                let (incoming, problem) = *refused;
                incoming.refuse(&problem).await;
                None
            }
        }
    }

    async fn enqueue(&mut self, incoming: Incoming) {
        use mpsc::error::TrySendError;
        if let Err(TrySendError::Full(incoming) | TrySendError::Closed(incoming)) =
            self.queue.try_send(incoming)
        {
            incoming.try_again("the service is busy").await;
        }
    }

    /// Takes no more requests; those that have come meanwhile are for the next one who serves.
    async fn leave(mut self) {
        for endpoint in self.requests.iter_mut() {
            endpoint.subscription.end().await;
        }
        let deadline = tokio::time::Instant::now() + LEAVE_MAX;
        while let Ok(Some((index, message))) =
            tokio::time::timeout_at(deadline, self.requests.next()).await
        {
            if let Some(incoming) = self.read(index, message).await {
                incoming.try_again("the service is handing over").await;
            }
        }
        // An error means that the connection is gone, and the server has noticed by itself.
        let _ = self.bus.flush().await;
    }
}
