//! `tercio down`: a project's containers and networks go; its volumes only with consent.

mod going;

use std::collections::BTreeSet;

use lab_types::{ConfirmationId, EngineName, ProjectName};
use lab_wire::request::{ProjectFactsGet, ProjectRemove};

use crate::app::{App, Client, request_id};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::project;
use crate::project::converge::Wake;
use going::Going;

const EXAMPLES: &str = "\
Examples:
  tercio down                  stop and remove containers and networks; volumes stay
  tercio down -v               the same, and the volumes with their data, after a question
  tercio down -v --yes         without the question
  tercio -p shop down          from anywhere, without the project's files
";

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
    app.plain()?;
    let project = project::name(app, &args.project.or(left))?;
    let id = request_id();
    let consent = ConfirmationId::new(id.as_str()).expect("invariant: both are made of one token");
    let mut request = ProjectRemove {
        remove_volumes: args.volumes.then_some(consent),
        shown: None,
        request_id: Some(id),
    };
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let asked = async {
        let client = app.connect().await?;
        let shown = match args.volumes && !args.yes {
            true => Some(volumes(&client, &project).await?),
            false => None,
        };
        if let Some(volumes) = &shown {
            confirm(app.screen, volumes).await?;
        }
        let wake = Wake::listen(&client.bus, &project).await;
        Ok((client, wake, shown))
    };
    let nothing = "cancelled; nothing was changed";
    let (client, wake, shown) = app.interruptible(asked, nothing).await?;
    request.shown = shown;
    // Sent once and its answer waited for, Ctrl-C or not: whether it was accepted must be known.
    let removed = client.call(Some(&project), &request).await?;
    if !removed.changed {
        app.screen.say(&format!("nothing of {project} is there\n"));
        return Ok(());
    }
    let going = Going {
        screen: app.screen,
        client: &client,
        project: &project,
        networks: removed.networks,
        volumes: removed.volumes,
    };
    let goes_on =
        format!("\n{project} is being removed; `tercio -p {project} ps -a` shows what is left");
    let wait = going.wait(wake, Progress::new(app.screen, "Removing"));
    app.interruptible(wait, &goes_on).await
}

/// The project's own volumes, by their names on the engine.
async fn volumes(client: &Client, project: &ProjectName) -> Outcome<BTreeSet<EngineName>> {
    let facts = client
        .call(Some(project), &ProjectFactsGet::default())
        .await?;
    let record = facts.record.into_iter();
    let volumes = record.flat_map(|record| record.volumes.into_values());
    let own = volumes.filter(|volume| !volume.external);
    Ok(own.map(|volume| volume.engine_name).collect())
}

/// Asks whether these volumes may go.
async fn confirm(screen: Screen, volumes: &BTreeSet<EngineName>) -> Outcome {
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

#[cfg(test)]
mod tests {
    use lab_types::EngineName;

    use super::confirm;
    use crate::failure::Failure;
    use crate::output::screen::Screen;

    #[tokio::test]
    async fn where_nobody_can_be_asked_volumes_stay_and_are_named() {
        let screen = Screen {
            interactive: false,
            live: false,
            colours: false,
            size: (80, 24),
        };
        assert!(confirm(screen, &[].into()).await.is_ok());
        let store = EngineName::new("shop_store").unwrap();
        match confirm(screen, &[store].into()).await {
            Err(Failure::Problem(problem)) => {
                assert!(problem.message.contains("shop_store"), "{problem}");
                assert!(problem.help.unwrap().contains("--yes"));
            }
            other => panic!("{other:?}"),
        }
    }
}
