//! Who may publish and hear what: one table, from which every credential is made.
//!
//! `lab-bus` turns a row into the claims of a NATS user. Replies to requests that a part serves are
//! allowed by NATS's `allow_responses`, not by a subject here. Each identity hears only its own
//! inbox. The contract tests try every row against a real server.

use lab_types::{NodeId, UserName};

use crate::request::{Access, REQUESTS, RequestInfo, ServedBy};
use crate::subject::{
    EVENT_STREAM, EVENTS_ALL, LEADER_PROBE, LEASE_PREFIX, LEASE_STREAM, NODES_ALL, STATE_PREFIX,
    STATE_STREAM,
};

/// An identity in the lab.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A candidate for leadership: the only writer of desired state.
    Scheduler,
    /// The planner: answers plan requests, reads what the lab has.
    Planner,
    /// The provisioner: the only writer of machines.
    Provisioner,
    /// One node's agent.
    Node(NodeId),
    /// A person or script that may change the lab.
    Admin(UserName),
    /// A person or script that may look.
    Viewer(UserName),
}

/// What an identity may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Subjects it may publish to.
    pub publish: Vec<String>,
    /// Subjects it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may answer requests that it receives.
    pub respond: bool,
}

/// The user name under which the planner sends requests of its own.
pub const PLANNER_USER: &str = "planner";

impl Role {
    /// The identity's name: the last token of its inbox, and its name in the server's logs.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Scheduler => "scheduler".to_owned(),
            Self::Planner => PLANNER_USER.to_owned(),
            Self::Provisioner => "provisioner".to_owned(),
            Self::Node(node) => node.to_string(),
            Self::Admin(user) | Self::Viewer(user) => user.to_string(),
        }
    }

    /// What comes before the random part of its inboxes; clients set it as their inbox prefix.
    #[must_use]
    pub fn inbox_prefix(&self) -> String {
        let kind = match self {
            Self::Scheduler | Self::Planner | Self::Provisioner => "svc",
            Self::Node(_) => "node",
            Self::Admin(_) | Self::Viewer(_) => "user",
        };
        format!("_INBOX.{kind}.{}", self.name())
    }

    /// Its row of the table.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        let mut permissions = match self {
            Self::Scheduler => scheduler(),
            Self::Planner => planner(),
            Self::Provisioner => provisioner(),
            Self::Node(node) => agent(node.as_str()),
            Self::Admin(user) => user_with(user, |_| true),
            Self::Viewer(user) => user_with(user, |request| request.access == Access::Read),
        };
        permissions
            .subscribe
            .push(format!("{}.>", self.inbox_prefix()));
        permissions
    }
}

fn strings<const N: usize>(subjects: [&str; N]) -> Vec<String> {
    subjects.map(str::to_owned).to_vec()
}

fn served_by(part: ServedBy) -> Vec<String> {
    let served = REQUESTS.iter().filter(|request| request.served_by == part);
    served
        .map(|r| format!("tercio.v1.req.*.*.{}.{}", r.noun, r.verb))
        .collect()
}

/// The API subjects by which `stream` is made, read and consumed; never deleted or purged.
fn stream_api(stream: &str) -> Vec<String> {
    [
        "STREAM.CREATE",
        "STREAM.UPDATE",
        "STREAM.INFO",
        "STREAM.MSG.GET",
    ]
    .map(|verb| format!("$JS.API.{verb}.{stream}"))
    .into_iter()
    .chain(consumer_api(stream))
    .collect()
}

/// The API subjects by which `stream` is read in order by a consumer.
fn consumer_api(stream: &str) -> Vec<String> {
    vec![
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.INFO.{stream}.>"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.>"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.>"),
    ]
}

fn scheduler() -> Permissions {
    let mut publish = strings([
        "$JS.API.INFO",
        "$JS.FC.>",
        "tercio.v1.cmd.*.>",
        "tercio.v1.ev.scheduler.>",
        LEADER_PROBE,
    ]);
    publish.push(format!("{STATE_PREFIX}>"));
    publish.push(format!("{LEASE_PREFIX}>"));
    for stream in [STATE_STREAM, LEASE_STREAM, EVENT_STREAM] {
        publish.extend(stream_api(stream));
    }
    let mut subscribe = strings([NODES_ALL, LEADER_PROBE, "$SRV.>"]);
    subscribe.push(format!("{LEASE_PREFIX}>"));
    subscribe.extend(served_by(ServedBy::Scheduler));
    Permissions {
        publish,
        subscribe,
        respond: true,
    }
}

