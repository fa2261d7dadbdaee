//! The keys of the state stream, and their text.
//!
//! ```text
//! desired.project.<p>      desired.service.<p>.<s>    spec.<digest>     node.<id>
//! desired.revision.<p>.<n>
//! assignment.<node>        outcome.<p>.<s>.<slot>     op.<request-id>   outbox.<pass>
//! head.scheduler
//! ```
//! A service's name may hold a dot; as a token such a byte is written `=HH`. Reading is the inverse of
//! printing, and a text that printing would never give is refused.

use std::fmt;
use std::str::FromStr;

use lab_types::{NodeId, Pass, ProjectName, RequestId, ServiceName, SpecDigest};

/// One key of the state stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A task spec, immutable.
    Spec(SpecDigest),
    /// A project.
    Project(ProjectName),
    /// A service.
    Service(ProjectName, ServiceName),
    /// One change of a project, by the revision that it made.
    Revision(ProjectName, u64),
    /// A node of the lab.
    Node(NodeId),
    /// How a slot ended for good.
    Outcome(ProjectName, ServiceName, u32),
    /// Everything one node must run.
    Assignment(NodeId),
    /// The answer to a request, for its repetition.
    Answer(RequestId),
    /// The events of a pass, until they are published.
    Outbox(Pass),
    /// The fenced head: who leads, and the last pass.
    Head,
}

/// Why a text is not a key of the state stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a key of the lab's state")]
pub struct InvalidKey {
    /// The text, shortened to 128 characters.
    pub text: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(digest) => write!(f, "spec.{digest}"),
            Self::Project(project) => write!(f, "desired.project.{project}"),
            Self::Service(project, service) => {
                write!(f, "desired.service.{project}.{}", service.token())
            }
            Self::Revision(project, revision) => {
                write!(f, "desired.revision.{project}.{revision}")
            }
            Self::Node(node) => write!(f, "node.{node}"),
            Self::Outcome(project, service, slot) => {
                write!(f, "outcome.{project}.{}.{slot}", service.token())
            }
            Self::Assignment(node) => write!(f, "assignment.{node}"),
            Self::Answer(request) => write!(f, "op.{request}"),
            Self::Outbox(pass) => write!(f, "outbox.{pass}"),
            Self::Head => f.write_str("head.scheduler"),
        }
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        read(text)
            .filter(|key| key.to_string() == text)
            .ok_or_else(|| InvalidKey {
                text: text.chars().take(128).collect(),
            })
    }
}

fn read(text: &str) -> Option<Key> {
    let tokens: Vec<&str> = text.split('.').collect();
    Some(match tokens.as_slice() {
        ["spec", digest] => Key::Spec(digest.parse().ok()?),
        ["desired", "project", project] => Key::Project(project.parse().ok()?),
        ["desired", "service", project, service] => {
            Key::Service(project.parse().ok()?, service_of(service)?)
        }
        ["desired", "revision", project, revision] => {
            Key::Revision(project.parse().ok()?, revision.parse().ok()?)
        }
        ["node", node] => Key::Node(node.parse().ok()?),
        ["outcome", project, service, slot] => Key::Outcome(
            project.parse().ok()?,
            service_of(service)?,
            slot.parse().ok()?,
        ),
        ["assignment", node] => Key::Assignment(node.parse().ok()?),
        ["op", request] => Key::Answer(request.parse().ok()?),
        ["outbox", pass] => Key::Outbox(Pass(pass.parse().ok()?)),
        ["head", "scheduler"] => Key::Head,
        _ => return None,
    })
}

fn service_of(token: &str) -> Option<ServiceName> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'=' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    ServiceName::new(String::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests;
