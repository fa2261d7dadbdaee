//! Whether a project is where it should be: decided from rows alone, without a clock or a connection.
//!
//! A task is judged by where it is now, never by the events that led there, so that a lost or
//! repeated event cannot mislead the one who waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_types::{Health, ServiceName, TaskId, TaskState, TaskTarget};
use lab_wire::row::{ServiceRow, TaskRow};

use crate::output::progress::{Item, Phase};

/// How long a slot may have no node before the wait is given up: a node that has just joined or
/// returned is there within a few seconds.
pub(super) const PENDING_MAX: Duration = Duration::from_secs(20);

/// How long nothing may change until tasks that should stop are waited for no longer: the longest grace
/// period in use is a minute. Those of a node that is away are not waited for at all.
const LEAVING_MAX: Duration = Duration::from_secs(60);

/// How long nothing at all may change: the longest start periods of health checks in use are five
/// minutes.
const QUIET_MAX: Duration = Duration::from_secs(600);

/// What is told of a container that is on its way out.
pub(super) const STOPPING: &str = "Stopping";

/// How far tasks should come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until their containers run, or have ended well.
    Started,
    /// Until they moreover are healthy, where they have a health check.
    Healthy,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Goal {
    /// The services.
    pub services: BTreeMap<ServiceName, Wanted>,
    /// How far.
    pub until: Until,
    /// Tasks that ran before anything was changed.
    pub before: BTreeSet<TaskId>,
}

/// What is waited for of one service.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// How many tasks; none where the service is to go.
    pub replicas: u32,
    /// Tasks that are to be replaced: they count for nothing.
    pub old: BTreeSet<TaskId>,
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The project's services.
    pub services: Vec<ServiceRow>,
    /// The project's tasks.
    pub tasks: Vec<TaskRow>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on waiting; what is waited for, in words.
    Wait(Vec<String>),
    /// It is there.
    Done,
    /// It will not come by itself; why, in words.
    Failed(Vec<String>),
}

/// A slot of a service.
pub type SlotKey = (ServiceName, u32);

/// For how long it has been as it is.
#[derive(Clone, Debug, Default)]
pub struct Waited {
    /// Nothing that is waited for has changed.
    pub quiet: Duration,
    /// A slot has had no task, each since it was first seen so.
    pub pending: BTreeMap<SlotKey, Duration>,
}

enum Slot {
    Fine,
    Busy(String),
    Broken(String),
}

impl Seen {
    /// What of it is waited for: the rest of the project may change without end.
    #[must_use]
    pub fn concerning(&self, goal: &Goal) -> Self {
        let services = self.services.iter();
        let tasks = self.tasks.iter();
        Self {
            services: services
                .filter(|row| goal.services.contains_key(&row.service))
                .cloned()
                .collect(),
            tasks: tasks
                .filter(|row| goal.services.contains_key(&row.service))
                .cloned()
                .collect(),
        }
    }
}

/// The slots that have a problem and no task: nothing happens in them until a node can take them.
#[must_use]
pub fn pending(goal: &Goal, seen: &Seen) -> BTreeSet<SlotKey> {
    let rows = seen.services.iter();
    rows.filter_map(|row| Some((row, goal.services.get(&row.service)?)))
        .flat_map(|(row, wanted)| {
            let tasks = current(seen, &row.service, wanted);
            let slots = row.problems.iter().flat_map(|problem| problem.slots.iter());
            let open = slots.filter(move |slot| tasks.iter().all(|task| task.slot != *slot));
            open.map(|slot| (row.service.clone(), slot))
        })
        .collect()
}

