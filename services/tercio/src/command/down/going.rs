//! A project on its way out: its containers, then its networks and volumes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_types::{NodeId, NodeLiveness, ProjectName};
use lab_wire::request::{NodeInspect, NodeInspected, TaskList};
use lab_wire::row::TaskRow;
use tokio::time::Instant;

use crate::app::Client;
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};
use crate::output::screen::Screen;
use crate::project::converge::Wake;
use crate::project::{nodes, tasks};

/// How long nothing may change until the wait is given up: the longest time a container is given to
/// stop is minutes, and each one that goes starts the count anew.
const QUIET_MAX: Duration = Duration::from_secs(300);

/// How long networks alone are waited for: an engine removes one in a moment, unless a container that
/// is not the lab's hangs on it.
const NETWORK_QUIET_MAX: Duration = Duration::from_secs(10);

/// The same with a volume: an engine deletes the files of a large one within seconds.
const VOLUME_QUIET_MAX: Duration = Duration::from_secs(30);

/// A project on its way out.
pub(super) struct Going<'a> {
    pub(super) screen: Screen,
    pub(super) client: &'a Client,
    pub(super) project: &'a ProjectName,
    pub(super) networks: Vec<String>,
    pub(super) volumes: Vec<String>,
}

/// Containers that were seen since the project was asked to go, and where.
#[derive(Default)]
struct Leaving {
    names: BTreeSet<String>,
    nodes: BTreeSet<NodeId>,
}

impl Leaving {
    /// One line a container, whether it is still there or not. What a silent node has is told apart.
    fn items(&mut self, rows: &[TaskRow]) -> Vec<Item> {
        let (silent, reached): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| row.is_out_of_reach());
        let names = |rows: Vec<&TaskRow>| -> BTreeSet<String> {
            rows.iter().map(|row| row.container_name.clone()).collect()
        };
        let (silent, there) = (names(silent), names(reached));
        self.names.extend(there.iter().cloned());
        self.nodes.extend(rows.iter().map(|row| row.node.clone()));
        let item = |name: &String| {
            let (word, phase) = match (there.contains(name), silent.contains(name)) {
                (true, _) => ("Stopping", Phase::Working),
                (false, true) => ("Waits for its node", Phase::Working),
                (false, false) => ("Removed", Phase::Done),
            };
            Item::new(format!("Container {name}"), word, phase)
        };
        self.names.iter().map(item).collect()
    }
}

/// A network or volume that is still on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Left {
    object: String,
    node: String,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on node {}", self.object, self.node)
    }
}

/// What is there of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct There {
    /// Its containers on nodes that can be asked.
    rows: Vec<TaskRow>,
    /// Networks and volumes on nodes that can be asked.
    left: BTreeSet<Left>,
    /// What silent nodes still have, by their names: it goes when they return, and nobody waits for that.
    away: BTreeMap<String, BTreeSet<String>>,
}

impl There {
    fn new(rows: Vec<TaskRow>) -> Self {
        let (silent, rows) = rows.into_iter().partition(TaskRow::is_out_of_reach);
        let mut there = Self {
            rows,
            ..Self::default()
        };
        let silent: Vec<TaskRow> = silent;
        for row in silent {
            let of_node = there.away.entry(row.node_name.to_string()).or_default();
            of_node.insert(row.container_name);
        }
        there
    }

    /// Takes in which of the objects a node has. One that has not been told yet may have them all.
    fn add(&mut self, node: &NodeInspected, objects: &[String]) {
        let has = |name: &&String| node.present.iter().any(|p| p.as_str() == name.as_str());
        let name = node.row.name.to_string();
        if node.row.liveness != NodeLiveness::Ready {
            let known: BTreeSet<String> = objects.iter().filter(has).cloned().collect();
            if !known.is_empty() {
                self.away.entry(name).or_default().extend(known);
            }
            return;
        }
        let is_told = node.accepted >= node.assigned;
        let objects = objects.iter().filter(|object| !is_told || has(object));
        self.left.extend(objects.map(|object| Left {
            object: object.clone(),
            node: name.clone(),
        }));
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.left.is_empty()
    }

    fn resource(&self, kind: &str, object: &String) -> Item {
        let away = self.away.iter().filter(|(_, names)| names.contains(object));
        let away: Vec<&str> = away.map(|(node, _)| node.as_str()).collect();
        let (word, phase) = match self.left.iter().any(|left| left.object == *object) {
            true => ("Still in use".to_owned(), Phase::Failed),
            false if away.is_empty() => ("Removed".to_owned(), Phase::Done),
            false => (format!("Waits for {}", away.join(", ")), Phase::Working),
        };
        Item::new(format!("{kind} {object}"), word, phase)
    }

    /// One line for each silent node.
    fn away_lines(&self) -> String {
        let line = |(node, names): (&String, &BTreeSet<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let names = names.join(", ");
            format!("node {node} is away; what it has goes when it returns: {names}\n")
        };
        self.away.iter().map(line).collect()
    }
}

