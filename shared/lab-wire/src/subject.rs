//! Every subject of the lab, built from typed ids and parsed back. Subjects are made nowhere else.
//!
//! Broad to narrow, the version second, and the writer's name inside, so that NATS itself can refuse
//! a false one.

use lab_types::{Event, NodeId, ProjectName, StreamId, UserName};

/// The stream that holds the lab's desired state, in the shape of a key-value bucket.
pub const STATE_STREAM: &str = "KV_tercio_state";
/// What every key of the state is prefixed by to make its subject.
pub const STATE_PREFIX: &str = "$KV.tercio_state.";
/// The stream of the leader's lease.
pub const LEASE_STREAM: &str = "KV_tercio_lease";
/// What the lease's key is prefixed by.
pub const LEASE_PREFIX: &str = "$KV.tercio_lease.";
/// The stream of events.
pub const EVENT_STREAM: &str = "TERCIO_EVENTS";
/// All events.
pub const EVENTS_ALL: &str = "tercio.v1.ev.>";
/// The events that the stream keeps: the leader's, who also tells what agents report.
pub const EVENTS_KEPT: &str = "tercio.v1.ev.scheduler.>";
/// All requests.
pub const REQUESTS_ALL: &str = "tercio.v1.req.>";
/// All that agents say.
pub const NODES_ALL: &str = "tercio.v1.node.>";
/// Answered by the scheduler that leads, and by nobody else: "no responders" means no leader.
pub const LEADER_PROBE: &str = "tercio.v1.ctl.scheduler.probe";

/// Which way a frame of a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the user's client to the agent.
    Up,
    /// From the agent to the user's client.
    Down,
}

impl Direction {
    const fn token(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A subject, as text that this module built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// The subject as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

/// Why a subject is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject:?} is not a subject of {kind}: {rule}")]
pub struct ParseError {
    /// What was expected.
    pub kind: &'static str,
    /// The subject.
    pub subject: String,
    /// The rule that was broken.
    pub rule: String,
}

/// Who asks what about which project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestAddress {
    /// Who asks; NATS vouches for it.
    pub user: UserName,
    /// About which project; absent for the whole lab (`_`).
    pub project: Option<ProjectName>,
    /// `service`, `node`, ….
    pub noun: String,
    /// `scale`, `list`, ….
    pub verb: String,
}

impl RequestAddress {
    /// `tercio.v1.req.<user>.<project|_>.<noun>.<verb>`.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let project = self.project.as_ref().map_or("_", ProjectName::as_str);
        Subject(format!(
            "tercio.v1.req.{}.{project}.{}.{}",
            self.user, self.noun, self.verb
        ))
    }

    /// Reads a request's subject.
    ///
    /// # Errors
    /// [`ParseError`] when a token is missing, surplus or not a valid id.
    pub fn parse(subject: &str) -> Result<Self, ParseError> {
        let refuse = |rule: String| ParseError {
            kind: "a request",
            subject: subject.to_owned(),
            rule,
        };
        let tokens: Vec<&str> = subject.split('.').collect();
        let ["tercio", "v1", "req", user, project, noun, verb] = tokens[..] else {
            return Err(refuse(
                "it must be tercio.v1.req.<user>.<project|_>.<noun>.<verb>".into(),
            ));
        };
        Ok(Self {
            user: UserName::new(user).map_err(|error| refuse(error.to_string()))?,
            project: match project {
                "_" => None,
                name => Some(ProjectName::new(name).map_err(|error| refuse(error.to_string()))?),
            },
            noun: noun.to_owned(),
            verb: verb.to_owned(),
        })
    }
}

/// `tercio.v1.req.*.*.<noun>.<verb>`: what a part listens on to serve one request.
#[must_use]
pub fn request_pattern(noun: &str, verb: &str) -> Subject {
    Subject(format!("tercio.v1.req.*.*.{noun}.{verb}"))
}

/// What the control plane tells one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandVerb {
    /// A new assignment.
    Assign,
    /// A full report is wanted.
    Inventory,
    /// What is on the node right now?
    Check,
    /// A stream is opened.
    Open,
}

impl CommandVerb {
    const fn token(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::Inventory => "inventory",
            Self::Check => "check",
            Self::Open => "open",
        }
    }

    /// Reads the verb of a command's subject.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        match subject.rsplit('.').next()? {
            "assign" => Some(Self::Assign),
            "inventory" => Some(Self::Inventory),
            "check" => Some(Self::Check),
            "open" => Some(Self::Open),
            _ => None,
        }
    }
}

/// `tercio.v1.cmd.<node>.<verb>`.
#[must_use]
pub fn command(node: &NodeId, verb: CommandVerb) -> Subject {
    Subject(format!("tercio.v1.cmd.{node}.{}", verb.token()))
}

/// `tercio.v1.cmd.<node>.>`: all commands to one agent.
#[must_use]
pub fn commands_of(node: &NodeId) -> Subject {
    Subject(format!("tercio.v1.cmd.{node}.>"))
}

/// What an agent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeVerb {
    /// It lives: a [`Heartbeat`](lab_types::Heartbeat).
    Beat,
    /// Something changed: a [`Report`](lab_types::Report).
    Report,
    /// It asks for its assignment: a [`SyncRequest`](crate::agent::SyncRequest).
    Sync,
    /// It lacks an image, and says how far it has come: an [`ImageStand`](crate::image::ImageStand).
    Image,
    /// Something happened that the leader is to keep: an [`Event`](lab_types::Event), answered with a
    /// [`CommandReply`](crate::agent::CommandReply).
    Event,
}

