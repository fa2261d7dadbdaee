//! A leader, a store and agents in one test: what goes in, what may come out, and when.

mod ahead;
mod answers;
mod chance;
mod handover;
mod hearing;
mod large;
mod lost;
mod quiet;
mod refused;

use std::collections::BTreeMap;

use expect_test::expect;
use lab_types::{
    AgentBoot, DurationMs, Epoch, Fence, Heartbeat, Incarnation, Inventory, NodeName, NodeRole,
    Report, ReportBody, RequestId, TaskId, TaskState, TaskTarget, UnixMillis, WriteTag,
};

use super::{LeaderCore, PassDraft, RECORDS_MAX, Request, TakeOver};
use crate::change::Change;
use crate::key::Key;
use crate::leader::{Push, Reply};
use crate::policy::{Leader, Policy};
use crate::record::{Answer, Record};
use crate::rng::PlacementRng;
use crate::testing::{facts, model, node, project, service, status, svc, told, user};

/// A state stream, a leader and the last assignment each agent has got.
struct Stage {
    core: LeaderCore,
    store: BTreeMap<Key, (WriteTag, Record)>,
    head: WriteTag,
    rng: PlacementRng,
    now: UnixMillis,
    got: BTreeMap<lab_types::NodeId, Push>,
    replies: Vec<Reply>,
    events: Vec<lab_types::Event>,
    asked: Vec<lab_types::NodeId>,
    sequences: BTreeMap<String, u64>,
    /// Whether the agents refuse every task.
    rejects: bool,
}

const LEADER: Leader = Leader {
    incarnation: Incarnation(1),
    epoch: Epoch(1),
};

fn start(
    leader: Leader,
    head: WriteTag,
    records: Vec<(Key, WriteTag, Record)>,
    now: UnixMillis,
) -> LeaderCore {
    LeaderCore::take_over(TakeOver {
        unread: Vec::new(),
        leader,
        head,
        records,
        now,
        policy: Policy::default(),
    })
}

impl Stage {
    fn new() -> Self {
        let now = UnixMillis(1_000_000);
        let head = WriteTag::default();
        Self {
            core: start(LEADER, head, Vec::new(), now),
            store: BTreeMap::new(),
            head,
            rng: PlacementRng::from_number(3),
            now,
            got: BTreeMap::new(),
            replies: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            sequences: BTreeMap::new(),
            rejects: false,
        }
    }

    fn with_nodes(names: &[&str]) -> Self {
        let mut stage = Self::new();
        for name in names {
            stage.ask(&format!("join-{name}"), register(name));
        }
        stage.settle();
        for name in names {
            stage.report(name);
        }
        stage.settle();
        stage.take();
        stage.replies.clear();
        stage
    }

    fn ask(&mut self, id: &str, change: Change) {
        self.core.on_request(Request {
            id: RequestId::new(id).unwrap(),
            user: user("alice"),
            change,
        });
    }

    fn draft(&mut self) -> Option<PassDraft> {
        self.core.draft_pass(self.now, &mut self.rng)
    }

    /// The store takes a pass, as it must: the next after the head's.
    fn commit(&mut self, draft: &PassDraft) {
        assert_eq!(draft.pass, self.head.pass.next(), "no pass is left out");
        assert!(draft.puts.len() + draft.removes.len() <= RECORDS_MAX);
        self.store(draft);
        self.core.on_committed(draft.pass, self.now);
    }

    fn store(&mut self, draft: &PassDraft) {
        self.head = draft.head;
        for (key, record) in &draft.puts {
            self.store.insert(key.clone(), (draft.head, record.clone()));
        }
        for key in &draft.removes {
            self.store.remove(key);
        }
    }

    fn take(&mut self) {
        let effects = self.core.take_effects();
        for push in effects.pushes {
            self.got.insert(push.assignment.node.clone(), push);
        }
        self.replies.extend(effects.replies);
        for publish in effects.publish {
            self.events.extend(publish.events);
            self.core.on_published(publish.pass, self.now);
        }
        self.asked.extend(effects.asks);
    }

    /// Commits everything there is to commit.
    fn settle(&mut self) -> Vec<PassDraft> {
        let mut drafts = Vec::new();
        while let Some(draft) = self.draft() {
            self.commit(&draft);
            self.take();
            drafts.push(draft);
            assert!(drafts.len() < 1000, "passes without end");
        }
        drafts
    }

