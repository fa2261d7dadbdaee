//! Users: each changes its own projects, one request after the other, and repeats a request until it
//! is answered.

mod model;

use lab_placement::leader::{Reply, Request};
use lab_placement::{Change, NodeChanges, codes};
use lab_types::{
    Availability, ConfirmationId, DurationMs, Epoch, ProjectName, RequestId, ServiceName, UserName,
};

use crate::context::{Context, Event};
use crate::goal::Goal;
use crate::message::{Actor, Message};
use crate::queue::{MS, Micros, SECOND};
use crate::rng::SimRng;

/// How long a user waits for an answer before the request is sent again.
const PATIENCE: Micros = 2 * SECOND;

/// A user.
#[derive(Debug)]
pub(crate) struct Client {
    number: usize,
    projects: Vec<ProjectName>,
    rng: SimRng,
    /// Counts what it has done; a timer for an earlier step is void.
    step: u64,
    waiting: Option<Request>,
    /// The last model that was sent for each project, to be sent again at the end.
    last: Option<Change>,
    /// Until when it thinks of new requests.
    busy_until: Micros,
    schedulers: usize,
}

impl Client {
    pub(crate) fn new(number: usize, seed: u64, busy_until: Micros, schedulers: usize) -> Self {
        let project =
            |n: usize| ProjectName::new(format!("p{n}")).expect("invariant: a letter and a number");
        let stream = 100 + u64::try_from(number).unwrap_or(0);
        Self {
            number,
            projects: vec![project(2 * number), project(2 * number + 1)],
            rng: SimRng::new(seed, stream),
            step: 0,
            waiting: None,
            last: None,
            busy_until,
            schedulers,
        }
    }

    /// Whether it has no open request and no new one in mind.
    pub(crate) fn is_done(&self, now: Micros) -> bool {
        self.waiting.is_none() && now > self.busy_until + 8 * SECOND
    }

    fn user(&self) -> UserName {
        UserName::new(format!("u{}", self.number)).expect("invariant: a letter and a number")
    }

    pub(crate) fn begin(&mut self, cx: &mut Context<'_>) {
        let delay = self.rng.between(SECOND, 3 * SECOND);
        self.later(delay, cx);
    }

    fn later(&mut self, delay: Micros, cx: &mut Context<'_>) {
        self.step += 1;
        cx.after(
            delay,
            Event::Client {
                number: self.number,
                step: self.step,
            },
        );
    }

    /// Its time has come: to repeat, or to ask for something new.
    pub(crate) fn on_time(&mut self, step: u64, goal: &mut Goal, cx: &mut Context<'_>) {
        if step != self.step {
            return;
        }
        if self.waiting.is_none() {
            if cx.now > self.busy_until {
                return;
            }
            let change = self.think(goal);
            self.ask(change);
        }
        self.send(cx);
        self.later(PATIENCE, cx);
    }

    fn ask(&mut self, change: Change) {
        let id = format!("u{}-{}", self.number, self.step);
        let id = RequestId::new(id).expect("invariant: letters, numbers and a dash");
        self.waiting = Some(Request {
            id,
            user: self.user(),
            change,
        });
    }

    fn send(&self, cx: &mut Context<'_>) {
        let Some(request) = &self.waiting else { return };
        cx.note(format_args!(
            "u{} asks {} {}",
            self.number,
            request.id,
            words(&request.change)
        ));
        for scheduler in 0..self.schedulers {
            let message = Message::Request(Box::new(request.clone()));
            cx.send(Actor::Clients, Actor::Scheduler(scheduler), message);
        }
    }

    /// An answer; says what is wrong about it.
    pub(crate) fn on_reply(
        &mut self,
        reply: &Reply,
        epoch: Epoch,
        goal: &mut Goal,
        cx: &mut Context<'_>,
    ) -> Result<(), String> {
        let Some(request) = self.waiting.take_if(|request| request.id == reply.request) else {
            return Ok(());
        };
        match &reply.result {
            Ok(answer) => {
                goal.acknowledge(&request.id, &request.change, answer, epoch)?;
                if matches!(request.change, Change::ApplyProject { .. }) {
                    self.last = Some(request.change);
                }
            }
            Err(problem)
                if [codes::NOT_LEADER, codes::RESTORED].contains(&problem.code.0.as_ref()) =>
            {
                self.waiting = Some(request);
                return Ok(());
            }
            Err(problem) => {
                cx.note(format_args!("u{} is refused: {problem}", self.number));
                goal.idle.insert(request.id, epoch);
            }
        }
        let delay = self.rng.between(200 * MS, 6 * SECOND);
        self.later(delay, cx);
        Ok(())
    }

