//! `tercio service ls` and `tercio service ps`.

use lab_types::{TaskTarget, UnixMillis};
use lab_wire::request::{ServiceList, TaskList};
use lab_wire::row::{ServiceRow, TaskRow};

use super::target::{Target, targets};
use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::table::Table;
use crate::output::words;
use crate::project;

pub(super) async fn services(app: &App, args: &ProjectArgs, quiet: bool) -> Outcome {
    let json = app.json()?;
    let given = project::name::given(app, args)?;
    if app.shows(given.as_ref(), &ServiceList::default())? {
        return Ok(());
    }
    let client = app.connect().await?;
    let rows = project::services(&client, given.as_ref()).await?;
    if quiet {
        let names = rows
            .iter()
            .map(|row| format!("{}/{}\n", row.project, row.service));
        return app.screen.print(&names.collect::<String>());
    }
    match json {
        true => app.screen.print_json(&rows),
        false => app.screen.print(&services_table(&rows)),
    }
}

fn services_table(rows: &[ServiceRow]) -> String {
    let mut table = Table::new(&["NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"]);
    for row in rows {
        let completed = match row.completed {
            0 => String::new(),
            completed => format!(" ({completed} completed)"),
        };
        table.row([
            format!("{}/{}", row.project, row.service),
            "replicated".to_owned(),
            format!("{}/{}{completed}", row.running, row.desired),
            row.image.clone(),
            words::ports(&row.ports),
        ]);
    }
    table.render()
}

pub(super) async fn tasks(app: &App, args: &ProjectArgs, services: Vec<Target>) -> Outcome {
    let json = app.json()?;
    let found = targets(app, args, services).await?;
    let request = |service: &lab_types::ServiceName| TaskList {
        services: vec![service.clone()],
        ..TaskList::default()
    };
    if app.globals.as_command {
        return found.iter().try_for_each(|(project, service)| {
            app.shows(Some(project), &request(service)).map(|_| ())
        });
    }
    let client = app.connect().await?;
    let mut rows = Vec::new();
    for (project, service) in &found {
        let of_it = project::tasks(&client, Some(project), request(service)).await?;
        let is_known = !of_it.is_empty() || exists(&client, project, service).await?;
        if !is_known {
            return Err(Failure::new(
                "CLI0014",
                format!("no such service: {project}/{service}"),
                "`tercio service ls` lists all services of the lab",
            ));
        }
        rows.extend(of_it);
    }
    match json {
        true => app.screen.print_json(&rows),
        false => app.screen.print(&tasks_table(&rows, lab_kit::clock::now())),
    }
}

async fn exists(
    client: &crate::app::Client,
    project: &lab_types::ProjectName,
    service: &lab_types::ServiceName,
) -> Outcome<bool> {
    let rows = project::services(client, Some(project)).await?;
    Ok(rows.iter().any(|row| row.service == *service))
}

pub(super) fn tasks_table(rows: &[TaskRow], now: UnixMillis) -> String {
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "IMAGE",
        "NODE",
        "DESIRED STATE",
        "CURRENT STATE",
        "ERROR",
        "PORTS",
    ]);
    for row in rows {
        let desired = match row.target {
            TaskTarget::Run => "Running",
            TaskTarget::Stop => "Shutdown",
            TaskTarget::Unknown => "Unknown",
        };
        table.row([
            row.task.to_string(),
            format!("{}.{}", row.service, row.slot),
            row.image.clone(),
            row.node_name.to_string(),
            desired.to_owned(),
            current(row, now),
            error(row),
            words::ports(&row.ports),
        ]);
    }
    table.render()
}

/// `Running 12 seconds ago`, as `docker service ps` has it.
fn current(row: &TaskRow, now: UnixMillis) -> String {
    if let Some(silent) = words::out_of_reach(row) {
        return silent;
    }
    let word = row.progress.state.to_string();
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    let word: String = first.into_iter().chain(chars).collect();
    match (row.progress.state, row.started_at) {
        (lab_types::TaskState::Running, Some(then)) => format!("{word} {}", words::ago(then, now)),
        _ => word,
    }
}

/// What is wrong with it, if anything.
fn error(row: &TaskRow) -> String {
    use lab_types::TaskState;
    match row.progress.state {
        TaskState::Failed | TaskState::Rejected => match (row.exit_code, &row.message) {
            (_, Some(message)) => format!("\"{}\"", words_of(message)),
            (Some(code), None) => format!("\"task: non-zero exit ({code})\""),
            (None, None) => String::new(),
        },
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting
        | TaskState::Running
        | TaskState::Complete
        | TaskState::Stopped
        | TaskState::Unknown => row.message.clone().unwrap_or_default(),
    }
}

fn words_of(message: &str) -> String {
    /// A column of errors as wide as a terminal would hide the others.
    const CHARS_MAX: usize = 60;
    crate::output::table::shorten(message, CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{PortProtocol, PortPublish, TaskState, UnixMillis};

    use super::{services_table, tasks_table};
    use crate::project::samples::{given_up, service, task};

    #[test]
    fn services_are_listed_as_docker_lists_them() {
        let mut web = service("web", 3);
        web.running = 2;
        web.ports = vec![PortPublish {
            host_ip: None,
            published: Some(80),
            target: 80,
            protocol: PortProtocol::Tcp,
        }];
        let mut migrate = service("migrate", 1);
        migrate.completed = 1;
        expect![[r"
            NAME           MODE         REPLICAS            IMAGE       PORTS
            shop/web       replicated   2/3                 web:1       0.0.0.0:80->80/tcp
            shop/migrate   replicated   0/1 (1 completed)   migrate:1
        "]]
        .assert_eq(&services_table(&[web, migrate]));
    }

    #[test]
    fn tasks_are_listed_as_docker_lists_them() {
        let mut running = task("web", 1, TaskState::Running);
        running.started_at = Some(UnixMillis(1000));
        let mut failed = task("web", 2, TaskState::Failed);
        failed.exit_code = Some(1);
        expect![[r#"
            ID        NAME      IMAGE     NODE      DESIRED STATE   CURRENT STATE            ERROR                       PORTS
            t-web-1   web.1     web:1     host1     Running         Running 12 seconds ago
            t-web-2   web.2     web:1     host1     Running         Failed                   "task: non-zero exit (1)"
        "#]]
        .assert_eq(&tasks_table(&[running, failed], UnixMillis(13_000)));
        let mut silent = given_up("web", 1, TaskState::Running);
        silent.started_at = Some(UnixMillis(1000));
        let told = tasks_table(&[silent], UnixMillis(13_000));
        assert!(
            told.contains("Shutdown        Unknown: node host2 is lost"),
            "{told}"
        );
    }
}
