//! `tercio up`: plan, build, apply, wait, follow.
//!
//! ```text
//! files ─► checked here ─► lab (started if there is none) ─► plan ─► builds and pulls ─► plan again
//!      ─► apply, one request ─► wait until it is so ─► logs
//! ```
//! Nothing but images is changed before the one request that applies; Ctrl-C before it changes
//! nothing, and after it leaves what was applied.

pub(super) mod applied;
pub(super) mod build;
pub(super) mod images;
pub(super) mod summary;

use std::collections::BTreeMap;

use lab_types::{BuildInstruction, ProjectName, ServiceName};
use lab_wire::request::{BuildPolicy, PlanCreate};

use super::plan;
use crate::app::{App, Client};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::output::report;
use crate::project::goal::Until;
use crate::project::load::{Local, load_naming};

const EXAMPLES: &str = "\
Examples:
  tercio up                        build, start, and follow the logs; Ctrl-C leaves it running
  tercio up -d                     in the background: returns when the containers have started
  tercio up -d --wait              returns when they are healthy
  tercio up --plan                 print what would be done, and do nothing
  tercio up -f compose.yml -f compose.prod.yml -d
  tercio up -d --build             build images anew

Where no lab is configured, one is started on this machine; it goes on in the background.
";

/// Options of `tercio up`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Return when the containers have started, instead of following their logs
    #[arg(short, long)]
    detach: bool,
    /// Wait until everything is healthy; implies --detach
    #[arg(long)]
    wait: bool,
    /// Build images even if they are there
    #[arg(long)]
    build: bool,
    /// Print what would be done, and stop
    #[arg(long)]
    plan: bool,
    /// Answer every question with yes
    #[arg(short = 'y', long)]
    yes: bool,
    /// Remove services that the files do not have without a question
    #[arg(long)]
    remove_orphans: bool,
    /// Follow the logs of this service only; may be given several times
    #[arg(long, value_name = "SERVICE")]
    attach: Vec<ServiceName>,
    /// As --attach: all services are brought up in any case
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

impl Args {
    /// Which project, as far as it was said behind the verb.
    #[must_use]
    pub fn project_args(&self) -> ProjectArgs {
        self.project.clone()
    }

    /// The services whose logs are followed; all when it names none.
    fn followed(&self) -> Vec<ServiceName> {
        [&self.attach[..], &self.services[..]].concat()
    }

    /// Refuses what would be taken and have no effect.
    fn check(&self, app: &App) -> Outcome {
        let follows = !self.detach && !self.wait && !self.plan;
        if !follows && !self.followed().is_empty() {
            return Err(Failure::Usage(
                "services can be named for their logs alone, which are not followed here: all services are \
                 brought up in any case"
                    .to_owned(),
            ));
        }
        match self.plan {
            true => app.json().map(drop),
            false => app.plain(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the files, what the lab refused, or what did not come up.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    args.check(app)?;
    let mut local = load_naming(app, &args.project_args().or(left), &args.services)?;
    let known = |name: &ServiceName| local.project.services.contains_key(name);
    if let Some(unknown) = args.followed().iter().find(|name| !known(name)) {
        return Err(Failure::new(
            "CLI0014",
            format!("no such service: {unknown}"),
            "`tercio config --services` lists the project's services",
        ));
    }
    let mut request = local.request.clone();
    if args.build {
        request.build = BuildPolicy::Always;
    }
    if app.shows(Some(&local.project.name), &request)? {
        app.screen.say(
            "its reply has the plan, which project.apply then sends back as it came: {\"plan\": ...}\n",
        );
        return Ok(());
    }
    local.request = request;
    if args.plan {
        return plan_alone(app, &local).await;
    }
    let up = Up {
        app,
        client: app.connect_or_start().await?,
        builds: local.project.builds(),
        project: local.project.name.clone(),
        local: &local,
        args: &args,
    };
    // A large future, and one a command: better on the heap than on every caller's stack.
    Box::pin(up.run(local.request.clone())).await
}

/// Prints what would be done.
async fn plan_alone(app: &App, local: &Local) -> Outcome {
    let (plan, created) = Box::pin(plan::planned(app, local)).await?;
    app.screen
        .say(&report::findings(&plan::news(local, &created.diagnostics)));
    match app.json()? {
        true => app.screen.print_pretty(&plan),
        false => app.screen.print(&summary::whole(&plan)),
    }
}

struct Up<'a> {
    app: &'a App,
    client: Client,
    project: ProjectName,
    local: &'a Local,
    /// What can be built, by image, as this machine's files have it: nobody else says which of its
    /// folders are sent.
    builds: BTreeMap<String, BuildInstruction>,
    args: &'a Args,
}

impl Up<'_> {
    async fn run(&self, mut request: PlanCreate) -> Outcome {
        let nothing = "cancelled; nothing was changed";
        let planned = plan::created(&self.client, &self.project, &request);
        let (plan, created) = self.app.interruptible(planned, nothing).await?;
        let news = plan::news(self.local, &created.diagnostics);
        self.app.screen.say(&report::findings(&news));
        // Of a plan that changes nothing it is told once the lab has said what it tries again.
        if !plan.operations.is_empty() {
            self.app.screen.say(&summary::line(&plan));
        }
        if !self.args.yes && !self.args.remove_orphans {
            let asked = plan::confirm(self.app, &created.questions);
            self.app.interruptible(asked, nothing).await?;
        }
        let before_apply = "cancelled before anything was applied";
        let images = images::fetch(self.app, &self.client, &plan, &self.builds);
        let fetched = self.app.interruptible(images, before_apply).await?;
        let plan = match fetched {
            false => plan,
            true => {
                request.build = BuildPolicy::IfMissing;
                let again = plan::created(&self.client, &self.project, &request);
                self.app.interruptible(again, before_apply).await?.0
            }
        };
        let until = match self.args.wait {
            true => Until::Healthy,
            false => Until::Started,
        };
        let applied = applied::apply(self.app, &self.client, plan, until).await?;
        let project = &self.project;
        let goes_on = format!(
            "\n{project} goes on in the background; `tercio -p {project} logs -f` follows it, \
             `tercio -p {project} down` takes it down"
        );
        let before = applied.before();
        let wait = Box::pin(applied.wait(self.app, &self.client));
        self.app.interruptible(wait, &goes_on).await?;
        if self.args.detach || self.args.wait {
            return Ok(());
        }
        let follow = applied::follow(
            self.app,
            &self.client,
            project,
            self.args.followed(),
            before,
        );
        self.app.interruptible(follow, &goes_on).await
    }
}
