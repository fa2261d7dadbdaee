//! Waiting until a project is where it should be: events wake, rows decide.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_bus::{Bus, Subscription};
use lab_types::{Event, ProjectName, TaskState};
use lab_wire::request::TaskList;
use lab_wire::subject::EVENTS_ALL;
use tokio::time::Instant;

use super::goal::{Goal, STOPPING, Seen, SlotKey, Verdict, Waited, judge, lines, pending};
use crate::app::{App, Client};
use crate::failure::{Failure, Outcome};
use crate::output::progress::{Item, Phase, Progress};

/// How often it is looked without an event: health that changes without one, and lost events, are
/// noticed that late.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one look may be put off after an event, so that a burst of events is one look.
const GATHER: Duration = Duration::from_millis(20);

/// The same with more than [`MANY_TASKS`]: a look then takes several pages of the leader's, when it is busiest.
const GATHER_MANY: Duration = Duration::from_millis(200);

/// A fifth of a page of tasks.
const MANY_TASKS: usize = 100;

/// Something that may have changed.
#[derive(Debug)]
pub struct Wake {
    /// Absent where events cannot be heard: the clock alone wakes then.
    live: Option<Subscription>,
    project: ProjectName,
    /// Events to be told; absent where nobody takes them.
    heard: Option<Vec<Event>>,
}

impl Wake {
    /// Listens from now on; what follows from anything sent after this returns wakes.
    pub async fn listen(bus: &Bus, project: &ProjectName) -> Self {
        Self {
            live: bus.subscribe(EVENTS_ALL).await.ok(),
            project: project.clone(),
            heard: None,
        }
    }

    /// The same, keeping the project's events for [`Wake::take_heard`], which is then called after every wait.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self {
            heard: Some(Vec::new()),
            ..self
        }
    }

    /// The project's events since the last call.
    pub fn take_heard(&mut self) -> Vec<Event> {
        self.heard.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Waits for an event, or until it is time to look anyway at so many tasks.
    ///
    /// # Cancel safety
    /// Safe: a kept event stays kept, and any other that is lost only puts the next look off.
    pub async fn next(&mut self, tasks: usize) {
        let deadline = Instant::now() + LOOK_EVERY;
        if !self.event_before(deadline).await {
            return;
        }
        let gather = match tasks > MANY_TASKS {
            true => GATHER_MANY,
            false => GATHER,
        };
        let gathered = deadline.min(Instant::now() + gather);
        while self.event_before(gathered).await {}
    }

    async fn event_before(&mut self, deadline: Instant) -> bool {
        while let Some(live) = &mut self.live {
            match tokio::time::timeout_at(deadline, live.next()).await {
                Err(_) => return false,
                Ok(None) => self.live = None,
                Ok(Some(message)) => {
                    let event: Result<Event, _> = lab_wire::decode(&message.payload);
                    let is_its =
                        |event: &Event| event.scope.project.as_ref() == Some(&self.project);
                    if let Some(event) = event.ok().filter(is_its) {
                        if let Some(heard) = &mut self.heard {
                            heard.push(event);
                        }
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

/// Since when things are as they are.
struct Clock {
    last: Seen,
    changed_at: Instant,
    pending: BTreeMap<SlotKey, Instant>,
}

impl Clock {
    fn new(now: Instant) -> Self {
        Self {
            last: Seen::default(),
            changed_at: now,
            pending: BTreeMap::new(),
        }
    }

    /// Takes in what is seen now, and tells how long it has been so.
    fn waited(&mut self, goal: &Goal, seen: &Seen, now: Instant) -> Waited {
        let concerning = seen.concerning(goal);
        if concerning != self.last {
            self.last = concerning;
            self.changed_at = now;
        }
        let slots = pending(goal, seen);
        self.pending.retain(|slot, _| slots.contains(slot));
        for slot in slots {
            self.pending.entry(slot).or_insert(now);
        }
        let since = self.pending.iter();
        Waited {
            quiet: now - self.changed_at,
            pending: since.map(|(slot, at)| (slot.clone(), now - *at)).collect(),
        }
    }
}

/// Containers that were seen on their way out: their last line says that they are gone.
#[derive(Default)]
struct Leaving(BTreeMap<String, Item>);

impl Leaving {
    /// The items, and those that are there no more.
    fn and_gone(&mut self, mut items: Vec<Item>) -> Vec<Item> {
        for item in &items {
            match item.word == STOPPING {
                true => self.0.insert(item.name.clone(), item.clone()),
                false => self.0.remove(&item.name),
            };
        }
        let there: BTreeSet<&String> = items.iter().map(|item| &item.name).collect();
        let gone = self.0.values().filter(|item| !there.contains(&item.name));
        let gone: Vec<Item> = gone
            .map(|item| Item {
                word: "Removed".to_owned(),
                phase: Phase::Done,
                ..item.clone()
            })
            .collect();
        items.extend(gone);
        items
    }
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
        let mut clock = Clock::new(Instant::now());
        let mut leaving = Leaving::default();
        loop {
            let seen = look(self.client, self.project).await?;
            let waited = clock.waited(self.goal, &seen, Instant::now());
            let verdict = judge(self.goal, &seen, &waited);
            progress.show(leaving.and_gone(self.items(&seen, verdict == Verdict::Done)));
            match verdict {
                Verdict::Done => return Ok(()),
                Verdict::Failed(reasons) => return Err(self.failure(&reasons)),
                Verdict::Wait(_) => {}
            }
            wake.next(seen.tasks.len()).await;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lab_types::{ServiceName, TaskState};
    use lab_wire::row::SlotProblem;
    use tokio::time::Instant;

    use super::Clock;
    use crate::project::goal::{Goal, PENDING_MAX, Seen, Until, Verdict, Wanted, judge};
    use crate::project::samples::{service, task};

    #[test]
    fn a_slot_without_a_node_is_given_up_however_much_happens_elsewhere() {
        let web = Wanted {
            replicas: 2,
            ..Wanted::default()
        };
        let goal = Goal {
            services: [(ServiceName::new("web").unwrap(), web)].into(),
            until: Until::Started,
            before: Default::default(),
        };
        let start = Instant::now();
        let mut clock = Clock::new(start);
        let mut at = |restarts: u32, secs: u64| {
            let mut row = service("web", 2);
            row.problems = vec![SlotProblem {
                slots: [2].into_iter().collect(),
                is_final: false,
                reason: "no node can take it".into(),
            }];
            let (mut web, mut db) = (
                task("web", 1, TaskState::Running),
                task("db", 1, TaskState::Running),
            );
            db.progress.attempt = restarts;
            web.progress.attempt = restarts / 2;
            let seen = Seen {
                services: vec![row, service("db", 1)],
                tasks: vec![web, db],
            };
            let waited = clock.waited(&goal, &seen, start + Duration::from_secs(secs));
            (waited.quiet.as_secs(), judge(&goal, &seen, &waited))
        };
        let (quiet, verdict) = at(2, 0);
        assert_eq!(quiet, 0);
        assert!(matches!(verdict, Verdict::Wait(_)), "{verdict:?}");
        let (quiet, verdict) = at(3, 15);
        assert_eq!(quiet, 15, "db is not waited for");
        assert!(matches!(verdict, Verdict::Wait(_)), "{verdict:?}");
        let (quiet, verdict) = at(4, PENDING_MAX.as_secs());
        assert_eq!(quiet, 0, "web.1 has started again");
        let told = vec!["web.2: no node can take it".to_owned()];
        assert_eq!(verdict, Verdict::Failed(told));
    }
}
