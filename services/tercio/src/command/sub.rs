//! `tercio sub SUBJECT`: what is said on a subject, as JSON lines.

use std::time::Duration;

use crate::app::App;
use crate::failure::{Failure, Outcome};
use crate::output::message;

const EXAMPLES: &str = "\
Examples:
  tercio sub 'tercio.v1.ev.>'                       every event as it happens
  tercio sub 'tercio.v1.ev.*.*.service.*.scaled' --count 1 --timeout 60
                                                    wait for one and go on

Each line holds the subject and the body. What you may hear depends on your credentials.
";

/// Options of `tercio sub`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A subject; `*` stands for one token, `>` for the rest
    subject: String,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// End after so many seconds; with --count, too few messages by then are an error
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// The subscription is refused, or too few messages came in time.
pub async fn run(app: &App, args: Args) -> Outcome {
    app.no_message("it only listens")?;
    let client = app.connect().await?;
    let mut troubles = client.bus.troubles();
    let mut heard = client
        .bus
        .subscribe(args.subject.clone())
        .await
        .map_err(|error| Failure::new("CLI0011", error.to_string(), "see `tercio sub --help`"))?;
    // Who waits for this line misses nothing that is said after it.
    let _ = client.bus.flush().await;
    app.screen.say(&format!("listening on {}\n", args.subject));
    let deadline = async {
        match args.timeout {
            Some(secs) => tokio::time::sleep(Duration::from_secs(secs)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    let mut left = args.count;
    while left != Some(0) {
        // Cancel-safe: neither a message nor a trouble is lost by the arm that does not win.
        tokio::select! {
            biased;
            trouble = troubles.recv() => if let Ok(lab_bus::Trouble::SubscribeDenied { subject }) = trouble {
                return Err(Failure::new(
                    "CLI0011",
                    format!("{} may not listen on {subject}", client.user),
                    "ask for credentials that may, or narrow the subject",
                ));
            },
            message = heard.next() => {
                let Some(message) = message else {
                    return Err(Failure::new("CLI0002", "the connection was closed", "try again"));
                };
                app.screen.print_json(&serde_json::json!({
                    "subject": message.subject,
                    "body": message::body_value(&message.payload),
                }))?;
                left = left.map(|left| left - 1);
            }
            () = &mut deadline => return match left {
                None => Ok(()),
                Some(left) => Err(Failure::new(
                    "CLI0012",
                    format!("{left} of {} messages did not come in time", args.count.unwrap_or(0)),
                    "wait longer with --timeout",
                )),
            },
        }
    }
    Ok(())
}