impl Going<'_> {
    /// Waits until nothing is left on the nodes that can be asked.
    pub(super) async fn wait(self, mut wake: Wake, mut progress: Progress) -> Outcome {
        let mut leaving = Leaving::default();
        if !self.volumes.is_empty() {
            // A volume may be on a node that has no task of the project any more.
            let nodes = nodes(self.client).await?;
            leaving.nodes.extend(nodes.into_iter().map(|row| row.node));
        }
        let mut last = None;
        let mut changed_at = Instant::now();
        loop {
            let rows = tasks(self.client, Some(self.project), TaskList::default()).await?;
            progress.show(leaving.items(&rows));
            let there = self.look(rows, &leaving.nodes).await?;
            if there.is_empty() {
                progress.show(self.resources(&there));
                self.screen.say(&there.away_lines());
                return Ok(());
            }
            let is_new = last.as_ref() != Some(&there);
            let quiet = changed_at.elapsed();
            if is_new {
                changed_at = Instant::now();
            } else if there.rows.is_empty() && quiet > self.quiet_max(&there) {
                progress.show(self.resources(&there));
                return Err(in_use(&there.left));
            } else if quiet > QUIET_MAX {
                return Err(self.stuck());
            }
            let tasks = there.rows.len();
            last = Some(there);
            wake.next(tasks).await;
        }
    }

    async fn look(&self, rows: Vec<TaskRow>, nodes: &BTreeSet<NodeId>) -> Outcome<There> {
        let mut there = There::new(rows);
        let objects = [&self.networks[..], &self.volumes[..]].concat();
        for node in nodes {
            let request = NodeInspect {
                node: node.to_string(),
            };
            let seen = self.client.call(None, &request).await?;
            there.add(&seen, &objects);
        }
        Ok(there)
    }

    fn quiet_max(&self, there: &There) -> Duration {
        let is_volume = |left: &Left| self.volumes.contains(&left.object);
        match there.left.iter().any(is_volume) {
            true => VOLUME_QUIET_MAX,
            false => NETWORK_QUIET_MAX,
        }
    }

    fn resources(&self, there: &There) -> Vec<Item> {
        let networks = self.networks.iter();
        let networks = networks.map(|name| there.resource("Network", name));
        let volumes = self.volumes.iter();
        let volumes = volumes.map(|name| there.resource("Volume", name));
        networks.chain(volumes).collect()
    }

    fn stuck(&self) -> Failure {
        let project = self.project;
        Failure::new(
            "CLI0043",
            format!("{project} is being removed, and nothing has changed for {QUIET_MAX:?}"),
            format!("a container may not stop; see `tercio -p {project} ps -a`"),
        )
    }
}

fn in_use(left: &BTreeSet<Left>) -> Failure {
    let list: Vec<String> = left.iter().map(ToString::to_string).collect();
    let first = left.iter().next().map(|left| left.object.as_str());
    let first = first.unwrap_or_default();
    Failure::new(
        "CLI0046",
        format!(
            "the containers are gone, but these are not: {}",
            list.join(", ")
        ),
        format!(
            "a container that is not the lab's may use them: `docker ps -a --filter network={first}` (or \
             `volume={first}`) on that node shows it; they go once nothing uses them"
        ),
    )
}

#[cfg(test)]
mod tests {
    use lab_types::{EngineName, NodeLiveness, TaskState};
    use lab_wire::request::NodeInspected;

    use super::{Leaving, There};
    use crate::project::samples::{given_up, task};

    fn node() -> NodeInspected {
        let fixture =
            include_str!("../../../../../shared/lab-wire/fixtures/node.inspect.reply.json");
        let mut node: NodeInspected = serde_json::from_str(fixture).unwrap();
        node.row.liveness = NodeLiveness::Ready;
        node.present = vec![EngineName::new("shop_default").unwrap()];
        node.accepted = node.assigned;
        node
    }

    fn there(node: &NodeInspected) -> There {
        let mut there = There::default();
        there.add(node, &["shop_default".to_owned(), "shop_store".to_owned()]);
        there
    }

    fn left(node: &NodeInspected) -> Vec<String> {
        let left = there(node).left.into_iter();
        left.map(|left| left.object).collect()
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
    fn what_a_lost_node_has_is_not_waited_for_and_told_at_the_end() {
        let rows = vec![
            task("web", 1, TaskState::Running),
            given_up("web", 2, TaskState::Running),
        ];
        let mut there = There::new(rows.clone());
        assert_eq!(there.rows, rows[..1]);
        there.rows.clear();
        assert!(there.is_empty());
        assert_eq!(
            there.away_lines(),
            "node host2 is away; what it has goes when it returns: shop-web-2\n"
        );
        let items = Leaving::default().items(&rows);
        assert_eq!(items.len(), 1, "{items:?}");
        let mut leaving = Leaving::default();
        leaving.items(&[task("web", 2, TaskState::Running)]);
        let silent = leaving.items(&rows[1..]);
        assert_eq!(silent[0].word, "Waits for its node");
    }

    #[test]
    fn an_object_is_left_until_its_node_has_been_told_and_shows_it_no_longer() {
        let mut node = node();
        assert_eq!(left(&node), ["shop_default"]);
        node.present.clear();
        assert!(there(&node).is_empty());
        node.accepted = None;
        assert_eq!(
            left(&node),
            ["shop_default", "shop_store"],
            "it has not been told"
        );
        node.row.liveness = NodeLiveness::Lost;
        assert!(there(&node).is_empty(), "nobody waits for it");
    }

    #[test]
    fn a_volume_is_told_as_removed_only_when_no_node_has_it() {
        let word = |node: &NodeInspected| {
            let there = there(node);
            there.resource("Volume", &"shop_store".to_owned()).word
        };
        let mut node = node();
        assert_eq!(word(&node), "Removed");
        node.present = vec![EngineName::new("shop_store").unwrap()];
        assert_eq!(word(&node), "Still in use");
        node.row.liveness = NodeLiveness::Lost;
        assert_eq!(word(&node), format!("Waits for {}", node.row.name));
    }
}