    /// An agent obeys what it has got and tells everything.
    fn report(&mut self, name: &str) {
        let report = self.written(name);
        self.core.on_report(&report, self.now);
    }

    /// An agent obeys what it has got and writes down everything.
    fn written(&mut self, name: &str) -> Report {
        let push = self.got.get(&node(name));
        let tasks = push
            .into_iter()
            .flat_map(|push| push.assignment.tasks.values());
        let tasks = tasks.map(|task| {
            let state = match task.target {
                TaskTarget::Run if self.rejects => TaskState::Rejected,
                TaskTarget::Run => TaskState::Running,
                TaskTarget::Stop | TaskTarget::Unknown => TaskState::Stopped,
            };
            (task.id.clone(), status(&task.id, state))
        });
        let inventory = Inventory {
            hostname: name.to_owned(),
            facts: facts(),
            tasks: tasks.collect::<BTreeMap<TaskId, _>>(),
            ..Inventory::default()
        };
        let accepted = push.map_or_else(Fence::default, |push| push.assignment.fence);
        let sequence = self.sequences.entry(name.to_owned()).or_default();
        *sequence += 1;
        Report {
            node: node(name),
            boot: AgentBoot(1),
            sequence: *sequence,
            accepted,
            body: ReportBody::Full {
                inventory: Box::new(inventory),
            },
        }
    }

    fn beat(&mut self, name: &str, accepted: Fence) {
        let beat = Heartbeat {
            node: node(name),
            boot: AgentBoot(1),
            sequence: self.sequences.get(name).copied().unwrap_or_default(),
            accepted,
        };
        self.core.on_heartbeat(&beat, self.now);
    }

    /// Another scheduler takes over from what the store holds.
    fn succeed(&mut self) {
        let leader = Leader {
            epoch: self.core.leader().epoch.next(),
            ..LEADER
        };
        let records = self.store.iter();
        let records = records.map(|(key, (tag, record))| (key.clone(), *tag, record.clone()));
        self.core = start(leader, self.head, records.collect(), self.now);
    }

    fn replied(&mut self) -> Vec<String> {
        self.take();
        let replies = self.replies.drain(..);
        replies
            .map(|reply| match reply.result {
                Ok(Answer::ProjectApplied {
                    revision, changed, ..
                }) => {
                    format!("{}: revision {revision}, changed {changed}", reply.request)
                }
                Ok(answer) => format!("{}: {answer:?}", reply.request),
                Err(problem) => format!("{}: {}", reply.request, problem.code),
            })
            .collect()
    }
}

fn register(name: &str) -> Change {
    Change::RegisterNode {
        id: node(name),
        name: NodeName::new(name).unwrap(),
        role: NodeRole::Worker,
        labels: BTreeMap::new(),
    }
}

fn up(base_revision: u64, image: &str, replicas: u32) -> Change {
    Change::ApplyProject {
        project: project("shop"),
        plan: None,
        base_revision,
        model: Box::new(model("shop", &[("web", svc(image).replicas(replicas))])),
    }
}

