//! `tercio node ls|inspect|update|rm`.

use lab_kit::config::{HumanDuration, InvalidUnit};
use lab_types::{Availability, DurationMs, NodeLiveness, NodeRole};
use lab_wire::Request;
use lab_wire::request::{
    NodeChanged, NodeInspect, NodeInspected, NodeList, NodeRemove, NodeUpdate,
};
use lab_wire::row::NodeRow;

use crate::app::{App, request_id};
use crate::failure::{Failure, Outcome};
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
    /// Change whether nodes take tasks, their labels and their patience
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArgs),
    /// Take lost nodes out of the lab
    Rm {
        /// A node's name or id
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<String>,
    },
}

const UPDATE_EXAMPLES: &str = "\
Examples:
  tercio node update --availability drain host2     its tasks go elsewhere, none come
  tercio node update --availability pause host2     it keeps what it has and gets no more
  tercio node update --availability active host2    it takes tasks again
  tercio node update --label-add disk=ssd host2     a label
  tercio node update --patience 12h laptop          it may be away that long before its tasks are replaced
  tercio node update --patience 0 laptop            it is lost after some seconds, as others are
";

/// What `node update` changes.
#[derive(clap::Args, Clone, Debug)]
pub struct UpdateArgs {
    /// Whether the nodes take tasks
    #[arg(long, value_name = "WORD")]
    availability: Option<AvailabilityWord>,
    /// Set a label; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label_add: Vec<(String, String)>,
    /// Take a label away; may be given several times
    #[arg(long, value_name = "KEY")]
    label_rm: Vec<String>,
    /// How long the nodes may be silent before their tasks are replaced (30m, 12h); 0 for the usual 3 s
    #[arg(long, value_name = "DURATION", value_parser = patience)]
    patience: Option<DurationMs>,
    /// A node's name or id
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
}

/// Whether a node takes tasks, as a word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum AvailabilityWord {
    /// It takes tasks
    Active,
    /// It keeps what it has and takes no more
    Pause,
    /// Its tasks go elsewhere
    Drain,
}

impl From<AvailabilityWord> for Availability {
    fn from(word: AvailabilityWord) -> Self {
        match word {
            AvailabilityWord::Active => Self::Active,
            AvailabilityWord::Pause => Self::Pause,
            AvailabilityWord::Drain => Self::Drain,
        }
    }
}

/// `KEY=VALUE`; a key alone has an empty value.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    match key.is_empty() {
        true => Err("a label is written KEY=VALUE".to_owned()),
        false => Ok((key.to_owned(), value.to_owned())),
    }
}

/// `90s`, `30m`, `12h`; `0` is none.
fn patience(text: &str) -> Result<DurationMs, String> {
    if text == "0" {
        return Ok(DurationMs(0));
    }
    let read: HumanDuration = text
        .parse()
        .map_err(|error: InvalidUnit| error.to_string())?;
    Ok(DurationMs(
        u64::try_from(read.0.as_millis()).unwrap_or(u64::MAX),
    ))
}

impl UpdateArgs {
    /// One request a node, with an id of its own.
    fn requests(&self) -> Vec<NodeUpdate> {
        let request = |node: &String| NodeUpdate {
            node: node.clone(),
            availability: self.availability.map(Availability::from),
            label_add: self.label_add.iter().cloned().collect(),
            label_rm: self.label_rm.iter().cloned().collect(),
            patience: self.patience,
            request_id: Some(request_id()),
        };
        self.nodes.iter().map(request).collect()
    }

    fn changes_nothing(&self) -> bool {
        let labels = self.label_add.len() + self.label_rm.len();
        self.availability.is_none() && self.patience.is_none() && labels == 0
    }
}

async fn update(app: &App, args: UpdateArgs) -> Outcome {
    if args.changes_nothing() {
        return Err(Failure::Usage(
            "say what to change: --availability, --label-add, --label-rm or --patience".to_owned(),
        ));
    }
    change(app, args.nodes.iter().zip(args.requests()), "changed").await
}

async fn remove(app: &App, nodes: Vec<String>) -> Outcome {
    let request = |node: &String| NodeRemove {
        node: node.clone(),
        request_id: Some(request_id()),
    };
    let requests: Vec<NodeRemove> = nodes.iter().map(request).collect();
    change(app, nodes.iter().zip(requests), "taken out of the lab").await
}

/// Sends one request a node; each is whole by itself, so one that is refused leaves the others done.
async fn change<'a, R>(
    app: &App,
    requests: impl Iterator<Item = (&'a String, R)>,
    done: &str,
) -> Outcome
where
    R: Request<Reply = NodeChanged>,
{
    let requests: Vec<(&String, R)> = requests.collect();
    if app.globals.as_command {
        return requests
            .iter()
            .try_for_each(|(_, request)| app.shows(None, request).map(|_| ()));
    }
    let client = app.connect().await?;
    for (name, request) in &requests {
        let changed = client.call(None, request).await?.changed;
        let word = if changed { done } else { "was so already" };
        app.screen.print(&format!("{name} {word}\n"))?;
    }
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, command: Command) -> Outcome {
    match command {
        Command::Ls { quiet } => list(app, quiet).await,
        Command::Inspect { pretty, nodes } => inspect(app, pretty, nodes).await,
        Command::Update(args) => update(app, args).await,
        Command::Rm { nodes } => remove(app, nodes).await,
    }
}

async fn list(app: &App, quiet: bool) -> Outcome {
    let json = app.json()?;
    if app.shows(None, &NodeList::default())? {
        return Ok(());
    }
    let nodes = crate::project::nodes(&app.connect().await?).await?;
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
        NodeLiveness::Away => "Away",
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
        ("Patience", patience_words(row)),
        ("Labels", labels(row)),
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

fn patience_words(row: &NodeRow) -> String {
    row.patience.map_or("none".to_owned(), words::duration)
}

fn labels(row: &NodeRow) -> String {
    let labels: Vec<String> = row.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    match labels.is_empty() {
        true => "none".to_owned(),
        false => labels.join(", "),
    }
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
            patience: None,
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
    fn a_patience_is_a_number_with_a_unit_and_zero_is_none() {
        let read = |text| super::patience(text).map(|patience| patience.to_string());
        assert_eq!(read("90s"), Ok("90s".to_owned()));
        assert_eq!(read("12h"), Ok("43200s".to_owned()));
        assert_eq!(read("0"), Ok("0ms".to_owned()));
        for wrong in ["", "12", "h", "-1h"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_of_a_cpu_are_said_with_two_digits() {
        assert_eq!(super::cpus(2_000_000_000), "2");
        assert_eq!(super::cpus(1_500_000_000), "1.50");
    }
}
