//! Reading a stream in order, from anywhere, across reconnects.

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use bytes::Bytes;
use futures::StreamExt as _;

use tokio::sync::watch;

use crate::bus::{Bus, ConnectionStatus, Headers, Message};

/// One message of a stream.
pub(crate) struct Read {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    /// How many more there are now.
    pub(crate) pending: u64,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

/// A reading under way.
pub(crate) struct Reader {
    messages: Box<Ordered>,
    status: watch::Receiver<ConnectionStatus>,
    /// How many messages there were at the start.
    pub(crate) pending: u64,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Starts to read what `filter` matches.
    pub(crate) async fn open(
        bus: &Bus,
        stream: &str,
        filter: &str,
        from: DeliverPolicy,
    ) -> Result<Self, String> {
        let random: [u8; 10] = rand::random();
        let config = OrderedConfig {
            // Named, so that the subject it is made by carries the filter, and permissions can.
            name: Some(lab_types::ids::id_text(&random)),
            filter_subject: filter.to_owned(),
            deliver_policy: from,
            ..OrderedConfig::default()
        };
        let mut status = bus.status();
        status.mark_unchanged();
        let context = async_nats::jetstream::new(bus.client().clone());
        let consumer = context.create_consumer_on_stream(config, stream);
        let consumer = consumer.await.map_err(|error| error.to_string())?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await;
        Ok(Self {
            messages: Box::new(messages.map_err(|error| error.to_string())?),
            status,
            pending,
        })
    }

    /// The next message. An error ends the reading: the connection broke, or the server did not
    /// answer in time. Begin a new one after the last message that came. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Read, String> {
        let message = tokio::select! {
            biased;
            // The client library would notice after two missed heartbeats, half a minute later.
            _ = self.status.changed() => return Err("the connection broke".into()),
            message = self.messages.next() => message.ok_or("the reading has ended")?,
        };
        let message = message.map_err(|error| error.to_string())?;
        let info = message.info().map_err(|error| error.to_string())?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let Message {
            subject,
            headers,
            payload,
            ..
        } = message.message.clone().into();
        Ok(Read {
            subject,
            sequence,
            pending,
            headers,
            body: payload,
        })
    }
}
