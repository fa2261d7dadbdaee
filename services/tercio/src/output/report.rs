//! Failures as text for people: code, sentence, place, what next. Never a debug dump.

use lab_types::{Diagnostic, Problem, Severity};

use crate::failure::Failure;

/// The text for a failure, each line with its end; empty when everything has been said.
#[must_use]
pub fn failure(failure: &Failure) -> String {
    match failure {
        Failure::Problem(problem) => self::problem(problem),
        Failure::Findings(findings) => self::findings(findings),
        Failure::Cancelled(sentence) => format!("{sentence}\n"),
        Failure::Said | Failure::Exit(_) => String::new(),
        Failure::Usage(sentence) => format!("error: {sentence}\n"),
    }
}

/// The text for a problem with its findings.
#[must_use]
pub fn problem(problem: &Problem) -> String {
    let mut text = format!("error[{}]: {}\n", problem.code, problem.message);
    if let Some(help) = &problem.help {
        text.push_str(&indented("  help: ", help));
    }
    for finding in &problem.diagnostics {
        text.push_str(&lab_compose::render::diagnostic(finding));
    }
    text
}

/// The text for findings in files, and how many there are when there is more than one error.
#[must_use]
pub fn findings(findings: &[Diagnostic]) -> String {
    let mut text: String = findings
        .iter()
        .map(lab_compose::render::diagnostic)
        .collect();
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    if errors > 1 {
        text.push_str(&format!("{errors} errors; nothing was changed\n"));
    }
    text
}

/// `lead` before the first line, as many spaces before the others.
fn indented(lead: &str, text: &str) -> String {
    let margin = " ".repeat(lead.len());
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        out.push_str(if index == 0 { lead } else { &margin });
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{Code, Diagnostic, Location, Problem, Severity};

    use crate::failure::Failure;

    fn finding() -> Diagnostic {
        Diagnostic {
            location: Some(Location {
                file: "docker-compose.yml".into(),
                line: 12,
                column: 5,
            }),
            severity: Severity::Error,
            code: Code::of("CMP0007"),
            message: "unknown key `portz` in service web".into(),
            help: Some("did you mean `ports`?".into()),
            source_line: Some("    portz:".into()),
            related: None,
        }
    }

    #[test]
    fn a_problem_shows_code_sentence_and_help_on_lines_of_their_own() {
        let problem = Problem::new("CLI0001", "the lab does not answer")
            .help("is it running? `tercio lab status` tells\nor start it: `tercio lab start`");
        expect![[r"
            error[CLI0001]: the lab does not answer
              help: is it running? `tercio lab status` tells
                    or start it: `tercio lab start`
        "]]
        .assert_eq(&super::failure(&problem.into()));
    }

    #[test]
    fn findings_show_their_line_and_are_counted() {
        let second = Diagnostic {
            location: None,
            help: None,
            source_line: None,
            related: Some(Location {
                file: "b.yml".into(),
                line: 1,
                column: 1,
            }),
            ..finding()
        };
        expect![[r#"
            docker-compose.yml:12:5: error[CMP0007]: unknown key `portz` in service web
              12 |     portz:
                 |     ^
                 = did you mean `ports`?
            error[CMP0007]: unknown key `portz` in service web
                = see also b.yml:1:1
            2 errors; nothing was changed
        "#]]
        .assert_eq(&super::failure(&Failure::Findings(vec![finding(), second])));
    }
}
