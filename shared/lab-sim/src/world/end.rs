//! The end: has the lab converged, to what, and does it stay so?

use lab_converge::AgentCore;
use lab_placement::change::{self, ChangeContext};
use lab_placement::leader::Standing;
use lab_placement::plan::{PlanningInput, plan};
use lab_placement::policy::Policy;
use lab_placement::{Key, LeaderCore, PlacementRng};
use lab_types::{
    AssignedTask, DurationMs, Gate, NodeLiveness, Outcome as Ending, RequestId, TaskState,
    TaskStatus, TaskTarget, UserName,
};

use super::{CONVERGES_WITHIN, FAULTS_END, STAYS, World};
use crate::checker::{Broken, left_over};
use crate::context::{WorldEvent, clock};
use crate::queue::SECOND;

/// How much of its lease an agent has at least that is answered once a second: of 4 s, less a beat and what
/// messages take. One with less may still have to stop what a leader that is gone let it run.
const LEASE_LEFT_MIN: DurationMs = DurationMs(2500);

/// Whether what a closed gate waits for will not come by itself: the words say so, or the service it
/// waits for finds no node.
fn is_hopeless(core: &LeaderCore, task: &AssignedTask, words: &str) -> bool {
    let service = words.split(' ').next().unwrap_or_default();
    let mut pending = core.report().pending.iter();
    words.contains(", which ")
        || pending.any(|other| other.project == task.project && other.service.as_str() == service)
}

impl World {
    pub(super) fn is_over(&self) -> Result<bool, Broken> {
        Ok(self.converged_at.is_some_and(|at| self.now >= at + STAYS))
    }

    /// Looks whether the lab has converged, and that it stays so.
    pub(super) fn look(&mut self) -> Result<(), Broken> {
        self.in_world(SECOND, WorldEvent::Look);
        let lacking = self.lacking();
        match (lacking, self.converged_at) {
            (None, None) => {
                self.converged_at = Some(self.now);
                self.trace.line(self.now, format_args!("CONVERGED"));
                self.check_converged()?;
                self.slots = self.count_slots();
                self.quiet_since = Some((self.generations(), self.starts()));
                Ok(())
            }
            (None, Some(_)) => {
                let quiet = Some((self.generations(), self.starts()));
                if quiet == self.quiet_since {
                    Ok(())
                } else {
                    Err("a converged lab was changed without a cause".to_owned())
                }
            }
            (Some(lacking), Some(_)) => Err(format!("a converged lab fell apart: {lacking}")),
            (Some(lacking), None) if self.now > FAULTS_END + CONVERGES_WITHIN => {
                Err(format!("not converged in time: {lacking}"))
            }
            (Some(_), None) => Ok(()),
        }
    }

    /// The sum of all generations: what it was when no assignment has changed.
    fn generations(&self) -> u64 {
        self.checker
            .newest()
            .values()
            .map(|newest| newest.fence.generation.0)
            .sum()
    }

    /// The sum of all starts of containers, as times.
    fn starts(&self) -> u64 {
        let agents = self.agents.iter();
        let containers =
            agents.flat_map(|agent| agent.engine.ours().map(|(_, container)| container));
        containers
            .filter_map(|container| container.started_at)
            .fold(0, |sum, at| sum ^ at.0)
    }

    /// The one leader that may act, with nothing on its way. A lab that has converged still sweeps its
    /// outbox; what it may not change is looked at apart.
    fn leading(&self) -> Option<&LeaderCore> {
        let mut leading = self
            .schedulers
            .iter()
            .filter(|scheduler| scheduler.core().is_some());
        let leader = leading.next()?;
        let alone = leading.next().is_none();
        let at_rest = leader.is_idle() || self.converged_at.is_some();
        leader.core().filter(|_| alone && at_rest)
    }

    /// What is still missing, in words.
    fn lacking(&self) -> Option<String> {
        if !self.clients.iter().all(|client| client.is_done(self.now)) {
            return Some("a user waits for an answer".to_owned());
        }
        let Some(core) = self.leading() else {
            return Some("there is no leader at rest".to_owned());
        };
        if *core.standing() != Standing::Leading {
            return Some(format!("the leader is {:?}", core.standing()));
        }
        let nodes = (0..self.agents.len()).find_map(|number| self.node_lacks(core, number));
        nodes.or_else(|| self.slots_lack(core))
    }

