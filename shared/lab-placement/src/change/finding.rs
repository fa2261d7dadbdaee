//! Findings of an admission, gathered so that all are told at once.

use lab_types::{Code, Diagnostic, Problem, Severity};

use crate::codes;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Finding {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            help: help.into(),
        }
    }
}

/// Nothing when there is no finding; one finding as it is; several under one roof.
pub(super) fn refuse_if_any(subject: &str, mut findings: Vec<Finding>) -> Result<(), Problem> {
    match findings.len() {
        0 => Ok(()),
        1 => {
            let only = findings.remove(0);
            Err(Problem::new(only.code, only.message).help(only.help))
        }
        several => {
            let diagnostics = findings.into_iter().map(diagnostic).collect();
            let message = format!("{subject} breaks {several} rules, so nothing was changed");
            Err(Problem::new(codes::SEVERAL, message)
                .help("see the single findings")
                .diagnostics(diagnostics))
        }
    }
}

fn diagnostic(finding: Finding) -> Diagnostic {
    Diagnostic {
        location: None,
        severity: Severity::Error,
        code: Code::of(finding.code),
        message: finding.message,
        help: Some(finding.help),
        source_line: None,
        related: None,
    }
}
