//! What a container is told besides what it runs.

mod limits;
mod names;
mod security;

use lab_types::{Init, Logging, NetworkMode, Process, Stdin, Storage, Terminal};

use super::{Decoder, boolean, labels, text, texts};
use crate::codes;
use crate::project::Container;
use crate::sink::Finding;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

impl Decoder<'_> {
    pub(super) fn container(&mut self, map: &Map, trail: &Trail<'_>) -> Container {
        Container {
            process: process(map),
            host_names: self.host_names(map, trail),
            limits: self.limits(map, trail),
            security: self.security(map, trail),
            isolation: self.isolation(map, trail),
            devices: security::devices(map),
            storage: storage(map),
            logging: logging(map),
            annotations: labels(map, "annotations"),
            network_mode: self.network_mode(map, trail),
            mac_address: self.parsed(map, "mac_address", trail),
        }
    }

    /// The text of `key` as what it stands for, or the report that it does not stand for one.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        map: &Map,
        key: &str,
        trail: &Trail<'_>,
    ) -> Option<T> {
        let node = map.get(key)?;
        let word = node.as_text().filter(|word| !word.is_empty())?;
        self.parsed_word(word, node, &trail.key(key))
    }

    fn parsed_word<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        word: &str,
        node: &Node,
        trail: &Trail<'_>,
    ) -> Option<T> {
        match word.parse() {
            Ok(value) => Some(value),
            Err(invalid) => {
                let message = format!("{trail} cannot be used: {invalid}");
                self.refuse(codes::BAD_CHOICE, node.place, message);
                None
            }
        }
    }

    fn network_mode(&mut self, map: &Map, trail: &Trail<'_>) -> NetworkMode {
        match text(map, "network_mode") {
            Some("none") => NetworkMode::None,
            Some("host") => NetworkMode::Host,
            // The engine's own network is where a container is that joins none.
            None | Some("" | "bridge" | "default") => NetworkMode::Networks,
            Some(other) => {
                self.refuse_other(map, "network_mode", other, "none, host and bridge", trail);
                NetworkMode::Networks
            }
        }
    }

    /// Refuses a word that Compose knows and Tercio cannot act on.
    fn refuse_other(&mut self, map: &Map, key: &str, word: &str, known: &str, trail: &Trail<'_>) {
        let Some(node) = map.get(key) else {
            return;
        };
        let message = format!("Tercio does not support {trail}.{key} `{word}` yet");
        let help = match word.split_once(':') {
            Some(("service" | "container", _)) => {
                "it ties two containers to one node, which Tercio does not do yet; leave it out"
                    .to_owned()
            }
            _ => format!("it supports {known}"),
        };
        self.sink
            .add(Finding::refusal(codes::NOT_SUPPORTED, node.place, message).help(help));
    }
}

fn process(map: &Map) -> Process {
    let said = |key| text(map, key).filter(|text| !text.is_empty());
    Process {
        user: said("user").map(str::to_owned),
        working_dir: said("working_dir").map(str::to_owned),
        terminal: match boolean(map, "tty") {
            Some(true) => Terminal::Tty,
            Some(false) | None => Terminal::None,
        },
        stdin: match boolean(map, "stdin_open") {
            Some(true) => Stdin::Open,
            Some(false) | None => Stdin::Closed,
        },
        init: match boolean(map, "init") {
            Some(true) => Init::Added,
            Some(false) => Init::LeftOut,
            None => Init::EngineDefault,
        },
        stop_signal: said("stop_signal").map(str::to_owned),
    }
}

fn logging(map: &Map) -> Logging {
    let Some(map) = map.map("logging") else {
        return Logging::default();
    };
    Logging {
        driver: text(map, "driver").map(str::to_owned),
        options: labels(map, "options"),
    }
}

fn storage(map: &Map) -> Storage {
    let folders = texts(map, "tmpfs").unwrap_or_default();
    let folder = |folder: String| match folder.split_once(':') {
        Some((path, options)) => (path.to_owned(), options.to_owned()),
        None => (folder, String::new()),
    };
    Storage {
        tmpfs: folders.into_iter().map(folder).collect(),
        options: labels(map, "storage_opt"),
    }
}
