//! `tercio volumes`: a project's volumes.

use lab_types::ServiceName;
use lab_wire::request::ProjectInspect;
use serde::Serialize;

use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::Outcome;
use crate::output::table::Table;
use crate::project;

const EXAMPLES: &str = "\
Examples:
  tercio volumes               the project's volumes, by their name on the engines
  tercio volumes -q web        the names of those that one service mounts
";

/// Options of `tercio volumes`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    /// Only those that these services mount
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    driver: &'static str,
    name: String,
    services: Vec<String>,
    external: bool,
}

/// Runs the command.
///
/// # Errors
/// No such project, or what the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let json = app.json()?;
    let project = project::name(app, &args.project.or(left))?;
    let request = ProjectInspect::default();
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let model = client.call(Some(&project), &request).await?.model;
    let mut rows = Vec::new();
    for (key, volume) in &model.volumes {
        let mounts = |task: &lab_types::TaskSpec| {
            let mut sources = task.mounts.iter().map(|mount| &mount.source);
            sources.any(|source| {
                matches!(source, lab_types::MountSource::Volume { volume, .. } if volume == key)
            })
        };
        let users = model.services.iter();
        let users: Vec<&ServiceName> = users
            .filter(|(_, service)| mounts(&service.task))
            .map(|(name, _)| name)
            .collect();
        let is_asked = |name: &&ServiceName| args.services.contains(*name);
        if args.services.is_empty() || users.iter().any(is_asked) {
            rows.push(Row {
                driver: "local",
                name: volume.engine_name.to_string(),
                services: users.into_iter().map(ToString::to_string).collect(),
                external: volume.external,
            });
        }
    }
    if args.quiet {
        let lines: String = rows.iter().map(|row| format!("{}\n", row.name)).collect();
        return app.screen.print(&lines);
    }
    if json {
        return app.screen.print_json(&rows);
    }
    let mut table = Table::new(&["DRIVER", "VOLUME NAME", "SERVICES"]);
    for row in rows {
        table.row([row.driver.to_owned(), row.name, row.services.join(", ")]);
    }
    app.screen.print(&table.render())
}
