//! The few calls of the JetStream API that this crate makes, written out: answers and error codes are
//! kept apart exactly, as the commit protocol needs them.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use lab_wire::commit::Refusal;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::bus::{Bus, Headers};
use crate::call::CallError;

/// How long an API call may take; they take under a millisecond, and seconds during an election.
pub(crate) const API_TIMEOUT: Duration = Duration::from_secs(5);

/// The stream has no message on the subject.
const NO_MESSAGE: u64 = 10037;
/// There is no stream of that name.
const NO_STREAM: u64 = 10059;
/// A stream of the name exists with another configuration.
const NAME_IN_USE: u64 = 10058;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server's answer was an error.
    #[error("{text} (code {code})")]
    Server {
        /// As HTTP's: 404, 503.
        status: u64,
        /// Which error.
        code: u64,
        /// In words.
        text: String,
    },
    /// There was no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer is not JSON of the expected form.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

impl ApiError {
    /// What it means for a write. `None`: the outcome is unknown.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Server { status, code, text } => Some(Refusal::of(*status, *code, text)),
            Self::Call(CallError::PermissionDenied { .. } | CallError::Unsendable { .. }) => {
                let text = self.to_string();
                Some(Refusal::Permanent { code: 0, text })
            }
            Self::Call(_) | Self::Unreadable(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Option<ServerError>,
}

#[derive(Deserialize)]
struct ServerError {
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

pub(crate) fn read<R: DeserializeOwned>(body: &[u8]) -> Result<R, ApiError> {
    let unreadable = |error: lab_wire::DecodeError| ApiError::Unreadable(error.to_string());
    let error: ErrorBody = lab_wire::decode_json(body).map_err(unreadable)?;
    match error.error {
        Some(error) => Err(ApiError::Server {
            status: error.code,
            code: error.err_code,
            text: error.description,
        }),
        None => lab_wire::decode_json(body).map_err(unreadable),
    }
}

/// Calls `$JS.API.<verb>`.
pub(crate) async fn api<R: DeserializeOwned>(
    bus: &Bus,
    verb: &str,
    body: Option<&Value>,
) -> Result<R, ApiError> {
    let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
    let subject = format!("$JS.API.{verb}");
    let reply = bus.call_raw(subject, Headers::new(), body, API_TIMEOUT);
    read(&reply.await?.payload)
}

/// What a stream answers to a stored message or a committed batch.
#[derive(Debug, Deserialize)]
pub(crate) struct Acknowledgement {
    #[serde(rename = "seq")]
    pub(crate) sequence: u64,
    /// How many messages a batch had.
    #[serde(default)]
    pub(crate) count: u64,
}

/// Publishes into a stream. `None` for a message of an open batch, which is only taken note of.
pub(crate) async fn publish(
    bus: &Bus,
    subject: String,
    headers: Headers,
    body: Bytes,
    timeout: Duration,
) -> Result<Option<Acknowledgement>, ApiError> {
    let reply = bus.call_raw(subject, headers, body, timeout).await?;
    if reply.payload.is_empty() {
        return Ok(None);
    }
    read(&reply.payload).map(Some)
}

/// The compare-and-swap: the write counts only if this is the last sequence on its subject, 0 for
/// none.
pub(crate) fn expect(revision: u64) -> (String, String) {
    let name = "Nats-Expected-Last-Subject-Sequence";
    (name.to_owned(), revision.to_string())
}

/// A message as a stream keeps it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Stored {
    /// Whether it says that the key is gone: deleted, or expired.
    pub(crate) fn is_marker(&self) -> bool {
        self.headers.contains("KV-Operation:") || self.headers.contains("Nats-Marker-Reason:")
    }
}

#[derive(Deserialize)]
struct GetReply {
    message: StoredBody,
}

#[derive(Deserialize)]
struct StoredBody {
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

/// The last message on a subject, from the stream's leader.
pub(crate) async fn last_message(
    bus: &Bus,
    stream: &str,
    subject: &str,
) -> Result<Option<Stored>, ApiError> {
    let body = json!({ "last_by_subj": subject });
    let got = api::<GetReply>(bus, &format!("STREAM.MSG.GET.{stream}"), Some(&body)).await;
    let message = match got {
        Ok(reply) => reply.message,
        Err(ApiError::Server {
            code: NO_MESSAGE, ..
        }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let base64 = |text: &str| {
        let bytes = BASE64.decode(text.as_bytes());
        bytes.map_err(|error| ApiError::Unreadable(error.to_string()))
    };
    Ok(Some(Stored {
        sequence: message.seq,
        headers: String::from_utf8_lossy(&base64(&message.hdrs)?).into_owned(),
        body: base64(&message.data)?,
    }))
}

#[derive(Deserialize)]
struct StreamReply {
    config: Value,
}

/// A stream's configuration as the server has it; `None` without one of that name.
pub(crate) async fn stream_config(bus: &Bus, name: &str) -> Result<Option<Value>, ApiError> {
    match api::<StreamReply>(bus, &format!("STREAM.INFO.{name}"), None).await {
        Ok(stream) => Ok(Some(stream.config)),
        Err(ApiError::Server {
            code: NO_STREAM, ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates the stream, or updates it where it lacks something of this configuration; never deletes one,
/// and leaves alone what the configuration does not speak of: another version may have set it. Returns
/// what the server did *not* take over: old servers silently ignore what they don't know.
pub(crate) async fn ensure_stream(bus: &Bus, config: &Value) -> Result<Vec<String>, ApiError> {
    if let Some(ignored) = create_stream(bus, config).await? {
        return Ok(ignored);
    }
    let name = config["name"].as_str().unwrap_or_default();
    let Some(mut found) = stream_config(bus, name).await? else {
        // Deleted in between: whoever does so makes it anew.
        return make_stream(bus, "CREATE", (config, config)).await;
    };
    if lacks(&found, config).is_empty() {
        return Ok(Vec::new());
    }
    lay_over(&mut found, config);
    make_stream(bus, "UPDATE", (&found, config)).await
}

/// What of the wanted settings is not so.
fn lacks(found: &Value, wanted: &Value) -> Vec<String> {
    let wanted = wanted.as_object().into_iter().flatten();
    let lacking = wanted.filter(|(key, value)| match (found.get(key), value) {
        // The server keeps notes of its own among the metadata.
        (Some(found), Value::Object(_)) => !lacks(found, value).is_empty(),
        (found, value) => found != Some(value),
    });
    lacking.map(|(key, _)| key.clone()).collect()
}

fn lay_over(found: &mut Value, wanted: &Value) {
    for (key, value) in wanted.as_object().into_iter().flatten() {
        match found.get_mut(key) {
            Some(inner) if inner.is_object() && value.is_object() => lay_over(inner, value),
            _ => found[key] = value.clone(),
        }
    }
}

/// Creates the stream; `None` when there is one of this name with another configuration. Returns
/// what the server did not take over.
pub(crate) async fn create_stream(
    bus: &Bus,
    config: &Value,
) -> Result<Option<Vec<String>>, ApiError> {
    match make_stream(bus, "CREATE", (config, config)).await {
        Ok(ignored) => Ok(Some(ignored)),
        Err(ApiError::Server {
            code: NAME_IN_USE, ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a configuration; returns what of the wanted settings the server did not take over.
async fn make_stream(
    bus: &Bus,
    verb: &str,
    (sent, wanted): (&Value, &Value),
) -> Result<Vec<String>, ApiError> {
    let name = sent["name"].as_str().unwrap_or_default();
    let stream: StreamReply = api(bus, &format!("STREAM.{verb}.{name}"), Some(sent)).await?;
    Ok(lacks(&stream.config, wanted))
}

#[derive(Deserialize)]
struct InfoReply {
    #[serde(default)]
    api: ApiLevel,
}

#[derive(Default, Deserialize)]
struct ApiLevel {
    #[serde(default)]
    level: u64,
}

/// The server's JetStream API level; 0 when it tells none.
pub(crate) async fn api_level(bus: &Bus) -> Result<u64, ApiError> {
    let info: InfoReply = api(bus, "INFO", None).await?;
    Ok(info.api.level)
}
