//! `tercio lab start|status|stop|init`.

use std::path::Path;

use lab_types::{NodeName, UserName};
use lab_wire::request::{LabStatus, LabStatusGet};
use serde::Serialize;

use crate::app::App;
use crate::failure::{Failure, Outcome};
use crate::lab::file::LabFile;
use crate::lab::setup::{Reach, Setup, prepare};
use crate::lab::stop::{Stopped, stop};
use crate::lab::{self, issue, start};
use crate::output::words::{ago, count};

const INIT_EXAMPLES: &str = "\
Examples:
  tercio lab init --state-dir /lab --nats-host nats --external
                       keys, NATS's configuration and a .creds file for each part under /lab, for
                       parts that run as containers or units; run again, it changes nothing
  tercio lab init --state-dir /lab --node n2
                       what the agent of another host needs, under /lab/nodes/n2; it says how to join
  tercio lab init --state-dir /lab --user bob --may look
                       credentials of another person or script: /lab/creds/bob.creds
";

/// What to do with the lab of this machine.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Start a lab on this machine, in the background; `tercio up` does so by itself
    Start,
    /// Tell how the lab is
    Status,
    /// End the lab of this machine; its containers stay as they are
    Stop,
    /// Make keys and credentials for a lab whose parts are started by others
    #[command(after_help = INIT_EXAMPLES)]
    Init {
        /// The host name under which the parts find NATS
        #[arg(long, value_name = "HOST", requires = "external")]
        nats_host: Option<String>,
        /// NATS listens for other hosts, on port 4222, and is run by others than this command
        #[arg(long, requires = "nats_host")]
        external: bool,
        /// Also make what another host needs to join under this name; may be given several times
        #[arg(long, value_name = "NAME")]
        node: Vec<NodeName>,
        /// Also make credentials of another user; may be given several times
        #[arg(long, value_name = "NAME")]
        user: Vec<UserName>,
        /// What that user may do
        #[arg(long, value_enum, default_value_t, requires = "user")]
        may: May,
    },
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum May {
    /// Read and change everything
    #[default]
    Change,
    /// Read
    Look,
}

/// Runs the command.
///
/// # Errors
/// What hinders the lab, or that none runs.
pub async fn run(app: &App, command: Command) -> Outcome {
    if !matches!(command, Command::Status) {
        app.no_message("the command itself starts and ends the lab of this machine")?;
        app.plain()?;
    }
    match command {
        Command::Start => begin(app).await,
        Command::Status => status(app).await,
        Command::Stop => end(app).await,
        Command::Init {
            nats_host,
            node,
            user,
            may,
            ..
        } => {
            let setup = init(app, nats_host).await?;
            let said = issue(&app.state_dir()?, &setup, (&node, &user), may)?;
            app.screen.print(&said)
        }
    }
}

async fn begin(app: &App) -> Outcome {
    let state_dir = app.state_dir()?;
    start::settled(&state_dir, &app.interrupt).await?;
    if let Some(pid) = lab::holder(&state_dir) {
        return app
            .screen
            .print(&format!("a lab already runs (pid {pid})\n"));
    }
    let lab = start::start(&state_dir, &app.interrupt).await?;
    app.screen.print(&format!(
        "The lab runs at {} (state in {}).\n`tercio lab status` tells how it is, `tercio lab stop` ends \
         it and leaves the containers.\n",
        lab.nats_url,
        state_dir.display()
    ))
}

async fn end(app: &App) -> Outcome {
    let state_dir = app.state_dir()?;
    if LabFile::read(&state_dir)?.is_some_and(|lab| lab.external) {
        return Err(Failure::new(
            "CLI0023",
            "this lab's parts are run by others than this command",
            "end them where they were started: with docker-compose, or as units",
        ));
    }
    match stop(&state_dir).await? {
        Stopped::Now(pid) => app.screen.print(&format!(
            "the lab (pid {pid}) has ended; its containers go on\n"
        )),
        Stopped::NoneRan => app.screen.print("no lab runs on this machine\n"),
    }
}

async fn init(app: &App, nats_host: Option<String>) -> Outcome<Setup> {
    let state_dir = app.state_dir()?;
    let reach = match nats_host {
        Some(nats_host) => Reach::External { nats_host },
        None => Reach::Local,
    };
    let setup = prepare(&state_dir, &reach).await?;
    app.screen.print(&format!(
        "keys and credentials of the lab are in {}; its NATS is {}\n",
        state_dir.display(),
        setup.lab.nats_url
    ))?;
    Ok(setup)
}

/// Makes what other hosts and users need, and says how it is used.
fn issue(
    state_dir: &Path,
    setup: &Setup,
    (nodes, users): (&[NodeName], &[UserName]),
    may: May,
) -> Outcome<String> {
    let url = &setup.lab.nats_url;
    let mut said = String::new();
    for name in nodes {
        let files = issue::node(state_dir, setup, name)?;
        let (dir, to) = (files.dir.display(), issue::HOST_DIR);
        said.push_str(&format!(
            "node {name} has the id {node}; on that host, with a Docker engine:\n  \
             copy {dir}/* to {to}/ (they are secret), and run `tercio-node-agent`, or without that binary\n  \
             TERCIO_SERVE__AGENT__LAB={lab} tercio serve agent -H {url} --creds {to}/agent.creds\n",
            node = files.node,
            lab = files.lab,
        ));
    }
    for user in users {
        let path = issue::user(state_dir, setup, user, may == May::Change)?;
        said.push_str(&format!(
            "user {user}: tercio -H {url} --creds {} node ls\n",
            path.display()
        ));
    }
    Ok(said)
}

