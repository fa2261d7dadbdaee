//! `tercio ps`: a project's containers.

use std::collections::BTreeSet;

use lab_types::{Health, ServiceName, TaskTarget, UnixMillis};
use lab_wire::request::TaskList;
use lab_wire::row::TaskRow;
use serde::Serialize;

use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::Outcome;
use crate::output::table::{Table, shorten};
use crate::output::words;
use crate::project::{self, tasks};

/// How wide the column STATUS gets: a whole reason would push the ports off the screen, and stands in
/// `service ps` and in the JSON.
const STATUS_CHARS_MAX: usize = 60;

const EXAMPLES: &str = "\
Examples:
  tercio ps                        containers that run or should run
  tercio ps -a                     also those that have ended or are being removed
  tercio ps -q                     their ids, for other commands
  tercio ps --format json          one JSON list; names as `docker compose ps` has them
";

/// Options of `tercio ps`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Also show containers that have ended or are being removed
    #[arg(short, long)]
    all: bool,
    /// Print container ids only
    #[arg(short, long)]
    quiet: bool,
    /// Print the names of the services only
    #[arg(long)]
    services: bool,
    /// Only of these services
    #[arg(value_name = "SERVICE")]
    of: Vec<ServiceName>,
}

/// Runs the command.
///
/// # Errors
/// No project, or what the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let json = app.json()?;
    let project = project::name(app, &args.project.or(left))?;
    let request = TaskList {
        services: args.of,
        ..TaskList::default()
    };
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let mut rows = tasks(&client, Some(&project), request).await?;
    if !args.all {
        rows.retain(is_current);
    }
    if args.services {
        let names: BTreeSet<String> = rows.iter().map(|row| row.service.to_string()).collect();
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        return app.screen.print(&lines);
    }
    if args.quiet {
        let ids = rows.iter().filter_map(|row| row.container.as_ref());
        let lines: String = ids.map(|id| format!("{id}\n")).collect();
        return app.screen.print(&lines);
    }
    let now = lab_kit::clock::now();
    match json {
        true => {
            let rows: Vec<Row<'_>> = rows.iter().map(|row| Row::of(row, now)).collect();
            app.screen.print_json(&rows)
        }
        false => app.screen.print(&table(&rows, now)),
    }
}

/// Whether Docker's `ps` would show it without `-a`, or it is on its way there.
fn is_current(row: &TaskRow) -> bool {
    let ended =
        row.progress.state.is_terminal() && row.progress.state != lab_types::TaskState::Failed;
    row.target == TaskTarget::Run && !ended
}

fn table(rows: &[TaskRow], now: UnixMillis) -> String {
    let mut table = Table::new(&[
        "NAME", "IMAGE", "COMMAND", "SERVICE", "NODE", "STATUS", "PORTS",
    ]);
    for row in rows {
        table.row([
            row.container_name.clone(),
            row.image.clone(),
            words::command(row.command.as_deref()),
            row.service.to_string(),
            row.node_name.to_string(),
            shorten(&words::status(row, now), STATUS_CHARS_MAX),
            words::ports(&row.ports),
        ]);
    }
    table.render()
}

/// One container as `docker compose ps --format json` has it, as far as the lab knows, and where it is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    name: &'a str,
    image: &'a str,
    command: String,
    project: &'a str,
    service: &'a str,
    state: &'static str,
    status: String,
    health: &'static str,
    exit_code: i64,
    publishers: Vec<Publisher<'a>>,
    node: &'a str,
    /// `lost` or `away`; absent where the node says how the container is.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_state: Option<String>,
    /// How the container was when its node was last heard, where that is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_state: Option<&'static str>,
    slot: u32,
    task: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    waits_for: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher<'a> {
    #[serde(rename = "URL")]
    url: &'a str,
    target_port: u16,
    published_port: u16,
    protocol: String,
}

