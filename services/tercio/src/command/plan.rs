//! `tercio plan`: what `up` would do, with causes; nothing is changed, not even a lab started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lab_compose::{BuildPolicy, CurrentProject, Orphans, PlanInput, Project, Wanted};
use lab_kit::file::{Readers, write_atomic};
use lab_types::{Diagnostic, Plan, ProjectName, Question, Severity};
use lab_wire::request::{self, PlanCreate, PlanCreated};
use serde::{Deserialize, Serialize};

use super::up::summary;
use crate::app::{App, Client};
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome, Tell as _, exit};
use crate::output::report;
use crate::project::load::{Local, load_naming};

const EXAMPLES: &str = "\
Examples:
  tercio plan                          what would be done, one operation a line, each with its cause
  tercio plan --detailed-exitcode -q   for scripts: 0 nothing would change, 2 something would, 1 an error
  tercio plan --out shop.plan          keep it; `tercio apply shop.plan` does exactly that, or refuses when
                                       the project has been changed meanwhile
  tercio plan --json | jq .operations

Where no lab runs, the plan is made for an empty one.
";

/// Options of `tercio plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Plan to build images even if they are there
    #[arg(long)]
    build: bool,
    /// Print JSON, as --format json does
    #[arg(long)]
    json: bool,
    /// Print nothing
    #[arg(short, long)]
    quiet: bool,
    /// Keep the plan in this file, for `tercio apply`
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// End with 0 when nothing would change, with 2 when something would, with 1 after an error
    #[arg(long)]
    detailed_exitcode: bool,
}

/// A plan with what is asked before it is applied: what `--json` prints and `--out` keeps.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) plan: Plan,
    #[serde(default)]
    pub(super) questions: Vec<Question>,
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the files, or why there is no plan.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    let json = args.json || app.json()?;
    let mut local = load_naming(app, &args.project.or(left), &[])?;
    if args.build {
        local.request.build = request::BuildPolicy::Always;
    }
    if app.shows(Some(&local.project.name), &local.request)? {
        return Ok(());
    }
    let (plan, created) = Box::pin(planned(app, &local)).await?;
    app.screen
        .say(&report::findings(&news(&local, &created.diagnostics)));
    let changes = !plan.operations.is_empty();
    let kept = Kept {
        plan,
        questions: created.questions,
    };
    if let Some(path) = &args.out {
        write(path, &kept)?;
    }
    if !args.quiet {
        match json {
            true => app.screen.print_pretty(&kept)?,
            false => app.screen.print(&told(&kept))?,
        }
    }
    match args.detailed_exitcode && changes {
        true => Err(Failure::Exit(exit::CHANGES)),
        false => Ok(()),
    }
}

/// The plan with what will be asked.
fn told(kept: &Kept) -> String {
    let mut text = summary::whole(&kept.plan);
    for question in &kept.questions {
        text.push_str(&format!("to be confirmed: {}\n", question.sentence));
    }
    text
}

/// The plan against the lab as it is, or against an empty one where none runs.
pub(super) async fn planned(app: &App, local: &Local) -> Outcome<(Plan, PlanCreated)> {
    if app.running_context()?.is_none() {
        app.screen
            .say("No lab runs on this machine: this is the plan for an empty one\n");
        return Ok(against_nothing(&local.project, &local.request));
    }
    let client = app.connect().await?;
    created(&client, &local.project.name, &local.request).await
}

fn against_nothing(project: &Project, request: &PlanCreate) -> (Plan, PlanCreated) {
    let current = CurrentProject::default();
    let plan = lab_compose::plan(&PlanInput {
        wanted: Wanted::Files(project),
        current: &current,
        images: &BTreeMap::new(),
        partly: &BTreeSet::new(),
        platforms: &BTreeMap::new(),
        build: match request.build {
            request::BuildPolicy::IfMissing => BuildPolicy::IfMissing,
            request::BuildPolicy::Always => BuildPolicy::Always,
        },
        orphans: Orphans::Remove,
    });
    let created = PlanCreated {
        plan: None,
        builds: project.builds(),
        questions: lab_compose::questions(&current, &plan),
        diagnostics: lab_compose::warnings(&plan),
    };
    (plan, created)
}

/// The planner's plan and what comes with it; a file with errors, which the planner found, ends here.
pub(super) async fn created(
    client: &Client,
    project: &ProjectName,
    request: &PlanCreate,
) -> Outcome<(Plan, PlanCreated)> {
    let mut created = client.call(Some(project), request).await?;
    match created.plan.take() {
        Some(plan) => Ok((plan, created)),
        None => {
            let is_error = |finding: &&Diagnostic| finding.severity == Severity::Error;
            let errors = created.diagnostics.iter().filter(is_error);
            Err(Failure::Findings(errors.cloned().collect()))
        }
    }
}

/// What was not said yet when the files were read.
pub(super) fn news(local: &Local, findings: &[Diagnostic]) -> Vec<Diagnostic> {
    let is_new = |finding: &&Diagnostic| !local.warnings.contains(finding);
    findings.iter().filter(is_new).cloned().collect()
}

/// A person is asked before something goes that the files do not name; where nobody can be asked, what
/// needs a yes is refused.
pub(super) async fn confirm(app: &App, questions: &[Question]) -> Outcome {
    for question in questions {
        let sentence = &question.sentence;
        if app.screen.interactive {
            let asked = format!("{sentence} Go on?");
            if !app.screen.confirms(&asked).await {
                return Err(Failure::Cancelled("nothing was changed".to_owned()));
            }
        } else if question.needs_yes {
            return Err(Failure::new(
                "CLI0047",
                sentence.clone(),
                "nobody can be asked here: add --yes if that is meant, or give these files a project \
                 name of their own with -p or `name:`",
            ));
        }
    }
    Ok(())
}

fn write(path: &Path, kept: &Kept) -> Outcome {
    let text = serde_json::to_string_pretty(kept).expect("invariant: a plan always fits JSON");
    // Its environment may hold what is nobody else's business.
    write_atomic(path, text.as_bytes(), Readers::Owner).tell()
}

#[cfg(test)]
mod tests {
    use lab_types::{Plan, ProjectModel, ProjectName, Question};
    use std::collections::BTreeMap;

    use super::{Kept, write};
    use crate::command::apply::read;

    fn kept() -> Kept {
        let project = ProjectName::new("shop").unwrap();
        let model = ProjectModel {
            name: project.clone(),
            services: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            working_dir: "/".into(),
            config_files: Vec::new(),
        };
        Kept {
            plan: Plan::sealed(project, 3, model, Vec::new()),
            questions: vec![Question {
                sentence: "Service old goes.".to_owned(),
                needs_yes: true,
            }],
        }
    }

    #[test]
    fn a_kept_plan_is_read_back_whole_and_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.plan");
        write(&path, &kept()).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = read(&path).unwrap();
        assert_eq!(read.plan, kept().plan);
        assert_eq!(read.questions, kept().questions);
    }
}
