//! The engine's frames of a log, put together to lines.

use bollard::container::LogOutput;
use bytes::Bytes;
use lab_wire::stream::{LogLine, LogSource};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The longest line passed on in one piece. A batch of lines must fit one frame of a stream
/// (128 KiB), and Docker itself cuts at 16 KiB.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Puts lines together that the engine cut into pieces, for each source by itself.
#[derive(Debug, Default)]
pub struct Assembler {
    stdout: Unfinished,
    stderr: Unfinished,
}

#[derive(Debug, Default)]
struct Unfinished {
    at_unix_ns: u64,
    text: Vec<u8>,
    begun: bool,
}

impl Assembler {
    /// Takes a frame, which starts with the time of its line; returns the line that it ends, if any.
    pub fn push(&mut self, frame: LogOutput) -> Option<LogLine> {
        let (source, unfinished) = match &frame {
            LogOutput::StdErr { .. } => (LogSource::Stderr, &mut self.stderr),
            LogOutput::StdOut { .. } | LogOutput::StdIn { .. } | LogOutput::Console { .. } => {
                (LogSource::Stdout, &mut self.stdout)
            }
        };
        unfinished.push(source, &frame.into_bytes())
    }

    /// What has no line end when the log ends.
    pub fn finish(&mut self) -> Vec<LogLine> {
        let stdout = self.stdout.take(LogSource::Stdout);
        stdout
            .into_iter()
            .chain(self.stderr.take(LogSource::Stderr))
            .collect()
    }
}

impl Unfinished {
    fn push(&mut self, source: LogSource, frame: &Bytes) -> Option<LogLine> {
        let (at, text) = split_time(frame);
        if !self.begun {
            self.at_unix_ns = at.unwrap_or(self.at_unix_ns);
            self.begun = true;
        }
        let (text, ends) = match text.split_last() {
            Some((b'\n', rest)) => (rest, true),
            Some(_) | None => (text, false),
        };
        self.text.extend_from_slice(text);
        match ends || self.text.len() >= LINE_BYTES_MAX {
            true => self.take(source),
            false => None,
        }
    }

    fn take(&mut self, source: LogSource) -> Option<LogLine> {
        if !std::mem::take(&mut self.begun) {
            return None;
        }
        Some(LogLine {
            at_unix_ns: self.at_unix_ns,
            source,
            text: std::mem::take(&mut self.text),
        })
    }
}

/// `2024-05-06T07:08:09.000000001Z text` → the time and the text. Without a time, all is text.
fn split_time(frame: &[u8]) -> (Option<u64>, &[u8]) {
    let Some(space) = frame.iter().position(|byte| *byte == b' ') else {
        return (None, frame);
    };
    match std::str::from_utf8(&frame[..space]).ok().and_then(unix_ns) {
        Some(at) => (Some(at), &frame[space + 1..]),
        None => (None, frame),
    }
}

/// Reads a time as the engine writes it; absent before 1970 and for the engine's "never"
/// (`0001-01-01T00:00:00Z`).
#[must_use]
pub fn unix_ns(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use bollard::container::LogOutput;
    use lab_wire::stream::LogSource;

    use super::{Assembler, LINE_BYTES_MAX, unix_ns};

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut {
            message: text.to_owned().into(),
        }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr {
            message: text.to_owned().into(),
        }
    }

    #[test]
    fn a_line_carries_its_time_and_source_and_no_line_end() {
        let line = Assembler::default()
            .push(err("2024-05-06T07:08:09.000000001Z a b\n"))
            .unwrap();
        assert_eq!(line.at_unix_ns, 1_714_979_289_000_000_001);
        assert_eq!(
            (line.source, line.text.as_slice()),
            (LogSource::Stderr, &b"a b"[..])
        );
    }

    #[test]
    fn pieces_of_a_long_line_are_joined_for_each_source_by_itself() {
        let mut lines = Assembler::default();
        assert_eq!(lines.push(out("2024-05-06T07:08:09.1Z one ")), None);
        let other = lines.push(err("2024-05-06T07:08:09.2Z other\n")).unwrap();
        assert_eq!(other.text, b"other");
        let one = lines.push(out("2024-05-06T07:08:09.1Z two\n")).unwrap();
        assert_eq!(one.text, b"one two");
    }

    #[test]
    fn the_last_line_is_kept_when_it_has_no_end_and_an_empty_line_is_a_line() {
        let mut lines = Assembler::default();
        assert_eq!(
            lines.push(out("2024-05-06T07:08:09.1Z \n")).unwrap().text,
            b""
        );
        assert_eq!(lines.push(out("2024-05-06T07:08:09.2Z end")), None);
        let rest = lines.finish();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].text, b"end");
        assert_eq!(lines.finish(), []);
    }

    #[test]
    fn a_line_without_an_end_is_cut_before_it_grows_too_long_for_a_frame() {
        let mut lines = Assembler::default();
        let piece = format!("2024-05-06T07:08:09.1Z {}", "x".repeat(16 * 1024));
        let cut: Vec<_> = (0..9).filter_map(|_| lines.push(out(&piece))).collect();
        assert_eq!(
            cut.iter().map(|line| line.text.len()).collect::<Vec<_>>(),
            [LINE_BYTES_MAX; 2]
        );
        assert_eq!(lines.finish()[0].text.len(), 16 * 1024);
    }

    #[test]
    fn what_does_not_begin_with_a_time_is_text_and_the_engines_never_is_no_time() {
        let line = Assembler::default().push(out("no time\n")).unwrap();
        assert_eq!(line.text, b"no time");
        assert_eq!(unix_ns("0001-01-01T00:00:00Z"), None);
    }
}
