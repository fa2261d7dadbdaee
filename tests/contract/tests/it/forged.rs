//! A request names where its answer goes, and NATS does not check that: what an identity may not
//! say itself, it must not have others say.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::StreamExt as _;
use lab_bus::{Bus, CallOptions, Nats};
use lab_testkit::{NatsServer, node_id, user, wait_until};
use lab_wire::Role;
use lab_wire::request::{LabStatusGet, NodeList, REQUESTS};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Many times what anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// Where an answer would do harm, and who would hear it.
const VICTIMS: [&str; 10] = [
    "$KV.tercio_state.head.scheduler",
    "$KV.tercio_state.assignment.n2",
    "$KV.tercio_lease.scheduler",
    "tercio.v1.cmd.n2.open",
    "tercio.v1.node.n2.report",
    "tercio.v1.ev.scheduler.scheduler.service.forged.removed",
    "tercio.v1.req.ada.forged.project.remove",
    "tercio.v1.str.n2.ada.s1.up",
    "_INBOX.user.ada.forged",
    "_INBOX.svc.scheduler.forged",
];

/// The parts of a lab that answer somebody.
struct Lab {
    server: NatsServer,
    stop: CancellationToken,
    parts: Vec<JoinHandle<()>>,
}

impl Lab {
    async fn start() -> Self {
        let server = NatsServer::start().await;
        let (stop, parts) = (CancellationToken::new(), Vec::new());
        let mut lab = Self {
            server,
            stop,
            parts,
        };
        lab.start_parts();
        lab
    }

    fn start_parts(&mut self) {
        self.stop = CancellationToken::new();
        let nats = |role: &Role| {
            let credentials = self.server.dir().join(format!("{}.creds", role.name()));
            self.server.credentials(role).write(&credentials).unwrap();
            let urls = vec![self.server.url()];
            Nats { urls, credentials }
        };
        let config = scheduler::Config {
            nats: nats(&Role::Scheduler),
            ..Default::default()
        };
        let stop = self.stop.clone();
        let run = async move { scheduler::run(config, stop).await.unwrap() };
        self.parts.push(tokio::spawn(run));
        let config = compose_planner::Config {
            nats: nats(&Role::Planner),
            ..Default::default()
        };
        let stop = self.stop.clone();
        let run = async move { compose_planner::run(config, stop).await.unwrap() };
        self.parts.push(tokio::spawn(run));
        let config = provisioner::Config {
            nats: nats(&Role::Provisioner),
            ..Default::default()
        };
        let stop = self.stop.clone();
        let run = async move { provisioner::run(config, stop).await.unwrap() };
        self.parts.push(tokio::spawn(run));
    }

    /// Ends the parts; one that ended by itself or with an error fails the test.
    async fn stop_parts(&mut self) {
        assert!(self.parts.iter().all(|part| !part.is_finished()));
        self.stop.cancel();
        for part in self.parts.drain(..) {
            part.await.unwrap();
        }
    }

    /// Which leader answers, as a person would ask.
    async fn epoch(&self) -> u64 {
        let ada = self.server.connect_as(&Role::Admin(user("ada"))).await;
        let (user, options) = (user("ada"), CallOptions::default());
        let asked = ada.call(&user, None, &LabStatusGet {}, options);
        asked.await.unwrap().head.epoch.0
    }

    /// A client that does what it likes, as far as the server lets it.
    async fn client(&self, role: &Role) -> async_nats::Client {
        let file = self
            .server
            .dir()
            .join(format!("{}-plain.creds", role.name()));
        self.server.credentials(role).write(&file).unwrap();
        let options = async_nats::ConnectOptions::with_credentials_file(file).await;
        let options = options.unwrap().custom_inbox_prefix(role.inbox_prefix());
        options.connect(self.server.url()).await.unwrap()
    }
}

/// Everything that reaches the victims, as text.
struct Witnesses(tokio::sync::mpsc::Receiver<String>);

