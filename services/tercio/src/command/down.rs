//! `tercio down`: a project's containers and networks go; its volumes only with consent.

use std::collections::BTreeSet;
use std::time::Duration;

use lab_types::{ConfirmationId, EngineName, NodeId, NodeLiveness, ProjectName};
use lab_wire::request::{NodeInspect, ProjectFactsGet, ProjectRemove, TaskList};
use lab_wire::row::TaskRow;
use tokio::time::Instant;

use crate::app::{App, Client, request_id};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};
use crate::output::screen::Screen;
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
        confirm(app.screen, &volumes(&client, &project).await?).await?;
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
async fn confirm(screen: Screen, volumes: &[EngineName]) -> Outcome {
    if volumes.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = volumes.iter().map(ToString::to_string).collect();
    let names = names.join(", ");
    if !screen.interactive {
        return Err(Failure::new(
            "CLI0042",
            format!("these volumes would be removed with their data: {names}"),
            "nobody can be asked here: add --yes if that is meant, or leave -v out to keep them",
        ));
    }
    let question = format!("These volumes will be removed with their data: {names}. Go on?");
    match screen.confirms(&question).await {
        true => Ok(()),
        false => Err(Failure::Cancelled("nothing was changed".to_owned())),
    }
}

/// Containers that were seen since the project was asked to go, and where.
#[derive(Default)]
struct Leaving {
    names: BTreeSet<String>,
    nodes: BTreeSet<NodeId>,
}

impl Leaving {
    /// One line a container, whether it is still there or not.
    fn items(&mut self, rows: &[TaskRow]) -> Vec<Item> {
        let there: BTreeSet<String> = rows.iter().map(|row| row.container_name.clone()).collect();
        self.names.extend(there.iter().cloned());
        self.nodes.extend(rows.iter().map(|row| row.node.clone()));
        let item = |name: &String| {
            let (word, phase) = match there.contains(name) {
                true => ("Stopping", Phase::Working),
                false => ("Removed", Phase::Done),
            };
            Item::new(format!("Container {name}"), word, phase)
        };
        self.names.iter().map(item).collect()
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
        let mut leaving = Leaving::default();
        let mut last = None;
        let mut changed_at = Instant::now();
        loop {
            let rows = tasks(self.client, Some(self.project), TaskList::default()).await?;
            progress.show(leaving.items(&rows));
            let left = self.volumes_left().await?;
            if rows.is_empty() && left.is_empty() && self.settled(&leaving.nodes).await? {
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

    /// Whether each of these nodes has its last assignment, and so has been told of the networks.
    async fn settled(&self, nodes: &BTreeSet<NodeId>) -> Outcome<bool> {
        for node in nodes {
            let request = NodeInspect {
                node: node.to_string(),
            };
            let node = self.client.call(None, &request).await?;
            // One that is away is told when it returns; nobody waits for that.
            let is_told = node.accepted >= node.assigned;
            if node.row.liveness == NodeLiveness::Ready && !is_told {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn resources(&self) -> Vec<Item> {
        let items = |kind: &str, names: &[String], word: &'static str| -> Vec<Item> {
            let item = |name: &String| Item::new(format!("{kind} {name}"), word, Phase::Done);
            names.iter().map(item).collect()
        };
        // Agents tell when a volume is gone, but not when a network is: they have been told of it.
        let mut all = items("Network", &self.networks, "Removing");
        all.extend(items("Volume", &self.volumes, "Removed"));
        all
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

#[cfg(test)]
mod tests {
    use lab_types::{EngineName, TaskState};

    use super::{Leaving, confirm};
    use crate::failure::Failure;
    use crate::output::screen::Screen;
    use crate::project::samples::task;

    #[tokio::test]
    async fn where_nobody_can_be_asked_volumes_stay_and_are_named() {
        let screen = Screen {
            interactive: false,
            live: false,
            colours: false,
            size: (80, 24),
        };
        assert!(confirm(screen, &[]).await.is_ok());
        let store = EngineName::new("shop_store").unwrap();
        match confirm(screen, &[store]).await {
            Err(Failure::Problem(problem)) => {
                assert!(problem.message.contains("shop_store"), "{problem}");
                assert!(problem.help.unwrap().contains("--yes"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_container_that_was_seen_once_is_told_as_removed_when_it_is_gone() {
        let mut leaving = Leaving::default();
        let told = |leaving: &mut Leaving, rows: &[_]| -> Vec<String> {
            let items = leaving.items(rows).into_iter();
            items
                .map(|item| format!("{}: {}", item.name, item.word))
                .collect()
        };
        let rows = [
            task("db", 1, TaskState::Running),
            task("web", 1, TaskState::Running),
        ];
        assert_eq!(
            told(&mut leaving, &rows),
            [
                "Container shop-db-1: Stopping",
                "Container shop-web-1: Stopping"
            ]
        );
        assert_eq!(
            told(&mut leaving, &rows[1..]),
            [
                "Container shop-db-1: Removed",
                "Container shop-web-1: Stopping"
            ]
        );
        assert_eq!(leaving.nodes.len(), 1);
    }
}
