//! Health checks.

use lab_types::DurationMs;

use super::{Decoder, boolean, texts};
use crate::codes;
use crate::project::HealthCheck;
use crate::sink::Finding;
use crate::text::duration_ns;
use crate::trail::Trail;
use crate::yaml::{Map, Node};

impl Decoder<'_> {
    pub(super) fn healthcheck(&mut self, map: &Map, trail: &Trail<'_>) -> Option<HealthCheck> {
        let node = map.get("healthcheck")?;
        let map = node.as_map()?;
        let trail = trail.key("healthcheck");
        let disabled = boolean(map, "disable").unwrap_or(false);
        if !disabled && map.get("test").is_none() {
            let message = format!("Tercio does not support {trail} without a `test` yet");
            self.sink.add(
                Finding::refusal(codes::NOT_SUPPORTED, node.place, message)
                    .help("repeat the image's own test here, or remove the health check"),
            );
        }
        self.check_test(map, &trail);
        let retries = map.get("retries");
        Some(HealthCheck {
            disabled,
            test: texts(map, "test").unwrap_or_default(),
            interval: self.duration(map, "interval", &trail),
            timeout: self.duration(map, "timeout", &trail),
            retries: retries.and_then(|node| self.count(node, &trail.key("retries"))),
            start_period: self.duration(map, "start_period", &trail),
            start_interval: self.duration(map, "start_interval", &trail),
        })
    }

    fn check_test(&mut self, map: &Map, trail: &Trail<'_>) {
        let (Some(node), Some(test)) = (map.get("test"), texts(map, "test")) else {
            return;
        };
        let words: Vec<&str> = test.iter().map(String::as_str).collect();
        let fault = match words.as_slice() {
            ["NONE"] | ["CMD", _, ..] | ["CMD-SHELL", _] => return,
            [] | ["CMD" | "CMD-SHELL"] => "it names nothing to run",
            ["NONE" | "CMD-SHELL", ..] => "its first word takes fewer words after it",
            // Told as an error before.
            _ => return,
        };
        let message = format!("the test of {trail} cannot be read: {fault}");
        self.sink.add(
            Finding::refusal(codes::BAD_HEALTHCHECK, node.place, message)
                .help("write a text for the shell, or a list such as [\"CMD\", \"curl\", \"-f\", \"localhost\"]"),
        );
    }

    pub(super) fn duration(
        &mut self,
        map: &Map,
        key: &str,
        trail: &Trail<'_>,
    ) -> Option<DurationMs> {
        let node: &Node = map.get(key)?;
        let word = node.as_text()?;
        let path = trail.key(key);
        let message = match duration_ns(word) {
            Some(ns) if ns % 1_000_000 == 0 => return Some(DurationMs(ns / 1_000_000)),
            Some(_) => format!("{path} is finer than a millisecond: \"{word}\""),
            None => format!("{path} is negative: \"{word}\""),
        };
        self.sink.add(
            Finding::refusal(codes::BAD_DURATION, node.place, message)
                .help("write a number with a unit, such as 30s, 1m30s or 500ms"),
        );
        None
    }
}
