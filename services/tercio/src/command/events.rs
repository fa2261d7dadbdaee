//! `tercio events`: what happened, and what happens.

use std::collections::BTreeMap;

use lab_bus::{EventFilter, Replay, ReplayOptions, Since};
use lab_types::{Event, NodeId};
use serde::Serialize;

use crate::app::{App, Client};
use crate::cli::{LongProjectArgs, ProjectArgs};
use crate::failure::{Failure, Outcome};
use crate::output::moment::{self, Moment};
use crate::project::name;

const EXAMPLES: &str = "\
Examples:
  tercio events --since 1h             the last hour
  tercio events --follow               from now on, until Ctrl-C
  tercio events -p shop --since 10m --follow
  tercio events --since 1h --json      one JSON object a line, in the order of their sequence

Without --since and --follow, all events that are kept are printed.
";

/// Options of `tercio events`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: LongProjectArgs,
    /// Go on with what happens from now
    #[arg(long)]
    follow: bool,
    /// Only from then on: 10m, 2026-11-23T15:37:00Z, or Unix seconds
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// The events cannot be read.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.no_message("events are read from NATS, where they are kept")?;
    let json = app.json()? || args.json;
    let project = match ProjectArgs::from(args.project).or(left) {
        named if named.file.is_empty() && named.project_name.is_none() => None,
        named => Some(name::name(app, &named)?),
    };
    let since = match (args.since, args.follow) {
        (Some(moment), _) => Since::Time(moment.resolve(lab_kit::clock::now())),
        (None, true) => Since::Now,
        (None, false) => Since::All,
    };
    let options = ReplayOptions {
        since,
        follow: args.follow,
        filter: EventFilter {
            project,
            service: None,
        },
    };
    let client = app.connect().await?;
    let mut replay = Replay::start(&client.bus, options)
        .await
        .map_err(unreadable)?;
    let mut names = Names::default();
    while let Some((sequence, event)) = replay.next().await.map_err(unreadable)? {
        if let Some(node) = event.scope.node.as_ref().filter(|_| !json) {
            names.learn(&client, node).await;
        }
        match json {
            true => app.screen.print_json(&Numbered {
                sequence,
                event: &event,
            })?,
            false => app.screen.print(&line(&event, &names))?,
        }
    }
    Ok(())
}

fn unreadable(error: lab_bus::ReplayError) -> Failure {
    Failure::new(
        "CLI0013",
        error.to_string(),
        "`tercio lab status` tells whether there is a leader; credentials of an earlier version are made \
         anew by `tercio lab start`",
    )
}

#[derive(Serialize)]
struct Numbered<'a> {
    sequence: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// The nodes' names, as far as they had to be known.
#[derive(Default)]
struct Names(BTreeMap<NodeId, String>);

impl Names {
    /// Asks for the names when a node is new. One that nobody names is told by its id.
    async fn learn(&mut self, client: &Client, node: &NodeId) {
        if self.0.contains_key(node) {
            return;
        }
        if let Ok(listed) = crate::project::nodes(client).await {
            let rows = listed.into_iter();
            self.0
                .extend(rows.map(|row| (row.node, row.name.to_string())));
        }
        self.0
            .entry(node.clone())
            .or_insert_with(|| node.to_string());
    }

    fn of(&self, node: &NodeId) -> String {
        self.0
            .get(node)
            .cloned()
            .unwrap_or_else(|| node.to_string())
    }
}

/// `2026-11-23T15:37:00.123Z task running shop/web/1 on host1: it runs`.
fn line(event: &Event, names: &Names) -> String {
    let (noun, what) = event.what.tokens();
    let scope = &event.scope;
    let path = [
        scope.project.as_ref().map(ToString::to_string),
        scope.service.as_ref().map(ToString::to_string),
        scope.slot.map(|slot| slot.to_string()),
    ];
    let path: Vec<String> = path.into_iter().flatten().collect();
    let node = scope.node.as_ref().map(|node| names.of(node));
    let about = match (path.is_empty(), node, &scope.object) {
        (false, None, None) => path.join("/"),
        (false, None, Some(object)) => format!("{} {object}", path.join("/")),
        (false, Some(node), None) => format!("{} on {node}", path.join("/")),
        (false, Some(node), Some(object)) => format!("{} {object} on {node}", path.join("/")),
        (true, Some(node), _) => node,
        (true, None, Some(object)) => object.clone(),
        (true, None, None) => event.writer.clone(),
    };
    let message = crate::output::table::one_line(&event.message);
    format!(
        "{} {noun} {what} {about}: {message}\n",
        moment::millis(event.at)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{
        Cause, Event, EventId, EventScope, EventWhat, NodeId, ProjectName, ServiceName, UnixMillis,
        WriterKind,
    };

    use super::{Names, Numbered, line};

    fn event() -> Event {
        Event {
            id: EventId::new("e1").unwrap(),
            at: UnixMillis(1_700_000_000_005),
            writer_kind: WriterKind::Scheduler,
            writer: "scheduler".into(),
            what: EventWhat::ServiceScaled,
            scope: EventScope {
                project: Some(ProjectName::new("shop").unwrap()),
                service: Some(ServiceName::new("web").unwrap()),
                ..EventScope::default()
            },
            message: "from 1 to 3".into(),
            cause: Cause::default(),
            details: Default::default(),
        }
    }

    #[test]
    fn an_event_is_one_line_with_time_noun_and_scope() {
        let lost = Event {
            what: EventWhat::NodeLost,
            scope: EventScope {
                node: Some(NodeId::new("n1").unwrap()),
                ..EventScope::default()
            },
            message: "silent for\n3 s".into(),
            ..event()
        };
        let task = Event {
            what: EventWhat::TaskRunning,
            scope: EventScope {
                slot: Some(1),
                node: Some(NodeId::new("n1").unwrap()),
                ..event().scope
            },
            message: "it runs".into(),
            ..event()
        };
        let names = Names([(NodeId::new("n1").unwrap(), "host1".to_owned())].into());
        expect![[r"
            2023-11-14T22:13:20.005Z service scaled shop/web: from 1 to 3
            2023-11-14T22:13:20.005Z node lost host1: silent for 3 s
            2023-11-14T22:13:20.005Z node lost n1: silent for 3 s
            2023-11-14T22:13:20.005Z task running shop/web/1 on host1: it runs
        "]]
        .assert_eq(&format!(
            "{}{}{}{}",
            line(&event(), &names),
            line(&lost, &names),
            line(&lost, &Names::default()),
            line(&task, &names)
        ));
    }

    #[test]
    fn json_carries_the_sequence_beside_the_event() {
        let event = event();
        let text = serde_json::to_string(&Numbered {
            sequence: 7,
            event: &event,
        });
        let value: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
        assert_eq!(
            (&value["sequence"], &value["what"]),
            (&7.into(), &"service_scaled".into())
        );
    }
}
