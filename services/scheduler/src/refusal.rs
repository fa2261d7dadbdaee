//! A pass that was refused: why, in words, and the state as it stands.

use lab_bus::{CommitError, StateStore};
use lab_kit::telemetry::chain;
use lab_placement::{Key, Record, Unread};
use lab_types::{Problem, WriteTag};
use lab_wire::commit::HeadEntry;

use crate::codes;
use crate::record;

/// The server has said no.
pub(crate) fn by_the_store(code: u64, text: &str) -> Problem {
    let message = format!(
        "the lab cannot be changed now: the store of its state refuses ({text}, {code}); what runs goes on"
    );
    Problem::new(codes::STORE_REFUSES, message).help(
        "the stream or the disk is full in most cases: make room (`store.bytes_max` of the scheduler, \
         nats-server's limits, its disk), then send the request again; it is tried again every few seconds",
    )
}

/// It could not even be sent.
pub(crate) fn unsendable(error: &CommitError) -> Problem {
    let message = format!("the lab cannot be changed like this: {}", chain(error));
    Problem::new(codes::STORE_REFUSES, message)
        .help("one record of the state is limited to 1 MiB: ask for less at a time")
}

/// Every record, as the store has it, and those that cannot be read.
pub(crate) async fn reload(
    store: &StateStore,
    head: &HeadEntry,
) -> Result<(Vec<(Key, WriteTag, Record)>, Vec<Unread>), String> {
    let loaded = store.load_all(head).await;
    let loaded = loaded.map_err(|error| chain(&error).to_string())?;
    Ok(record::read_all(&loaded.records))
}
