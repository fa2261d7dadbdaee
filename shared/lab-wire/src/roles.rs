//! Who may publish and hear what: one table, from which every credential is made.
//!
//! `lab-bus` turns a row into the claims of a NATS user. Each identity hears only its own inbox. The
//! contract tests try every row against a real server.
//!
//! NATS checks where a message is sent, and never where its answer is to go. So only the scheduler
//! may speak to what NATS answers by itself (the JetStream API, and the subjects that streams keep),
//! and a part answers nobody but who asked: see [`may_answer`].

use lab_types::{NodeId, UserName};

use crate::request::{Access, REQUESTS, RequestInfo, ServedBy};
use crate::subject::{
    EVENT_STREAM, EVENTS_ALL, EVENTS_KEPT, LEADER_PROBE, LEASE_PREFIX, LEASE_STREAM, NODES_ALL,
    STATE_PREFIX, STATE_STREAM,
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
    /// Whether it may answer what it receives, wherever the answer is to go. For an agent, which
    /// hears the scheduler alone; the other parts may answer into inboxes, by a subject above.
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

/// Inboxes of users, of agents and of the parts, which may be answered.
const INBOXES: [&str; 3] = ["_INBOX.user.>", "_INBOX.node.>", "_INBOX.svc.>"];

/// Whether what came on `subject` may be answered on `reply`: only in an inbox of whoever sent it,
/// whose name NATS vouches for in the subject. `$SRV` bears no name, but only users may send it.
#[must_use]
pub fn may_answer(subject: &str, reply: &str) -> bool {
    let in_inbox_of = |kind: &str, name: &str| {
        let rest = reply.strip_prefix("_INBOX.");
        let rest = rest.and_then(|rest| rest.strip_prefix(kind)?.strip_prefix('.'));
        let rest = rest.and_then(|rest| rest.strip_prefix(name)?.strip_prefix('.'));
        rest.is_some_and(|token| !token.is_empty())
    };
    let mut tokens = subject.split('.');
    if tokens.next() == Some("$SRV") {
        return reply.starts_with("_INBOX.user.");
    }
    match (tokens.nth(1), tokens.next()) {
        (Some("req"), Some(user)) => {
            in_inbox_of("user", user) || (user == PLANNER_USER && in_inbox_of("svc", user))
        }
        (Some("node"), Some(node)) => in_inbox_of("node", node),
        (Some("cmd" | "ctl"), Some(_)) => in_inbox_of("svc", "scheduler"),
        _ => false,
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
    vec![
        format!("$JS.API.STREAM.CREATE.{stream}"),
        format!("$JS.API.STREAM.UPDATE.{stream}"),
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
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
        EVENTS_KEPT,
        LEADER_PROBE,
    ]);
    publish.extend(strings(INBOXES));
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
        respond: false,
    }
}

fn planner() -> Permissions {
    let mut subscribe = strings(["$SRV.>"]);
    subscribe.extend(served_by(ServedBy::Planner));
    let publish = vec![
        format!("tercio.v1.req.{PLANNER_USER}.*.project.facts"),
        format!("tercio.v1.req.{PLANNER_USER}.*.project.inspect"),
        "_INBOX.user.>".to_owned(),
    ];
    Permissions {
        publish,
        subscribe,
        respond: false,
    }
}

fn provisioner() -> Permissions {
    let mut subscribe = strings(["$SRV.>"]);
    subscribe.extend(served_by(ServedBy::Provisioner));
    Permissions {
        publish: strings(["_INBOX.user.>"]),
        subscribe,
        respond: false,
    }
}

/// A node's row. Its name may be NATS's template `{{name()}}`: the row is then good for every node.
#[must_use]
pub fn agent(node: &str) -> Permissions {
    Permissions {
        publish: vec![
            format!("tercio.v1.node.{node}.>"),
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
    publish.push("$SRV.>".to_owned());
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
    use super::{Role, may_answer};
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
    fn an_answer_goes_to_an_inbox_of_who_asked_and_nowhere_else() {
        let good = [
            ("tercio.v1.req.vera._.node.list", "_INBOX.user.vera.x.1"),
            (
                "tercio.v1.req.planner.shop.project.facts",
                "_INBOX.svc.planner.x.1",
            ),
            ("tercio.v1.node.n1.sync", "_INBOX.node.n1.x"),
            ("tercio.v1.cmd.n1.open", "_INBOX.svc.scheduler.x.1"),
            ("tercio.v1.ctl.scheduler.probe", "_INBOX.svc.scheduler.x"),
            ("$SRV.PING", "_INBOX.user.vera.x.1"),
            ("$SRV.INFO.scheduler", "_INBOX.user.vera.x.1"),
        ];
        for (subject, reply) in good {
            assert!(may_answer(subject, reply), "{subject} {reply}");
        }
        let bad = [
            (
                "tercio.v1.req.vera._.node.list",
                "$KV.tercio_state.head.scheduler",
            ),
            ("tercio.v1.req.vera._.node.list", "tercio.v1.cmd.n1.open"),
            ("tercio.v1.req.vera._.node.list", "_INBOX.user.ada.x"),
            ("tercio.v1.req.vera._.node.list", "_INBOX.user.vera"),
            ("tercio.v1.req.vera._.node.list", "_INBOX.user.vera."),
            ("tercio.v1.req.vera._.node.list", "_INBOX.user.veranda.x"),
            ("tercio.v1.req.vera._.node.list", "_INBOX.svc.vera.x"),
            (
                "tercio.v1.req.scheduler._.node.list",
                "_INBOX.svc.scheduler.x",
            ),
            ("tercio.v1.node.n1.sync", "_INBOX.node.n2.x"),
            ("tercio.v1.node.n1.sync", "tercio.v1.cmd.n2.assign"),
            ("tercio.v1.cmd.n1.open", "_INBOX.user.ada.x"),
            ("$SRV.PING", "$KV.tercio_state.head.scheduler"),
            ("$SRV.PING", "_INBOX.svc.scheduler.x"),
            ("$SRV.PING", "_INBOX.node.n1.x"),
            ("_INBOX.user.vera.x", "_INBOX.user.vera.y"),
            ("", "_INBOX.user.vera.y"),
        ];
        for (subject, reply) in bad {
            assert!(!may_answer(subject, reply), "{subject} {reply}");
        }
    }

    /// NATS answers by itself to whatever place it is told: who may ask it has its hand.
    #[test]
    fn only_the_scheduler_may_say_what_nats_answers_by_itself() {
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
            for subject in role.permissions().publish {
                let answered = ["$JS", "$KV", "$SYS", "tercio.v1.ev"];
                let answered = answered.iter().any(|prefix| subject.starts_with(prefix));
                assert!(!answered, "{role:?}: {subject}");
            }
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
