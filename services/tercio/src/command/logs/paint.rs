//! One line of a log as it is printed: `web-1  | text`, the names in a column, each in its colour.

use std::collections::BTreeMap;

use lab_wire::request::{OpenedStream, UnopenedStream};
use lab_wire::stream::LogLine;

use super::Options;
use crate::failure::{Failure, Outcome};
use crate::output::moment;
use crate::output::report;
use crate::output::screen::Screen;

/// Colours of names, as Docker's own command takes them in turn: cyan, yellow, green, magenta, blue.
const COLOURS: [u8; 5] = [36, 33, 32, 35, 34];

/// Prints lines with the names of their containers.
#[derive(Debug)]
pub struct Painter {
    screen: Screen,
    prefix: bool,
    timestamps: bool,
    width: usize,
    colours: BTreeMap<String, u8>,
}

impl Painter {
    /// Prints as the options ask.
    #[must_use]
    pub fn new(screen: Screen, options: &Options) -> Self {
        Self {
            screen,
            prefix: !options.no_log_prefix,
            timestamps: options.timestamps,
            width: 0,
            colours: BTreeMap::new(),
        }
    }

    /// Makes room for a name; lines printed before keep their place.
    pub fn know(&mut self, name: &str) {
        self.width = self.width.max(name.chars().count());
        let next = COLOURS[self.colours.len() % COLOURS.len()];
        self.colours.entry(name.to_owned()).or_insert(next);
    }

    /// Prints a line.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub fn print(&self, name: &str, line: &LogLine) -> Outcome {
        let text = self.text(name, line);
        self.screen.print(&text)
    }

    /// Says that a log cannot be read, or no further; the others go on.
    pub(super) fn broken(&self, failure: &Failure) {
        self.screen.say(&report::failure(failure));
    }

    /// Says which containers have ended.
    pub(super) fn ended(&self, lines: &str) {
        if !lines.is_empty() {
            self.screen.say(lines);
        }
    }

    /// The line's text with its end.
    fn text(&self, name: &str, line: &LogLine) -> String {
        let mut text = String::new();
        if self.prefix {
            let prefix = format!("{name:width$}  | ", width = self.width);
            match self.colours.get(name).filter(|_| self.screen.colours) {
                Some(colour) => text.push_str(&format!("\x1b[{colour}m{prefix}\x1b[0m")),
                None => text.push_str(&prefix),
            }
        }
        if self.timestamps {
            text.push_str(&moment::nanos(line.at_unix_ns));
            text.push(' ');
        }
        text.push_str(&String::from_utf8_lossy(&line.text));
        text.push('\n');
        text
    }
}

/// The name lines of a stream bear: `web-1`.
#[must_use]
pub(super) fn name_of(stream: &OpenedStream) -> String {
    match (&stream.service, stream.slot) {
        (Some(service), Some(slot)) => format!("{service}-{slot}"),
        (Some(service), None) => service.to_string(),
        (None, _) => stream.node_name.to_string(),
    }
}

/// Why a log cannot be read, in a person's words.
#[must_use]
pub(super) fn unopened(log: &UnopenedStream) -> Failure {
    let mut problem = log.problem.clone();
    problem.message = format!(
        "the log of {}-{} on node {} cannot be read: {}",
        log.service, log.slot, log.node_name, problem.message
    );
    problem.into()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_wire::stream::{LogLine, LogSource};

    use super::{Options, Painter};
    use crate::output::screen::Screen;

    fn painter(colours: bool, options: &Options) -> Painter {
        let screen = Screen {
            interactive: false,
            live: false,
            colours,
            size: (80, 24),
        };
        let mut painter = Painter::new(screen, options);
        painter.know("web-1");
        painter.know("redis-1");
        painter
    }

    fn line() -> LogLine {
        LogLine {
            at_unix_ns: 1_700_000_000_000_000_042,
            source: LogSource::Stdout,
            text: b"ready".to_vec(),
        }
    }

    #[test]
    fn names_stand_in_a_column_before_the_text() {
        let painter = painter(false, &Options::default());
        expect![[r"
            web-1    | ready
            redis-1  | ready
        "]]
        .assert_eq(&format!(
            "{}{}",
            painter.text("web-1", &line()),
            painter.text("redis-1", &line())
        ));
    }

    #[test]
    fn times_and_bare_lines_are_printed_when_asked_for() {
        let options = Options {
            timestamps: true,
            no_log_prefix: true,
            ..Options::default()
        };
        let text = painter(false, &options).text("web-1", &line());
        assert_eq!(text, "2023-11-14T22:13:20.000000042Z ready\n");
    }

    #[test]
    fn each_name_keeps_its_colour_on_a_terminal() {
        let painter = painter(true, &Options::default());
        let text = painter.text("web-1", &line());
        assert_eq!(text, "\x1b[36mweb-1    | \x1b[0mready\n");
        assert!(painter.text("redis-1", &line()).starts_with("\x1b[33m"));
    }
}
