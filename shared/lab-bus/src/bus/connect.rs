//! Making the connection, and hearing how it fares.

use std::time::Duration;

use async_nats::{ClientError, ConnectErrorKind, Event, ServerError};
use lab_types::Problem;
use tokio::sync::{broadcast, watch};

use crate::identity::Credentials;
use lab_kit::clock::BootInstant;

/// How many troubles are kept for a receiver that is slow; older ones are dropped.
const TROUBLES_KEPT: usize = 64;
/// How often a slow reader is told at most.
const TELL_SLOW_EVERY: Duration = Duration::from_secs(1);
/// The shortest and the longest wait between attempts to connect again.
const RECONNECT_WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// `nats://host:port`, any of which will do.
    pub urls: Vec<String>,
    /// Who connects; the inbox prefix follows from it.
    pub credentials: Credentials,
    /// The connection's name in the server's logs: `tercio-scheduler@host`.
    pub name: String,
    /// Whether to keep trying when the first attempt fails; otherwise that is an error.
    pub retry_initial: bool,
    /// How often the server is pinged; a dead one is noticed after two to three of these.
    pub ping_interval: Duration,
}

impl ConnectOptions {
    /// Options that fail at once when no server answers, and ping it every 5 s.
    #[must_use]
    pub fn new(urls: Vec<String>, credentials: Credentials, name: impl Into<String>) -> Self {
        Self {
            urls,
            credentials,
            name: name.into(),
            retry_initial: false,
            ping_interval: Duration::from_secs(5),
        }
    }

    /// The same, trying for ever.
    #[must_use]
    pub fn retry_initial(mut self) -> Self {
        self.retry_initial = true;
        self
    }
}

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// There is.
    Connected {
        /// Since when.
        since: BootInstant,
    },
    /// There is none; it is being tried.
    Disconnected,
}

/// Something that went wrong beside any one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The server refused a message of ours.
    PublishDenied {
        /// Its subject.
        subject: String,
    },
    /// The server refused a subscription of ours.
    SubscribeDenied {
        /// Its subject.
        subject: String,
    },
    /// Messages were dropped because a subscription was read too slowly.
    SlowConsumer,
    /// The server does not accept this identity (any longer).
    Unauthorized,
    /// Another error the server or the client told.
    Other(String),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No server answers at these addresses.
    #[error("no nats-server answers at {urls}: {reason}")]
    Unreachable {
        /// The addresses.
        urls: String,
        /// What the client library says.
        reason: String,
    },
    /// The server does not accept the identity.
    #[error("the nats-server at {urls} does not accept the identity {name:?}")]
    Unauthorized {
        /// The addresses.
        urls: String,
        /// The identity's name.
        name: String,
    },
    /// An address cannot be used.
    #[error("{url:?} is not an address of a nats-server: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConnectError {
    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, help) = match self {
            Self::Unreachable { .. } => (
                "BUS0010",
                "check that the lab runs (`tercio lab status`) and that the address is right",
            ),
            Self::Unauthorized { .. } => (
                "BUS0011",
                "the credentials may have expired or belong to another lab; have new ones issued",
            ),
            Self::Address { .. } => ("BUS0012", "write it as nats://host:port"),
        };
        Problem::new(code, self.to_string()).help(help)
    }
}

pub(super) type Connected = (
    async_nats::Client,
    watch::Receiver<ConnectionStatus>,
    broadcast::Sender<Trouble>,
);

pub(super) async fn connect(options: ConnectOptions) -> Result<Connected, ConnectError> {
    let mut addresses = Vec::new();
    for url in &options.urls {
        let address = url.parse::<async_nats::ServerAddr>();
        addresses.push(address.map_err(|error| ConnectError::Address {
            url: url.clone(),
            reason: error.to_string(),
        })?);
    }
    let (status_tx, status) = watch::channel(ConnectionStatus::Disconnected);
    let (troubles, _) = broadcast::channel(TROUBLES_KEPT);
    let observer = Observer {
        status: status_tx.clone(),
        troubles: troubles.clone(),
        name: options.credentials.name().to_owned(),
        told_slow: std::sync::Mutex::default(),
    };
    let connecting = client_options(&options, observer).connect(addresses);
    let client = connecting.await.map_err(|error| {
        let urls = options.urls.join(", ");
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                ConnectError::Unauthorized {
                    urls,
                    name: options.credentials.name().to_owned(),
                }
            }
            _ => ConnectError::Unreachable {
                urls,
                reason: error.to_string(),
            },
        }
    })?;
    // The event that says so may still be under way.
    if client.connection_state() == async_nats::connection::State::Connected {
        connected(&status_tx);
    }
    Ok((client, status, troubles))
}

