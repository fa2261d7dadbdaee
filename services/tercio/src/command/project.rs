//! `tercio project …`: what a project was, what changed, and back again.

mod diff;

use lab_types::{Plan, ProjectName};
use lab_wire::request::{
    PlanCreated, PlanRestore, ProjectHistory, ProjectInspect, ProjectInspected,
};
use lab_wire::row::RevisionRow;

use super::plan::confirm;
use super::up::{applied, images, summary};
use crate::app::{App, Client};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::report;
use crate::output::table::Table;
use crate::output::words::ago;
use crate::project::goal::Until;
use crate::project::name;

const HISTORY_EXAMPLES: &str = "\
Examples:
  tercio project history               the last changes of this folder's project, the newest first
  tercio project history -p shop --format json
";

const DIFF_EXAMPLES: &str = "\
Examples:
  tercio project diff 3                what has changed since revision 3
  tercio project diff 3 5              what has changed from revision 3 to 5
";

const ROLLBACK_EXAMPLES: &str = "\
Examples:
  tercio project rollback              to what the project was before its last change
  tercio project rollback 3            to what it was as of revision 3
  tercio project rollback --plan 3     print what that would do, and do nothing

The project's files stay as they are: the next `tercio up` follows them again. Volumes that were
removed with their data come back empty.
";

/// `tercio project [-p NAME] COMMAND`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

impl Args {
    /// Whether the command ends in order by itself when Ctrl-C is pressed.
    #[must_use]
    pub const fn minds_interrupt(&self) -> bool {
        matches!(self.command, Command::Rollback { .. })
    }
}

/// What to do with a project.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the changes of a project
    #[command(after_help = HISTORY_EXAMPLES)]
    History {
        /// Which project.
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Show what differs between two revisions
    #[command(after_help = DIFF_EXAMPLES)]
    Diff {
        /// Which project.
        #[command(flatten)]
        project: ProjectArgs,
        /// From this revision
        #[arg(value_name = "REVISION")]
        from: u64,
        /// To this one; else to the present
        #[arg(value_name = "REVISION")]
        to: Option<u64>,
    },
    /// Bring a project back to what it was
    #[command(after_help = ROLLBACK_EXAMPLES)]
    Rollback {
        /// Which project.
        #[command(flatten)]
        project: ProjectArgs,
        /// Print what would be done, and stop
        #[arg(long)]
        plan: bool,
        /// Answer every question with yes
        #[arg(short = 'y', long)]
        yes: bool,
        /// To which revision; else to the one before the present
        #[arg(value_name = "REVISION")]
        revision: Option<u64>,
    },
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    match args.command {
        Command::History { project } => history(app, &name(app, &project.or(left))?).await,
        Command::Diff { project, from, to } => {
            let project = name(app, &project.or(left))?;
            differences(app, &project, from, to).await
        }
        Command::Rollback {
            project,
            plan,
            yes,
            revision,
        } => {
            let project = name(app, &project.or(left))?;
            Box::pin(rollback(app, &project, revision, (plan, yes))).await
        }
    }
}

async fn history(app: &App, project: &ProjectName) -> Outcome {
    let json = app.json()?;
    let request = ProjectHistory {};
    if app.shows(Some(project), &request)? {
        return Ok(());
    }
    let told = app.connect().await?.call(Some(project), &request).await?;
    if json {
        return app.screen.print_json(&told);
    }
    if told.revisions.is_empty() {
        app.screen
            .say(&format!("nothing is known of a project {project}\n"));
    }
    app.screen
        .print(&table(&told.revisions, lab_kit::clock::now()))
}

fn table(revisions: &[RevisionRow], now: lab_types::UnixMillis) -> String {
    let mut table = Table::new(&["REVISION", "APPLIED", "BY", "PLAN", "CHANGES"]);
    for row in revisions {
        let services = row.services.iter().map(ToString::to_string);
        let changes: Vec<String> = services.chain(row.others.iter().cloned()).collect();
        let plan = row.plan.as_ref().map(|plan| plan.as_str()[..12].to_owned());
        table.row([
            row.revision.to_string(),
            ago(row.at, now),
            row.by.clone(),
            plan.unwrap_or_default(),
            changes.join(", "),
        ]);
    }
    table.render()
}

