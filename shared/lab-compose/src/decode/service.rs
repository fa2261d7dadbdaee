//! One service.

use std::collections::BTreeMap;

use lab_types::{Condition, Dependency, NetworkName, ServiceName};

use super::{Decoder, boolean, extensions, labels, pairs, text, texts};
use crate::codes;
use crate::path;
use crate::project::{Attachment, Build, Restart, Service};
use crate::sink::{Finding, Place};
use crate::suggest::nearest;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

impl Decoder<'_> {
    pub(super) fn service(
        &mut self,
        name: &str,
        map: &Map,
        place: Place,
        trail: &Trail<'_>,
    ) -> Service {
        let image = text(map, "image")
            .filter(|image| !image.is_empty())
            .map(str::to_owned);
        let nameless =
            image.is_none() && map.get("image").is_none_or(|node| node.as_text().is_some());
        if nameless && map.get("build").is_none() {
            let message = format!("{trail} has neither `image` nor `build`");
            self.sink.add(
                Finding::error(codes::NO_IMAGE, place, message)
                    .help("name an image to run, or a folder to build one from"),
            );
        }
        let replicas = self.replicas(map, trail);
        Service {
            image,
            build: self.build(map, trail),
            command: texts(map, "command"),
            entrypoint: texts(map, "entrypoint"),
            environment: self.environment(map, trail),
            ports: self.ports(name, map, replicas, trail),
            mounts: self.mounts(map, trail),
            networks: self.attachments(map, trail),
            depends_on: self.depends_on(name, map, trail),
            healthcheck: self.healthcheck(map, trail),
            restart: self.restart(map, trail),
            replicas,
            labels: labels(map, "labels"),
            profiles: texts(map, "profiles").unwrap_or_default(),
            exclusive: map
                .get("x-tercio")
                .and_then(Node::as_map)
                .and_then(|map| boolean(map, "exclusive")),
            extensions: extensions(map),
        }
    }

    fn build(&mut self, map: &Map, trail: &Trail<'_>) -> Option<Build> {
        let map = map.get("build").and_then(Node::as_map)?;
        let place = map
            .get("context")
            .map_or(Place::default(), |node| node.place);
        let context = match map.get("context") {
            Some(node) => {
                let context = node.as_text()?;
                let remote = ["://", "git@", "github.com/"];
                if remote.iter().any(|mark| context.contains(mark))
                    || context.starts_with("service:")
                {
                    let message = format!(
                        "Tercio does not support the build context `{context}` of {trail} yet"
                    );
                    self.sink.add(
                        Finding::error(codes::NOT_SUPPORTED, node.place, message)
                            .help("the context must be a folder on your machine"),
                    );
                }
                context
            }
            None => ".",
        };
        let mut args = pairs(map, "args");
        for (key, value) in &mut args {
            *value = value.take().or_else(|| self.scope.env.get(key).cloned());
        }
        Some(Build {
            context: self.host_path(context, place),
            dockerfile: text(map, "dockerfile").unwrap_or("Dockerfile").to_owned(),
            args,
        })
    }

    /// A path of the client's machine, absolute.
    pub(super) fn host_path(&mut self, path: &str, place: Place) -> String {
        let home = self.scope.env.get("HOME").map(String::as_str);
        if home.is_none() && (path == "~" || path.starts_with("~/")) {
            let message = format!("\"{path}\" starts at the home folder, and HOME is not set");
            self.error(codes::REQUIRED_VARIABLE, place, message);
        }
        path::expand(self.scope.project_dir, home, path)
    }

    fn attachments(&mut self, map: &Map, trail: &Trail<'_>) -> BTreeMap<NetworkName, Attachment> {
        let mut attachments = BTreeMap::new();
        let Some(node) = map.get("networks") else {
            attachments.extend(
                NetworkName::new("default")
                    .ok()
                    .map(|name| (name, Attachment::default())),
            );
            return attachments;
        };
        let Some(networks) = node.as_map() else {
            return attachments;
        };
        if networks.0.is_empty() {
            attachments.extend(
                NetworkName::new("default")
                    .ok()
                    .map(|name| (name, Attachment::default())),
            );
        }
        for entry in &networks.0 {
            let key = entry.key.as_str();
            if key != "default" && !self.defined.networks.contains(key) {
                let message = format!("{trail} joins the network `{key}`, which is not defined");
                let finding = Finding::error(codes::UNDEFINED_NETWORK, entry.place, message);
                let help = match nearest(key, self.defined.networks.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("define it: `networks: {{{key}: }}` at the top level"),
                };
                self.sink.add(finding.help(help));
                continue;
            }
            let aliases = entry.node.as_map().and_then(|map| texts(map, "aliases"));
            // A bad name is reported where the network is defined.
            if let Ok(name) = NetworkName::new(key) {
                let aliases = aliases.unwrap_or_default();
                attachments.insert(name, Attachment { aliases });
            }
        }
        attachments
    }

    fn depends_on(
        &mut self,
        name: &str,
        map: &Map,
        trail: &Trail<'_>,
    ) -> BTreeMap<ServiceName, Dependency> {
        let mut dependencies = BTreeMap::new();
        let entries = map.get("depends_on").and_then(Node::as_map);
        for entry in entries.map(|map| map.0.as_slice()).unwrap_or_default() {
            let Some(body) = entry.node.as_map() else {
                continue;
            };
            let required = boolean(body, "required").unwrap_or(true);
            let condition = self.condition(body, &trail.key("depends_on").key(&entry.key));
            let known = self.defined.services.contains(entry.key.as_str());
            if !known {
                if required {
                    self.undefined_dependency(&entry.key, entry.place, trail);
                }
                continue;
            }
            let edges = self.edges.entry(name.to_owned()).or_default();
            edges.insert(entry.key.clone(), entry.place);
            if let (Ok(key), Some(condition)) = (ServiceName::new(entry.key.as_str()), condition) {
                dependencies.insert(
                    key,
                    Dependency {
                        condition,
                        required,
                    },
                );
            }
        }
        dependencies
    }

    fn undefined_dependency(&mut self, key: &str, place: Place, trail: &Trail<'_>) {
        let message = format!("{trail} depends on the service `{key}`, which is not defined");
        let finding = Finding::error(codes::UNDEFINED_SERVICE, place, message);
        if let Some(profiles) = ServiceName::new(key)
            .ok()
            .and_then(|name| self.scope.disabled.get(&name))
        {
            let profile = profiles.first().map_or("", String::as_str);
            return self.sink.add(finding.help(format!(
                "its profile is not active: say `--profile {profile}`, or write `required: false`"
            )));
        }
        self.sink
            .add(match nearest(key, self.defined.services.iter().copied()) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help("define it, or write `required: false` if it may be absent"),
            });
    }

    fn condition(&mut self, map: &Map, trail: &Trail<'_>) -> Option<Condition> {
        const ALL: [Condition; 3] = [
            Condition::ServiceStarted,
            Condition::ServiceHealthy,
            Condition::ServiceCompletedSuccessfully,
        ];
        let node = map.get("condition")?;
        let word = node.as_text()?;
        let found = ALL
            .into_iter()
            .find(|condition| condition.to_string() == word);
        if found.is_none() {
            let choices = ALL.map(|condition| condition.to_string()).join(", ");
            let message =
                format!("the condition of {trail} must be one of {choices}, not \"{word}\"");
            self.error(codes::BAD_CHOICE, node.place, message);
        }
        found
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
            self.error(codes::BAD_CHOICE, node.place, message);
        }
        policy
    }

    fn replicas(&mut self, map: &Map, trail: &Trail<'_>) -> Option<u32> {
        let node = map.get("deploy").and_then(Node::as_map)?.get("replicas")?;
        self.count(node, 0, &trail.key("deploy").key("replicas"))
    }

    /// A whole number from `least` to [`COUNT_MAX`].
    pub(super) fn count(&mut self, node: &Node, least: u32, trail: &Trail<'_>) -> Option<u32> {
        let number = node.as_int()?;
        let count = u32::try_from(number)
            .ok()
            .filter(|count| (least..=COUNT_MAX).contains(count));
        if count.is_none() {
            let message = format!("{trail} must be from {least} to {COUNT_MAX}, not {number}");
            self.error(codes::BAD_NUMBER, node.place, message);
        }
        count
    }
}

/// The largest count accepted anywhere: ten times the tasks of the largest lab planned for.
const COUNT_MAX: u32 = 1_000_000;