    fn node_lacks(&self, core: &LeaderCore, number: usize) -> Option<String> {
        let agent = &self.agents[number];
        let known = core.lab().observed.nodes.get(&agent.id);
        // It may have died before it joined.
        if agent.is_dead && known.is_none_or(|node| node.liveness == NodeLiveness::Lost) {
            return None;
        }
        let Some(known) = known else {
            return Some(format!("the leader does not know {}", agent.id));
        };
        if known.liveness != NodeLiveness::Ready {
            return Some(format!("{} is {}", agent.id, known.liveness));
        }
        let newest = self.checker.newest().get(&agent.id);
        let wanted = newest.map_or_else(Default::default, |newest| newest.fence);
        let obeyed = agent.core.as_ref().map(|core| core.heartbeat().accepted);
        if obeyed != Some(wanted) {
            return Some(format!("{} obeys {obeyed:?} and should {wanted}", agent.id));
        }
        let mut tasks = agent
            .core
            .iter()
            .flat_map(|core| core.ledger().tasks.values());
        if tasks.any(|task| task.fenced) || agent.core.as_ref().is_some_and(AgentCore::lacks_lease)
        {
            return Some(format!(
                "{} stops what it may not run without a leader",
                agent.id
            ));
        }
        if agent.lease_ends_within(LEASE_LEFT_MIN, self.now) {
            return Some(format!("{} has not been answered lately", agent.id));
        }
        if let Some(name) = left_over(agent, newest) {
            return Some(format!("{name} is left over on {}", agent.id));
        }
        let going = newest.and_then(|newest| newest.remove_volumes.keys().next());
        if let Some(volume) = going {
            return Some(format!("{volume} should have left {}", agent.id));
        }
        let tasks = newest.into_iter().flat_map(|newest| newest.tasks.values());
        tasks
            .filter(|task| task.target == TaskTarget::Stop)
            .map(|task| &task.id)
            .next()
            .map(|id| format!("{id} should have left {}", agent.id))
    }

    /// Each slot that was asked for runs, or has ended for good, or says why it does not.
    fn slots_lack(&self, core: &LeaderCore) -> Option<String> {
        for ((project, service), wanted) in &self.goal.services {
            for slot in 1..=wanted.replicas {
                let key = (project.clone(), service.clone(), slot);
                match self.has_ended(core, &key) {
                    Some(true) => continue,
                    Some(false) => {
                        return Some(format!(
                            "{project}/{service} {slot} has ended for good, says the leader, and its \
                             agent was never over with it"
                        ));
                    }
                    None if self.runs(core, &key) => continue,
                    None => {}
                }
                if let Some(doubt) = self.no_excuse(core, &key, &wanted.spec) {
                    return Some(format!("{project}/{service} {slot} does not run: {doubt}"));
                }
            }
        }
        None
    }

    fn count_slots(&self) -> (u32, u32) {
        let Some(core) = self.leading() else {
            return (0, 0);
        };
        let services = self.goal.services.iter();
        let slots = services.flat_map(|((project, service), wanted)| {
            (1..=wanted.replicas).map(|slot| (project.clone(), service.clone(), slot))
        });
        slots.fold((0, 0), |(all, running), slot| {
            (all + 1, running + u32::from(self.runs(core, &slot)))
        })
    }

    fn runs(&self, core: &LeaderCore, slot: &lab_placement::SlotKey) -> bool {
        let (project, service, number) = slot;
        self.agents.iter().any(|agent| {
            let newest = self.checker.newest().get(&agent.id);
            let tasks = newest.into_iter().flat_map(|newest| newest.tasks.values());
            let mut of_slot = tasks.filter(|task| {
                (&task.project, &task.service, task.slot) == (project, service, *number)
            });
            of_slot.any(|task| {
                let node = core.lab().observed.nodes.get(&agent.id);
                let status = node.and_then(|node| node.statuses.get(&task.id));
                match task.gate {
                    Gate::Open => {
                        let mut ours = agent.engine.tasks();
                        let runs = ours.any(|(id, c)| id == task.id && c.is_running());
                        runs && status.is_some_and(TaskStatus::is_serving)
                    }
                    Gate::Closed | Gate::Unknown => {
                        let waits_for = core.report().waits_for(task);
                        let hopeless = waits_for.iter().any(|words| is_hopeless(core, task, words));
                        let ready = status.map(|status| status.progress.state);
                        hopeless && ready == Some(TaskState::Ready)
                    }
                }
            })
        })
    }