impl Witnesses {
    async fn of(lab: &Lab) -> Self {
        let (told, heard) = tokio::sync::mpsc::channel(1024);
        let hears: [(Role, &[&str]); 3] = [
            (
                Role::Scheduler,
                &[
                    "_INBOX.svc.scheduler.forged",
                    "tercio.v1.node.n2.>",
                    "tercio.v1.req.*.*.project.remove",
                    "$KV.tercio_lease.>",
                ],
            ),
            (
                Role::Node(node_id("n2")),
                &["tercio.v1.cmd.n2.>", "tercio.v1.str.n2.*.*.up"],
            ),
            (
                Role::Admin(user("ada")),
                &["_INBOX.user.ada.forged", "tercio.v1.ev.>"],
            ),
        ];
        for (role, subjects) in hears {
            let client = lab.client(&role).await;
            for subject in subjects {
                let mut messages = client.subscribe(*subject).await.unwrap();
                let (told, client) = (told.clone(), client.clone());
                tokio::spawn(async move {
                    while let Some(message) = messages.next().await {
                        let body = String::from_utf8_lossy(&message.payload);
                        let told_now = format!("{} {body}", message.subject);
                        if told.send(told_now).await.is_err() {
                            break;
                        }
                    }
                    drop(client);
                });
            }
            client.flush().await.unwrap();
        }
        Self(heard)
    }

    /// What reached a victim, the leader's own renewals of its lease aside. Who is there may be told
    /// to any user's inbox: `$SRV` does not say who asks.
    fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Ok(message) = self.0.try_recv() {
            let renewal = message.starts_with("$KV.tercio_lease.") && message.contains("nonce");
            let ping = message.starts_with("_INBOX.user.") && message.contains("io.nats.micro.v1");
            if !(renewal || ping) && VICTIMS.iter().any(|victim| message.starts_with(victim)) {
                heard.push(message);
            }
        }
        heard
    }
}

