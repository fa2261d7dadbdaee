//! Requests that agents must be asked about: images on nodes, logs, builds, pulls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_bus::{Bus, Incoming};
use lab_placement::images::{Present, Seen, present};
use lab_placement::leader::Request as CoreRequest;
use lab_placement::view::{self, Page, TaskFilter};
use lab_types::{
    Fence, ForeignPort, NodeId, NodeLiveness, NodeName, NodeRecord, Platform, Problem, ProjectName,
    ServiceName, TaskState, TaskTarget,
};
use lab_wire::Encoding;
use lab_wire::agent::{CheckAsk, CheckReply, StreamContent};
use lab_wire::request::{
    ImageBuild, ImagePull, ProjectFacts, ProjectFactsGet, ServiceFacts, ServiceLogs, StreamsOpened,
};

use crate::codes;
use crate::errand::{self, Back, FactsAsk, OpenKey, Patience, Repeated};
use crate::leading::Leading;
use crate::read::{PAGE_BYTES, answer};
use crate::request::project_of;
use crate::streams::{self, Wanted};

/// Images: one node that answers is enough to plan with, and the others then have most of an attempt of
/// the caller (5 s). While none has answered there is nothing to say: who asks again meanwhile waits on,
/// and an engine that starts a hundred containers takes seconds for a look.
const IMAGES_PATIENCE: Patience = Patience {
    first: Duration::from_secs(10),
    others: Duration::from_secs(3),
};

/// Ports: a node that does not answer keeps what it said last. Two looks one after the other stay well
/// within an attempt of the caller.
const PORTS_PATIENCE: Patience = Patience {
    first: Duration::from_millis(1500),
    others: Duration::from_millis(1500),
};

/// What the nodes have of the images that somebody asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    present: Present,
    /// On which platform each runs, where its node says so.
    platforms: BTreeMap<String, Platform>,
}

