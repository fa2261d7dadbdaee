//! What the engine's refusals mean, in words for a person.

use std::path::Path;

use bollard::errors::Error as Engine;
use lab_types::{PortProtocol, Problem};
use lab_wire::image::IMAGE_MISSING;

/// What went wrong at the engine, told apart as far as somebody can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing answers at the socket.
    Unreachable,
    /// The socket may not be opened.
    Denied,
    /// The engine speaks only an API that is too old.
    TooOld,
    /// The engine took the request and did not answer in time.
    Timeout,
    /// The image is not on the node, or not in the registry.
    ImageMissing,
    /// The registry cannot be talked to.
    Registry,
    /// Another container has the name.
    NameTaken,
    /// Something listens on the port.
    PortTaken,
    /// What the call is about does not exist.
    NotFound,
    /// What the call is about is in use, or in a state that does not allow it.
    InUse,
    /// The engine or its runtime cannot do what the spec says.
    BadSpec,
    /// The engine's disk is full.
    DiskFull,
    /// A step of a build failed.
    BuildStep,
    /// The engine cannot read the logs of this container back.
    LogsUnreadable,
    /// Anything else.
    Other,
}

impl Kind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "AGT0001",
            Self::Denied => "AGT0002",
            Self::TooOld => "AGT0003",
            Self::Timeout => "AGT0005",
            Self::ImageMissing => IMAGE_MISSING,
            Self::NameTaken => "AGT0011",
            Self::PortTaken => "AGT0012",
            Self::NotFound => "AGT0013",
            Self::InUse => "AGT0014",
            Self::BadSpec => "AGT0015",
            Self::DiskFull => "AGT0016",
            Self::Registry => "AGT0017",
            Self::Other => "AGT0018",
            Self::BuildStep => "AGT0020",
            Self::LogsUnreadable => "AGT0031",
        }
    }

    /// Whether the same call may work a little later without anyone changing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Unreachable
            | Self::Denied
            | Self::TooOld
            | Self::Timeout
            | Self::Registry
            | Self::NotFound
            | Self::InUse
            | Self::DiskFull
            | Self::Other => true,
            Self::NameTaken
            | Self::PortTaken
            | Self::ImageMissing
            | Self::BadSpec
            | Self::BuildStep
            | Self::LogsUnreadable => false,
        }
    }
}

/// A call to the engine that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What it means.
    pub kind: Kind,
    /// One sentence without a period.
    pub message: String,
    /// What to do next, where that is known.
    pub help: Option<&'static str>,
    /// Which port is taken, for [`Kind::PortTaken`].
    pub port: Option<(PortProtocol, u16)>,
    /// The cause, where the message does not already hold its words.
    #[source]
    pub source: Option<Engine>,
}

impl Error {
    /// An error that the agent itself found.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: help(kind),
            port: None,
            source: None,
        }
    }

    /// What `error` means for `doing` ("start container shop-web-1"), at the engine behind `socket`.
    #[must_use]
    pub fn of(doing: &str, socket: &Path, error: Engine) -> Self {
        match error {
            Engine::DockerResponseServerError {
                status_code,
                message,
            } => Self::of_answer(doing, kind_of(status_code, &message), &message),
            Engine::DockerStreamError { error } => {
                Self::of_answer(doing, kind_of(500, &error), &error)
            }
            Engine::RequestTimeoutError => Self::new(
                Kind::Timeout,
                format!("the Docker engine did not answer in time: {doing}"),
            ),
            other => Self::of_transport(doing, socket, other),
        }
    }

    fn of_answer(doing: &str, kind: Kind, answer: &str) -> Self {
        let port = port_of(answer).filter(|_| kind == Kind::PortTaken);
        let message = match port {
            Some((protocol, port)) => {
                format!("cannot {doing}: port {port}/{protocol} of this node is already in use")
            }
            None => format!("cannot {doing}: {}", answer.trim()),
        };
        Self {
            port,
            ..Self::new(kind, message)
        }
    }

    fn of_transport(doing: &str, socket: &Path, error: Engine) -> Self {
        let shown = socket.display();
        let (kind, message) = match &error {
            Engine::SocketNotFoundError(_) => (
                Kind::Unreachable,
                format!("no Docker engine answers at {shown}"),
            ),
            other => match io_kind(other) {
                Some(std::io::ErrorKind::PermissionDenied) => (
                    Kind::Denied,
                    format!("the Docker engine at {shown} may not be used"),
                ),
                Some(_) => (
                    Kind::Unreachable,
                    format!("no Docker engine answers at {shown}"),
                ),
                None if is_broken_connection(other) => (
                    Kind::Unreachable,
                    format!("the Docker engine at {shown} broke off: {doing}"),
                ),
                None => (
                    Kind::Other,
                    format!("the Docker engine's answer is not understood: {doing}"),
                ),
            },
        };
        Self {
            source: Some(error),
            ..Self::new(kind, message)
        }
    }

    /// Whether the connection itself is gone, not only this call.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Denied | Kind::Timeout)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let problem = Self::new(error.kind.code(), error.to_string());
        match error.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