fn client_options(options: &ConnectOptions, observer: Observer) -> async_nats::ConnectOptions {
    let key = std::sync::Arc::new(options.credentials.key());
    let sign = move |nonce: Vec<u8>| {
        let key = std::sync::Arc::clone(&key);
        async move { key.sign(&nonce).map_err(async_nats::AuthError::new) }
    };
    let client = async_nats::ConnectOptions::with_jwt(options.credentials.jwt().to_owned(), sign)
        .custom_inbox_prefix(options.credentials.inbox_prefix())
        .name(&options.name)
        .ping_interval(options.ping_interval)
        .reconnect_delay_callback(reconnect_wait)
        .event_callback(move |event| {
            observer.hear(event);
            std::future::ready(())
        });
    if options.retry_initial {
        client.retry_on_initial_connect()
    } else {
        client
    }
}

/// Doubles from attempt to attempt; half of it is left to chance, so that many clients do not come
/// back in step.
fn reconnect_wait(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1u32.checked_shl(doublings.min(30)).unwrap_or(u32::MAX);
    let (shortest, longest) = RECONNECT_WAIT;
    let whole = shortest.saturating_mul(factor).min(longest);
    whole.mul_f64(rand::random_range(0.5..=1.0))
}

fn connected(status: &watch::Sender<ConnectionStatus>) {
    status.send_if_modified(|status| {
        let news = *status == ConnectionStatus::Disconnected;
        if news {
            *status = ConnectionStatus::Connected {
                since: BootInstant::now(),
            };
        }
        news
    });
}

struct Observer {
    status: watch::Sender<ConnectionStatus>,
    troubles: broadcast::Sender<Trouble>,
    name: String,
    /// When a slow reader was last told. Held for the length of one comparison.
    told_slow: std::sync::Mutex<Option<std::time::Instant>>,
}

impl Observer {
    fn hear(&self, event: Event) {
        match event {
            Event::Connected => connected(&self.status),
            Event::Disconnected | Event::Closed => {
                self.status.send_replace(ConnectionStatus::Disconnected);
            }
            Event::LameDuckMode | Event::Draining => {}
            Event::SlowConsumer(_) => self.tell_slow(),
            Event::ServerError(error) => self.tell(of_server(&error)),
            Event::ClientError(error) => self.tell(of_client(&error)),
        }
    }

    /// There is one event for each dropped message: thousands in a second.
    fn tell_slow(&self) {
        if let Ok(mut told) = self.told_slow.lock()
            && told.is_none_or(|told| told.elapsed() >= TELL_SLOW_EVERY)
        {
            *told = Some(std::time::Instant::now());
            drop(told);
            self.tell(Trouble::SlowConsumer);
        }
    }

    fn tell(&self, trouble: Trouble) {
        // Another address is tried at once, and the status says that there is no connection.
        if let Trouble::Other(reason) = &trouble {
            tracing::debug!(identity = self.name, reason, "trouble with nats");
        } else {
            tracing::warn!(identity = self.name, ?trouble, "trouble with nats");
        }
        // Nobody may be listening.
        let _ = self.troubles.send(trouble);
    }
}

fn of_server(error: &ServerError) -> Trouble {
    match error {
        ServerError::AuthorizationViolation => Trouble::Unauthorized,
        ServerError::SlowConsumer(_) => Trouble::SlowConsumer,
        ServerError::Other(text) => denied(text).unwrap_or_else(|| Trouble::Other(text.clone())),
    }
}

fn of_client(error: &ClientError) -> Trouble {
    let text = error.to_string();
    if text.contains("authorization violation") {
        Trouble::Unauthorized
    } else {
        Trouble::Other(text)
    }
}

/// Reads `Permissions Violation for Publish to "a.b"` and `… for Subscription to "a.b" …`.
fn denied(text: &str) -> Option<Trouble> {
    let rest = text.strip_prefix("Permissions Violation for ")?;
    let (what, rest) = rest.split_once(" to \"")?;
    let subject = rest.split('"').next()?.to_owned();
    match what {
        "Publish" => Some(Trouble::PublishDenied { subject }),
        "Subscription" => Some(Trouble::SubscribeDenied { subject }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Trouble, denied, reconnect_wait};

    #[test]
    fn a_refusal_of_the_server_names_its_subject() {
        let publish = denied(r#"Permissions Violation for Publish to "a.b""#);
        let subject = "a.b".to_owned();
        assert_eq!(publish, Some(Trouble::PublishDenied { subject }));
        let subscribe =
            denied(r#"Permissions Violation for Subscription to "c.>" using queue "q""#);
        let subject = "c.>".to_owned();
        assert_eq!(subscribe, Some(Trouble::SubscribeDenied { subject }));
        assert_eq!(denied("maximum connections exceeded"), None);
    }

    #[test]
    fn the_wait_between_attempts_grows_to_two_seconds_and_no_further() {
        assert!(reconnect_wait(1) <= Duration::from_millis(50));
        for attempts in [10, 100, usize::MAX] {
            let wait = reconnect_wait(attempts);
            assert!((1.0..=2.0).contains(&wait.as_secs_f64()), "{wait:?}");
        }
    }
}
