//! A service counted: what runs, what has ended, what waits and why.

use std::collections::BTreeMap;

use lab_types::{
    AssignedTask, Gate, NodeId, NodeLiveness, Outcome, ProjectName, Resources, ServiceRecord,
    TaskSpec, TaskState, TaskStatus, TaskTarget,
};

use super::{ServiceRow, SlotProblem, status};
use crate::lab::Lab;
use crate::plan::{Pending, PlanReport};

/// A task where it is.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) task: &'a AssignedTask,
    pub(super) status: Option<&'a TaskStatus>,
    pub(super) liveness: NodeLiveness,
}

/// The tasks of each service.
pub(super) fn by_service<'a>(lab: &'a Lab, project: Option<&ProjectName>) -> super::ByService<'a> {
    let mut tasks: BTreeMap<_, Vec<Placed<'a>>> = BTreeMap::new();
    for (node, assignment) in &lab.desired.assignments {
        let liveness = lab.liveness_of(node);
        let here = assignment.tasks.values();
        for task in here.filter(|task| project.is_none_or(|project| task.project == *project)) {
            let placed = Placed {
                task,
                status: status(lab, node, task),
                liveness,
            };
            let key = (&task.project, &task.service);
            tasks.entry(key).or_default().push(placed);
        }
    }
    tasks
}

pub(super) fn row(
    lab: &Lab,
    report: &PlanReport,
    record: &ServiceRecord,
    tasks: &[Placed<'_>],
) -> ServiceRow {
    let spec = lab.desired.specs.get(&record.spec);
    let mut row = ServiceRow {
        project: record.project.clone(),
        service: record.name.clone(),
        image: spec.map(|spec| spec.image.clone()).unwrap_or_default(),
        running: 0,
        completed: 0,
        desired: record.replicas,
        ports: spec.map(|spec| spec.ports.clone()).unwrap_or_default(),
        revision: record.revision,
        converged: false,
        exclusive: spec.is_some_and(TaskSpec::is_exclusive),
        problems: Vec::new(),
        hopeless: Vec::new(),
    };
    let current: BTreeMap<u32, &Placed<'_>> = tasks
        .iter()
        .filter(|placed| placed.task.target == TaskTarget::Run && placed.task.spec == record.spec)
        .map(|placed| (placed.task.slot, placed))
        .collect();
    let pending: BTreeMap<u32, &Pending> = report
        .pending
        .iter()
        .filter(|pending| pending.project == record.project && pending.service == record.name)
        .flat_map(|pending| pending.slots.iter().map(move |slot| (*slot, pending)))
        .collect();
    let mut in_place = 0;
    for slot in 1..=record.replicas {
        let pending = pending.get(&slot).copied();
        match slot_state(lab, pending, record, slot, current.get(&slot).copied()) {
            Slot::Serving => row.running += 1,
            Slot::Completed => row.completed += 1,
            Slot::Starting => continue,
            Slot::Trouble(problem) => {
                row.problems.push(problem);
                continue;
            }
        }
        in_place += 1;
    }
    // What is final comes first, because it is what a person has to do something about.
    row.problems.sort_by_key(|problem| !problem.is_final);
    row.problems.truncate(SlotProblem::MAX);
    row.problems.sort();
    let leftover = tasks.iter().any(|placed| {
        let surplus = placed.task.target == TaskTarget::Stop || placed.task.spec != record.spec;
        surplus && !matches!(placed.liveness, NodeLiveness::Away | NodeLiveness::Lost)
    });
    row.converged = in_place == record.replicas && !leftover;
    row
}

enum Slot {
    Serving,
    Completed,
    Starting,
    Trouble(SlotProblem),
}

fn slot_state(
    lab: &Lab,
    pending: Option<&Pending>,
    record: &ServiceRecord,
    slot: u32,
    placed: Option<&Placed<'_>>,
) -> Slot {
    let trouble = |is_final, reason: String| {
        Slot::Trouble(SlotProblem {
            slot,
            is_final,
            reason,
        })
    };
    let key = (record.project.clone(), record.name.clone(), slot);
    let ended = lab.desired.outcomes.get(&key);
    let ended = ended.filter(|ended| ended.is_of(record));
    match ended.map(|ended| &ended.outcome) {
        Some(Outcome::Completed) => return Slot::Completed,
        Some(Outcome::Exhausted { message, .. }) => return trouble(true, message.clone()),
        Some(Outcome::Refused { .. }) | None => {}
    }
    if let Some(pending) = pending {
        return trouble(false, pending.why());
    }
    let Some(placed) = placed else {
        return match ended.map(|ended| &ended.outcome) {
            Some(Outcome::Refused { nodes }) => trouble(false, refused(lab, nodes)),
            Some(_) | None => Slot::Starting,
        };
    };
    if placed.liveness == NodeLiveness::Lost {
        return trouble(false, "its node is lost".to_owned());
    }
    if placed.liveness == NodeLiveness::Away {
        return trouble(false, "its node is away".to_owned());
    }
    if let Gate::Closed { waits_for } = &placed.task.gate
        && !waits_for.is_empty()
    {
        return trouble(false, format!("it waits for {}", waits_for.join(", ")));
    }
    let Some(status) = placed.status else {
        return Slot::Starting;
    };
    if status.is_serving() {
        return Slot::Serving;
    }
    match (status.progress.state, &status.message) {
        (TaskState::Failed | TaskState::Rejected, message) => {
            let reason = message.clone().unwrap_or_else(|| match status.exit_code {
                Some(code) => format!("it ended with exit code {code}"),
                None => "it failed".to_owned(),
            });
            trouble(false, reason)
        }
        (_, Some(message)) => trouble(false, message.clone()),
        (TaskState::Running, None) if status.health == lab_types::Health::Unhealthy => {
            trouble(false, "its health check fails".to_owned())
        }
        (_, None) => Slot::Starting,
    }
}

/// While the next node is looked for: who refused the task last, by the order of node ids.
fn refused(lab: &Lab, nodes: &BTreeMap<NodeId, String>) -> String {
    let Some((id, why)) = nodes.last_key_value() else {
        return "another node is tried".to_owned();
    };
    let record = lab.desired.nodes.get(id);
    let name = record.map_or_else(|| id.to_string(), |record| record.name.to_string());
    format!("node {name} refused it: {why}; another node is tried")
}

/// What the tasks of a node reserve, without those that have ended for good.
pub(super) fn reserved(lab: &Lab, node: &NodeId) -> Resources {
    let assignment = lab.desired.assignments.get(node);
    let tasks = assignment.into_iter().flat_map(|a| a.tasks.values());
    let mut sum = Resources::default();
    for task in tasks {
        let key = (task.project.clone(), task.service.clone(), task.slot);
        let ended = lab.desired.outcomes.get(&key);
        if ended.is_some_and(|ended| ended.task == task.id) {
            continue;
        }
        if let Some(spec) = lab.desired.specs.get(&task.spec) {
            sum.nano_cpus = sum.nano_cpus.saturating_add(spec.reservation.nano_cpus);
            sum.memory_bytes = sum
                .memory_bytes
                .saturating_add(spec.reservation.memory_bytes);
        }
    }
    sum
}