/// The kind of the first I/O error among the causes.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

const fn is_broken_connection(error: &Engine) -> bool {
    matches!(
        error,
        Engine::HyperResponseError { .. }
            | Engine::HyperLegacyError { .. }
            | Engine::IOError { .. }
    )
}

/// The engine's words, in lower case, that tell each kind; the first match counts. Source: the
/// sentences of Docker Engine 20.10 to 28, which its API does not tell apart by status alone.
const WORDS: &[(&str, Kind)] = &[
    ("no space left on device", Kind::DiskFull),
    ("disk quota exceeded", Kind::DiskFull),
    ("port is already allocated", Kind::PortTaken),
    ("address already in use", Kind::PortTaken),
    ("container name \"", Kind::NameTaken),
    ("no such image", Kind::ImageMissing),
    ("manifest unknown", Kind::ImageMissing),
    ("pull access denied", Kind::ImageMissing),
    ("repository does not exist", Kind::ImageMissing),
    ("no matching manifest", Kind::ImageMissing),
    ("invalid reference format", Kind::BadSpec),
    ("no such host", Kind::Registry),
    ("dial tcp", Kind::Registry),
    ("tls handshake", Kind::Registry),
    ("x509:", Kind::Registry),
    ("client.timeout exceeded", Kind::Registry),
    ("toomanyrequests", Kind::Registry),
    ("proxyconnect", Kind::Registry),
    ("does not support reading", Kind::LogsUnreadable),
    ("runtime create failed", Kind::BadSpec),
    ("failed to create task for container", Kind::BadSpec),
    ("invalid mount config", Kind::BadSpec),
    ("error gathering device information", Kind::BadSpec),
    ("could not select device driver", Kind::BadSpec),
    ("unable to find user", Kind::BadSpec),
    ("unable to find group", Kind::BadSpec),
    ("--storage-opt is supported only", Kind::BadSpec),
    ("unknown option", Kind::BadSpec),
    ("user specified ip address", Kind::BadSpec),
    ("has active endpoints", Kind::InUse),
    ("is in use", Kind::InUse),
];

fn kind_of(status: u16, message: &str) -> Kind {
    let lower = message.to_lowercase();
    if let Some((_, kind)) = WORDS.iter().find(|(words, _)| lower.contains(words)) {
        return *kind;
    }
    match status {
        400 => Kind::BadSpec,
        404 => Kind::NotFound,
        409 => Kind::InUse,
        _ => Kind::Other,
    }
}

/// `5000/tcp` out of "Bind for 0.0.0.0:5000 failed: port is already allocated" or
/// "listen tcp4 0.0.0.0:5000: bind: address already in use".
fn port_of(message: &str) -> Option<(PortProtocol, u16)> {
    let (before, after) = [" listen ", "Bind for ", "bind for "]
        .iter()
        .find_map(|mark| message.split_once(mark).map(|(_, rest)| (*mark, rest)))?;
    let protocol = match before {
        " listen " if after.starts_with("udp") => PortProtocol::Udp,
        _ if message.contains("/udp") => PortProtocol::Udp,
        _ => PortProtocol::Tcp,
    };
    let address = after.split([' ', ',']).find(|word| word.contains(':'))?;
    let port = address.trim_end_matches(':').rsplit(':').next()?;
    port.parse().ok().map(|port| (protocol, port))
}

const fn help(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Unreachable => Some("start it with `systemctl start docker`; the agent keeps trying"),
        Kind::Denied => {
            Some("run the agent as root, or as a user of the group that owns the socket (`docker`)")
        }
        Kind::TooOld => Some("install Docker Engine 20.10 or newer on this node"),
        Kind::Timeout => {
            Some("look at the engine's log (`journalctl -u docker`); the agent keeps trying")
        }
        Kind::ImageMissing => {
            Some("check the image's name and tag, or build or load it on this node")
        }
        Kind::Registry => Some("check this node's network and the registry's address"),
        Kind::NameTaken => Some("rename or remove the other container; Tercio never touches it"),
        Kind::PortTaken => Some("stop what listens there, or publish another port"),
        Kind::DiskFull => Some("free some space: `docker system df` shows what Docker keeps"),
        Kind::LogsUnreadable => {
            Some("use the engine's log driver `json-file`, `local` or `journald`")
        }
        Kind::NotFound | Kind::InUse | Kind::BadSpec | Kind::BuildStep | Kind::Other => None,
    }
}

#[cfg(test)]
mod tests;
