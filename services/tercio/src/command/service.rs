//! `tercio service …`: services of the lab, in any project.

mod inspect;
mod list;
pub(super) mod target;

use lab_wire::request::{ServiceRemove, ServiceScale};

use crate::app::{App, Client, request_id};
use crate::cli::ProjectArgs;
use crate::command::logs;
use crate::failure::{Failure, Outcome};
use target::{ServiceArgs, Target, targets};

/// What is said when Ctrl-C comes before the first request.
const NOTHING: &str = "cancelled; nothing was changed";

const SCALE_EXAMPLES: &str = "\
Examples:
  tercio service scale shop/web=3
  tercio service scale -p shop web=3 db=2
";

/// What to do with services.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List services; all of the lab, or of one project
    #[command(visible_alias = "list")]
    Ls {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// Print names only
        #[arg(short, long)]
        quiet: bool,
    },
    /// List the tasks of services
    Ps {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// PROJECT/SERVICE, or SERVICE
        #[arg(required = true, value_name = "SERVICE")]
        services: Vec<Target>,
    },
    /// Tell all about services
    Inspect {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// Print lines for people in place of JSON
        #[arg(long)]
        pretty: bool,
        /// PROJECT/SERVICE, or SERVICE
        #[arg(required = true, value_name = "SERVICE")]
        services: Vec<Target>,
    },
    /// Change the number of tasks of services
    #[command(after_help = SCALE_EXAMPLES)]
    Scale {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// Return at once, without waiting until the tasks run
        #[arg(short, long)]
        detach: bool,
        /// SERVICE=NUMBER
        #[arg(required = true, value_name = "SERVICE=N", value_parser = target::parse_scale)]
        scales: Vec<(Target, u32)>,
    },
    /// Remove services and their tasks
    #[command(visible_alias = "remove")]
    Rm {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// PROJECT/SERVICE, or SERVICE
        #[arg(required = true, value_name = "SERVICE")]
        services: Vec<Target>,
    },
    /// Print what a service's containers write
    Logs {
        /// Which project.
        #[command(flatten)]
        args: ServiceArgs,
        /// Which part of the logs.
        #[command(flatten)]
        options: logs::Options,
        /// PROJECT/SERVICE, or SERVICE
        #[arg(value_name = "SERVICE")]
        service: Target,
    },
}

/// Runs the command.
///
/// # Errors
/// What the lab refused.
pub async fn run(app: &App, command: Command, left: &ProjectArgs) -> Outcome {
    match command {
        Command::Ls { args, quiet } => list::services(app, &args.or(left), quiet).await,
        Command::Ps { args, services } => list::tasks(app, &args.or(left), services).await,
        Command::Inspect {
            args,
            pretty,
            services,
        } => inspect::run(app, &args.or(left), services, pretty).await,
        Command::Scale {
            args,
            detach,
            scales,
        } => scale(app, &args.or(left), scales, detach).await,
        Command::Rm { args, services } => remove(app, &args.or(left), services).await,
        Command::Logs {
            args,
            options,
            service,
        } => {
            let found = targets(app, &args.or(left), vec![service]).await?;
            let [(project, service)] = &found[..] else {
                return Err(Failure::Usage("name one service".to_owned()));
            };
            logs::print(app, project, vec![service.clone()], &options).await
        }
    }
}

pub(super) async fn scale(
    app: &App,
    project: &ProjectArgs,
    scales: Vec<(Target, u32)>,
    detach: bool,
) -> Outcome {
    app.plain()?;
    let (names, numbers): (Vec<_>, Vec<_>) = scales.into_iter().unzip();
    let found = app
        .interruptible(targets(app, project, names), NOTHING)
        .await?;
    let wanted: Vec<_> = found.into_iter().zip(numbers).collect();
    let request = |service: &lab_types::ServiceName, replicas| ServiceScale {
        service: service.clone(),
        replicas,
        request_id: Some(request_id()),
    };
    if app.globals.as_command {
        return wanted
            .iter()
            .try_for_each(|((project, service), replicas)| {
                app.shows(Some(project), &request(service, *replicas))
                    .map(|_| ())
            });
    }
    let client = connect(app).await?;
    for ((project, service), replicas) in &wanted {
        go_on(app)?;
        let changed = client
            .call(Some(project), &request(service, *replicas))
            .await?;
        let word = if changed.changed {
            "scaled to"
        } else {
            "already has"
        };
        app.screen
            .print(&format!("{project}/{service} {word} {replicas}\n"))?;
    }
    if detach {
        return Ok(());
    }
    let goes_on = "\nthe lab goes on scaling; `tercio service ls` shows how far it is";
    let wait = target::converge(app, &client, &wanted);
    app.interruptible(wait, goes_on).await
}

async fn connect(app: &App) -> Outcome<Client> {
    app.interruptible(app.connect(), NOTHING).await
}

/// Ends the command between two requests; each that was sent has been answered and printed.
fn go_on(app: &App) -> Outcome {
    match app.interrupt.is_cancelled() {
        false => Ok(()),
        true => Err(Failure::Cancelled(
            "cancelled; only the services printed before were changed".to_owned(),
        )),
    }
}

async fn remove(app: &App, project: &ProjectArgs, services: Vec<Target>) -> Outcome {
    app.plain()?;
    let found = app
        .interruptible(targets(app, project, services), NOTHING)
        .await?;
    let request = |service: &lab_types::ServiceName| ServiceRemove {
        service: service.clone(),
        request_id: Some(request_id()),
    };
    if app.globals.as_command {
        return found.iter().try_for_each(|(project, service)| {
            app.shows(Some(project), &request(service)).map(|_| ())
        });
    }
    let client = connect(app).await?;
    for (project, service) in &found {
        go_on(app)?;
        client.call(Some(project), &request(service)).await?;
        app.screen.print(&format!("{project}/{service}\n"))?;
    }
    Ok(())
}
