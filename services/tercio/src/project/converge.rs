//! Waiting until a project is where it should be: events wake, rows decide.

use std::time::Duration;

use lab_bus::{Bus, Subscription};
use lab_types::{Event, ProjectName, TaskState};
use lab_wire::request::TaskList;
use lab_wire::subject::EVENTS_ALL;
use tokio::time::Instant;

use super::goal::{Goal, Seen, Verdict, judge, lines};
use crate::app::{App, Client};
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};

/// How often it is looked without an event: health that changes without one, and lost events, are
/// noticed that late.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one look may be put off after an event, so that a burst of events is one look.
const GATHER: Duration = Duration::from_millis(20);

/// Something that may have changed.
#[derive(Debug)]
pub struct Wake {
    /// Absent where events cannot be heard: the clock alone wakes then.
    live: Option<Subscription>,
    project: ProjectName,
}

impl Wake {
    /// Listens from now on; what follows from anything sent after this returns wakes.
    pub async fn listen(bus: &Bus, project: &ProjectName) -> Self {
        Self {
            live: bus.subscribe(EVENTS_ALL).await.ok(),
            project: project.clone(),
        }
    }

    /// Waits for an event, or until it is time to look anyway.
    ///
    /// # Cancel safety
    /// Safe: an event that is lost only puts the next look off.
    pub async fn next(&mut self) {
        let deadline = Instant::now() + LOOK_EVERY;
        if !self.event_before(deadline).await {
            return;
        }
        let gathered = deadline.min(Instant::now() + GATHER);
        while self.event_before(gathered).await {}
    }

    async fn event_before(&mut self, deadline: Instant) -> bool {
        while let Some(live) = &mut self.live {
            match tokio::time::timeout_at(deadline, live.next()).await {
                Err(_) => return false,
                Ok(None) => self.live = None,
                Ok(Some(message)) => {
                    let event: Result<Event, _> = lab_wire::decode(&message.payload);
                    if event.is_ok_and(|event| event.scope.project.as_ref() == Some(&self.project))
                    {
                        return true;
                    }
                }
            }
        }
        tokio::time::sleep_until(deadline).await;
        false
    }
}

/// What is there now.
///
/// # Errors
/// What the lab refused.
pub async fn look(client: &Client, project: &ProjectName) -> Outcome<Seen> {
    Ok(Seen {
        services: super::services(client, Some(project)).await?,
        tasks: super::tasks(client, Some(project), TaskList::default()).await?,
    })
}

/// Waits until the goal is reached, and shows what happens meanwhile.
///
/// # Errors
/// It will not be reached by itself: each slot at fault, with its reason.
pub async fn until(app: &App, client: &Client, project: &ProjectName, goal: &Goal) -> Outcome {
    let wake = Wake::listen(&client.bus, project).await;
    let progress = Progress::new(app.screen, "Running");
    Waiting {
        client,
        project,
        goal,
        resources: Vec::new(),
    }
    .run(wake, progress)
    .await
}

/// One wait.
pub struct Waiting<'a> {
    /// The lab.
    pub client: &'a Client,
    /// The project.
    pub project: &'a ProjectName,
    /// What is waited for.
    pub goal: &'a Goal,
    /// Networks and volumes that come with it: shown as made once a container exists, which the
    /// agent makes after them.
    pub resources: Vec<String>,
}

impl Waiting<'_> {
    /// Waits; `wake` listened before the change was made.
    ///
    /// # Errors
    /// As [`until`].
    pub async fn run(self, mut wake: Wake, mut progress: Progress) -> Outcome {
        let mut last = Seen::default();
        let mut changed_at = Instant::now();
        loop {
            let seen = look(self.client, self.project).await?;
            if seen != last {
                changed_at = Instant::now();
            }
            let verdict = judge(self.goal, &seen, changed_at.elapsed());
            progress.show(self.items(&seen, verdict == Verdict::Done));
            match verdict {
                Verdict::Done => return Ok(()),
                Verdict::Failed(reasons) => return Err(self.failure(&reasons)),
                Verdict::Wait(_) => {}
            }
            last = seen;
            wake.next().await;
        }
    }

    fn items(&self, seen: &Seen, done: bool) -> Vec<Item> {
        let exists = |state: TaskState| state >= TaskState::Ready && state != TaskState::Unknown;
        let is_made = done || seen.tasks.iter().any(|task| exists(task.progress.state));
        let resource = |name: &String| match is_made {
            true => Item::new(name, "Created", Phase::Done),
            false => Item::new(name, "Creating", Phase::Working),
        };
        let resources = self.resources.iter().map(resource);
        resources.chain(lines(self.goal, seen)).collect()
    }

    fn failure(&self, reasons: &[String]) -> Failure {
        let project = self.project;
        Failure::new(
            "CLI0040",
            format!("{project} did not come up: {}", reasons.join("; ")),
            format!(
                "what was applied stays, and the lab goes on trying where it can;\n\
                 look with `tercio -p {project} ps -a` and `tercio -p {project} logs`, or take it \
                 down with `tercio -p {project} down`"
            ),
        )
    }
}
