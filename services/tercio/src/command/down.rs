//! `tercio down`: a project's containers and networks go; its volumes only with consent.

use std::time::Duration;

use lab_types::{ConfirmationId, EngineName, ProjectName};
use lab_wire::request::{ProjectFactsGet, ProjectRemove, TaskList};
use tokio::time::Instant;

use crate::app::{App, Client, request_id};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};
use crate::project::converge::Wake;
use crate::project::{self, tasks};

const EXAMPLES: &str = "\
Examples:
  tercio down                  stop and remove containers and networks; volumes stay
  tercio down -v               the same, and the volumes with their data, after a question
  tercio down -v --yes         without the question
  tercio -p shop down          from anywhere, without the project's files
";

/// How long nothing may change until the wait is given up: the longest time a container is given to
/// stop is minutes, and each one that goes starts the count anew.
const QUIET_MAX: Duration = Duration::from_secs(300);

/// Options of `tercio down`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Also remove the project's volumes with their data
    #[arg(short, long)]
    volumes: bool,
    /// Answer every question with yes
    #[arg(short = 'y', long)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// No project, no consent, or what the lab refused.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let project = project::name(app, &args.project.or(left))?;
    let id = request_id();
    let consent = ConfirmationId::new(id.as_str()).expect("invariant: both are made of one token");
    let request = ProjectRemove {
        remove_volumes: args.volumes.then_some(consent),
        request_id: Some(id),
    };
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    if args.volumes && !args.yes {
        confirm(app, &volumes(&client, &project).await?)?;
    }
    let wake = Wake::listen(&client.bus, &project).await;
    let removed = client.call(Some(&project), &request).await?;
    if !removed.changed {
        app.screen.say(&format!("nothing of {project} is there\n"));
        return Ok(());
    }
    let going = Going {
        client: &client,
        project: &project,
        networks: removed.networks,
        volumes: removed.volumes,
    };
    going
        .wait(wake, Progress::new(app.screen, "Removing"))
        .await
}

/// The project's own volumes, by their names on the engine.
async fn volumes(client: &Client, project: &ProjectName) -> Outcome<Vec<EngineName>> {
    let facts = client
        .call(Some(project), &ProjectFactsGet::default())
        .await?;
    let record = facts.record.into_iter();
    let volumes = record.flat_map(|record| record.volumes.into_values());
    let own = volumes.filter(|volume| !volume.external);
    Ok(own.map(|volume| volume.engine_name).collect())
}

/// Asks whether these volumes may go.
fn confirm(app: &App, volumes: &[EngineName]) -> Outcome {
    if volumes.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = volumes.iter().map(ToString::to_string).collect();
    let names = names.join(", ");
    if !app.screen.interactive {
        return Err(Failure::new(
            "CLI0042",
            format!("these volumes would be removed with their data: {names}"),
            "nobody can be asked here: add --yes if that is meant, or leave -v out to keep them",
        ));
    }
    let question = format!("These volumes will be removed with their data: {names}. Go on?");
    match app.screen.confirms(&question) {
        true => Ok(()),
        false => Err(Failure::Cancelled("nothing was changed".to_owned())),
    }
}

/// A project on its way out.
struct Going<'a> {
    client: &'a Client,
    project: &'a ProjectName,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Going<'_> {
    async fn wait(self, mut wake: Wake, mut progress: Progress) -> Outcome {
        let mut shown: Vec<String> = Vec::new();
        let mut last = None;
        let mut changed_at = Instant::now();
        loop {
            let rows = tasks(self.client, Some(self.project), TaskList::default()).await?;
            let mut items = Vec::new();
            for row in &rows {
                let name = format!("Container {}", row.container_name);
                if !shown.contains(&name) {
                    shown.push(name.clone());
                }
                items.push(Item::new(name, "Stopping", Phase::Working));
            }
            for name in &shown {
                if !items.iter().any(|item| item.name == *name) {
                    items.push(Item::new(name, "Removed", Phase::Done));
                }
            }
            progress.show(items);
            let left = self.volumes_left().await?;
            if rows.is_empty() && left.is_empty() && self.settled().await? {
                progress.show(self.resources());
                return Ok(());
            }
            let now = Some((rows, left));
            if now != last {
                changed_at = Instant::now();
                last = now;
            } else if changed_at.elapsed() > QUIET_MAX {
                return Err(self.stuck());
            }
            wake.next().await;
        }
    }

    /// Volumes that should go and have not.
    async fn volumes_left(&self) -> Outcome<Vec<String>> {
        if self.volumes.is_empty() {
            return Ok(Vec::new());
        }
        let there = volumes(self.client, self.project).await?;
        let there = there.into_iter().map(|name| name.to_string());
        Ok(there.filter(|name| self.volumes.contains(name)).collect())
    }

    /// Whether every node that reports has its last assignment, and so has been told of the networks.
    async fn settled(&self) -> Outcome<bool> {
        use lab_types::NodeLiveness;
        use lab_wire::request::{NodeInspect, NodeList};
        for row in self.client.call(None, &NodeList {}).await?.nodes {
            if row.liveness != NodeLiveness::Ready {
                continue;
            }
            let request = NodeInspect {
                node: row.node.to_string(),
            };
            let node = self.client.call(None, &request).await?;
            if node.assigned.is_some() && node.accepted < node.assigned {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn resources(&self) -> Vec<Item> {
        let removed = |kind: &str, names: &[String]| -> Vec<Item> {
            names
                .iter()
                .map(|name| Item::new(format!("{kind} {name}"), "Removed", Phase::Done))
                .collect()
        };
        let mut items = removed("Network", &self.networks);
        items.extend(removed("Volume", &self.volumes));
        items
    }

    fn stuck(&self) -> Failure {
        let project = self.project;
        Failure::new(
            "CLI0043",
            format!("{project} is being removed, and nothing has changed for {QUIET_MAX:?}"),
            format!("a node may be away (`tercio node ls`); see `tercio -p {project} ps -a`"),
        )
    }
}
