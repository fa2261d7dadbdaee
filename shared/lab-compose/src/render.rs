//! Diagnostics and plans as text for people.

use std::fmt::Write as _;

use lab_types::{Diagnostic, Plan, Severity};

/// Lines of a plan that changes nothing.
const NOTHING: &str = "nothing to do\n";

/// Columns of a source line that are shown; the caret stays in view.
const COLUMNS_MAX: usize = 100;

/// One finding: place, code and sentence, the line with a caret below, and what to do.
///
/// ```text
/// docker-compose.yml:4:5: error[CMP0005]: a service has no attribute `imgae`
///   4 |     imgae: redis
///     |     ^
///     = did you mean `image`?
/// ```
#[must_use]
pub fn diagnostic(finding: &Diagnostic) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = String::new();
    if let Some(location) = &finding.location {
        // Writing to a String cannot fail, here and below.
        let _ = write!(out, "{location}: ");
    }
    let _ = writeln!(out, "{severity}[{}]: {}", finding.code, finding.message);
    let line = finding
        .location
        .as_ref()
        .map_or(0, |location| location.line);
    let margin = " ".repeat(line.to_string().len());
    if let (Some(location), Some(source)) = (&finding.location, &finding.source_line) {
        let column = usize::try_from(location.column).unwrap_or(usize::MAX);
        let (shown, caret) = window(source, column.saturating_sub(1));
        let _ = writeln!(out, "  {line} | {shown}");
        let _ = writeln!(out, "  {margin} | {caret}^");
    }
    if let Some(related) = &finding.related {
        let _ = writeln!(out, "  {margin} = see also {related}");
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "  {margin} = {help}");
    }
    out
}

/// Several findings, an empty line between them.
#[must_use]
pub fn diagnostics(findings: &[Diagnostic]) -> String {
    let all: Vec<String> = findings.iter().map(diagnostic).collect();
    all.join("\n")
}

/// The part of a line around a column, and what must stand before the caret to be below it.
fn window(source: &str, column: usize) -> (String, String) {
    let chars: Vec<char> = source
        .chars()
        .map(|c| if c.is_control() && c != '\t' { '·' } else { c })
        .collect();
    let start = if chars.len() > COLUMNS_MAX {
        column.saturating_sub(COLUMNS_MAX / 2)
    } else {
        0
    };
    let start = start.min(chars.len());
    let end = (start + COLUMNS_MAX).min(chars.len());
    let cut = |cut: bool| if cut { "…" } else { "" };
    let middle: String = chars[start..end].iter().collect();
    let shown = format!("{}{middle}{}", cut(start > 0), cut(end < chars.len()));
    // Tabs stay tabs, so that the caret lines up however wide they are shown.
    let before = chars[start..column.clamp(start, end)].iter();
    let caret: String = before
        .map(|c| if *c == '\t' { '\t' } else { ' ' })
        .collect();
    let caret = if start > 0 {
        format!(" {caret}")
    } else {
        caret
    };
    (shown, caret)
}

/// A plan, one operation a line: `[1] -> #2 service:web, create ×1, missing`.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    if plan.operations.is_empty() {
        return NOTHING.to_owned();
    }
    plan.operations
        .iter()
        .fold(String::new(), |mut out, operation| {
            let _ = writeln!(out, "{operation}");
            out
        })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab_types::{Code, Diagnostic, Location, Severity};

    use super::diagnostic;

    fn finding(column: u32, source_line: &str) -> Diagnostic {
        let location = Location {
            file: "a.yml".to_owned(),
            line: 12,
            column,
        };
        Diagnostic {
            location: Some(location.clone()),
            severity: Severity::Error,
            code: Code::of("CMP0002"),
            message: "the key `x` is already given at line 3".to_owned(),
            help: Some("remove or rename one of the two".to_owned()),
            source_line: Some(source_line.to_owned()),
            related: Some(Location {
                line: 3,
                ..location
            }),
        }
    }

    #[test]
    fn a_finding_points_at_its_column() {
        expect![[r#"
            a.yml:12:3: error[CMP0002]: the key `x` is already given at line 3
              12 |   x: 1
                 |   ^
                 = see also a.yml:3:3
                 = remove or rename one of the two
        "#]]
        .assert_eq(&diagnostic(&finding(3, "  x: 1")));
    }

    #[test]
    fn tabs_and_wide_lines_keep_the_caret_below_its_character() {
        let tab = diagnostic(&finding(3, "\tä: x"));
        assert!(tab.contains("\n     | \t ^\n"), "{tab}");
        let long = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let shown = diagnostic(&finding(501, &long));
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[2].chars().position(|c| c == '^');
        assert_eq!(at, lines[1].chars().position(|c| c == 'X'));
        assert!(lines[1].chars().count() < 120, "{}", lines[1]);
    }

    #[test]
    fn a_column_beyond_the_line_is_harmless() {
        assert!(diagnostic(&finding(u32::MAX, "x")).contains("12 | x"));
        assert!(diagnostic(&finding(0, "")).contains("12 | "));
    }
}
