//! Looks at all engines of a lab at a fixed rate: what runs where, and what runs twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{Lab, PROJECT};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(100);

/// What runs, by the engines' word at one moment: container names by host.
pub(crate) type Look = BTreeMap<String, BTreeSet<String>>;

/// The looks of a test.
pub(crate) struct Watch<'a> {
    lab: &'a Lab,
    next: Instant,
    /// When a name was last seen on two hosts at once, and how often it was.
    doubles: BTreeMap<String, (Instant, usize)>,
    looks: usize,
    /// Nothing is ever sent: its time-out is what makes the period.
    clock: (Sender<()>, Receiver<()>),
}

impl<'a> Watch<'a> {
    pub(crate) fn begin(lab: &'a Lab) -> Self {
        Self {
            lab,
            next: Instant::now(),
            doubles: BTreeMap::new(),
            looks: 0,
            clock: channel(),
        }
    }

    /// Looks again and again until `is_over` is satisfied; its value.
    ///
    /// # Panics
    /// When the deadline passes.
    #[track_caller]
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        deadline: Duration,
        mut is_over: impl FnMut(&Look) -> Result<T, String>,
    ) -> T {
        let end = Instant::now() + deadline;
        loop {
            match is_over(&self.look()) {
                Ok(value) => return value,
                Err(last) => assert!(Instant::now() < end, "{what}: last seen: {last}"),
            }
        }
    }

    /// Looks for so long.
    pub(crate) fn during(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look();
        }
    }

    /// Names of this service that were on two hosts at once: when last, and in how many looks.
    pub(crate) fn twice(&self, service: &str) -> BTreeMap<String, (Instant, usize)> {
        let prefix = format!("{PROJECT}-{service}-");
        let of = self
            .doubles
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix));
        of.map(|(name, seen)| (name.clone(), *seen)).collect()
    }

    /// How often it has looked.
    pub(crate) fn looks(&self) -> usize {
        self.looks
    }

    /// The next look, at its time.
    fn look(&mut self) -> Look {
        let wait = self.next.saturating_duration_since(Instant::now());
        // It can only time out, for its sender lives in here.
        let _ = self.clock.1.recv_timeout(wait);
        self.next = Instant::now() + PERIOD;
        let on = self.lab.hosts.hosts().iter().filter(|host| host.is_on());
        let look: Look = on.map(|host| (host.name(), names(host))).collect();
        self.looks += 1;
        let mut once = BTreeSet::new();
        for name in look.values().flatten() {
            if !once.insert(name) {
                let seen = self.doubles.entry(name.clone()).or_insert((self.next, 0));
                *seen = (Instant::now(), seen.1 + 1);
            }
        }
        look
    }
}

/// The names of the project's containers that run; none of an engine that is down.
fn names(host: &lab_testkit::hosts::Host) -> BTreeSet<String> {
    // {"label":["…"]} as a query has it.
    let label = format!("com.docker.compose.project={PROJECT}");
    let path = format!("/containers/json?filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
    let answer = host.engine().get(&path).unwrap_or_default();
    let list: Value = serde_json::from_str(&answer).unwrap_or_default();
    let rows = list.as_array().cloned().unwrap_or_default();
    let name = |row: &Value| {
        row["Names"][0]
            .as_str()
            .map(|name| name.trim_start_matches('/').to_owned())
    };
    rows.iter().filter_map(name).collect()
}
