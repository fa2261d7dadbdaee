//! `tercio ls`: the lab's projects, as `docker compose ls` lists them.

use lab_wire::request::ProjectList;
use lab_wire::row::ProjectRow;
use serde::Serialize;

use crate::app::App;
use crate::failure::Outcome;
use crate::output::table::Table;

const EXAMPLES: &str = "\
Examples:
  tercio ls                    every project of the lab that is up
  tercio ls -q                 their names, one a line
  tercio ls --format json      as `docker compose ls --format json` prints them
";

/// Options of `tercio ls`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Also list projects of which nothing runs
    #[arg(short, long)]
    all: bool,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
}

/// A project with the field names of `docker compose ls --format json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    status: String,
    config_files: String,
}

impl From<ProjectRow> for Listed {
    fn from(row: ProjectRow) -> Self {
        let waiting = row.desired.saturating_sub(row.running);
        let status = match (row.running, waiting) {
            (0, 0) => "created(0)".to_owned(),
            (0, waiting) => format!("pending({waiting})"),
            (running, 0) => format!("running({running})"),
            (running, waiting) => format!("pending({waiting}), running({running})"),
        };
        Self {
            name: row.project.to_string(),
            status,
            config_files: row.config_files.join(","),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, args: Args) -> Outcome {
    let json = app.json()?;
    let mut request = ProjectList::default();
    if app.shows(None, &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let mut rows = Vec::new();
    loop {
        let page = client.call(None, &request).await?;
        rows.extend(page.projects);
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    rows.retain(|row| args.all || row.desired > 0);
    let rows = rows.into_iter().map(Listed::from);
    if args.quiet {
        let lines: String = rows.map(|row| format!("{}\n", row.name)).collect();
        return app.screen.print(&lines);
    }
    if json {
        return app.screen.print_json(&rows.collect::<Vec<_>>());
    }
    let mut table = Table::new(&["NAME", "STATUS", "CONFIG FILES"]);
    for row in rows {
        table.row([row.name, row.status, row.config_files]);
    }
    app.screen.print(&table.render())
}

#[cfg(test)]
mod tests {
    use lab_types::{ProjectName, UnixMillis};
    use lab_wire::row::ProjectRow;

    use super::Listed;

    #[test]
    fn a_project_is_told_with_dockers_field_names_and_how_much_of_it_runs() {
        let row = |running, desired| ProjectRow {
            project: ProjectName::new("shop").unwrap(),
            revision: 3,
            services: 2,
            running,
            desired,
            applied_at: UnixMillis(1),
            config_files: vec!["/a.yml".into(), "/b.yml".into()],
        };
        let json = serde_json::to_string(&Listed::from(row(2, 2))).unwrap();
        let expected = r#"{"Name":"shop","Status":"running(2)","ConfigFiles":"/a.yml,/b.yml"}"#;
        assert_eq!(json, expected);
        let status = |running, desired| Listed::from(row(running, desired)).status;
        assert_eq!(status(1, 3), "pending(2), running(1)");
        assert_eq!(status(0, 3), "pending(3)");
        assert_eq!(status(0, 0), "created(0)");
    }
}