impl<'a> Row<'a> {
    fn of(row: &'a TaskRow, now: UnixMillis) -> Self {
        let publishers = row.ports.iter().map(|port| Publisher {
            url: port.host_ip.as_deref().unwrap_or("0.0.0.0"),
            target_port: port.target,
            published_port: port.published.unwrap_or(0),
            protocol: port.protocol.to_string(),
        });
        let is_silent = row.is_out_of_reach();
        Self {
            id: row.container.as_deref().unwrap_or(""),
            name: &row.container_name,
            image: &row.image,
            command: row.command.as_deref().unwrap_or_default().join(" "),
            project: row.project.as_str(),
            service: row.service.as_str(),
            state: words::docker_state(row),
            status: words::status(row, now),
            health: words::docker_health(match is_silent {
                true => Health::Unknown,
                false => row.health,
            }),
            exit_code: row.exit_code.unwrap_or(0),
            publishers: publishers.collect(),
            node: row.node_name.as_str(),
            node_state: is_silent.then(|| row.liveness.to_string()),
            last_state: is_silent.then(|| words::last_docker_state(row.progress.state)),
            slot: row.slot,
            task: row.task.as_str(),
            waits_for: &row.waits_for,
            message: row.message.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{
        Health, NodeLiveness, PortProtocol, PortPublish, TaskState, TaskTarget, UnixMillis,
    };

    use super::{Row, is_current, table};
    use crate::project::samples::{given_up, task};

    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn containers_are_listed_as_docker_compose_lists_them() {
        let mut web = task("web", 1, TaskState::Running);
        web.command = Some(vec!["python".into(), "app.py".into()]);
        web.started_at = Some(UnixMillis(NOW.0 - 12_000));
        web.health = Health::Healthy;
        web.ports = vec![PortPublish {
            host_ip: None,
            published: Some(5000),
            target: 5000,
            protocol: PortProtocol::Tcp,
        }];
        let mut waiting = task("web", 2, TaskState::Ready);
        waiting.waits_for = vec!["redis (service_healthy)".into()];
        let mut failed = task("redis", 1, TaskState::Failed);
        failed.exit_code = Some(137);
        expect![[r#"
            NAME           IMAGE     COMMAND           SERVICE   NODE      STATUS                                       PORTS
            shop-web-1     web:1     "python app.py"   web       host1     Up 12 seconds (healthy)                      0.0.0.0:5000->5000/tcp
            shop-web-2     web:1                       web       host1     Created, waits for redis (service_healthy)
            shop-redis-1   redis:1                     redis     host1     Exited (137)
        "#]]
        .assert_eq(&table(&[web, waiting, failed], NOW));
    }

    #[test]
    fn json_has_the_names_of_docker_compose() {
        let mut row = task("web", 1, TaskState::Running);
        row.started_at = Some(NOW);
        row.container = Some("abc".into());
        let text = serde_json::to_string_pretty(&Row::of(&row, NOW)).unwrap();
        expect![[r#"
            {
              "ID": "abc",
              "Name": "shop-web-1",
              "Image": "web:1",
              "Command": "",
              "Project": "shop",
              "Service": "web",
              "State": "running",
              "Status": "Up Less than a second",
              "Health": "",
              "ExitCode": 0,
              "Publishers": [],
              "Node": "host1",
              "Slot": 1,
              "Task": "t-web-1"
            }"#]]
        .assert_eq(&text);
    }

    #[test]
    fn of_a_container_on_a_silent_node_nothing_is_claimed() {
        let silent = |liveness| {
            let mut row = given_up("web", 1, TaskState::Running);
            row.target = TaskTarget::Run;
            row.started_at = Some(NOW);
            row.health = Health::Healthy;
            row.liveness = liveness;
            row
        };
        let rows = [silent(NodeLiveness::Lost), silent(NodeLiveness::Away)];
        assert!(rows.iter().all(is_current));
        expect![[r#"
            NAME         IMAGE     COMMAND   SERVICE   NODE      STATUS                        PORTS
            shop-web-1   web:1               web       host2     Unknown: node host2 is lost
            shop-web-1   web:1               web       host2     Unknown: node host2 is away
        "#]]
        .assert_eq(&table(&rows, NOW));
        let json = serde_json::to_value(Row::of(&rows[0], NOW)).unwrap();
        assert_eq!(json["State"], "unknown");
        assert_eq!(json["Status"], "Unknown: node host2 is lost");
        assert_eq!(json["Health"], "", "it was healthy once");
        assert_eq!(
            (&json["NodeState"], &json["LastState"]),
            (&"lost".into(), &"running".into())
        );
    }

    #[test]
    fn what_has_ended_or_is_to_stop_is_shown_only_with_all() {
        assert!(is_current(&task("web", 1, TaskState::Preparing)));
        assert!(is_current(&task("web", 1, TaskState::Failed)));
        assert!(!is_current(&task("web", 1, TaskState::Complete)));
        let mut leaving = task("web", 1, TaskState::Running);
        leaving.target = TaskTarget::Stop;
        assert!(!is_current(&leaving));
    }
}
