//! Why a request got no reply, and how a request is repeated.

use std::time::Duration;

use lab_types::{Code, Problem, RequestId};
use lab_wire::header;

use crate::bus::Message;

/// The code of "not now, but the same request may succeed in a moment".
pub(crate) const TRY_AGAIN: &str = "BUS0003";

/// How a typed request is sent.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// When to give up, repetitions included.
    pub timeout: Duration,
    /// How long one attempt waits for its reply before the request is repeated.
    pub attempt: Duration,
    /// The idempotency id; a request that changes something gets a fresh one when this is absent.
    pub request_id: Option<RequestId>,
}

impl Default for CallOptions {
    /// 30 s in all: longer than a leader's hang and the longest election. 5 s an attempt: a commit
    /// takes 0.1 s, so an answer after 5 s is not coming.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempt: Duration::from_secs(5),
            request_id: None,
        }
    }
}

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody serves it now.
    #[error("nobody answers on {subject}")]
    NoResponders {
        /// Where it was sent.
        subject: String,
    },
    /// No answer came; whether it was carried out is not known.
    #[error("no answer on {subject} within {after:?}")]
    TimedOut {
        /// Where it was sent.
        subject: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It was answered: no. Nothing was changed.
    #[error(transparent)]
    Refused(Box<Problem>),
    /// This identity may not send it.
    #[error("this identity may not publish to {subject}")]
    PermissionDenied {
        /// Where it was sent.
        subject: String,
    },
    /// It cannot be sent: the subject or the size is not allowed.
    #[error("{subject} cannot be sent: {reason}")]
    Unsendable {
        /// Where it should have gone.
        subject: String,
        /// Why.
        reason: String,
    },
    /// The connection is closed or broken.
    #[error("there is no connection to NATS")]
    Disconnected,
    /// The reply is not what it should be.
    #[error("the reply on {subject} cannot be read")]
    Decode {
        /// Where the request was sent.
        subject: String,
        /// What is wrong with it.
        #[source]
        source: lab_wire::DecodeError,
    },
}

impl CallError {
    /// Whether the same request, sent again, may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoResponders { .. } | Self::TimedOut { .. } | Self::Disconnected => true,
            Self::Refused(problem) => problem.code.0 == TRY_AGAIN,
            Self::PermissionDenied { .. } | Self::Unsendable { .. } | Self::Decode { .. } => false,
        }
    }

    /// The same for a person, with a code and what to do next.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (code, help) = match self {
            Self::Refused(problem) => return (**problem).clone(),
            Self::NoResponders { .. } => (
                "BUS0004",
                "check that the part that serves it runs (`tercio lab status`); a new leader is \
                 there within seconds",
            ),
            Self::TimedOut { .. } => (
                "BUS0005",
                "it may have been carried out or not: look, or send it again with the same request id",
            ),
            Self::PermissionDenied { .. } => (
                "BUS0006",
                "use credentials of a role that may (`tercio` needs an admin to change the lab)",
            ),
            Self::Unsendable { .. } => (
                "BUS0007",
                "a subject has no white space, and a message is at most 1 MiB",
            ),
            Self::Disconnected => (
                "BUS0010",
                "check that the lab runs (`tercio lab status`) and that the address is right",
            ),
            Self::Decode { source, .. } => {
                return Problem::new("BUS0008", format!("{self}: {source}"))
                    .help("both sides must be of matching versions; update the older one");
            }
        };
        Problem::new(code, self.to_string()).help(help)
    }
}

/// The problem that a reply carries, if it is one.
pub(crate) fn problem_of(reply: &Message) -> Option<Problem> {
    let code = reply.header(header::ERROR_CODE)?;
    // The body has all of it; the headers are for clients that read nothing else.
    if let Ok(problem) = lab_wire::decode::<Problem>(&reply.payload) {
        return Some(problem);
    }
    Some(Problem {
        code: Code(code.to_owned().into()),
        message: reply.header(header::ERROR).unwrap_or("refused").to_owned(),
        help: reply.header(header::ERROR_HELP).map(str::to_owned),
        diagnostics: Vec::new(),
    })
}
