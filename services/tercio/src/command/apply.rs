//! `tercio apply PLAN`: exactly what a kept plan says, or nothing.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use lab_types::OperationKind;

use super::plan::{Kept, confirm};
use super::up::{applied, images, summary};
use crate::app::App;
use crate::failure::{Failure, Outcome};
use crate::project::goal::Until;

const EXAMPLES: &str = "\
Examples:
  tercio plan --out shop.plan && tercio apply shop.plan
  tercio plan --json | tercio apply -  the same, from standard input
  tercio apply --wait shop.plan        return when everything is healthy
";

/// Options of `tercio apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The file that `tercio plan --out` wrote; - is standard input
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Wait until everything is healthy, not only started
    #[arg(long)]
    wait: bool,
    /// Answer every question with yes
    #[arg(short = 'y', long)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// The file is no plan, the lab has moved since it was made, or what did not come up.
pub async fn run(app: &App, args: Args) -> Outcome {
    app.plain()?;
    app.no_message("`tercio req project.apply` sends a plan by itself")?;
    let Kept { plan, questions } = read(&args.plan)?;
    if let Some(image) = summary::resources(&plan, &OperationKind::BuildImage, "image:").next() {
        return Err(Failure::new(
            "CLI0053",
            format!("the plan builds {image}, and what will come of that it cannot say"),
            "build first with `tercio build`, plan again, and apply that plan; or use `tercio up -d`",
        ));
    }
    let client = app.connect_or_start().await?;
    app.screen.say(&summary::line(&plan));
    if !args.yes {
        let asked = confirm(app, &questions);
        app.interruptible(asked, "cancelled; nothing was changed")
            .await?;
    }
    let project = plan.project.clone();
    let none = std::collections::BTreeMap::new();
    let pulled = images::fetch(app, &client, &plan, &none);
    app.interruptible(pulled, "cancelled before anything was applied")
        .await?;
    let until = match args.wait {
        true => Until::Healthy,
        false => Until::Started,
    };
    let applied = applied::apply(app, &client, plan, until).await?;
    let goes_on = format!("\n{project} goes on in the background");
    let wait = Box::pin(applied.wait(app, &client));
    app.interruptible(wait, &goes_on).await
}

/// Reads a kept plan.
///
/// # Errors
/// There is none, or it is not as it was written.
pub(super) fn read(path: &Path) -> Outcome<Kept> {
    let shown = path.display();
    let refuse = |why: String| {
        Failure::new(
            "CLI0052",
            format!("{shown} is not a plan: {why}"),
            "`tercio plan --out FILE` writes one",
        )
    };
    let mut text = String::new();
    let got = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    got.map_err(|error| refuse(error.to_string()))?;
    let kept: Kept = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    match kept.plan.is_genuine() {
        true => Ok(kept),
        false => Err(refuse("it was changed after it was made".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::failure::Failure;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.plan");
        std::fs::write(&path, text).unwrap();
        match read(&path) {
            Err(Failure::Problem(problem)) => problem.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_plan_or_was_changed_is_refused_with_the_reason() {
        assert!(refused("services: {}").contains("CLI0052"));
        let model = r#"{"name":"a","services":{},"networks":{},"volumes":{},"working_dir":"/","config_files":[]}"#;
        let hash = "ab".repeat(32);
        let forged = format!(
            r#"{{"hash":"{hash}","project":"a","base_revision":0,"model":{model},"operations":[]}}"#
        );
        assert!(refused(&forged).contains("changed after it was made"));
    }
}
