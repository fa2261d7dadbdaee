//! The engine's progress messages as lines for a person.

use std::collections::BTreeMap;

/// The longest line passed on; what a build prints beyond it is cut into several lines. 16 KiB is
/// where Docker itself cuts log lines.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// What the engine's old builder puts around a step's standard error.
const COLOURS: [&str; 2] = ["\u{1b}[91m", "\u{1b}[0m"];

/// Turns pieces of text and statuses of layers into whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    unfinished: String,
    ready: Vec<String>,
    layers: BTreeMap<String, String>,
}

impl Lines {
    /// Takes a piece of output, which may hold parts of lines.
    pub fn text(&mut self, piece: &str) {
        for part in piece.split_inclusive('\n') {
            self.unfinished.push_str(part.trim_end_matches('\n'));
            if part.ends_with('\n') || self.unfinished.len() > LINE_BYTES_MAX {
                self.end_line();
            }
        }
    }

    /// Takes the status of a layer; the repeated reports of its progress make one line.
    pub fn status(&mut self, layer: Option<&str>, status: &str) {
        let key = layer.unwrap_or_default();
        if layer.is_some() && self.layers.get(key).is_some_and(|last| last == status) {
            return;
        }
        self.end_line();
        self.ready.push(match layer {
            Some(layer) => format!("{layer}: {status}"),
            None => status.to_owned(),
        });
        self.layers.insert(key.to_owned(), status.to_owned());
    }

    /// The whole lines so far.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ready)
    }

    /// The rest, also when its last line has no end.
    pub fn finish(&mut self) -> Vec<String> {
        self.end_line();
        self.take()
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.unfinished);
        for colour in COLOURS {
            line = line.replace(colour, "");
        }
        // A carriage return rewrites the line: only what stays visible is passed on.
        let visible = line.trim_end_matches('\r').rsplit('\r').next();
        let visible = visible.unwrap_or_default().trim_end();
        if !visible.is_empty() {
            self.ready.push(visible.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn pieces_become_whole_lines_and_nothing_is_lost_at_the_end() {
        let mut lines = Lines::default();
        lines.text("Step 1/2 : FROM a\n ---> 1");
        assert_eq!(lines.take(), ["Step 1/2 : FROM a"]);
        lines.text("2\n\u{1b}[91mwarning\u{1b}[0m\nlast");
        assert_eq!(lines.take(), [" ---> 12", "warning"]);
        assert_eq!(lines.finish(), ["last"]);
    }

    #[test]
    fn the_progress_of_a_layer_is_one_line_per_status() {
        let mut lines = Lines::default();
        for status in ["Downloading", "Downloading", "Pull complete"] {
            lines.status(Some("ab12"), status);
        }
        lines.status(None, "Digest: sha256:00");
        let expected = [
            "ab12: Downloading",
            "ab12: Pull complete",
            "Digest: sha256:00",
        ];
        assert_eq!(lines.finish(), expected);
    }

    #[test]
    fn a_rewritten_line_shows_what_stays_visible() {
        let mut lines = Lines::default();
        lines.text("10%\r50%\r100%\r\ndone\n");
        assert_eq!(lines.take(), ["100%", "done"]);
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_without_limit() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.text(&"x".repeat(1024));
        }
        let longest = lines.finish().iter().map(String::len).max().unwrap();
        assert!(longest <= 18 * 1024, "{longest}");
    }
}
