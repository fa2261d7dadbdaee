//! `tercio req SUBJECT [JSON]`: any request, from any shell.

use std::time::Duration;

use bytes::Bytes;
use lab_types::{ProjectName, UserName};
use lab_wire::request::{Access, REQUESTS, ServedBy};
use lab_wire::{RequestAddress, header};

use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::{message, table::Table};

const EXAMPLES: &str = "\
Examples:
  tercio req --list
  tercio req node.list
  tercio req -p shop service.scale '{\"service\":\"web\",\"replicas\":3}'
  tercio req tercio.v1.req.admin.shop.service.inspect '{\"service\":\"web\"}'
  echo '{\"service\":\"web\"}' | tercio req -p shop service.inspect -

The reply is printed as JSON; a refusal is printed to stderr, with exit code 1.
";

/// Options of `tercio req`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// List the requests there are
    #[arg(long)]
    list: bool,
    /// The project the request is about
    #[arg(short, long, value_name = "NAME")]
    project_name: Option<String>,
    /// How long to wait for the reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    /// NOUN.VERB, or a whole subject
    #[arg(required_unless_present = "list")]
    subject: Option<String>,
    /// The body; `-` reads it from standard input. Default: {}
    json: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What was refused, or that nobody answered.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    if args.list {
        return list(app);
    }
    let project = args.project_name.or_else(|| left.project_name.clone());
    let subject = args.subject.as_deref().unwrap_or_default();
    let body = body(args.json)?;
    let whole = subject.starts_with("tercio.");
    if app.globals.as_command {
        let subject = match whole {
            true => subject.to_owned(),
            false => short(subject, project.as_deref(), app.user()?)?,
        };
        return app.screen.print(&format!("{subject} {}\n", body.trim()));
    }
    let client = app.connect().await?;
    let subject = match whole {
        true => subject.to_owned(),
        false => short(subject, project.as_deref(), client.user.clone())?,
    };
    let request_id = (
        header::REQUEST_ID.to_owned(),
        crate::app::request_id().to_string(),
    );
    let reply = client
        .bus
        .call_raw(
            subject,
            vec![request_id],
            Bytes::from(body),
            Duration::from_secs(args.timeout),
        )
        .await
        .map_err(|error| Failure::from(error.problem()))?;
    app.screen
        .print(&format!("{}\n", message::body_text(&reply.payload)))
}

/// The body that is sent: JSON, checked here so that a slip of the pen is told with its place.
fn body(json: Option<String>) -> Outcome<String> {
    let text = match json.as_deref() {
        None => "{}".to_owned(),
        Some("-") => std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?,
        Some(text) => text.to_owned(),
    };
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::Usage(format!(
            "the body is not a JSON object: {error}"
        ))),
    }
}

/// `node.list` as the whole subject.
fn short(subject: &str, project: Option<&str>, user: UserName) -> Outcome<String> {
    let known = |noun: &str, verb: &str| REQUESTS.iter().any(|r| r.noun == noun && r.verb == verb);
    let Some((noun, verb)) = subject.split_once('.').filter(|(n, v)| known(n, v)) else {
        return Err(Failure::Usage(format!(
            "{subject:?} is no request; `tercio req --list` names them all"
        )));
    };
    let project = project.map(ProjectName::new).transpose();
    let address = RequestAddress {
        user,
        project: project.map_err(|invalid| Failure::Usage(invalid.to_string()))?,
        noun: noun.to_owned(),
        verb: verb.to_owned(),
    };
    Ok(address.subject().into())
}

fn list(app: &App) -> Outcome {
    if app.json()? {
        let rows = REQUESTS.iter().map(|request| {
            serde_json::json!({
                "request": format!("{}.{}", request.noun, request.verb),
                "changes": request.access == Access::Change,
                "served_by": part(request.served_by),
                "about": request.about,
            })
        });
        return app.screen.print_json(&rows.collect::<Vec<_>>());
    }
    app.screen.print(&requests())
}

fn requests() -> String {
    let mut table = Table::new(&["REQUEST", "CHANGES", "SERVED BY", "ABOUT"]);
    for request in REQUESTS {
        let changes = match request.access {
            Access::Read => "",
            Access::Change => "yes",
        };
        table.row([
            format!("{}.{}", request.noun, request.verb),
            changes.to_owned(),
            part(request.served_by).to_owned(),
            request.about.to_owned(),
        ]);
    }
    table.render()
}

const fn part(part: ServedBy) -> &'static str {
    match part {
        ServedBy::Scheduler => "scheduler",
        ServedBy::Planner => "planner",
        ServedBy::Provisioner => "provisioner",
    }
}

#[cfg(test)]
mod tests {
    use lab_types::UserName;

    use super::{body, requests, short};
    use crate::failure::Failure;

    #[test]
    fn a_short_request_becomes_a_whole_subject() {
        let user = || UserName::new("alice").unwrap();
        assert_eq!(
            short("node.list", None, user()).unwrap(),
            "tercio.v1.req.alice._.node.list"
        );
        assert_eq!(
            short("service.scale", Some("shop"), user()).unwrap(),
            "tercio.v1.req.alice.shop.service.scale"
        );
        for (subject, project) in [("node.lst", None), ("node", None), ("node.list", Some("A"))] {
            let refused = short(subject, project, user());
            assert!(matches!(refused, Err(Failure::Usage(_))), "{subject}");
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_before_it_is_sent() {
        assert_eq!(body(None).unwrap(), "{}");
        for bad in ["[]", "{", "\"x\"", ""] {
            let refused = body(Some(bad.to_owned()));
            assert!(matches!(refused, Err(Failure::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn every_request_is_listed() {
        let text = requests();
        for request in lab_wire::request::REQUESTS {
            assert!(text.contains(request.about), "{}", request.about);
        }
    }
}
