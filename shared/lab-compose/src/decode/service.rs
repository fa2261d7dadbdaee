//! One service.

use std::collections::BTreeMap;

use lab_types::{Condition, Dependency, NetworkName, Resources, ServiceName};

use super::{Decoder, boolean, labels, pairs, text, texts};
use crate::check::COUNT_MAX;
use crate::codes;
use crate::project::{Attachment, Build, Restart, Service};
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Map, Node, Value};

impl Decoder<'_> {
    pub(super) fn service(&mut self, name: &str, map: &Map, trail: &Trail<'_>) -> Service {
        let image = text(map, "image").filter(|image| !image.is_empty());
        let replicas = self.replicas(map, trail);
        self.policies(map, trail);
        Service {
            image: image.map(str::to_owned),
            build: self.build(map, trail),
            command: texts(map, "command"),
            entrypoint: texts(map, "entrypoint"),
            environment: pairs(map, "environment"),
            ports: self.ports(name, map, replicas, trail),
            mounts: self.mounts(map, trail),
            networks: attachments(map),
            depends_on: self.depends_on(map),
            healthcheck: self.healthcheck(map, trail),
            restart: self.restart(map, trail),
            replicas,
            labels: labels(map, "labels"),
            stop_grace: self.duration(map, "stop_grace_period", trail),
            reservation: self.reservation(map, trail),
            exclusive: map
                .get("x-tercio")
                .and_then(Node::as_map)
                .and_then(|map| boolean(map, "exclusive")),
        }
    }

    /// Words that mean what Tercio does anyway; others are refused.
    fn policies(&mut self, map: &Map, trail: &Trail<'_>) {
        let deploy = map.map("deploy");
        let mode = deploy.and_then(|map| map.get("mode"));
        let policy = map.get("pull_policy");
        let rules: [(_, &[&str], _); 2] = [
            (
                policy,
                &["missing"],
                "leave it out: an image that is missing is pulled",
            ),
            (
                mode,
                &["replicated", ""],
                "leave it out, and say how many with `replicas`",
            ),
        ];
        let keys = ["pull_policy", "deploy.mode"];
        for ((node, known, help), key) in rules.into_iter().zip(keys) {
            let Some((node, word)) = node.and_then(|node| Some((node, node.as_text()?))) else {
                continue;
            };
            if !known.contains(&word) {
                let message = format!("Tercio does not support {trail}.{key} `{word}` yet");
                self.sink
                    .add(Finding::refusal(codes::NOT_SUPPORTED, node.place, message).help(help));
            }
        }
    }

    /// What `deploy.resources.reservations` asks for.
    fn reservation(&mut self, map: &Map, trail: &Trail<'_>) -> Resources {
        let resources = map.map("deploy").and_then(|map| map.map("resources"));
        let Some(map) = resources.and_then(|map| map.map("reservations")) else {
            return Resources::default();
        };
        let memory = map.get("memory").and_then(Node::as_text);
        let cpus = map.get("cpus").and_then(|node| match node.value {
            Value::Float(value) => Some((value, node.place)),
            _ => None,
        });
        let nano_cpus = match cpus {
            Some((cpus, place)) if !(0.0..CPUS_MAX).contains(&cpus) => {
                let message = format!("{trail} reserves {cpus} CPUs, which no node has");
                self.refuse(codes::BAD_NUMBER, place, message);
                0
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range was checked"
            )]
            Some((cpus, _)) => (cpus * 1e9).round() as u64,
            None => 0,
        };
        Resources {
            nano_cpus,
            memory_bytes: memory.and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }

    fn build(&mut self, map: &Map, trail: &Trail<'_>) -> Option<Build> {
        let map = map.map("build")?;
        let node = map.get("context")?;
        let context = node.as_text()?;
        if !context.starts_with('/') {
            let message =
                format!("Tercio does not support the build context `{context}` of {trail} yet");
            self.sink.add(
                Finding::refusal(codes::NOT_SUPPORTED, node.place, message)
                    .help("the context must be a folder on your machine"),
            );
        }
        Some(Build {
            context: context.to_owned(),
            dockerfile: text(map, "dockerfile").unwrap_or("Dockerfile").to_owned(),
            args: pairs(map, "args"),
            labels: labels(map, "labels"),
            no_cache: boolean(map, "no_cache").unwrap_or(false),
            pull: boolean(map, "pull").unwrap_or(false),
        })
    }

    fn depends_on(&self, map: &Map) -> BTreeMap<ServiceName, Dependency> {
        let mut dependencies = BTreeMap::new();
        let entries = map.map("depends_on").map(|map| map.0.as_slice());
        for entry in entries.unwrap_or_default() {
            let Some(body) = entry.node.as_map() else {
                continue;
            };
            let known = self
                .root
                .map("services")
                .is_some_and(|map| map.get(&entry.key).is_some());
            let name = ServiceName::new(entry.key.as_str()).ok().filter(|_| known);
            if let (Some(name), Some(condition)) = (name, condition(body)) {
                let required = boolean(body, "required").unwrap_or(true);
                let dependency = Dependency {
                    condition,
                    required,
                };
                dependencies.insert(name, dependency);
            }
        }
        dependencies
    }

    fn restart(&mut self, map: &Map, trail: &Trail<'_>) -> Option<Restart> {
        let node = map.get("restart")?;
        let word = node.as_text()?;
        let policy = match word.split_once(':') {
            None => match word {
                "no" => Some(Restart::No),
                "always" => Some(Restart::Always),
                "unless-stopped" => Some(Restart::UnlessStopped),
                "on-failure" => Some(Restart::OnFailure(None)),
                _ => None,
            },
            Some(("on-failure", most)) => {
                most.parse().ok().map(|most| Restart::OnFailure(Some(most)))
            }
            Some(_) => None,
        };
        if policy.is_none() {
            let message = format!(
                "{trail}.restart must be no, always, unless-stopped, on-failure or on-failure:N, not \"{word}\""
            );
            self.refuse(codes::BAD_CHOICE, node.place, message);
        }
        policy
    }

    fn replicas(&mut self, map: &Map, trail: &Trail<'_>) -> Option<u32> {
        let replicas = map.map("deploy").and_then(|map| map.get("replicas"));
        match (map.get("scale"), replicas) {
            (Some(scale), _) => self.count(scale, &trail.key("scale")),
            (None, Some(node)) => self.count(node, &trail.key("deploy").key("replicas")),
            (None, None) => None,
        }
    }

    /// A whole number up to [`COUNT_MAX`].
    pub(super) fn count(&mut self, node: &Node, trail: &Trail<'_>) -> Option<u32> {
        let number = node.as_int()?;
        let count = u32::try_from(number)
            .ok()
            .filter(|count| *count <= COUNT_MAX);
        // One below zero was told as an error before.
        if count.is_none() && number > 0 {
            let message = format!("{trail} must be from 0 to {COUNT_MAX}, not {number}");
            self.refuse(codes::BAD_NUMBER, node.place, message);
        }
        count
    }
}

/// CPUs of a node: more than any machine has, and far less than would not fit.
const CPUS_MAX: f64 = 1e6;

fn attachments(map: &Map) -> BTreeMap<NetworkName, Attachment> {
    let networks = map.map("networks").map(|map| map.0.as_slice());
    let joined = networks.unwrap_or_default().iter().filter_map(|entry| {
        let aliases = entry.node.as_map().and_then(|map| texts(map, "aliases"));
        let aliases = aliases.unwrap_or_default();
        // A bad name is reported where the network is defined.
        let name = NetworkName::new(entry.key.as_str()).ok()?;
        Some((name, Attachment { aliases }))
    });
    joined.collect()
}

fn condition(map: &Map) -> Option<Condition> {
    let word = text(map, "condition")?;
    let all = [
        Condition::ServiceStarted,
        Condition::ServiceHealthy,
        Condition::ServiceCompletedSuccessfully,
    ];
    all.into_iter()
        .find(|condition| condition.to_string() == word)
}
