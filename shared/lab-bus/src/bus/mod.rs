//! One connection to NATS, with one identity.

mod connect;
mod message;
mod request;

pub use connect::{ConnectError, ConnectOptions, ConnectionStatus, Trouble};
pub use message::{Headers, Message, PublishError, SubscribeError, Subscription};
pub use request::fresh_request_id;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lab_wire::{Encoding, header};
use serde::Serialize;
use tokio::sync::{broadcast, watch};

/// How long `drain` waits for the connection to be written out and closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to NATS. Clones share it.
#[derive(Clone, Debug)]
pub struct Bus {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: async_nats::Client,
    status: watch::Receiver<ConnectionStatus>,
    troubles: broadcast::Sender<Trouble>,
    name: String,
}

impl Bus {
    /// Connects.
    ///
    /// # Errors
    /// [`ConnectError`], and at once, unless `retry_initial` is set.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let name = options.credentials.name().to_owned();
        let (client, status, troubles) = connect::connect(options).await?;
        let inner = Inner {
            client,
            status,
            troubles,
            name,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The client library's handle, for this crate alone.
    pub(crate) fn client(&self) -> &async_nats::Client {
        &self.inner.client
    }

    /// Whether there is a connection now, and changes of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ConnectionStatus> {
        self.inner.status.clone()
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        // The client library goes on saying so of a connection that was closed.
        self.inner.client.connection_state() == async_nats::connection::State::Connected
            && *self.inner.status.borrow() != ConnectionStatus::Disconnected
    }

    /// Waits until the connection breaks: the one there is now, or else the next one.
    pub(crate) async fn broken(&self) {
        let mut status = self.status();
        let mut first = *status.borrow_and_update();
        while status.changed().await.is_ok() {
            let now = *status.borrow_and_update();
            // Another connection in its place means that it broke in between.
            if first != ConnectionStatus::Disconnected && now != first {
                return;
            }
            first = now;
        }
    }

    /// What goes wrong from now on beside any one request; each is logged as a warning as well.
    #[must_use]
    pub fn troubles(&self) -> broadcast::Receiver<Trouble> {
        self.inner.troubles.subscribe()
    }

    /// The name of this connection's identity: a user's name, a node's id, `scheduler`, ….
    #[must_use]
    pub fn identity_name(&self) -> &str {
        &self.inner.name
    }

    /// The server's version, as it said when the connection was made; empty before the first.
    #[must_use]
    pub fn server_version(&self) -> String {
        let info = self.inner.client.try_server_info();
        info.map(|info| info.version).unwrap_or_default()
    }

    /// Sends a message as MessagePack. It is buffered: [`flush`](Self::flush) before the process
    /// ends, and what is buffered when the connection breaks may be lost.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish<T: Serialize + Sync>(
        &self,
        subject: impl Into<String> + Send,
        message: &T,
    ) -> Result<(), PublishError> {
        let body = lab_wire::encode(message, Encoding::MessagePack);
        let content = Encoding::MessagePack.content_type().to_owned();
        let headers = vec![(header::CONTENT_TYPE.to_owned(), content)];
        self.publish_bytes(subject, headers, body.into()).await
    }

    /// Sends bytes with headers.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_bytes(
        &self,
        subject: impl Into<String> + Send,
        headers: Headers,
        body: Bytes,
    ) -> Result<(), PublishError> {
        let subject = subject.into();
        let sent = match message::header_map(&headers) {
            None => self.client().publish(subject.clone(), body).await,
            Some(map) => {
                let client = self.client();
                client
                    .publish_with_headers(subject.clone(), map, body)
                    .await
            }
        };
        sent.map_err(|error| PublishError::from_client(&error, subject))
    }

    /// Sends bytes with headers and says where the answer is to go.
    pub(crate) async fn publish_with_reply(
        &self,
        subject: String,
        reply: String,
        headers: Headers,
        body: Bytes,
    ) -> Result<(), PublishError> {
        let map = message::header_map(&headers).unwrap_or_default();
        let client = self.client();
        let sent = client.publish_with_reply_and_headers(subject.clone(), reply, map, body);
        sent.await
            .map_err(|error| PublishError::from_client(&error, subject))
    }

    /// Waits until everything published so far has been written to the connection.
    ///
    /// # Errors
    /// [`PublishError::Closed`].
    pub async fn flush(&self) -> Result<(), PublishError> {
        let flushed = self.client().flush().await;
        flushed.map_err(|_| PublishError::Closed)
    }

    /// Ends all subscriptions, writes what is buffered and closes the connection.
    pub async fn drain(&self) {
        if self.client().drain().await.is_err() {
            return;
        }
        let mut status = self.status();
        let closed = status.wait_for(|status| *status == ConnectionStatus::Disconnected);
        // An error means that the connection is gone, which was the aim.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, closed).await;
    }

    /// Hears a subject or a pattern.
    ///
    /// # Errors
    /// [`SubscribeError`]. A refusal by the server comes later, as a [`Trouble`].
    pub async fn subscribe(
        &self,
        subject: impl Into<String> + Send,
    ) -> Result<Subscription, SubscribeError> {
        let subject = subject.into();
        let subscribed = self.client().subscribe(subject.clone()).await;
        Subscription::from_client(subscribed, subject)
    }

    /// As [`subscribe`](Self::subscribe); each message goes to one subscriber of the group.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub async fn subscribe_in_group(
        &self,
        subject: impl Into<String> + Send,
        group: impl Into<String> + Send,
    ) -> Result<Subscription, SubscribeError> {
        let subject = subject.into();
        let subscribed = self.client().queue_subscribe(subject.clone(), group.into());
        Subscription::from_client(subscribed.await, subject)
    }
}
