//! A service counted: what runs, what has ended, what waits and why.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::row::Slots;
use lab_types::{
    AssignedTask, NodeId, NodeLiveness, Outcome, ProjectName, Resources, ServiceName,
    ServiceRecord, TaskSpec, TaskState, TaskStatus, TaskTarget,
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

/// The tasks of each service that is wanted.
pub(super) fn by_service<'a>(
    lab: &'a Lab,
    wanted: impl Fn(&ProjectName, &ServiceName) -> bool,
) -> super::ByService<'a> {
    let mut tasks: BTreeMap<_, Vec<Placed<'a>>> = BTreeMap::new();
    for (node, assignment) in &lab.desired.assignments {
        let liveness = lab.liveness_of(node);
        let here = assignment.tasks.values();
        for task in here.filter(|task| wanted(&task.project, &task.service)) {
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
    let mut reasons: BTreeMap<(bool, String), Slots> = BTreeMap::new();
    for slot in 1..=record.replicas {
        let pending = pending.get(&slot).copied();
        let placed = current.get(&slot).copied();
        match slot_state((lab, report), pending, record, slot, placed) {
            Slot::Serving => row.running += 1,
            Slot::Completed => row.completed += 1,
            Slot::Starting => continue,
            Slot::Trouble { is_final, reason } => {
                let why = reasons.entry((!is_final, reason)).or_default();
                why.push(slot);
                continue;
            }
        }
        in_place += 1;
    }
    row.problems = problems(reasons);
    let leftover = tasks.iter().any(|placed| {
        let surplus = placed.task.target == TaskTarget::Stop || placed.task.spec != record.spec;
        surplus && !matches!(placed.liveness, NodeLiveness::Away | NodeLiveness::Lost)
    });
    row.converged = in_place == record.replicas && !leftover;
    row
}

/// The longest reason of a row, in characters: two or three sentences.
const REASON_MAX: usize = 500;

/// Slots by their reasons. What is final comes first when there are too many, because it is what a person
/// has to do something about; slots of further reasons are told together, so that none is missing.
fn problems(reasons: BTreeMap<(bool, String), Slots>) -> Vec<SlotProblem> {
    let mut problems: Vec<SlotProblem> = Vec::new();
    let mut others: BTreeMap<bool, Slots> = BTreeMap::new();
    for ((is_for_now, reason), slots) in reasons {
        let is_final = !is_for_now;
        if problems.len() < SlotProblem::MAX {
            problems.push(SlotProblem {
                slots,
                is_final,
                reason,
            });
        } else {
            let more = others.remove(&is_final).unwrap_or_default();
            let all: BTreeSet<u32> = more.iter().chain(slots.iter()).collect();
            others.insert(is_final, all.into_iter().collect());
        }
    }
    let others = others.into_iter().map(|(is_final, slots)| SlotProblem {
        slots,
        is_final,
        reason: "each for a reason of its own, which the list of tasks tells".to_owned(),
    });
    problems.extend(others);
    problems.sort();
    problems
}

enum Slot {
    Serving,
    Completed,
    Starting,
    Trouble { is_final: bool, reason: String },
}

fn slot_state(
    (lab, report): (&Lab, &PlanReport),
    pending: Option<&Pending>,
    record: &ServiceRecord,
    slot: u32,
    placed: Option<&Placed<'_>>,
) -> Slot {
    let trouble = |is_final, reason: String| {
        let reason = reason.chars().take(REASON_MAX).collect();
        Slot::Trouble { is_final, reason }
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
    let waits_for = report.waits_for(placed.task);
    if !waits_for.is_empty() {
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