/// One subject that a pattern covers.
fn concrete(pattern: &str) -> String {
    let tokens = pattern.split('.').map(|token| match token {
        "*" => "forged",
        ">" => "PING",
        other => other,
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// What an identity may send, all requests there are, and the JetStream API.
fn asks(role: &Role) -> Vec<(String, Vec<u8>)> {
    let name = role.name();
    let own = role.permissions().publish;
    let mut subjects: Vec<String> = own.iter().map(|pattern| concrete(pattern)).collect();
    for project in ["_", "forged"] {
        let of = |r: &lab_wire::RequestInfo| {
            format!("tercio.v1.req.{name}.{project}.{}.{}", r.noun, r.verb)
        };
        subjects.extend(REQUESTS.iter().map(of));
    }
    for verb in ["beat", "report", "sync"] {
        subjects.push(format!("tercio.v1.node.{name}.{verb}"));
    }
    subjects.push(format!("tercio.v1.ev.agent.{name}.task.t1.failed"));
    subjects.push(format!("tercio.v1.ev.{name}.{name}.task.t1.failed"));
    for stream in ["TERCIO_EVENTS", "KV_tercio_state", "KV_tercio_lease"] {
        for verb in [
            "STREAM.INFO",
            "STREAM.MSG.GET",
            "STREAM.UPDATE",
            "DIRECT.GET",
            "CONSUMER.CREATE",
        ] {
            subjects.push(format!("$JS.API.{verb}.{stream}"));
        }
        subjects.push(format!(
            "$JS.API.CONSUMER.CREATE.{stream}.c1.tercio.v1.ev.>"
        ));
        subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.c1"));
        subjects.push(format!("$JS.API.DIRECT.GET.{stream}.tercio.v1.ev.forged"));
    }
    for subject in [
        "$JS.API.INFO",
        "$SRV.PING",
        "$SRV.INFO",
        "$SRV.STATS.scheduler",
        "$SYS.REQ.USER.INFO",
    ] {
        subjects.push(subject.to_owned());
    }
    subjects.sort();
    subjects.dedup();
    let body = |subject: &str| -> Value {
        match subject {
            s if s.ends_with("sync") => {
                json!({"boot": 1, "accepted": {"incarnation": 1, "epoch": 0, "generation": 0}, "lacking": []})
            }
            s if s.contains("MSG.GET") || s.contains("DIRECT.GET") => json!({"seq": 1}),
            s if s.contains("CONSUMER.CREATE.") => json!({
                "stream_name": s.split('.').nth(4),
                "config": {"name": "c1", "ack_policy": "none", "deliver_policy": "all"},
            }),
            s if s.contains("MSG.NEXT") => json!({"batch": 1, "no_wait": true}),
            _ => json!({}),
        }
    };
    let with_body = |subject: String| {
        let body = serde_json::to_vec(&body(&subject)).unwrap();
        (subject, body)
    };
    subjects.into_iter().map(with_body).collect()
}

/// Asks everything, and has the answers go to the victims.
async fn forge(client: &async_nats::Client, role: &Role) {
    for (subject, body) in asks(role) {
        for victim in VICTIMS {
            let body = Bytes::from(body.clone());
            let sent = client.publish_with_reply(subject.clone(), victim, body.clone());
            sent.await.unwrap();
            // The server itself tells where a message went, to whom the message says.
            let mut trace = HeaderMap::new();
            trace.insert("Nats-Trace-Dest", victim);
            let sent = client.publish_with_headers(subject.clone(), trace, body);
            sent.await.unwrap();
        }
        client.flush().await.unwrap();
    }
}

fn attackers() -> Vec<Role> {
    vec![
        Role::Viewer(user("vera")),
        Role::Admin(user("bob")),
        Role::Node(node_id("n1")),
        Role::Planner,
        Role::Provisioner,
    ]
}

async fn last_on(bus: &Bus, stream: &str, subject: &str) -> Value {
    let body = serde_json::to_vec(&json!({ "last_by_subj": subject })).unwrap();
    let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
    let asked = bus.call_raw(subject, lab_bus::Headers::new(), body.into(), SOON);
    serde_json::from_slice(&asked.await.unwrap().payload).unwrap()
}

/// The leader has treated what was sent before, when it answers this.
async fn all_treated(lab: &Lab) {
    for _ in 0..3 {
        let ada = lab.server.connect_as(&Role::Admin(user("ada"))).await;
        let (user, options) = (user("ada"), CallOptions::default());
        let all = NodeList::default();
        let asked = ada.call(&user, None, &all, options);
        asked.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_sent_to_another_place_than_the_askers_inbox_changes_nothing() {
    let mut lab = Lab::start().await;
    let epoch = lab.epoch().await;
    let mut witnesses = Witnesses::of(&lab).await;
    let scheduler = lab.server.connect_as(&Role::Scheduler).await;
    for role in attackers() {
        let client = lab.client(&role).await;
        forge(&client, &role).await;
        all_treated(&lab).await;
        // What it may say itself is no forgery.
        let own = role.permissions().publish;
        let may = |message: &String| {
            own.iter()
                .any(|own| message.starts_with(own.trim_end_matches('>')))
        };
        let mut heard = witnesses.heard();
        heard.retain(|message| !may(message));
        assert_eq!(heard, Vec::<String>::new(), "{role:?}");
        let found = last_on(&scheduler, "KV_tercio_state", VICTIMS[1]).await;
        assert_eq!(found["error"]["code"], 404, "{role:?}: {found}");
        let stored = last_on(&scheduler, "TERCIO_EVENTS", VICTIMS[5]).await;
        assert_eq!(stored["error"]["code"], 404, "{role:?}: {stored}");
        assert_eq!(lab.epoch().await, epoch, "{role:?}: the same leader leads");
    }
    // What is stored can be read by the next leader, every record of it.
    lab.stop_parts().await;
    lab.start_parts();
    let next = wait_until(SOON, "the next leader answers", async || {
        Some(lab.epoch().await)
    })
    .await;
    assert_eq!(next, epoch + 1);
    lab.stop_parts().await;
}