fn planner() -> Permissions {
    let mut subscribe = strings(["$SRV.>"]);
    subscribe.extend(served_by(ServedBy::Planner));
    let publish = vec![
        format!("tercio.v1.req.{PLANNER_USER}.*.project.facts"),
        "tercio.v1.ev.planner.>".to_owned(),
    ];
    Permissions {
        publish,
        subscribe,
        respond: true,
    }
}

fn provisioner() -> Permissions {
    let mut subscribe = strings(["$SRV.>"]);
    subscribe.extend(served_by(ServedBy::Provisioner));
    Permissions {
        publish: strings(["tercio.v1.ev.provisioner.>"]),
        subscribe,
        respond: true,
    }
}

/// A node's row. Its name may be NATS's template `{{name()}}`: the row is then good for every node.
#[must_use]
pub fn agent(node: &str) -> Permissions {
    Permissions {
        publish: vec![
            format!("tercio.v1.node.{node}.>"),
            format!("tercio.v1.ev.agent.{node}.>"),
            format!("tercio.v1.str.{node}.*.*.down"),
            // Its ends of transfers, as the source and as the target. Which ones there are only the
            // leader says: a stream's id is random, and an agent joins none that it was not told of.
            format!("tercio.v1.xfer.{node}.*.*.down"),
            format!("tercio.v1.xfer.*.{node}.*.up"),
        ],
        subscribe: vec![
            format!("tercio.v1.cmd.{node}.>"),
            format!("tercio.v1.str.{node}.*.*.up"),
            format!("tercio.v1.xfer.{node}.*.*.up"),
            format!("tercio.v1.xfer.*.{node}.*.down"),
        ],
        respond: true,
    }
}

fn user_with(user: &UserName, may: impl Fn(&RequestInfo) -> bool) -> Permissions {
    let requests = REQUESTS.iter().filter(|request| may(request));
    let mut publish: Vec<String> = requests
        .map(|r| format!("tercio.v1.req.{user}.*.{}.{}", r.noun, r.verb))
        .collect();
    publish.push(format!("tercio.v1.str.*.{user}.*.up"));
    publish.extend(strings(["$SRV.>", "$JS.FC.>"]));
    publish.extend(consumer_api(EVENT_STREAM));
    Permissions {
        publish,
        subscribe: vec![
            EVENTS_ALL.to_owned(),
            format!("tercio.v1.str.*.{user}.*.down"),
        ],
        respond: false,
    }
}

#[cfg(test)]
mod tests {
    use super::Role;
    use lab_types::{NodeId, UserName};

    #[test]
    fn a_viewer_may_send_no_request_that_changes_something() {
        let viewer = Role::Viewer(UserName::new("vera").unwrap()).permissions();
        let changing = [
            "project.apply",
            "project.remove",
            "service.scale",
            "image.build",
        ];
        for verb in changing {
            assert!(!viewer.publish.iter().any(|s| s.ends_with(verb)), "{verb}");
        }
        assert!(
            viewer
                .publish
                .iter()
                .any(|s| s == "tercio.v1.req.vera.*.service.list")
        );
    }

    #[test]
    fn an_agent_may_publish_only_under_its_own_name_and_never_to_jetstream() {
        let agent = Role::Node(NodeId::new("n1").unwrap()).permissions();
        for subject in &agent.publish {
            assert!(
                subject.contains(".n1.") && !subject.starts_with('$'),
                "{subject}"
            );
        }
    }

    #[test]
    fn only_the_scheduler_may_write_state() {
        let user = UserName::new("root").unwrap();
        let node = NodeId::new("n1").unwrap();
        let others = [
            Role::Planner,
            Role::Provisioner,
            Role::Node(node),
            Role::Admin(user.clone()),
            Role::Viewer(user),
        ];
        for role in others {
            let rows = role.permissions().publish;
            assert!(!rows.iter().any(|s| s.starts_with("$KV.")), "{role:?}");
        }
    }
}
