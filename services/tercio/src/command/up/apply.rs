//! Applying a plan as one request, and waiting until it is so.

use std::collections::{BTreeMap, BTreeSet};

use lab_bus::CallOptions;
use lab_types::{OperationKind, Plan, ProjectName, ServiceName, TaskId, TaskState};
use lab_wire::request::{ProjectApply, TaskList};

use super::summary::resources;
use crate::app::{App, Client, request_id};
use crate::command::logs::{self, Painter};
use crate::failure::Outcome;
use crate::output::progress::Progress;
use crate::project::converge::{Waiting, Wake};
use crate::project::goal::{Goal, Until, Wanted};
use crate::project::{services, tasks};

/// A plan that was applied and is becoming so.
pub(super) struct Applied {
    project: ProjectName,
    goal: Goal,
    resources: Vec<String>,
    wake: Wake,
}

/// Applies the plan. It is sent once and its answer waited for, Ctrl-C or not: whether it was applied
/// must be known.
pub(super) async fn apply(
    app: &App,
    client: &Client,
    plan: Plan,
    until: Until,
) -> Outcome<Applied> {
    let project = plan.project.clone();
    let failed = failed_for_good(client, &plan).await?;
    let goal = goal(client, &plan, until, &failed).await?;
    let networks = resources(&plan, &OperationKind::CreateNetwork, "network:");
    let volumes = resources(&plan, &OperationKind::CreateVolume, "volume:");
    let resources = networks
        .map(|name| format!("Network {name}"))
        .chain(volumes.map(|name| format!("Volume {name}")))
        .collect();
    let wake = Wake::listen(&client.bus, &project).await;
    // An empty plan changes nothing, unless something has failed for good: asking again says that the
    // cause may be gone, and the lab tries once more.
    if !plan.operations.is_empty() || !failed.is_empty() {
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
        client.call_with(Some(&project), &request, options).await?;
    }
    Ok(Applied {
        project,
        goal,
        resources,
        wake,
    })
}

/// A slot of a service.
type Slot = (ServiceName, u32);

/// Slots that will not come to be as they should without a hand.
async fn failed_for_good(client: &Client, plan: &Plan) -> Outcome<BTreeSet<Slot>> {
    let rows = services(client, Some(&plan.project)).await?;
    let slots = rows.into_iter().flat_map(|row| {
        let failed = row.problems.iter().filter(|problem| problem.is_final);
        let failed: Vec<u32> = failed.flat_map(|problem| problem.slots.iter()).collect();
        let service = row.service;
        failed.into_iter().map(move |slot| (service.clone(), slot))
    });
    Ok(slots.collect())
}

/// What the plan's model asks for; tasks that it replaces or that have failed for good do not count,
/// however they are.
async fn goal(
    client: &Client,
    plan: &Plan,
    until: Until,
    failed: &BTreeSet<Slot>,
) -> Outcome<Goal> {
    let replaces = |kind: &OperationKind| matches!(kind, OperationKind::UpdateService { .. });
    let replaced: BTreeSet<&str> = plan
        .operations
        .iter()
        .filter(|operation| replaces(&operation.kind))
        .filter_map(|operation| operation.resource.strip_prefix("service:"))
        .collect();
    let rows = tasks(client, Some(&plan.project), TaskList::default()).await?;
    let mut services: BTreeMap<ServiceName, Wanted> = BTreeMap::new();
    for (name, model) in &plan.model.services {
        let old = rows.iter().filter(|row| {
            let has_failed = failed.contains(&(name.clone(), row.slot));
            row.service == *name && (replaced.contains(name.as_str()) || has_failed)
        });
        let wanted = Wanted {
            replicas: model.replicas,
            old: old.map(|row| row.task.clone()).collect(),
        };
        services.insert(name.clone(), wanted);
    }
    let running = rows
        .iter()
        .filter(|row| row.progress.state == TaskState::Running);
    Ok(Goal {
        services,
        until,
        before: running.map(|row| row.task.clone()).collect(),
    })
}

impl Applied {
    /// The tasks that ran before: of them only what they write from now on is news.
    pub(super) fn before(&self) -> BTreeSet<TaskId> {
        self.goal.before.clone()
    }

    /// Waits until all is as far as asked for.
    pub(super) async fn wait(self, app: &App, client: &Client) -> Outcome {
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
pub(super) async fn follow(
    app: &App,
    client: &Client,
    project: &ProjectName,
    services: Vec<ServiceName>,
    before: BTreeSet<TaskId>,
) -> Outcome {
    let options = logs::Options {
        follow: true,
        ..logs::Options::default()
    };
    app.screen
        .say("Attaching to the logs; Ctrl-C ends that and leaves the project running\n");
    let painter = Painter::new(app.screen, &options);
    logs::attach(client, project, options.request(services), before, painter).await
}
