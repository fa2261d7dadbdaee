//! A lab of hosts with one project, and looks at both sides of it: what the lab says, what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::Duration;

use lab_testkit::hosts::{Host, HostLab, Image, Layout, until};
use serde_json::Value;

/// How long a change may take on a busy machine of two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const IMAGE: &str = "tercio-test/busybox:1";

/// The one project of a lab.
pub(crate) const PROJECT: &str = "shop";

/// A lab with an image on every host.
pub(crate) struct Lab {
    pub(crate) hosts: HostLab,
}

/// What a command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Both streams, for messages.
    pub(crate) fn all(&self) -> String {
        let Self { out, err, code } = self;
        format!("exit {code}\n--- out\n{out}\n--- err\n{err}")
    }

    /// # Panics
    /// When the command failed.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.all());
        self
    }

    /// # Panics
    /// When standard output is not JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

/// A container that runs: where, its name, its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Runs {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) id: String,
}

impl Lab {
    pub(crate) fn start(layout: &Layout) -> Self {
        let hosts = HostLab::start(layout);
        let image = Image::busybox(&hosts, IMAGE);
        hosts.load(&image);
        Self { hosts }
    }

    /// Three hosts with a service `web` of so many replicas, all running, evenly spread.
    pub(crate) fn with_web(layout: &Layout, replicas: usize) -> Self {
        let lab = Self::start(layout);
        lab.up(replicas);
        lab.even(replicas);
        lab
    }

    pub(crate) fn host(&self, number: u8) -> &Host {
        self.hosts.host(number)
    }

    pub(crate) fn tercio(&self, words: &[&str]) -> Said {
        Said::of(self.hosts.tercio(words).output().expect("tercio runs"))
    }

    /// `up -d` of the service `web`, which says now and then where it is, and ends with 0 when it is
    /// asked to end, as well-behaved servers do.
    pub(crate) fn up(&self, replicas: usize) -> Said {
        let text = format!(
            "services:\n  web:\n    image: {IMAGE}\n    \
             command: [sh, -c, 'trap \"exit 0\" TERM; while :; do echo I am $$HOSTNAME; sleep 1 & wait $$!; done']\n    \
             deploy:\n      replicas: {replicas}\n"
        );
        let file = self.hosts.dir().join("compose.yml");
        std::fs::write(&file, text).expect("the lab's folder");
        let file = file.to_string_lossy();
        self.tercio(&["up", "--file", &file, "-p", PROJECT, "-d"])
            .ok()
    }

    pub(crate) fn scale(&self, replicas: usize) -> Said {
        let wish = format!("web={replicas}");
        self.tercio(&["service", "scale", "-p", PROJECT, &wish])
    }

    /// What runs, by the engines of the hosts that are on.
    pub(crate) fn runs(&self) -> Vec<Runs> {
        self.on(self.hosts.hosts().iter())
    }

    /// What runs on these hosts, by their engines.
    pub(crate) fn on<'a>(&self, hosts: impl Iterator<Item = &'a Host>) -> Vec<Runs> {
        let filter = format!("label=com.docker.compose.project={PROJECT}");
        let words = ["ps", "--no-trunc", "--format", "{{.Names}} {{.ID}}"];
        let words = [words.as_slice(), &["--filter", &filter]].concat();
        let on = hosts.filter(|host| host.is_on()).flat_map(|host| {
            let said = host.engine().attempt(&words).unwrap_or_default();
            let lines = said.lines().filter_map(|line| line.split_once(' '));
            let found: Vec<Runs> = lines
                .map(|(name, id)| Runs {
                    host: host.name(),
                    name: name.to_owned(),
                    id: id.to_owned(),
                })
                .collect();
            found
        });
        let mut runs: Vec<Runs> = on.collect();
        runs.sort();
        runs
    }

    /// Waits until exactly these slots run, each once, on hosts that are on.
    #[track_caller]
    pub(crate) fn whole(&self, replicas: usize) -> Vec<Runs> {
        until(
            &format!("{replicas} replicas run once each"),
            PATIENCE,
            || {
                let runs = self.runs();
                is_whole(&runs, replicas).map(|()| runs)
            },
        )
    }

    /// The same, and no host has two more than another.
    #[track_caller]
    pub(crate) fn even(&self, replicas: usize) -> Vec<Runs> {
        until(
            &format!("{replicas} replicas run, evenly"),
            PATIENCE,
            || {
                let runs = self.runs();
                is_whole(&runs, replicas)?;
                let counts = self.counts(&runs);
                let most = counts.values().max().copied().unwrap_or_default();
                let least = counts.values().min().copied().unwrap_or_default();
                match most - least <= 1 {
                    true => Ok(runs),
                    false => Err(format!("{counts:?}")),
                }
            },
        )
    }

    fn counts(&self, runs: &[Runs]) -> BTreeMap<String, usize> {
        let on = self.hosts.hosts().iter().filter(|host| host.is_on());
        let counts = on.map(|host| {
            let name = host.name();
            let count = runs.iter().filter(|run| run.host == name).count();
            (name, count)
        });
        counts.collect()
    }

    /// `liveness` of every node, by its host's name, as the lab sees it.
    pub(crate) fn liveness(&self) -> BTreeMap<String, String> {
        let said = self.tercio(&["node", "ls", "--format", "json"]).ok().json();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let rows = said.as_array().cloned().unwrap_or_default();
        rows.iter()
            .map(|row| (text(row, "name"), text(row, "liveness")))
            .collect()
    }

    /// Waits until a host's node is called this.
    #[track_caller]
    pub(crate) fn awaits(&self, host: &str, liveness: &str) {
        until(&format!("{host} is {liveness}"), PATIENCE, || {
            let all = self.liveness();
            match all.get(host).map(String::as_str) == Some(liveness) {
                true => Ok(()),
                false => Err(format!("{all:?}")),
            }
        });
    }

    /// What the lab has said of nodes that were lost.
    pub(crate) fn losses(&self) -> Vec<String> {
        let all = self.events().into_iter();
        all.filter(|event| event["what"] == "node_lost")
            .map(|event| event["message"].to_string())
            .collect()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let said = self.tercio(&["events", "--since", "1h", "--json"]).ok();
        let lines = said.out.lines();
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

/// Whether slots 1 to `replicas` run, each once.
fn is_whole(runs: &[Runs], replicas: usize) -> Result<(), String> {
    let names: BTreeSet<String> = runs.iter().map(|run| run.name.clone()).collect();
    let expected: BTreeSet<String> = (1..=replicas)
        .map(|slot| format!("{PROJECT}-web-{slot}"))
        .collect();
    match names == expected && runs.len() == replicas {
        true => Ok(()),
        false => Err(format!("{runs:?}")),
    }
}
