//! `tercio wait`: until containers have ended, with their exit code.

use std::collections::BTreeMap;

use lab_types::{ServiceName, TaskId, TaskState, TaskTarget};
use lab_wire::request::TaskList;
use lab_wire::row::TaskRow;

use crate::app::App;
use crate::cli::ProjectArgs;
use crate::failure::{Failure, Outcome};
use crate::project::converge::Wake;
use crate::project::{self, tasks};

const EXAMPLES: &str = "\
Examples:
  tercio wait migrate          until the service's containers have ended; prints each exit code
  tercio wait a b; echo $?     the exit code is that of the last one to end
";

/// Options of `tercio wait`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// The services; all when none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

/// Runs the command.
///
/// # Errors
/// No such service or nothing to wait for; else the last container's own exit code.
pub async fn run(app: &App, args: Args, left: &ProjectArgs) -> Outcome {
    app.plain()?;
    let project = project::name(app, &args.project.or(left))?;
    let request = TaskList {
        services: args.services,
        ..TaskList::default()
    };
    if app.shows(Some(&project), &request)? {
        return Ok(());
    }
    let client = app.connect().await?;
    let mut wake = Wake::listen(&client.bus, &project).await;
    let mut waiting = Ends::default();
    loop {
        let rows = tasks(&client, Some(&project), request.clone()).await?;
        if waiting.begin(&rows) {
            return Err(Failure::new(
                "CLI0056",
                format!("project {project} has no container to wait for"),
                "`tercio ps -a` lists its containers",
            ));
        }
        for (name, code) in waiting.see(&rows) {
            app.screen.print(&format!("{name}  {code}\n"))?;
        }
        if let Some(code) = waiting.all_ended() {
            return match u8::try_from(code) {
                Ok(0) => Ok(()),
                Ok(code) => Err(Failure::Exit(code)),
                Err(_) => Err(Failure::Exit(crate::failure::exit::ERROR)),
            };
        }
        wake.next(rows.len()).await;
    }
}

/// The containers that were there at the start, with the exit codes of those that have ended since.
#[derive(Debug, Default)]
struct Ends {
    begun: bool,
    codes: BTreeMap<TaskId, Option<i64>>,
    last: i64,
}

impl Ends {
    /// Takes the tasks that there are at first as those to wait for; whether there are none.
    fn begin(&mut self, rows: &[TaskRow]) -> bool {
        if !self.begun {
            self.begun = true;
            let wanted = rows.iter().filter(|row| row.target == TaskTarget::Run);
            self.codes = wanted.map(|row| (row.task.clone(), None)).collect();
        }
        self.codes.is_empty()
    }

    /// Those that have ended since the last look. One that has left was stopped by somebody.
    fn see(&mut self, rows: &[TaskRow]) -> Vec<(String, i64)> {
        let rows: BTreeMap<&TaskId, &TaskRow> = rows.iter().map(|row| (&row.task, row)).collect();
        let mut news = Vec::new();
        for (task, code) in self.codes.iter_mut().filter(|(_, code)| code.is_none()) {
            let row = rows.get(task);
            let ended = row.is_none_or(|row| has_ended(row.progress.state));
            if ended {
                let found = row.and_then(|row| row.exit_code).unwrap_or_default();
                *code = Some(found);
                self.last = found;
                let name = row.map_or_else(|| task.to_string(), |row| row.container_name.clone());
                news.push((name, found));
            }
        }
        news
    }

    /// The code of the last one, when all have ended.
    fn all_ended(&self) -> Option<i64> {
        let all = self.codes.values().all(Option::is_some);
        all.then_some(self.last)
    }
}

const fn has_ended(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::Complete | TaskState::Failed | TaskState::Stopped
    )
}

#[cfg(test)]
mod tests {
    use lab_types::{TaskState, TaskTarget};

    use super::Ends;
    use crate::project::samples;

    #[test]
    fn it_waits_for_all_that_were_there_and_takes_the_last_code() {
        let mut rows = vec![
            samples::task("a", 1, TaskState::Running),
            samples::task("b", 1, TaskState::Running),
        ];
        let mut ends = Ends::default();
        assert!(!ends.begin(&rows));
        assert!(ends.see(&rows).is_empty());
        rows[1].progress.state = TaskState::Failed;
        rows[1].exit_code = Some(3);
        // One that comes later is none of those.
        rows.push(samples::task("c", 1, TaskState::Running));
        assert!(!ends.begin(&rows));
        assert_eq!(ends.see(&rows), [(rows[1].container_name.clone(), 3)]);
        assert_eq!(ends.all_ended(), None);
        rows[0].progress.state = TaskState::Complete;
        rows[0].exit_code = Some(0);
        assert_eq!(ends.see(&rows).len(), 1);
        assert!(ends.see(&rows).is_empty(), "each is told once");
        assert_eq!(ends.all_ended(), Some(0));
    }

    #[test]
    fn where_nothing_should_run_there_is_nothing_to_wait_for() {
        let mut row = samples::task("a", 1, TaskState::Running);
        row.target = TaskTarget::Stop;
        assert!(Ends::default().begin(&[row]));
        assert!(Ends::default().begin(&[]));
    }
}
