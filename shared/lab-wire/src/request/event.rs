//! Requests about what happened.

use lab_types::{Event, ServiceName, UnixMillis};
use serde::{Deserialize, Serialize};

/// `event.list`: of one project, or of all (`_`), from the oldest that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventList {
    /// Only of a later sequence: a reply's `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only what was stored then or later, by nats-server's clock; `after` goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixMillis>,
    /// Only of services of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// How many to look at, if fewer than a page has; with 0, `next` is the end of what there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// An event with its place in the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedEvent {
    /// Its sequence: it only grows.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsListed {
    /// In the order in which they were stored.
    pub events: Vec<NumberedEvent>,
    /// What to ask after for the next page, whether or not there are more yet.
    pub next: u64,
    /// Whether there are more now.
    pub more: bool,
}