/// Judges what is there.
#[must_use]
pub fn judge(goal: &Goal, seen: &Seen, waited: &Waited) -> Verdict {
    let quiet = waited.quiet;
    let mut busy = Vec::new();
    let mut broken = BTreeSet::new();
    for (name, wanted) in &goal.services {
        let row = seen.services.iter().find(|row| row.service == *name);
        let tasks = current(seen, name, wanted);
        let mut fine = 0;
        // What the lab gives up for those who wait is told in its words, unless it is of a task that is to go.
        let is_current = |slot| tasks.iter().any(|task| task.slot == slot);
        let hopeless = row.iter().flat_map(|row| &row.hopeless);
        let hopeless: Vec<_> = hopeless.filter(|one| is_current(one.slot)).collect();
        let is_given_up = |slot| hopeless.iter().any(|one| one.slot == slot);
        broken.extend(hopeless.iter().map(|one| said(name, one.slot, &one.reason)));
        for task in tasks.iter().filter(|task| !is_given_up(task.slot)) {
            match slot(task, goal.until) {
                Slot::Fine => fine += 1,
                Slot::Busy(why) => busy.push(said(name, task.slot, &why)),
                Slot::Broken(why) => {
                    broken.insert(said(name, task.slot, &why));
                }
            }
        }
        let problems = row.iter().flat_map(|row| &row.problems);
        for (number, problem) in problems.flat_map(|p| p.slots.iter().map(move |slot| (slot, p))) {
            let has_task = tasks.iter().any(|task| task.slot == number);
            let why = said(name, number, &problem.reason);
            // A stop may take as long as its grace says.
            let mut rows = seen.tasks.iter().filter(|task| task.service == *name);
            let leaves = rows.any(|task| task.slot == number && task.target == TaskTarget::Stop);
            let pending = waited.pending.get(&(name.clone(), number));
            let is_hopeless =
                !has_task && !leaves && pending.is_some_and(|pending| *pending >= PENDING_MAX);
            if problem.is_final || is_hopeless {
                broken.insert(why);
            } else if !has_task {
                busy.push(why);
            }
        }
        if quiet < LEAVING_MAX {
            busy.extend(leaving(seen, name, wanted));
        }
        if fine < wanted.replicas && busy.is_empty() && broken.is_empty() {
            busy.push(format!("{name}: {fine} of {} tasks", wanted.replicas));
        }
    }
    if !broken.is_empty() {
        // Whoever reads that one thing failed wants to know what else is not there.
        broken.extend(busy);
        return Verdict::Failed(broken.into_iter().collect());
    }
    match busy.is_empty() {
        true => Verdict::Done,
        false if quiet >= QUIET_MAX => Verdict::Failed(busy),
        false => Verdict::Wait(busy),
    }
}

/// The tasks of a service that are on their way out, also where their nodes have not been told yet. One
/// that cannot be told so keeps nobody waiting.
fn leaving<'a>(
    seen: &'a Seen,
    name: &'a ServiceName,
    wanted: &'a Wanted,
) -> impl Iterator<Item = String> + 'a {
    let of_it = seen.tasks.iter().filter(move |task| task.service == *name);
    of_it
        .filter(|task| task.target == TaskTarget::Stop || task.slot > wanted.replicas)
        .filter(|task| !task.is_out_of_reach())
        .map(move |task| said(name, task.slot, "is being stopped"))
}

/// The tasks of a service that count: those that should run, are not being replaced, and whose node
/// tells how they are.
fn current<'a>(seen: &'a Seen, name: &ServiceName, wanted: &Wanted) -> Vec<&'a TaskRow> {
    let of_it = seen.tasks.iter().filter(|task| task.service == *name);
    of_it
        .filter(|task| task.target == TaskTarget::Run && !wanted.old.contains(&task.task))
        .filter(|task| !task.is_out_of_reach())
        .collect()
}

fn said(name: &ServiceName, slot: u32, why: &str) -> String {
    format!("{name}.{slot}: {why}")
}

fn slot(task: &TaskRow, until: Until) -> Slot {
    let because = |word: &str| match &task.message {
        Some(message) => message.clone(),
        None => word.to_owned(),
    };
    match task.progress.state {
        TaskState::Complete => Slot::Fine,
        TaskState::Running => match (until, task.health) {
            (Until::Started, _) => Slot::Fine,
            (Until::Healthy, Health::None | Health::Healthy | Health::Unknown) => Slot::Fine,
            (Until::Healthy, Health::Starting) => Slot::Busy("health: starting".to_owned()),
            (Until::Healthy, Health::Unhealthy) => Slot::Broken("is unhealthy".to_owned()),
        },
        // Another node is tried; when none is left, the service's row says so.
        TaskState::Rejected => Slot::Busy(because("was rejected by its node")),
        TaskState::Failed => Slot::Busy(failure(task)),
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Stopped
        | TaskState::Unknown => match waiting(task) {
            Some(waits) => Slot::Busy(waits),
            None => Slot::Busy(because(&task.progress.state.to_string())),
        },
    }
}

