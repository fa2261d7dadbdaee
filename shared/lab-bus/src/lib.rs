//! The lab's bus: everything that touches NATS, and nothing that decides what a lab should do.
//!
//! ```text
//! bus ─────── one connection with one identity: publish, subscribe, request, call
//! serve ───── answering requests by the NATS micro-service protocol
//! commit ──── the desired state: head, take-over, load, one pass as one atomic batch
//! lease ───── the right to lead, with a deadline on a clock that counts suspend
//! events ──── the stream of events: publish once, replay from anywhere
//! stream ──── chunked streams with credits, both ends
//! identity ── keys, signed claims, credentials; server ─ finding, configuring, running nats-server
//! ```
//!
//! Entry points: [`Bus::connect`], [`ServiceServer::start`], [`StateStore::open`],
//! [`Candidate::acquire`], [`EventLog::ensure`], [`StreamClient::open`], [`StreamHost::accept`],
//! [`LabIdentity::create`], [`ServerProcess::start`].

pub mod bus;
pub mod call;
pub mod codes;
pub mod commit;
pub mod events;
pub mod identity;
mod jetstream;
pub mod lease;
mod reader;
pub mod serve;
pub mod server;
pub mod settings;
pub mod stream;

pub use bus::{
    Bus, ConnectError, ConnectOptions, ConnectionStatus, Headers, Message, PublishError,
    SubscribeError, Subscription, Trouble, fresh_request_id,
};
pub use call::{CallError, CallOptions};
pub use commit::{CommitError, LoadError, Loaded, PassWrites, StateStore, StoreError, StoreLimits};
pub use events::{
    EventError, EventFilter, EventLimits, EventLog, Replay, ReplayError, ReplayOptions, Since,
};
pub use identity::{Credentials, IdentityError, LabIdentity, ServerSettings};
pub use lab_kit::clock::BootInstant;
pub use lease::{Candidate, Leadership, LeaseConfig, LeaseError, Loss};
pub use serve::{Incoming, ServeError, ServiceInfo, ServiceServer, Sharing};
pub use server::{ServerBinary, ServerProcess, StartError, Version};
pub use settings::Nats;
pub use stream::{StreamClient, StreamError, StreamHost, StreamItem};