    /// The last applied model, against the present revision: to be applied once more.
    pub(crate) fn last_model(&self, goal: &Goal) -> Option<Change> {
        let Some(Change::ApplyProject { project, model, .. }) = &self.last else {
            return None;
        };
        Some(Change::ApplyProject {
            project: project.clone(),
            plan: None,
            base_revision: goal.revision(project),
            model: model.clone(),
        })
    }

    fn think(&mut self, goal: &mut Goal) -> Change {
        let project = self.projects[self.rng.index(self.projects.len())].clone();
        let known = goal.services.keys().filter(|(of, _)| *of == project);
        let services: Vec<ServiceName> = known.map(|(_, name)| name.clone()).collect();
        if services.is_empty() || self.rng.chance(400) {
            return Change::ApplyProject {
                base_revision: goal.revision(&project),
                plan: None,
                model: Box::new(model::project(&project, &mut self.rng)),
                project,
            };
        }
        let name = services[self.rng.index(services.len())].clone();
        match self.rng.between(0, 11) {
            10.. => self.node_change(),
            0..5 => Change::ScaleService {
                project,
                name,
                replicas: self.replicas(),
            },
            5..6 => Change::RemoveService { project, name },
            6..7 => {
                let (name, task) = model::extra(&project, &mut self.rng);
                Change::CreateService {
                    project,
                    name,
                    task,
                    replicas: self.replicas(),
                }
            }
            _ => {
                let consent = self.rng.chance(600).then(|| {
                    let text = format!("consent-u{}-{}", self.number, self.step);
                    ConfirmationId::new(text).expect("invariant: letters, numbers and dashes")
                });
                let given = consent.clone().map(|consent| (consent, project.clone()));
                goal.consents.extend(given);
                Change::RemoveProject {
                    project,
                    remove_volumes: consent,
                    shown: None,
                }
            }
        }
    }

    /// A node is drained, paused, taken back, or may be silent for longer, as a laptop.
    fn node_change(&mut self) -> Change {
        let availability = self.rng.pick(&[
            None,
            Some(Availability::Drain),
            Some(Availability::Pause),
            Some(Availability::Active),
        ]);
        Change::UpdateNode {
            node: format!("n{}", self.rng.between(0, 2)),
            changes: NodeChanges {
                availability,
                patience: availability.is_none().then_some(DurationMs::from_secs(8)),
                ..NodeChanges::default()
            },
        }
    }

    fn replicas(&mut self) -> u32 {
        u32::try_from(self.rng.between(0, 5)).unwrap_or(1)
    }
}

fn words(change: &Change) -> String {
    match change {
        Change::ApplyProject {
            project,
            base_revision,
            model,
            ..
        } => {
            let services = model.services.iter();
            let services = services.map(|(name, service)| format!("{name}×{}", service.replicas));
            let services: Vec<String> = services.collect();
            format!("apply {project} on {base_revision}: {}", services.join(" "))
        }
        Change::RemoveProject {
            project,
            remove_volumes,
            shown: _,
        } => {
            format!("remove {project}, volumes {}", remove_volumes.is_some())
        }
        Change::CreateService {
            project,
            name,
            replicas,
            ..
        } => {
            format!("create {project}/{name}×{replicas}")
        }
        Change::ScaleService {
            project,
            name,
            replicas,
        } => {
            format!("scale {project}/{name}×{replicas}")
        }
        Change::RemoveService { project, name } => format!("remove {project}/{name}"),
        Change::RegisterNode { id, .. } => format!("register {id}"),
        Change::UpdateNode { node, .. } => format!("update {node}"),
        Change::RemoveNode { node } => format!("remove {node}"),
    }
}
