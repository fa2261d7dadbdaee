//! `tercio down`: a project's containers and networks go; its volumes only with consent.

use std::collections::BTreeSet;
use std::time::Duration;

use lab_types::{ConfirmationId, EngineName, NodeId, NodeLiveness, ProjectName};
use lab_wire::request::{NodeInspect, NodeInspected, ProjectFactsGet, ProjectRemove, TaskList};
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

/// How long networks alone are waited for: an engine removes one in a moment, unless a container that
/// is not the lab's hangs on it.
const NETWORK_QUIET_MAX: Duration = Duration::from_secs(10);

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
    let asked = async {
        let client = app.connect().await?;
        if args.volumes && !args.yes {
            confirm(app.screen, &volumes(&client, &project).await?).await?;
        }
        let wake = Wake::listen(&client.bus, &project).await;
        Ok((client, wake))
    };
    let nothing = "cancelled; nothing was changed";
    let (client, wake) = app.interruptible(asked, nothing).await?;
    // Sent once and its answer waited for, Ctrl-C or not: whether it was accepted must be known.
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
    let goes_on = format!(
        "\n{project} is being removed; `tercio -p {project} ps -a` shows what is left"
    );
    let wait = Box::pin(going.wait(wake, Progress::new(app.screen, "Removing")));
    app.interruptible(wait, &goes_on).await
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

/// A network that is still on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    network: String,
    node: String,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on node {}", self.network, self.node)
    }
}

/// Which of the networks a node has. One that has not been told yet may have them all; one that is
/// away removes them when it returns, and nobody waits for that.
fn left_on(node: &NodeInspected, networks: &[String]) -> Vec<Left> {
    let is_told = node.accepted >= node.assigned;
    let has = |name: &&String| !is_told || node.present.iter().any(|p| p.as_str() == name.as_str());
    let networks = networks.iter().filter(has);
    let left = networks.map(|name| Left {
        network: name.clone(),
        node: node.row.name.to_string(),
    });
    match node.row.liveness {
        NodeLiveness::Ready => left.collect(),
        NodeLiveness::Unknown | NodeLiveness::Lost => Vec::new(),
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
            let volumes = self.volumes_left().await?;
            let networks = self.networks_left(&leaving.nodes).await?;
            let only_networks = rows.is_empty() && volumes.is_empty();
            if only_networks && networks.is_empty() {
                progress.show(self.resources(&networks));
                return Ok(());
            }
            let now = Some((rows, volumes, networks));
            if now != last {
                changed_at = Instant::now();
                last = now;
            } else if only_networks && changed_at.elapsed() > NETWORK_QUIET_MAX {
                let networks = last.map(|(_, _, networks)| networks).unwrap_or_default();
                progress.show(self.resources(&networks));
                return Err(self.in_use(&networks));
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

    /// Networks that should go and that a node still has, or may have: with the node's name.
    async fn networks_left(&self, nodes: &BTreeSet<NodeId>) -> Outcome<BTreeSet<Left>> {
        let mut left = BTreeSet::new();
        for node in nodes {
            let request = NodeInspect {
                node: node.to_string(),
            };
            let seen = self.client.call(None, &request).await?;
            left.extend(left_on(&seen, &self.networks));
        }
        Ok(left)
    }

    fn resources(&self, left: &BTreeSet<Left>) -> Vec<Item> {
        let network = |name: &String| {
            let (word, phase) = match left.iter().any(|left| left.network == *name) {
                true => ("Still in use", Phase::Failed),
                false => ("Removed", Phase::Done),
            };
            Item::new(format!("Network {name}"), word, phase)
        };
        let volume = |name: &String| Item::new(format!("Volume {name}"), "Removed", Phase::Done);
        let networks = self.networks.iter().map(network);
        networks.chain(self.volumes.iter().map(volume)).collect()
    }

    fn in_use(&self, left: &BTreeSet<Left>) -> Failure {
        let list: Vec<String> = left.iter().map(ToString::to_string).collect();
        let first = left.iter().next().map(|left| left.network.as_str());
        let first = first.unwrap_or_default();
        Failure::new(
            "CLI0046",
            format!(
                "the containers are gone, but not every network: {}",
                list.join(", ")
            ),
            format!(
                "a container that is not the lab's may be attached: `docker network inspect {first}` on \
                 that node shows it; the network goes once nothing is attached"
            ),
        )
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
    use lab_types::{EngineName, NodeLiveness, TaskState};

    use lab_wire::request::NodeInspected;

    use super::{Leaving, confirm, left_on};
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

    #[test]
    fn a_network_is_left_until_its_node_has_been_told_and_shows_it_no_longer() {
        let fixture = include_str!("../../../../shared/lab-wire/fixtures/node.inspect.reply.json");
        let mut node: NodeInspected = serde_json::from_str(fixture).unwrap();
        let networks = ["shop_default".to_owned()];
        node.row.liveness = NodeLiveness::Ready;
        node.present = vec![EngineName::new("shop_default").unwrap()];
        node.accepted = node.assigned;
        let left = left_on(&node, &networks);
        assert_eq!(
            left[0].to_string(),
            format!("shop_default on node {}", node.row.name)
        );
        node.present.clear();
        assert_eq!(left_on(&node, &networks), []);
        node.accepted = None;
        assert_eq!(left_on(&node, &networks).len(), 1, "it has not been told");
        node.row.liveness = NodeLiveness::Lost;
        assert_eq!(left_on(&node, &networks), [], "nobody waits for it");
    }
}
