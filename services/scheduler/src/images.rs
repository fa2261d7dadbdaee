//! Requests that agents must be asked about: images on nodes, logs, builds, pulls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use lab_bus::{Bus, Incoming};
use lab_placement::images::{Present, Seen, present};
use lab_placement::leader::Request as CoreRequest;
use lab_placement::view;
use lab_types::{
    Fence, NodeId, NodeLiveness, NodeName, NodeRecord, Problem, TaskState, TaskTarget,
};
use lab_wire::agent::{CheckAsk, CheckReply, StreamContent};
use lab_wire::request::{
    ImageBuild, ImagePull, ProjectFacts, ProjectFactsGet, ServiceFacts, ServiceLogs,
};
use lab_wire::subject::CommandVerb;

use crate::agents;
use crate::codes;
use crate::leading::Leading;
use crate::read::{Back, answer};
use crate::request::project_of;
use crate::streams::{self, Wanted};

/// How long an agent may take to look at its engine.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

impl Leading {
    /// `project.facts`: the state now, the images by asking every ready node.
    pub(crate) async fn facts(&mut self, incoming: Incoming) {
        let asked = incoming.decode::<ProjectFactsGet>();
        let (asked, project) = match asked.and_then(|asked| Ok((asked, project_of(&incoming)?))) {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let facts = view::project_facts(self.core.lab(), &project);
        let services = facts.services.into_iter();
        let mut reply = ProjectFacts {
            revision: facts.revision,
            record: facts.record,
            services: services
                .map(|(name, (record, task))| (name, ServiceFacts { record, task }))
                .collect(),
            images: BTreeMap::new(),
            partly: BTreeSet::new(),
            nodes: facts.nodes,
            dropped_volumes: facts.dropped_volumes,
        };
        if asked.images.is_empty() {
            return incoming.reply(&reply).await;
        }
        let nodes = self.working_nodes();
        let (bus, fence) = (self.bus.clone(), self.fence());
        let services = reply.services.values();
        let runs = services.filter_map(|service| {
            let task = &service.task;
            Some((task.image.clone(), task.image_id.clone()?))
        });
        let runs = runs.collect();
        self.errands.push(Box::pin(async move {
            let found = images_on(&bus, fence, nodes, (asked.images, runs)).await;
            let reply = found.map(|found| {
                reply.images = found.ids;
                reply.partly = found.partly;
                reply
            });
            answer(incoming, reply).await;
            Back::Answered
        }));
    }

    /// `service.logs`: a stream from each task that has, or had, a container.
    pub(crate) async fn logs(&mut self, incoming: Incoming) {
        let asked = incoming.decode::<ServiceLogs>();
        let (asked, project) = match asked.and_then(|asked| Ok((asked, project_of(&incoming)?))) {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let facts = view::project_facts(self.core.lab(), &project);
        if let Some(missing) = asked
            .services
            .iter()
            .find(|s| !facts.services.contains_key(*s))
        {
            let message = format!("project {project} has no service {missing}");
            let problem = Problem::new(codes::NOT_FOUND, message)
                .help("`tercio service ls` lists the services");
            return incoming.refuse(&problem).await;
        }
        let mut tasks = view::tasks(self.core.lab(), Some(&project));
        tasks.retain(|task| asked.services.is_empty() || asked.services.contains(&task.service));
        tasks.retain(|task| task.target == TaskTarget::Run);
        tasks.retain(|task| task.container.is_some() && task.progress.state != TaskState::Rejected);
        let wanted = tasks
            .into_iter()
            .map(|task| Wanted {
                node: task.node,
                node_name: task.node_name,
                content: StreamContent::Logs {
                    task: task.task.clone(),
                    options: asked.options.clone(),
                },
                task: Some((task.task, task.service, task.slot)),
            })
            .collect();
        self.open(incoming, wanted);
    }

    /// `image.build`: on the node named, else on the first that is ready.
    pub(crate) async fn build(&mut self, incoming: Incoming) {
        let asked: ImageBuild = match incoming.decode() {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let mut nodes = self.working_nodes();
        if let Some(node) = &asked.node {
            nodes.retain(|(id, _)| id == node);
        }
        let Some((node, node_name)) = nodes.into_iter().next() else {
            return incoming.refuse(&no_node("build on")).await;
        };
        let content = StreamContent::Build {
            options: asked.options,
        };
        self.open(
            incoming,
            vec![Wanted {
                node,
                node_name,
                task: None,
                content,
            }],
        );
    }

    /// `image.pull`: on every ready node.
    pub(crate) async fn pull(&mut self, incoming: Incoming) {
        let asked: ImagePull = match incoming.decode() {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let nodes = self.working_nodes();
        if nodes.is_empty() {
            return incoming.refuse(&no_node("pull to")).await;
        }
        let wanted = nodes
            .into_iter()
            .map(|(node, node_name)| Wanted {
                node,
                node_name,
                task: None,
                content: StreamContent::Pull {
                    image: asked.image.clone(),
                },
            })
            .collect();
        self.open(incoming, wanted);
    }

    /// Asks the nodes for their ports before a change that wants some. A node that does not answer
    /// keeps what it said last.
    pub(crate) fn check_ports(&mut self, request: CoreRequest) {
        let nodes = self.working_nodes();
        let ask = CheckAsk {
            fence: self.fence(),
            images: Vec::new(),
        };
        let bus = self.bus.clone();
        self.errands.push(Box::pin(async move {
            let replies = join_all(
                nodes
                    .iter()
                    .map(|(node, name)| check(&bus, node, name, &ask)),
            );
            let replies = nodes.iter().zip(replies.await);
            let ports = replies
                .filter_map(|((node, _), reply)| Some((node.clone(), reply.ok()?.foreign_ports)));
            Back::Ports(request, ports.collect())
        }));
    }

    fn open(&mut self, incoming: Incoming, wanted: Vec<Wanted>) {
        let (bus, fence) = (self.bus.clone(), self.fence());
        self.errands.push(Box::pin(async move {
            let opened = streams::open(&bus, fence, &incoming.address.user, wanted).await;
            answer(incoming, opened).await;
            Back::Answered
        }));
    }

    /// Nodes that report and whose engine answers, in the order of their ids.
    pub(crate) fn working_nodes(&self) -> Vec<(NodeId, NodeName)> {
        let lab = self.core.lab();
        let has_engine = |node: &NodeId| {
            let observed = lab.observed.nodes.get(node);
            observed.is_some_and(|node| node.facts.engine.is_some())
        };
        let works = |record: &&NodeRecord| {
            lab.liveness_of(&record.id) == NodeLiveness::Ready && has_engine(&record.id)
        };
        let records = lab.desired.nodes.values().filter(works);
        records
            .map(|record| (record.id.clone(), record.name.clone()))
            .collect()
    }
}

fn no_node(what: &str) -> Problem {
    let message =
        format!("there is no node to {what}: none is ready with a Docker engine that answers");
    Problem::new(codes::NO_NODE, message)
        .help("`tercio node ls` shows the nodes; start the Docker engine of one of them")
}

/// What the nodes have of the images asked for by name, and of those that `runs` names by id.
async fn images_on(
    bus: &Bus,
    fence: Fence,
    nodes: Vec<(NodeId, NodeName)>,
    (images, runs): (Vec<String>, BTreeMap<String, String>),
) -> Result<Present, Problem> {
    if nodes.is_empty() {
        return Err(no_node("run on"));
    }
    let all = images.iter().chain(runs.values());
    let ask = CheckAsk {
        fence,
        images: all.cloned().collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let replies = nodes
        .iter()
        .map(|(node, name)| check(bus, node, name, &ask));
    let mut found = BTreeMap::new();
    for ((node, _), reply) in nodes.iter().zip(join_all(replies).await) {
        let CheckReply {
            images, tagged_at, ..
        } = reply?;
        let seen = images.into_iter().map(|(image, id)| {
            let tagged_at = tagged_at.get(&image).copied();
            (image, Seen { id, tagged_at })
        });
        found.insert(node.clone(), seen.collect());
    }
    Ok(present(&images, &runs, &found))
}

pub(crate) async fn check(
    bus: &Bus,
    node: &NodeId,
    name: &NodeName,
    ask: &CheckAsk,
) -> Result<CheckReply, Problem> {
    agents::ask(bus, (node, CommandVerb::Check), ask, CHECK_TIMEOUT)
        .await
        .map_err(|error| {
            let message = format!("node {name} did not say which images it has: {error}");
            Problem::new(codes::NO_NODE, message)
                .help("`tercio node inspect` shows how the node is")
        })
}