/// What `lab status` tells: how to reach the lab, and what its leader says.
#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    lab: Option<LabFile>,
    state_dir: String,
    lab_status: LabStatus,
    /// The node whose scheduler leads, when it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<String>,
}

async fn status(app: &App) -> Outcome {
    let json = app.json()?;
    if app.shows(None, &LabStatusGet {})? {
        return Ok(());
    }
    let state_dir = app.state_dir()?;
    let client = app.connect().await?;
    let said = client.call(None, &LabStatusGet {}).await?;
    let nodes = crate::project::nodes(&client).await?;
    let leader = nodes.into_iter().find(|node| node.leader);
    let status = Status {
        lab: local_lab(app, &state_dir, &client)?,
        state_dir: state_dir.display().to_string(),
        lab_status: said,
        leader: leader.map(|node| node.name.to_string()),
    };
    match json {
        true => app.screen.print_json(&status),
        false => app.screen.print(&lines(&status, lab_kit::clock::now())),
    }
}

/// How this lab is reached: from this machine's file when it is this machine's, else as it was said.
fn local_lab(app: &App, state_dir: &Path, client: &crate::app::Client) -> Outcome<Option<LabFile>> {
    let Some(context) = app.context()? else {
        return Ok(None);
    };
    let mut lab = match LabFile::read(state_dir)? {
        Some(lab) if context.local => lab,
        _ => LabFile::new(&context.nats_url, &context.creds, client.user.clone()),
    };
    lab.user = client.user.clone();
    if context.local {
        lab.pid = lab::holder(state_dir).or(lab.pid);
    }
    Ok(Some(lab))
}

fn lines(status: &Status, now: lab_types::UnixMillis) -> String {
    let said = &status.lab_status;
    let counts = &said.counts;
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let mut fields: Vec<(&str, String)> = Vec::new();
    if let Some(lab) = &status.lab {
        fields.push(("NATS", lab.nats_url.clone()));
        fields.push((
            "Credentials",
            format!("{} (user {})", lab.creds.display(), lab.user),
        ));
        if let Some(pid) = lab.pid {
            fields.push(("Process", format!("{pid}, state in {}", status.state_dir)));
        }
        if let (Some(pid), Some(version)) = (lab.nats_pid, &lab.nats_version) {
            fields.push(("nats-server", format!("{version}, process {pid}")));
        }
    }
    fields.push(("Version", said.version.clone()));
    let since = ago(said.leader_since, now);
    let leader = status.leader.as_deref().unwrap_or("unknown");
    fields.push((
        "Leader",
        format!(
            "{leader}, took the lead {since} (epoch {})",
            said.head.epoch
        ),
    ));
    let nodes = count(number(counts.nodes), "node");
    fields.push(("Nodes", format!("{nodes}, {} ready", counts.nodes_ready)));
    let services = count(number(counts.services), "service");
    let projects = count(number(counts.projects), "project");
    fields.push(("Services", format!("{services} in {projects}")));
    fields.push((
        "Tasks",
        format!("{} of {} run", counts.tasks_running, counts.tasks_desired),
    ));
    for notice in &said.notices {
        fields.push(("Notice", notice.clone()));
    }
    fields
        .iter()
        .map(|(name, value)| format!("{name:13}{value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{Epoch, UnixMillis, UserName, WriteTag};
    use lab_wire::request::{LabCounts, LabStatus};

    use super::{LabFile, Status, lines};

    fn status() -> Status {
        let mut lab = LabFile::new(
            "nats://127.0.0.1:4222",
            "/s/creds/admin.creds",
            UserName::new("admin").unwrap(),
        );
        lab.pid = Some(12);
        lab.nats_pid = Some(13);
        lab.nats_version = Some("2.15.1".into());
        Status {
            lab: Some(lab),
            state_dir: "/s".into(),
            lab_status: LabStatus {
                head: WriteTag {
                    epoch: Epoch(4),
                    ..WriteTag::default()
                },
                leader_since: UnixMillis(0),
                version: "0.1.0".into(),
                counts: LabCounts {
                    projects: 1,
                    services: 2,
                    tasks_desired: 3,
                    tasks_running: 2,
                    nodes: 1,
                    nodes_ready: 1,
                },
                notices: vec!["removals are held".into()],
            },
            leader: Some("host1".into()),
        }
    }

    #[test]
    fn the_status_is_told_in_lines() {
        expect![[r"
            NATS         nats://127.0.0.1:4222
            Credentials  /s/creds/admin.creds (user admin)
            Process      12, state in /s
            nats-server  2.15.1, process 13
            Version      0.1.0
            Leader       host1, took the lead 12 seconds ago (epoch 4)
            Nodes        1 node, 1 ready
            Services     2 services in 1 project
            Tasks        2 of 3 run
            Notice       removals are held
        "]]
        .assert_eq(&lines(&status(), UnixMillis(12_000)));
    }

    #[test]
    fn json_names_what_a_script_needs_to_connect_at_the_top() {
        let value = serde_json::to_value(status()).unwrap();
        for key in [
            "nats_url",
            "creds",
            "user",
            "pid",
            "nats_pid",
            "nats_version",
            "leader",
        ] {
            assert!(!value[key].is_null(), "{key} in {value}");
        }
    }
}
