//! `tercio events`: what happened, and what happens.

use lab_bus::{EventFilter, Replay, ReplayOptions, Since};
use lab_types::Event;
use serde::Serialize;

use crate::app::App;
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
    while let Some((sequence, event)) = replay.next().await.map_err(unreadable)? {
        match json {
            true => app.screen.print_json(&Numbered {
                sequence,
                event: &event,
            })?,
            false => app.screen.print(&line(&event))?,
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

/// `2026-11-23T15:37:00.123Z service scaled shop/web: web runs 3 tasks now`.
fn line(event: &Event) -> String {
    let (noun, what) = event.what.tokens();
    let scope = &event.scope;
    let path = [
        scope.project.as_ref().map(ToString::to_string),
        scope.service.as_ref().map(ToString::to_string),
        scope.slot.map(|slot| slot.to_string()),
    ];
    let path: Vec<String> = path.into_iter().flatten().collect();
    let about = match (path.is_empty(), &scope.node, &scope.object) {
        (false, _, Some(object)) => format!("{} {object}", path.join("/")),
        (false, ..) => path.join("/"),
        (true, Some(node), _) => node.to_string(),
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

    use super::{Numbered, line};

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
        expect![[r"
            2023-11-14T22:13:20.005Z service scaled shop/web: from 1 to 3
            2023-11-14T22:13:20.005Z node lost n1: silent for 3 s
        "]]
        .assert_eq(&format!("{}{}", line(&event()), line(&lost)));
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
