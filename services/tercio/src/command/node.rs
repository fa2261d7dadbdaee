//! `tercio node ls|inspect`.

use lab_types::{NodeLiveness, NodeRole};
use lab_wire::request::{NodeInspect, NodeInspected, NodeList};
use lab_wire::row::NodeRow;

use crate::app::App;
use crate::failure::Outcome;
use crate::output::table::Table;
use crate::output::words;

/// What to do with nodes.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the lab's nodes
    #[command(visible_alias = "list")]
    Ls {
        /// Print ids only
        #[arg(short, long)]
        quiet: bool,
    },
    /// Tell all about nodes
    Inspect {
        /// Print lines for people in place of JSON
        #[arg(long)]
        pretty: bool,
        /// A node's name or id
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, command: Command) -> Outcome {
    match command {
        Command::Ls { quiet } => list(app, quiet).await,
        Command::Inspect { pretty, nodes } => inspect(app, pretty, nodes).await,
    }
}

async fn list(app: &App, quiet: bool) -> Outcome {
    let json = app.json()?;
    if app.shows(None, &NodeList {})? {
        return Ok(());
    }
    let nodes = app.connect().await?.call(None, &NodeList {}).await?.nodes;
    if quiet {
        let ids: String = nodes.iter().map(|row| format!("{}\n", row.node)).collect();
        return app.screen.print(&ids);
    }
    if json {
        return app.screen.print_json(&nodes);
    }
    app.screen.print(&table(&nodes))
}

fn table(nodes: &[NodeRow]) -> String {
    let mut table = Table::new(&[
        "ID",
        "HOSTNAME",
        "STATUS",
        "AVAILABILITY",
        "MANAGER STATUS",
        "TASKS",
        "ENGINE VERSION",
    ]);
    for row in nodes {
        table.row([
            row.node.to_string(),
            row.name.to_string(),
            status(row.liveness).to_owned(),
            capital(&row.availability.to_string()),
            manager(row).to_owned(),
            row.tasks.to_string(),
            match &row.engine {
                Some(engine) => engine.version.clone(),
                None => "no engine".to_owned(),
            },
        ]);
    }
    table.render()
}

const fn status(liveness: NodeLiveness) -> &'static str {
    match liveness {
        NodeLiveness::Unknown => "Unknown",
        NodeLiveness::Ready => "Ready",
        NodeLiveness::Lost => "Down",
    }
}

const fn manager(row: &NodeRow) -> &'static str {
    match (row.leader, row.role) {
        (true, _) => "Leader",
        (false, NodeRole::Manager) => "Reachable",
        (false, NodeRole::Worker) => "",
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

async fn inspect(app: &App, pretty: bool, nodes: Vec<String>) -> Outcome {
    let requests: Vec<NodeInspect> = nodes.into_iter().map(|node| NodeInspect { node }).collect();
    if app.globals.as_command {
        return requests
            .iter()
            .try_for_each(|request| app.shows(None, request).map(|_| ()));
    }
    let client = app.connect().await?;
    let mut found = Vec::new();
    for request in &requests {
        found.push(client.call(None, request).await?);
    }
    match pretty {
        true => app
            .screen
            .print(&found.iter().map(lines).collect::<String>()),
        false => app.screen.print_pretty(&found),
    }
}

fn lines(node: &NodeInspected) -> String {
    let row = &node.row;
    let facts = node.facts.as_ref();
    let platform = facts.map_or_else(String::new, |facts| {
        format!(
            "{}/{}, kernel {}",
            facts.os, facts.architecture, facts.kernel
        )
    });
    let engine = row.engine.as_ref();
    let engine = engine.map_or("none".to_owned(), |engine| {
        format!("{} (API {})", engine.version, engine.api_version)
    });
    let fences = match (node.assigned, node.accepted) {
        (Some(assigned), Some(accepted)) => format!("{accepted} of {assigned}"),
        (Some(assigned), None) => format!("none of {assigned}"),
        (None, Some(accepted)) => accepted.to_string(),
        (None, None) => "none".to_owned(),
    };
    [
        ("ID", row.node.to_string()),
        ("Hostname", row.name.to_string()),
        ("Role", row.role.to_string()),
        ("Status", status(row.liveness).to_owned()),
        ("Availability", capital(&row.availability.to_string())),
        ("Platform", platform),
        ("CPUs", cpus(row.capacity.nano_cpus)),
        ("Memory", words::bytes(row.capacity.memory_bytes)),
        ("Engine", engine),
        ("Tasks", row.tasks.to_string()),
        ("Assignment", fences),
    ]
    .iter()
    .map(|(name, value)| format!("{name:14}{value}\n"))
    .collect()
}

fn cpus(nano: u64) -> String {
    /// Billionths of a CPU in a hundredth of one.
    const NANO_PER_CENTI: u64 = 10_000_000;
    let centi = nano / NANO_PER_CENTI;
    match centi % 100 {
        0 => (centi / 100).to_string(),
        rest => format!("{}.{rest:02}", centi / 100),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{
        Availability, EngineFacts, NodeId, NodeLiveness, NodeName, NodeRole, Resources,
    };
    use lab_wire::row::NodeRow;

    #[test]
    fn nodes_are_listed_as_docker_lists_them() {
        let leader = NodeRow {
            node: NodeId::new("n1").unwrap(),
            name: NodeName::new("manager1").unwrap(),
            role: NodeRole::Manager,
            liveness: NodeLiveness::Ready,
            availability: Availability::Active,
            labels: Default::default(),
            leader: true,
            engine: Some(EngineFacts {
                version: "20.10.24".into(),
                api_version: "1.41".into(),
            }),
            capacity: Resources::default(),
            reserved: Resources::default(),
            tasks: 3,
            last_seen: None,
        };
        let worker = NodeRow {
            node: NodeId::new("n2").unwrap(),
            name: NodeName::new("worker1").unwrap(),
            role: NodeRole::Worker,
            liveness: NodeLiveness::Lost,
            availability: Availability::Drain,
            leader: false,
            engine: None,
            ..leader.clone()
        };
        expect![[r"
            ID        HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   TASKS     ENGINE VERSION
            n1        manager1   Ready     Active         Leader           3         20.10.24
            n2        worker1    Down      Drain                           3         no engine
        "]]
        .assert_eq(&super::table(&[leader, worker]));
    }

    #[test]
    fn parts_of_a_cpu_are_said_with_two_digits() {
        assert_eq!(super::cpus(2_000_000_000), "2");
        assert_eq!(super::cpus(1_500_000_000), "1.50");
    }
}