async fn differences(app: &App, project: &ProjectName, from: u64, to: Option<u64>) -> Outcome {
    app.plain()?;
    app.no_message("it takes two: `tercio req project.inspect` tells one revision")?;
    let client = app.connect().await?;
    let old = inspected(&client, project, Some(from)).await?;
    let new = inspected(&client, project, to).await?;
    app.screen.print(&diff::told(&old.model, &new.model))
}

async fn inspected(
    client: &Client,
    project: &ProjectName,
    revision: Option<u64>,
) -> Outcome<ProjectInspected> {
    client
        .call(Some(project), &ProjectInspect { revision })
        .await
}

async fn rollback(
    app: &App,
    project: &ProjectName,
    revision: Option<u64>,
    (plan_only, yes): (bool, bool),
) -> Outcome {
    app.plain()?;
    let client = app.connect().await?;
    let revision = match revision {
        Some(revision) => revision,
        None => before_the_present(&client, project).await?,
    };
    let request = PlanRestore { revision };
    if app.shows(Some(project), &request)? {
        return Ok(());
    }
    let (plan, created) = restored(&client, project, &request).await?;
    app.screen.say(&report::findings(&created.diagnostics));
    if plan_only {
        return app.screen.print(&summary::whole(&plan));
    }
    app.screen.say(&format!("Back to revision {revision}. "));
    app.screen.say(&summary::line(&plan));
    if !yes {
        let asked = confirm(app, &created.questions);
        app.interruptible(asked, "cancelled; nothing was changed")
            .await?;
    }
    let none = std::collections::BTreeMap::new();
    let pulled = images::fetch(app, &client, &plan, &none);
    app.interruptible(pulled, "cancelled before anything was applied")
        .await?;
    let applied = applied::apply(app, &client, plan, Until::Started).await?;
    let wait = Box::pin(applied.wait(app, &client));
    let goes_on = format!("\n{project} goes on in the background");
    app.interruptible(wait, &goes_on).await
}

async fn before_the_present(client: &Client, project: &ProjectName) -> Outcome<u64> {
    let told = client.call(Some(project), &ProjectHistory {}).await?;
    match told.revision {
        0 | 1 => Err(Failure::new(
            "CLI0054",
            format!("project {project} has no earlier revision"),
            "`tercio project history` lists them",
        )),
        present => Ok(present - 1),
    }
}

async fn restored(
    client: &Client,
    project: &ProjectName,
    request: &PlanRestore,
) -> Outcome<(Plan, PlanCreated)> {
    let mut created = client.call(Some(project), request).await?;
    match created.plan.take() {
        Some(plan) => Ok((plan, created)),
        None => Err(Failure::Findings(created.diagnostics)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::row::{RevisionChange, ServiceChange};
    use lab_types::{PlanHash, ServiceName, UnixMillis};
    use lab_wire::row::RevisionRow;

    use super::table;

    #[test]
    fn a_revision_is_one_line_with_what_it_did() {
        let change = |name: &str, change| ServiceChange {
            service: ServiceName::new(name).unwrap(),
            change,
        };
        let rows = [
            RevisionRow {
                revision: 2,
                at: UnixMillis(60_000),
                by: "ada".into(),
                plan: None,
                services: vec![change("web", RevisionChange::Scaled { from: 1, to: 3 })],
                others: Vec::new(),
            },
            RevisionRow {
                revision: 1,
                at: UnixMillis(1),
                by: "ada".into(),
                plan: Some(PlanHash::new("ab".repeat(32)).unwrap()),
                services: vec![
                    change("db", RevisionChange::Created),
                    change("web", RevisionChange::Created),
                ],
                others: vec!["networks".into()],
            },
        ];
        expect![[r#"
            REVISION   APPLIED         BY        PLAN           CHANGES
            2          2 minutes ago   ada                      web scaled 1 → 3
            1          3 minutes ago   ada       abababababab   db created, web created, networks
        "#]]
        .assert_eq(&table(&rows, UnixMillis(180_001)));
    }
}
