//! Names of the headers that ride beside a body.

/// The idempotency id of a request that changes something.
pub const REQUEST_ID: &str = "Tercio-Request-Id";
/// `application/msgpack` or `application/json`.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The stable code of an error. Source: NATS ADR-32.
pub const ERROR_CODE: &str = "Nats-Service-Error-Code";
/// The sentence of an error. Source: NATS ADR-32.
pub const ERROR: &str = "Nats-Service-Error";
/// What to do next about an error.
pub const ERROR_HELP: &str = "Tercio-Error-Help";
/// The message id by which the events stream drops a repeated publish.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// CloudEvents attributes in binary mode. Source: CloudEvents NATS binding 1.0.2.
pub mod cloud_event {
    /// The event's id.
    pub const ID: &str = "ce-id";
    /// Who saw it: `/tercio/agent/n1`.
    pub const SOURCE: &str = "ce-source";
    /// What happened: `io.tercio.service.scaled`.
    pub const TYPE: &str = "ce-type";
    /// `1.0`.
    pub const SPEC_VERSION: &str = "ce-specversion";
    /// When, RFC 3339.
    pub const TIME: &str = "ce-time";
}
