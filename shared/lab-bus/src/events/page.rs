//! A page of the stream, read for a user who asked for it.

use futures::StreamExt as _;
use lab_types::{Event, ProjectName};
use lab_wire::request::{EventList, EventsListed, NumberedEvent};
use lab_wire::subject::{EVENT_STREAM, EVENTS_KEPT};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{EventFilter, ReplayError, rfc3339};
use crate::bus::{Bus, Headers, Message};
use crate::jetstream::{self, API_TIMEOUT};

/// Events on one page: with some 500 bytes each, well under the largest message.
const PAGE_EVENTS: u32 = 500;
/// Bytes of stored events on one page: as JSON they take up to twice as many.
const PAGE_BYTES: u32 = 256 * 1024;

#[derive(Deserialize)]
struct StreamInfo {
    state: StreamState,
}

#[derive(Deserialize)]
struct StreamState {
    last_seq: u64,
}

/// Reads a page with the permissions of the scheduler.
///
/// # Errors
/// [`ReplayError`].
pub async fn page(
    bus: &Bus,
    asked: &EventList,
    project: Option<&ProjectName>,
) -> Result<EventsListed, ReplayError> {
    let last = last_sequence(bus).await?;
    let limit = asked.limit.unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS);
    let after = asked.after.unwrap_or(0).min(last);
    if limit == 0 || (asked.after.is_some() && after == last) {
        let next = last;
        let (events, more) = (Vec::new(), false);
        return Ok(EventsListed { events, next, more });
    }
    let from = match (asked.after, asked.since) {
        (None, Some(since)) => json!({ "start_time": rfc3339(since) }),
        _ => json!({ "seq": after + 1 }),
    };
    let stored = stored(bus, from, limit).await?;
    let full = stored.len() == limit as usize;
    let filter = EventFilter {
        project: project.cloned(),
        service: asked.service.clone(),
    };
    let mut page = EventsListed {
        // Whoever waits for what comes goes on from here.
        next: last,
        ..EventsListed::default()
    };
    if let Some((sequence, _)) = stored.last() {
        page.next = *sequence;
        page.more = full || *sequence < last;
    }
    for (sequence, message) in stored {
        match lab_wire::decode::<Event>(&message.payload) {
            Ok(event) if filter.accepts(&event) => {
                page.events.push(NumberedEvent { sequence, event });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(sequence, %error, "an event cannot be read"),
        }
    }
    Ok(page)
}

async fn last_sequence(bus: &Bus) -> Result<u64, ReplayError> {
    let info = jetstream::api(bus, &format!("STREAM.INFO.{EVENT_STREAM}"), None).await;
    let info: StreamInfo = info.map_err(|error| ReplayError::Stream(error.to_string()))?;
    Ok(info.state.last_seq)
}

/// Up to `limit` messages, by one request that NATS answers message by message. Source: ADR-31.
async fn stored(
    bus: &Bus,
    mut from: Value,
    limit: u32,
) -> Result<Vec<(u64, Message)>, ReplayError> {
    let broken = |reason: String| ReplayError::Stream(reason);
    from["batch"] = limit.into();
    from["max_bytes"] = PAGE_BYTES.into();
    from["next_by_subj"] = EVENTS_KEPT.into();
    let inbox = bus.client().new_inbox();
    let answers = bus.client().subscribe(inbox.clone()).await;
    let mut answers = answers.map_err(|error| broken(error.to_string()))?;
    let subject = format!("$JS.API.DIRECT.GET.{EVENT_STREAM}");
    let body = lab_wire::encode_json(&from).into();
    let sent = bus.publish_with_reply(subject, inbox, Headers::new(), body);
    sent.await.map_err(|error| broken(error.to_string()))?;
    let deadline = Instant::now() + API_TIMEOUT;
    let mut stored = Vec::new();
    loop {
        let answer = timeout_at(deadline, answers.next()).await;
        let answer = answer.map_err(|_| broken(format!("no answer within {API_TIMEOUT:?}")))?;
        let answer = answer.ok_or_else(|| broken("the connection was closed".to_owned()))?;
        match answer.status.map(|status| status.as_u16()) {
            None => {
                let message = Message::from(answer);
                let sequence = message.header("Nats-Sequence");
                let sequence = sequence.and_then(|sequence| sequence.parse().ok());
                let sequence = sequence.ok_or_else(|| broken("an event has no sequence".into()))?;
                stored.push((sequence, message));
            }
            // The end of the batch, and: there is nothing from there on.
            Some(204 | 404) => return Ok(stored),
            Some(status) => {
                let said = answer.description.unwrap_or_default();
                return Err(broken(format!("nats-server answered {status}: {said}")));
            }
        }
    }
}