impl Leading {
    /// `project.facts`: the state now, the images by asking every ready node.
    pub(crate) async fn facts(&mut self, incoming: Incoming) {
        let asked = incoming.decode::<ProjectFactsGet>();
        let (asked, project) = match asked.and_then(|asked| Ok((asked, project_of(&incoming)?))) {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        if asked.images.is_empty() {
            let encoding = incoming.encoding;
            let after = asked.after.as_ref();
            let reply = self.facts_with(&project, after, Found::default(), encoding);
            return incoming.reply(&reply).await;
        }
        let services = view::project_facts(self.core.lab(), &project).services;
        let runs = services.into_values();
        let runs = runs.filter_map(|(_, task)| Some((task.image, task.image_id?)));
        let ask = FactsAsk {
            project,
            images: asked.images,
            runs: runs.collect(),
        };
        if !self.errands.ask_facts(&ask, incoming) {
            return;
        }
        let nodes = self.working_nodes();
        let (bus, fence) = (self.bus.clone(), self.fence());
        self.errands.push(async move {
            let found = images_on(&bus, fence, nodes, &ask).await;
            Back::Facts(ask, found)
        });
    }

    /// Answers all who have asked for this.
    pub(crate) async fn on_facts(&mut self, ask: &FactsAsk, found: Result<Found, Problem>) {
        for incoming in self.errands.facts_asked(ask) {
            let encoding = incoming.encoding;
            let found = found.clone();
            let reply = found.map(|found| self.facts_with(&ask.project, None, found, encoding));
            answer(incoming, reply).await;
        }
    }

    /// A page of a project's services behind `after`, with what else there is to tell.
    fn facts_with(
        &self,
        project: &ProjectName,
        after: Option<&ServiceName>,
        found: Found,
        encoding: Encoding,
    ) -> ProjectFacts {
        let facts = view::project_facts(self.core.lab(), project);
        let mut reply = ProjectFacts {
            revision: facts.revision,
            record: facts.record,
            services: BTreeMap::new(),
            next: None,
            images: found.present.ids,
            partly: found.present.partly,
            platforms: found.platforms,
            nodes: facts.nodes,
            dropped_volumes: facts.dropped_volumes,
        };
        let mut bytes = lab_wire::encode(&reply, encoding).len();
        let services = facts.services.into_iter();
        for (name, (record, task)) in services.filter(|(name, _)| Some(name) > after) {
            let service = ServiceFacts { record, task };
            bytes += lab_wire::encode(&service, encoding).len();
            if bytes > PAGE_BYTES && !reply.services.is_empty() {
                reply.next = reply
                    .services
                    .last_key_value()
                    .map(|(name, _)| name.clone());
                break;
            }
            reply.services.insert(name, service);
        }
        reply
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
        let filter = TaskFilter {
            project: Some(&project),
            services: &asked.services,
            node: None,
        };
        let mut tasks = view::tasks_page(self.core.lab(), self.core.report(), filter, Page::ALL);
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
        let id = incoming.request_id_of(&asked);
        let key = id.map(|id| (incoming.address.user.clone(), id));
        let Some(incoming) = self.unless_opened(key.as_ref(), incoming).await else {
            return;
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
        let wanted = Wanted {
            node,
            node_name,
            task: None,
            content,
        };
        self.open_once(key, incoming, vec![wanted]);
    }

    /// `image.pull`: on every ready node.
    pub(crate) async fn pull(&mut self, incoming: Incoming) {
        let asked: ImagePull = match incoming.decode() {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let id = incoming.request_id_of(&asked);
        let key = id.map(|id| (incoming.address.user.clone(), id));
        let Some(incoming) = self.unless_opened(key.as_ref(), incoming).await else {
            return;
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
        self.open_once(key, incoming, wanted);
    }

    /// Asks the nodes for their ports before a change that wants some. A node that does not answer
    /// keeps what it said last.
    pub(crate) fn check_ports(&mut self, request: CoreRequest) {
        if self.errands.are_too_many() {
            return self.core.on_request(request);
        }
        match self.errands.ask_ports(request) {
            Ok(true) => self.look_at_ports(),
            Ok(false) => {}
            Err(request) => self.core.on_request(*request),
        }
    }

    /// The changes that waited for the nodes' ports go on.
    pub(crate) fn on_ports(&mut self, nodes: Vec<(NodeId, Vec<ForeignPort>)>) {
        for (node, ports) in nodes {
            self.core.on_foreign_ports(&node, ports);
        }
        let (requests, more) = self.errands.end_ports();
        for request in requests {
            self.core.on_request(request);
        }
        if more {
            self.look_at_ports();
        }
    }

    fn look_at_ports(&mut self) {
        self.errands.begin_ports();
        let nodes = self.working_nodes();
        let ask = CheckAsk {
            fence: self.fence(),
            images: Vec::new(),
        };
        let bus = self.bus.clone();
        self.errands.push(async move {
            let told = errand::look(&bus, nodes, &ask, PORTS_PATIENCE).await;
            let told = told.into_iter();
            let ports = told.filter_map(|(node, reply)| Some((node, reply.ok()?.foreign_ports)));
            Back::Ports(ports.collect())
        });
    }

    fn open(&mut self, incoming: Incoming, wanted: Vec<Wanted>) {
        let (bus, fence) = (self.bus.clone(), self.fence());
        self.errands.push(async move {
            let opened = streams::open(&bus, fence, &incoming.address.user, wanted).await;
            answer(incoming, opened).await;
            Back::Answered
        });
    }

    /// As [`open`](Self::open), and a repetition gets the same streams: a build or pull costs more than
    /// reading a log, and would run twice.
    fn open_once(&mut self, key: Option<OpenKey>, incoming: Incoming, wanted: Vec<Wanted>) {
        let Some(key) = key else {
            return self.open(incoming, wanted);
        };
        let (bus, fence) = (self.bus.clone(), self.fence());
        self.errands.begin_open(key.clone(), incoming);
        self.errands.push(async move {
            let opened = streams::open(&bus, fence, &key.0, wanted).await;
            Back::Opened(key, opened)
        });
    }

    /// The request, unless it is a repetition.
    async fn unless_opened(
        &mut self,
        key: Option<&OpenKey>,
        incoming: Incoming,
    ) -> Option<Incoming> {
        let Some(key) = key else {
            return Some(incoming);
        };
        match self.errands.ask_open(key, incoming) {
            Repeated::No(incoming) => return Some(incoming),
            Repeated::Joined => {}
            Repeated::Answered(incoming, streams) => incoming.reply(&streams).await,
        }
        None
    }

    /// Answers all who have asked for these streams.
    pub(crate) async fn on_opened(&mut self, key: OpenKey, opened: Result<StreamsOpened, Problem>) {
        for incoming in self.errands.end_open(key, opened.as_ref().ok()) {
            match &opened {
                Ok(streams) => incoming.reply(streams).await,
                Err(problem) => incoming.refuse(problem).await,
            }
        }
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

/// What the nodes have of the images asked for by name, and of those that the project runs by id. What a
/// node that does not answer has is not known, and is not needed: whoever lacks an image gets it from
/// one that has it.
async fn images_on(
    bus: &Bus,
    fence: Fence,
    nodes: Vec<(NodeId, NodeName)>,
    FactsAsk { images, runs, .. }: &FactsAsk,
) -> Result<Found, Problem> {
    if nodes.is_empty() {
        return Err(no_node("run on"));
    }
    let all = images.iter().chain(runs.values());
    let ask = CheckAsk {
        fence,
        images: all.cloned().collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let mut found = BTreeMap::new();
    let mut platforms_by_id = BTreeMap::new();
    let mut silent = None;
    for (node, reply) in errand::look(bus, nodes, &ask, IMAGES_PATIENCE).await {
        let CheckReply {
            images,
            tagged_at,
            mut platforms,
            ..
        } = match reply {
            Ok(reply) => reply,
            Err(problem) => {
                silent = Some(problem);
                continue;
            }
        };
        for (image, id) in &images {
            let platform = platforms.remove(image);
            platforms_by_id.extend(platform.map(|platform| (id.clone(), platform)));
        }
        let seen = images.into_iter().map(|(image, id)| {
            let tagged_at = tagged_at.get(&image).copied();
            (image, Seen { id, tagged_at })
        });
        found.insert(node, seen.collect());
    }
    if found.is_empty() {
        return Err(silent.unwrap_or_else(nobody_says));
    }
    let present = present(images, runs, &found);
    let ids = present.ids.iter();
    let platforms = ids
        .filter_map(|(image, id)| Some((image.clone(), platforms_by_id.get(id)?.clone())))
        .collect();
    Ok(Found { present, platforms })
}

fn nobody_says() -> Problem {
    let message = format!(
        "no node has said within {} s which images it has",
        IMAGES_PATIENCE.first.as_secs()
    );
    Problem::new(codes::NO_NODE, message)
        .help("the nodes are busy: send the request again; `tercio node ls` shows them")
}