/// `waits for redis (service_healthy)`, while the task's gate is closed.
fn waiting(task: &TaskRow) -> Option<String> {
    let waits = &task.waits_for;
    (!waits.is_empty()).then(|| format!("waits for {}", waits.join(", ")))
}

fn failure(task: &TaskRow) -> String {
    let attempt = task.progress.attempt;
    match (task.exit_code, &task.message) {
        (Some(code), _) => format!("exited with code {code} (attempt {attempt})"),
        (None, Some(message)) => format!("{message} (attempt {attempt})"),
        (None, None) => format!("failed (attempt {attempt})"),
    }
}

/// The lines a person sees meanwhile: one for each container that is wanted or on its way out. Where
/// two tasks of one slot have the same name, the one that stays is told.
#[must_use]
pub fn lines(goal: &Goal, seen: &Seen) -> Vec<Item> {
    let concerns = |task: &&TaskRow| {
        let leaves = task.target == TaskTarget::Stop;
        let is_wanted = goal.services.contains_key(&task.service);
        (is_wanted || leaves) && !(leaves && task.is_out_of_reach())
    };
    let mut told: BTreeMap<&str, &TaskRow> = BTreeMap::new();
    let tasks: Vec<&TaskRow> = seen.tasks.iter().filter(concerns).collect();
    for task in &tasks {
        let best = told.entry(&task.container_name).or_insert(task);
        if is_leaving(goal, best) && !is_leaving(goal, task) {
            *best = task;
        }
    }
    let is_told = |task: &&&TaskRow| {
        let best = told.get(task.container_name.as_str());
        best.is_some_and(|best| best.task == task.task)
    };
    let tasks = tasks.iter().filter(is_told);
    tasks
        .map(|task| line(goal, task).of(format!("{} on {}", task.service, task.node_name)))
        .collect()
}

fn is_leaving(goal: &Goal, task: &TaskRow) -> bool {
    let wanted = goal.services.get(&task.service);
    task.target == TaskTarget::Stop || wanted.is_some_and(|wanted| wanted.old.contains(&task.task))
}

fn line(goal: &Goal, task: &TaskRow) -> Item {
    let name = format!("Container {}", task.container_name);
    let state = task.progress.state;
    if is_leaving(goal, task) {
        return match state {
            TaskState::Stopped => Item::new(name, "Removed", Phase::Done),
            _ => Item::new(name, STOPPING, Phase::Working),
        };
    }
    if task.is_out_of_reach() {
        let word = format!("Unknown: node {} does not answer", task.node_name);
        return Item::new(name, word, Phase::Working);
    }
    match state {
        TaskState::Assigned | TaskState::Accepted | TaskState::Preparing => {
            Item::new(name, "Creating", Phase::Working)
        }
        TaskState::Ready => match waiting(task) {
            Some(waits) => Item::new(name, format!("Created, {waits}"), Phase::Working),
            None => Item::new(name, "Created", Phase::Working),
        },
        TaskState::Starting => Item::new(name, "Starting", Phase::Working),
        TaskState::Running => match (goal.until, task.health) {
            (Until::Healthy, Health::Healthy) => Item::new(name, "Healthy", Phase::Done),
            (Until::Healthy, Health::Starting) => Item::new(name, "Waiting", Phase::Working),
            (Until::Healthy, Health::Unhealthy) => Item::new(name, "Unhealthy", Phase::Failed),
            (Until::Healthy, Health::None | Health::Unknown) | (Until::Started, _) => {
                let was_there = goal.before.contains(&task.task);
                let word = if was_there { "Running" } else { "Started" };
                Item::new(name, word, Phase::Done)
            }
        },
        TaskState::Complete => Item::new(name, "Exited (0)", Phase::Done),
        TaskState::Failed => Item::new(name, failure(task), Phase::Failed),
        TaskState::Stopped => Item::new(name, "Stopped", Phase::Failed),
        TaskState::Rejected => match &task.message {
            Some(message) => Item::new(name, format!("Rejected: {message}"), Phase::Failed),
            None => Item::new(name, "Rejected", Phase::Failed),
        },
        TaskState::Unknown => Item::new(name, "Unknown", Phase::Working),
    }
}

#[cfg(test)]
mod tests;