fn keys(draft: &PassDraft) -> String {
    let puts = draft.puts.iter().map(|(key, _)| format!("put {key}\n"));
    let removes = draft.removes.iter().map(|key| format!("remove {key}\n"));
    let text: String = puts.chain(removes).collect();
    // A digest tells nobody anything.
    let lines = text.lines().map(|line| match line.split_once("spec.") {
        Some((before, _)) => format!("{before}spec.…\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn an_up_is_one_pass_and_nothing_leaves_before_its_commit() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.events.clear();
    stage.ask("r1", up(0, "web:1", 1));
    let draft = stage.draft().unwrap();
    expect![[r#"
        put spec.…
        put desired.project.shop
        put desired.service.shop.web
        put desired.revision.shop.1
        put assignment.n1
        put op.r1
        put outbox.3
        remove outbox.2
    "#]]
    .assert_eq(&keys(&draft));
    assert!(stage.core.take_effects().is_empty());
    assert_eq!(
        stage.core.sync(&node("n1")),
        None,
        "not even to one who asks"
    );
    assert!(!stage.core.is_settled());
    stage.commit(&draft);
    assert_eq!(stage.replied(), ["r1: revision 1, changed true"]);
    expect![[r#"
        service created: service shop/web was created with 1 task
        project applied: project shop was applied as revision 1
        task assigned: task 1 of shop/web was given to node n1
    "#]]
    .assert_eq(&told(&stage.events));
    let push = &stage.got[&node("n1")];
    assert_eq!(push.specs.len(), 1);
    assert_eq!(stage.core.sync(&node("n1")).as_ref(), Some(push));
    assert_eq!(stage.events[0].cause.pass, Some(draft.head));
}

#[test]
fn a_late_copy_of_a_refused_request_is_refused_although_it_could_be_done_now() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(1, "web:1", 3));
    stage.settle();
    assert_eq!(stage.replied(), ["r1: SCH0002"]);
    stage.ask("r2", up(0, "web:1", 1));
    stage.settle();
    assert_eq!(stage.replied(), ["r2: revision 1, changed true"]);
    stage.ask("r1", up(1, "web:1", 3));
    stage.settle();
    assert_eq!(stage.replied(), ["r1: SCH0002"]);
    let service = stage.core.lab().desired.services.values().next().unwrap();
    assert_eq!(service.replicas, 1);
}

#[test]
fn while_a_pass_is_uncertain_nothing_new_is_planned_and_the_same_bytes_are_sent_again() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    let draft = stage.draft().unwrap();
    stage.core.on_unknown(draft.pass);
    assert!(stage.core.is_uncertain());
    stage.ask("r2", up(1, "web:2", 1));
    stage.report("n1");
    stage.core.tick(stage.now.plus(DurationMs(500)));
    assert_eq!(stage.draft(), None);
    assert_eq!(stage.core.in_flight(), Some(&draft));
    stage.commit(&draft);
    assert!(!stage.core.is_uncertain());
    stage.settle();
    assert_eq!(
        stage.replied(),
        [
            "r1: revision 1, changed true",
            "r2: revision 2, changed true"
        ]
    );
}

#[test]
fn a_refusal_that_rests_on_an_uncommitted_change_waits_for_it() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.ask("r2", up(0, "web:2", 1));
    let draft = stage.draft().unwrap();
    assert_eq!(stage.replied(), [""; 0]);
    stage.commit(&draft);
    assert_eq!(
        stage.replied(),
        ["r1: revision 1, changed true", "r2: SCH0002"]
    );
    stage.settle();
    stage.ask("r3", up(0, "web:2", 1));
    assert_eq!(stage.draft(), None);
    assert_eq!(
        stage.replied(),
        ["r3: SCH0002"],
        "without a change there is nothing to wait for"
    );
}

#[test]
fn published_events_leave_the_outbox_with_a_later_pass() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    assert_eq!(stage.draft(), None, "it does not hurry");
    assert_eq!(stage.core.lab().desired.outbox.len(), 1);
    stage.now = stage.core.wake_at().unwrap();
    let draft = stage.draft().unwrap();
    expect![[r#"
        remove outbox.3
    "#]]
    .assert_eq(&keys(&draft));
    stage.commit(&draft);
    assert!(stage.store.keys().all(|key| !matches!(key, Key::Outbox(_))));
    stage.now = stage.now.plus(DurationMs(60_000));
    assert_eq!(stage.draft(), None, "an idle lab writes nothing");
}

#[test]
fn a_lost_push_is_noticed_by_the_beat_and_sent_again_once_a_beat() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.settle();
    stage.got.clear();
    stage.beat("n1", Fence::default());
    stage.take();
    assert_eq!(stage.got.len(), 0, "the beat may have crossed the push");
    stage.now = stage.now.plus(DurationMs(1000));
    stage.beat("n1", Fence::default());
    stage.take();
    assert_eq!(stage.got.len(), 1);
}

#[test]
fn scaling_a_service_that_was_made_in_the_same_breath_works() {
    let mut stage = Stage::with_nodes(&["n1"]);
    stage.ask("r1", up(0, "web:1", 1));
    stage.ask(
        "r2",
        Change::ScaleService {
            project: project("shop"),
            name: service("web"),
            replicas: 2,
        },
    );
    let drafts = stage.settle();
    assert_eq!(drafts.len(), 1);
    assert_eq!(stage.got[&node("n1")].assignment.tasks.len(), 2);
}