    /// What must hold of a converged lab.
    fn check_converged(&self) -> Result<(), Broken> {
        let Some(core) = self.leading() else {
            return Ok(());
        };
        self.check_goal(core)?;
        self.check_plan(core)?;
        self.check_apply_again(core)?;
        if let Some(violation) = lab_placement::check::lab(core.lab()).first() {
            return Err(format!("the converged lab breaks {violation}"));
        }
        for event in &self.checker.promised_events {
            if !self.store.events.contains(event) {
                return Err(format!("event {event} was promised and never published"));
            }
        }
        Ok(())
    }

    /// The state is what was acknowledged, and nothing else.
    fn check_goal(&self, core: &LeaderCore) -> Result<(), Broken> {
        let desired = &core.lab().desired;
        let is: Vec<_> = desired
            .services
            .iter()
            .map(|(key, record)| (key.clone(), record.spec.clone(), record.replicas))
            .collect();
        let should: Vec<_> = self
            .goal
            .services
            .iter()
            .map(|(key, wanted)| (key.clone(), wanted.spec.clone(), wanted.replicas))
            .collect();
        if is != should {
            return Err(format!("the lab is {is:?}, and was asked to be {should:?}"));
        }
        for (id, (project, revision)) in &self.goal.acknowledged {
            let kept = self.store.records.contains_key(&Key::Answer(id.clone()));
            let now = desired
                .projects
                .get(project)
                .map_or(0, |project| project.revision);
            if !kept || now < *revision {
                return Err(format!("the acknowledged {id} was lost"));
            }
        }
        for agent in self.agents.iter().filter(|agent| !agent.is_dead) {
            for volume in &self.goal.dropped_volumes {
                if agent.engine.model.volumes.contains_key(volume) {
                    return Err(format!("{volume} should be gone from {}", agent.id));
                }
            }
        }
        Ok(())
    }

    /// Promises 1 and 2: planning again gives nothing, and the same each time.
    fn check_plan(&self, core: &LeaderCore) -> Result<(), Broken> {
        let policy = Policy::default();
        let again = |lab: &lab_placement::Lab| {
            let input = PlanningInput {
                now: clock(self.now, 0),
                policy: &policy,
                lab,
                leader: core.leader(),
            };
            plan(&input, &mut PlacementRng::from_number(self.seed))
        };
        let outcome = again(core.lab());
        if !outcome.assignments.is_empty() || !outcome.outcomes.is_empty() {
            return Err(format!("a plan made from a converged lab is {outcome:?}"));
        }
        let mut more = core.lab().clone();
        for service in more.desired.services.values_mut() {
            service.replicas += 2;
        }
        let (first, second) = (again(&more), again(&more.clone()));
        if first != second {
            return Err("the same input and seed gave two plans".to_owned());
        }
        Ok(())
    }

    /// Promise 1: applying what was applied changes nothing.
    fn check_apply_again(&self, core: &LeaderCore) -> Result<(), Broken> {
        let context = ChangeContext {
            now: clock(self.now, 0),
            user: UserName::new("again").expect("invariant: letters"),
            request: RequestId::new("again").expect("invariant: letters"),
            leader: core.leader(),
        };
        for client in &self.clients {
            let Some(change) = client.last_model(&self.goal) else {
                continue;
            };
            let lab_placement::Change::ApplyProject { project, model, .. } = &change else {
                continue;
            };
            let same = model.services.iter().all(|(name, service)| {
                let wanted = self.goal.services.get(&(project.clone(), name.clone()));
                wanted.is_some_and(|wanted| {
                    wanted.replicas == service.replicas && wanted.spec == service.task.digest()
                })
            });
            let of_project = self
                .goal
                .services
                .keys()
                .filter(|(of, _)| of == project)
                .count();
            // Applied again, what has failed for good is tried again: that is a change, and meant so.
            let outcomes = core.lab().desired.outcomes.values();
            let mut failed = outcomes.filter(|record| record.project == *project);
            let has_failed = failed.any(|record| record.outcome != Ending::Completed);
            if !same || has_failed || of_project != model.services.len() {
                continue;
            }
            match change::apply(core.lab(), &change, &context) {
                Ok(delta) if delta.is_empty() => {}
                other => return Err(format!("applying {project} again gave {other:?}")),
            }
        }
        Ok(())
    }
}