impl NodeVerb {
    const fn token(self) -> &'static str {
        match self {
            Self::Beat => "beat",
            Self::Report => "report",
            Self::Sync => "sync",
            Self::Image => "image",
            Self::Event => "event",
        }
    }
}

/// `tercio.v1.node.<node>.<verb>`.
#[must_use]
pub fn node(node: &NodeId, verb: NodeVerb) -> Subject {
    Subject(format!("tercio.v1.node.{node}.{}", verb.token()))
}

/// Reads a subject that an agent speaks on: NATS vouches for the node's id.
///
/// # Errors
/// [`ParseError`] when it is not `tercio.v1.node.<node>.beat|report|sync|image|event`.
pub fn parse_node(subject: &str) -> Result<(NodeId, NodeVerb), ParseError> {
    let refuse = |rule: String| ParseError {
        kind: "an agent",
        subject: subject.to_owned(),
        rule,
    };
    let tokens: Vec<&str> = subject.split('.').collect();
    let ["tercio", "v1", "node", node, verb] = tokens[..] else {
        return Err(refuse("it must be tercio.v1.node.<node>.<verb>".into()));
    };
    let verb = match verb {
        "beat" => NodeVerb::Beat,
        "report" => NodeVerb::Report,
        "sync" => NodeVerb::Sync,
        "image" => NodeVerb::Image,
        "event" => NodeVerb::Event,
        other => {
            let rule = format!("{other:?} is not beat, report, sync or image");
            return Err(refuse(rule));
        }
    };
    Ok((
        NodeId::new(node).map_err(|error| refuse(error.to_string()))?,
        verb,
    ))
}

/// `tercio.v1.ev.<writer kind>.<writer>.<noun>.<id>.<what>`.
#[must_use]
pub fn event(event: &Event) -> Subject {
    let (noun, what) = event.what.tokens();
    Subject(format!(
        "tercio.v1.ev.{}.{}.{noun}.{}.{what}",
        event.writer_kind.token(),
        lab_types::ids::token_of(&event.writer),
        event.scope.id_token(),
    ))
}

/// `tercio.v1.str.<node>.<user>.<stream>.up|down`: one direction of a chunked stream.
#[must_use]
pub fn stream(node: &NodeId, user: &UserName, stream: &StreamId, way: Direction) -> Subject {
    Subject(format!(
        "tercio.v1.str.{node}.{user}.{stream}.{}",
        way.token()
    ))
}

/// `tercio.v1.xfer.<source>.<target>.<stream>.up|down`: one direction of a stream between two agents.
/// The source is its host: what it sends goes down.
#[must_use]
pub fn transfer(source: &NodeId, target: &NodeId, stream: &StreamId, way: Direction) -> Subject {
    Subject(format!(
        "tercio.v1.xfer.{source}.{target}.{stream}.{}",
        way.token()
    ))
}

/// The subject of a key of the state. The key's own characters are the caller's to keep valid.
#[must_use]
pub fn state_key(key: &str) -> Subject {
    Subject(format!("{STATE_PREFIX}{key}"))
}

/// The subject of a lease.
#[must_use]
pub fn lease_key(role: &str) -> Subject {
    Subject(format!("{LEASE_PREFIX}{role}"))
}

#[cfg(test)]
mod tests {
    use super::{CommandVerb, NodeVerb, RequestAddress, command, node, parse_node};
    use lab_types::{NodeId, ProjectName, UserName};

    #[test]
    fn a_requests_subject_parses_back_to_its_address() {
        for project in [None, Some(ProjectName::new("shop").unwrap())] {
            let address = RequestAddress {
                user: UserName::new("alice").unwrap(),
                project,
                noun: "service".into(),
                verb: "scale".into(),
            };
            assert_eq!(
                RequestAddress::parse(address.subject().as_str()).unwrap(),
                address
            );
        }
    }

    #[test]
    fn a_request_with_a_missing_surplus_or_bad_token_is_refused_with_the_rule() {
        for bad in [
            "tercio.v1.req.alice._.node",
            "tercio.v1.req.alice._.node.list.x",
            "tercio.v2.req.alice._.node.list",
            "tercio.v1.req.alice.Shop.service.scale",
        ] {
            let error = RequestAddress::parse(bad).unwrap_err().to_string();
            assert!(
                error.contains("is not a subject of a request"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn an_agents_subject_parses_back_to_its_node_and_verb() {
        let id = NodeId::new("n1").unwrap();
        for verb in [
            NodeVerb::Beat,
            NodeVerb::Report,
            NodeVerb::Sync,
            NodeVerb::Image,
            NodeVerb::Event,
        ] {
            assert_eq!(
                parse_node(node(&id, verb).as_str()).unwrap(),
                (id.clone(), verb)
            );
        }
        assert!(parse_node("tercio.v1.node.n1.shout").is_err());
    }

    #[test]
    fn a_commands_verb_parses_back() {
        let id = NodeId::new("n1").unwrap();
        for verb in [
            CommandVerb::Assign,
            CommandVerb::Inventory,
            CommandVerb::Check,
            CommandVerb::Open,
        ] {
            assert_eq!(CommandVerb::parse(command(&id, verb).as_str()), Some(verb));
        }
    }
}
