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
  tercio down -v --yes --dropped shop_old
                               also a volume that the files no longer have; nothing else means those
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
    /// Also remove this volume, by its name on the engine, which the files no longer have; may be given several times
    #[arg(long, value_name = "VOLUME", requires = "volumes")]
    dropped: Vec<EngineName>,
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
    let project = project::name(app, &args.project.clone().or(left))?;
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
        let shown = match args.volumes {
            true => consent_to(app.screen, &Volumes::of(&client, &project).await?, &args).await?,
            false => None,
        };
        let wake = Wake::listen(&client.bus, &project).await;
        Ok((client, wake, shown))
    };
    let nothing = "cancelled; nothing was changed";
    let (client, wake, shown) = app.interruptible(asked, nothing).await?;
    request.shown = shown;
    // Sent once and its answer waited for, Ctrl-C or not: whether it was accepted must be known.
    let removed = client.call(Some(&project), &request).await?;
    app.screen.say(&kept(&project, &removed.kept_volumes));
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
#[derive(Default)]
struct Volumes {
    /// Its files have these.
    declared: BTreeSet<EngineName>,
    /// Its files no longer have these.
    dropped: BTreeSet<EngineName>,
}

impl Volumes {
    async fn of(client: &Client, project: &ProjectName) -> Outcome<Self> {
        let facts = client
            .call(Some(project), &ProjectFactsGet::default())
            .await?;
        let record = facts.record.into_iter();
        let volumes = record.flat_map(|record| record.volumes.into_values());
        let own = volumes.filter(|volume| !volume.external);
        Ok(Self {
            declared: own.map(|volume| volume.engine_name).collect(),
            dropped: facts.dropped_volumes,
        })
    }

    fn all(&self) -> BTreeSet<EngineName> {
        self.declared.union(&self.dropped).cloned().collect()
    }

    /// `shop_store, shop_old (no longer in the files)`.
    fn told(&self) -> String {
        let declared = self.declared.iter().map(ToString::to_string);
        let dropped = self.dropped.iter();
        let dropped = dropped.map(|name| format!("{name} (no longer in the files)"));
        declared.chain(dropped).collect::<Vec<_>>().join(", ")
    }
}

/// Asks whether the project's volumes may go, and gives those that were agreed to by name. Without a
/// question, a yes means those of the files and the dropped ones that are named.
async fn consent_to(
    screen: Screen,
    volumes: &Volumes,
    args: &Args,
) -> Outcome<Option<BTreeSet<EngineName>>> {
    let known = |name: &&EngineName| volumes.dropped.contains(*name);
    if let Some(unknown) = args.dropped.iter().find(|name| !known(name)) {
        return Err(Failure::new(
            "CLI0049",
            format!("{unknown} is no volume that the project's files have dropped"),
            match volumes.dropped.is_empty() {
                true => "there is none: leave --dropped out".to_owned(),
                false => format!("there are: {}", names(&volumes.dropped)),
            },
        ));
    }
    let named: BTreeSet<EngineName> = args.dropped.iter().cloned().collect();
    if args.yes {
        // What is declared is meant whatever it is; a consent that names some must name all of it.
        let declared = volumes.declared.union(&named).cloned().collect();
        return Ok((!named.is_empty()).then_some(declared));
    }
    confirm(screen, volumes).await?;
    Ok(Some(volumes.all()))
}

/// One line for each volume that stays despite the consent.
fn kept(project: &ProjectName, volumes: &[String]) -> String {
    let line = |volume: &String| {
        format!(
            "volume {volume} stays with its data: the files no longer have it; \
             `tercio -p {project} down -v --dropped {volume}` removes it\n"
        )
    };
    volumes.iter().map(line).collect()
}

fn names(volumes: &BTreeSet<EngineName>) -> String {
    let names: Vec<String> = volumes.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// Asks whether these volumes may go.
async fn confirm(screen: Screen, volumes: &Volumes) -> Outcome {
    if volumes.all().is_empty() {
        return Ok(());
    }
    let names = volumes.told();
    if !screen.interactive {
        return Err(Failure::new(
            "CLI0042",
            format!("these volumes would be removed with their data: {names}"),
            "nobody can be asked here: add --yes if that is meant (and --dropped VOLUME for one that the \
             files no longer have), or leave -v out to keep them",
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
    use clap::Parser as _;
    use lab_types::{EngineName, ProjectName};

    use super::{Args, Volumes, confirm, consent_to, kept};
    use crate::cli::{Cli, Command, Verb};
    use crate::failure::Failure;
    use crate::output::screen::Screen;

    const NOBODY: Screen = Screen {
        interactive: false,
        live: false,
        colours: false,
        size: (80, 24),
    };

    fn volumes() -> Volumes {
        let name = |name| EngineName::new(name).unwrap();
        Volumes {
            declared: [name("shop_store")].into(),
            dropped: [name("shop_old")].into(),
        }
    }

    fn args(line: &str) -> Args {
        let words = line.split_whitespace();
        match Cli::try_parse_from(words).unwrap().command {
            Command::Verb(Verb::Down(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn where_nobody_can_be_asked_volumes_stay_and_are_named() {
        assert!(confirm(NOBODY, &Volumes::default()).await.is_ok());
        match confirm(NOBODY, &volumes()).await {
            Err(Failure::Problem(problem)) => {
                let named = "shop_store, shop_old (no longer in the files)";
                assert!(problem.message.contains(named), "{problem}");
                assert!(problem.help.unwrap().contains("--yes"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_yes_means_what_the_files_have_and_the_dropped_volumes_that_are_named() {
        let yes = args("tercio down -v --yes");
        let agreed = consent_to(NOBODY, &volumes(), &yes).await.unwrap();
        assert_eq!(agreed, None, "whatever the files have");
        let named = args("tercio down -v --yes --dropped shop_old");
        let agreed = consent_to(NOBODY, &volumes(), &named).await.unwrap();
        assert_eq!(agreed, Some(volumes().all()));
        let wrong = args("tercio down -v --yes --dropped shop_store");
        match consent_to(NOBODY, &volumes(), &wrong).await {
            Err(Failure::Problem(problem)) => {
                assert!(problem.help.unwrap().contains("shop_old"));
            }
            other => panic!("{other:?}"),
        }
        let said = kept(&ProjectName::new("shop").unwrap(), &["shop_old".to_owned()]);
        assert!(
            said.contains("tercio -p shop down -v --dropped shop_old"),
            "{said}"
        );
    }
}
