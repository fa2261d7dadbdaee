//! `tercio service inspect`.

use lab_types::{MountSource, RestartPolicy, TaskSpec};
use lab_wire::request::{ServiceInspect, ServiceInspected, TaskList};

use super::target::{Target, targets};
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::Outcome;
use crate::output::words;
use crate::project::tasks;

pub(super) async fn run(
    app: &App,
    args: &ProjectArgs,
    services: Vec<Target>,
    pretty: bool,
) -> Outcome {
    let found = targets(app, args, services).await?;
    let request = |service: &lab_types::ServiceName| ServiceInspect {
        service: service.clone(),
    };
    if app.globals.as_command {
        return found.iter().try_for_each(|(project, service)| {
            app.shows(Some(project), &request(service)).map(|_| ())
        });
    }
    let client = app.connect().await?;
    let mut inspected = Vec::new();
    for (project, service) in &found {
        let mut all = client.call(Some(project), &request(service)).await?;
        if let Some(next) = all.next.take() {
            let rest = TaskList {
                services: vec![service.clone()],
                after: Some(next),
                ..TaskList::default()
            };
            all.tasks.extend(tasks(&client, Some(project), rest).await?);
        }
        inspected.push(all);
    }
    match pretty {
        true => {
            let text: Vec<String> = inspected.iter().map(lines).collect();
            app.screen.print(&text.join("\n"))
        }
        false => app.screen.print_pretty(&inspected),
    }
}

fn lines(service: &ServiceInspected) -> String {
    let (record, task, row) = (&service.record, &service.task, &service.row);
    let mut fields: Vec<(&str, String)> = vec![
        ("Name", format!("{}/{}", record.project, record.name)),
        ("Mode", "Replicated".to_owned()),
        (
            "Replicas",
            format!("{} ({} running)", record.replicas, row.running),
        ),
        ("Revision", record.revision.to_string()),
        ("Image", task.image.clone()),
    ];
    if let Some(command) = &task.command {
        fields.push(("Command", command.join(" ")));
    }
    if let Some(entrypoint) = &task.entrypoint {
        fields.push(("Entrypoint", entrypoint.join(" ")));
    }
    let environment: Vec<&str> = task.environment.keys().map(String::as_str).collect();
    let networks: Vec<&str> = task
        .networks
        .iter()
        .map(|n| n.engine_name.as_str())
        .collect();
    let mounts: Vec<String> = task.mounts.iter().map(mount).collect();
    let waits = record.depends_on.iter();
    let waits: Vec<String> = waits
        .map(|(name, on)| format!("{name} ({})", on.condition))
        .collect();
    for (name, value) in [
        ("Environment", environment.join(", ")),
        ("Networks", networks.join(", ")),
        ("Mounts", mounts.join(", ")),
        ("Ports", words::ports(&row.ports)),
        ("Depends on", waits.join(", ")),
        ("Restart", restart(task.restart)),
        (
            "Settings",
            TaskSpec::default().differing_settings(task).join(", "),
        ),
    ] {
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    let mut text: String = fields
        .iter()
        .map(|(name, value)| format!("{:14}{value}\n", format!("{name}:")))
        .collect();
    for problem in &row.problems {
        let noun = if problem.slots.len() == 1 {
            "Slot"
        } else {
            "Slots"
        };
        let slots = format!("{noun} {}:", problem.slots);
        text.push_str(&format!("{slots:14}{}\n", problem.reason));
    }
    text
}

fn mount(mount: &lab_types::Mount) -> String {
    let source = match &mount.source {
        MountSource::Volume { engine_name, .. } => engine_name.as_str(),
        MountSource::Anonymous { .. } => "(anonymous)",
        MountSource::Tmpfs { .. } => "(tmpfs)",
        MountSource::Bind { path, .. } => path,
    };
    let end = if mount.read_only { ":ro" } else { "" };
    format!("{source}:{}{end}", mount.target)
}

fn restart(policy: RestartPolicy) -> String {
    match policy {
        RestartPolicy::OnFailure => "on failure".to_owned(),
        RestartPolicy::OnFailureAtMost { max_attempts } => {
            format!("on failure, at most {max_attempts} times")
        }
        RestartPolicy::Always => "always".to_owned(),
        RestartPolicy::Never => "never".to_owned(),
    }
}
