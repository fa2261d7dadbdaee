//! Applying a plan as one request, and waiting until it is so.

use std::collections::{BTreeMap, BTreeSet};

use lab_bus::CallOptions;
use lab_types::{OperationKind, Plan, ProjectName, ServiceName, TaskId, TaskProgress, TaskState};
use lab_wire::request::{ProjectApply, TaskList};
use lab_wire::row::TaskRow;

use super::summary::{self, resources};
use crate::app::{App, Client, request_id};
use crate::command::logs::{self, Painter, Start};
use crate::failure::Outcome;
use crate::output::progress::Progress;
use crate::project::converge::{Waiting, Wake};
use crate::project::goal::{Goal, Until, Wanted};
use crate::project::tasks;

/// A plan that was applied and is becoming so.
pub(in crate::command) struct Applied {
    project: ProjectName,
    goal: Goal,
    resources: Vec<String>,
    wake: Wake,
    before: BTreeMap<TaskId, TaskProgress>,
}

/// Applies the plan, also one that changes nothing: whoever applies says that the cause of what has
/// failed for good may be gone, and the lab says what it tries again. It is sent once and its answer
/// waited for, Ctrl-C or not: whether it was applied must be known.
pub(in crate::command) async fn apply(
    app: &App,
    client: &Client,
    plan: Plan,
    until: Until,
) -> Outcome<Applied> {
    let project = plan.project.clone();
    let before = tasks(client, Some(&project), TaskList::default()).await?;
    let wake = Wake::listen(&client.bus, &project).await;
    let id = request_id();
    let request = ProjectApply {
        plan,
        request_id: Some(id.clone()),
    };
    let options = CallOptions {
        request_id: Some(id),
        ..CallOptions::default()
    };
    if app.interrupt.is_cancelled() {
        let sentence = "cancelled before anything was applied".to_owned();
        return Err(crate::failure::Failure::Cancelled(sentence));
    }
    let applied = client.call_with(Some(&project), &request, options).await?;
    let plan = request.plan;
    app.screen.say(&summary::applied(&plan, &applied.retried));
    Ok(Applied {
        goal: goal(&plan, until, &applied.retried, &before),
        resources: made(&plan),
        project,
        wake,
        before: before
            .into_iter()
            .map(|row| (row.task, row.progress))
            .collect(),
    })
}

/// The networks and volumes that come with the plan.
fn made(plan: &Plan) -> Vec<String> {
    let networks = resources(plan, &OperationKind::CreateNetwork, "network:");
    let volumes = resources(plan, &OperationKind::CreateVolume, "volume:");
    networks
        .map(|name| format!("Network {name}"))
        .chain(volumes.map(|name| format!("Volume {name}")))
        .collect()
}

/// What the plan's model asks for. Tasks that it replaces or that are tried again do not count, however
/// they are, and those of services that it removes are to be gone.
fn goal(
    plan: &Plan,
    until: Until,
    retried: &BTreeMap<ServiceName, BTreeSet<u32>>,
    before: &[TaskRow],
) -> Goal {
    let replaces = |kind: &OperationKind| matches!(kind, OperationKind::UpdateService { .. });
    let of_kind = |is: &dyn Fn(&OperationKind) -> bool| -> BTreeSet<&str> {
        let operations = plan.operations.iter().filter(|one| is(&one.kind));
        let names = operations.filter_map(|one| one.resource.strip_prefix("service:"));
        names.collect()
    };
    let replaced = of_kind(&replaces);
    let removed = of_kind(&|kind| *kind == OperationKind::RemoveService);
    let mut services: BTreeMap<ServiceName, Wanted> = BTreeMap::new();
    for (name, model) in &plan.model.services {
        let again = retried.get(name);
        let old = before.iter().filter(|row| {
            let is_retried = again.is_some_and(|slots| slots.contains(&row.slot));
            row.service == *name && (replaced.contains(name.as_str()) || is_retried)
        });
        let wanted = Wanted {
            replicas: model.replicas,
            old: old.map(|row| row.task.clone()).collect(),
        };
        services.insert(name.clone(), wanted);
    }
    for row in before {
        if removed.contains(row.service.as_str()) {
            let gone = services.entry(row.service.clone()).or_default();
            gone.old.insert(row.task.clone());
        }
    }
    let running = before
        .iter()
        .filter(|row| row.progress.state == TaskState::Running);
    Goal {
        services,
        until,
        before: running.map(|row| row.task.clone()).collect(),
    }
}

impl Applied {
    /// The tasks that were there before: of them only what happens from now on is news.
    pub(in crate::command) fn before(&self) -> BTreeMap<TaskId, TaskProgress> {
        self.before.clone()
    }

    /// Waits until all is as far as asked for.
    pub(in crate::command) async fn wait(self, app: &App, client: &Client) -> Outcome {
        let progress = Progress::new(app.screen, "Running");
        Waiting {
            client,
            project: &self.project,
            goal: &self.goal,
            resources: self.resources,
        }
        .run(self.wake, progress)
        .await
    }
}

/// Follows the logs of what runs: of what was started now from the beginning. No clock is asked, as the
/// node's may be another than this machine's.
pub(in crate::command) async fn follow(
    app: &App,
    client: &Client,
    project: &ProjectName,
    services: Vec<ServiceName>,
    before: BTreeMap<TaskId, TaskProgress>,
) -> Outcome {
    let options = logs::Options {
        follow: true,
        ..logs::Options::default()
    };
    app.screen
        .say("Attaching to the logs; Ctrl-C ends that and leaves the project running\n");
    let painter = Painter::new(app.screen, &options);
    logs::attach(
        client,
        project,
        options.request(services),
        Start::Change(before),
        painter,
    )
    .await
}

#[cfg(test)]
mod tests;
