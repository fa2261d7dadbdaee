//! Collects findings with their places, so that all are told at once.

use lab_types::{Code, Diagnostic, Location, Severity};

use crate::codes::{self, CodeInfo};

/// Findings kept of one load. A person reads a few dozen; the rest would only hide them.
const FINDINGS_MAX: usize = 200;

/// Source lines longer than this many bytes are not shown: such a line is no help to anyone.
const SOURCE_LINE_BYTES_MAX: usize = 2_000;

/// Characters of a message or of a help: two lines of a wide terminal. Texts of the user's that are
/// quoted in them may be as long as a file.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// Number of a file within one load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(usize);

/// Where something stands. Line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// The place so many characters further on the same line.
    pub(crate) const fn right(self, characters: u32) -> Self {
        Self {
            column: self.column.saturating_add(characters),
            ..self
        }
    }
}

/// A finding on its way to becoming a diagnostic.
pub(crate) struct Finding {
    severity: Severity,
    /// Whether it hinders only those who would act on the files, not those who read them.
    refuses: bool,
    code: CodeInfo,
    place: Option<Place>,
    message: String,
    help: Option<String>,
    related: Option<Place>,
}

impl Finding {
    pub(crate) fn error(
        code: CodeInfo,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            refuses: false,
            code,
            place: place.into(),
            message: message.into(),
            help: None,
            related: None,
        }
    }

    pub(crate) fn warning(
        code: CodeInfo,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, place, message)
        }
    }

    /// What Compose allows and Tercio does not act on: an error for whoever acts.
    pub(crate) fn refusal(
        code: CodeInfo,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            refuses: true,
            ..Self::error(code, place, message)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) const fn related(mut self, place: Place) -> Self {
        self.related = Some(place);
        self
    }
}

struct FileText {
    name: String,
    text: String,
    /// Byte offset at which each line starts.
    lines: Vec<usize>,
}

/// The findings of one load and the files they speak of.
#[derive(Default)]
pub(crate) struct Sink {
    files: Vec<FileText>,
    found: Vec<Found>,
    errors: usize,
    refusals: usize,
    dropped: usize,
}

/// A finding that was taken in.
#[derive(PartialEq)]
struct Found {
    place: Option<Place>,
    refuses: bool,
    diagnostic: Diagnostic,
}

/// Findings as they are told, in the order of the files and of their lines; those without a place
/// last. Each says whether it is a refusal.
pub(crate) type Told = Vec<(Diagnostic, bool)>;

impl Sink {
    /// Makes a file known; places in it may be reported from now on.
    pub(crate) fn add_file(&mut self, name: &str, text: &str) -> FileId {
        self.files.push(FileText {
            name: name.to_owned(),
            text: text.to_owned(),
            lines: line_starts(text),
        });
        FileId(self.files.len() - 1)
    }

    /// Takes a finding in. The same finding at the same place is kept once.
    pub(crate) fn add(&mut self, finding: Finding) {
        match (finding.severity, finding.refuses) {
            (Severity::Error, true) => self.refusals += 1,
            (Severity::Error, false) => self.errors += 1,
            (Severity::Warning, _) => {}
        }
        if self.is_full() {
            self.dropped += 1;
            return;
        }
        let place = finding.place;
        let diagnostic = Diagnostic {
            location: place.and_then(|place| self.location(place)),
            severity: finding.severity,
            code: Code::of(finding.code.code),
            // A message may end in words that are not ours: the parser's, or the file's.
            message: shortened(finding.message.trim_end_matches('.').to_owned()),
            help: finding.help.map(shortened),
            source_line: place.and_then(|place| self.line(place)),
            related: finding.related.and_then(|place| self.location(place)),
        };
        let found = Found {
            place,
            refuses: finding.refuses,
            diagnostic,
        };
        if !self.found.contains(&found) {
            self.found.push(found);
        }
    }

    /// Whether a further finding would only be counted: then it need not be worded with care.
    pub(crate) const fn is_full(&self) -> bool {
        self.found.len() >= FINDINGS_MAX
    }

    /// Whether anything found makes the files unusable.
    pub(crate) const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether anything found hinders those who would act on the files.
    pub(crate) const fn has_refusals(&self) -> bool {
        self.refusals > 0
    }

    /// All findings.
    pub(crate) fn into_told(mut self) -> Told {
        self.found.sort_by(|left, right| {
            let order = |found: &Found| (found.place.is_none(), found.place);
            let placed = order(left).cmp(&order(right));
            placed.then_with(|| left.diagnostic.cmp(&right.diagnostic))
        });
        let found = self.found.into_iter();
        let mut all: Told = found.map(|one| (one.diagnostic, one.refuses)).collect();
        if self.dropped > 0 {
            let diagnostic = Diagnostic {
                location: None,
                severity: if self.errors + self.refusals > 0 {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                code: Code::of(codes::TOO_MANY_FINDINGS.code),
                message: format!("{} further findings are not shown", self.dropped),
                help: None,
                source_line: None,
                related: None,
            };
            all.push((diagnostic, self.errors == 0 && self.refusals > 0));
        }
        all
    }

    /// All findings, refusals among them.
    #[cfg(test)]
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.into_told().into_iter().map(|(one, _)| one).collect()
    }

    /// The place as it is told.
    pub(crate) fn location(&self, place: Place) -> Option<Location> {
        let file = self.files.get(place.file.0)?;
        Some(Location {
            file: file.name.clone(),
            line: place.line,
            column: place.column,
        })
    }

    fn line(&self, place: Place) -> Option<String> {
        let file = self.files.get(place.file.0)?;
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let start = *file.lines.get(index)?;
        let end = file
            .lines
            .get(index + 1)
            .copied()
            .unwrap_or(file.text.len());
        let line = file.text.get(start..end)?.trim_end_matches(['\r', '\n']);
        (line.len() <= SOURCE_LINE_BYTES_MAX).then(|| line.to_owned())
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Lines end as YAML says: `\n`, `\r\n` or `\r`.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            starts.push(index + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::{FINDINGS_MAX, Finding, Place, Sink};
    use crate::codes;

    #[test]
    fn findings_come_out_in_the_order_of_the_text_with_their_lines() {
        let mut sink = Sink::default();
        let file = sink.add_file("a.yml", "one\r\ntwo\rthree\n");
        for line in [3, 1, 2] {
            let place = Place {
                file,
                line,
                column: 1,
            };
            sink.add(Finding::error(codes::WRONG_TYPE, place, "x"));
        }
        sink.add(Finding::warning(codes::NO_SERVICES, None, "y"));
        let all = sink.into_diagnostics();
        let lines: Vec<_> = all.iter().map(|one| one.source_line.as_deref()).collect();
        assert_eq!(lines, [Some("one"), Some("two"), Some("three"), None]);
    }

    #[test]
    fn a_flood_of_findings_is_cut_and_said_so() {
        let mut sink = Sink::default();
        for n in 0..FINDINGS_MAX + 5 {
            sink.add(Finding::error(codes::WRONG_TYPE, None, format!("{n}")));
        }
        let all = sink.into_diagnostics();
        assert_eq!(all.len(), FINDINGS_MAX + 1);
        assert_eq!(
            all[FINDINGS_MAX].message,
            "5 further findings are not shown"
        );
    }
}
