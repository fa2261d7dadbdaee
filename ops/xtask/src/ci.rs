//! Every check and every test, in the order from quick to slow.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::command::{cargo, succeeds};
use crate::finding::{self, Finding};
use crate::lex::Kind;
use crate::source::{self, Source};
use crate::{deps, tidy};

/// Runs all steps, also after a failed one, so that one run shows everything. The tests are last:
/// when all is well, the output ends with their summary.
pub(crate) fn run() -> Result<ExitCode> {
    let mut failed = Vec::new();
    let mut step = |name: &'static str, work: &dyn Fn() -> Result<bool>| -> Result<()> {
        println!("== {name}");
        let started = Instant::now();
        let passed = work()?;
        let word = if passed { "passed" } else { "FAILED" };
        let seconds = started.elapsed().as_secs_f64();
        println!("== {name} {word} in {seconds:.1} s");
        if !passed {
            failed.push(name);
        }
        Ok(())
    };
    step("fmt", &|| {
        succeeds(cargo(&["fmt", "--all", "--", "--check", "-l"]))
    })?;
    step("deps", &|| Ok(passes("deps", &deps::run()?)))?;
    step("tidy", &|| Ok(passes("tidy", &tidy::run()?)))?;
    step("clippy", &|| {
        let words = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        succeeds(cargo(&words))
    })?;
    if has_examples(&source::all()?) {
        step("doc tests", &|| {
            succeeds(cargo(&["test", "-q", "--workspace", "--doc"]))
        })?;
    }
    // The end-to-end tests run the programs, and a test run does not build another package's.
    step("programs", &|| {
        succeeds(cargo(&["build", "--workspace", "--bins"]))
    })?;
    println!("== tests");
    let tested = succeeds(cargo(&["nextest", "run", "--workspace"]))?;
    if !failed.is_empty() {
        // The last line must not be a summary that says all is well.
        println!("== FAILED before the tests: {}", failed.join(", "));
    }
    match tested && failed.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

fn passes(check: &str, findings: &[Finding]) -> bool {
    finding::report(check, findings) == ExitCode::SUCCESS
}

/// Whether some documentation holds an example that can be run: building for that takes a while.
fn has_examples(sources: &[Source]) -> bool {
    sources.iter().any(|source| {
        let mut inside = false;
        let comments = source.pieces.iter().filter(|p| p.kind == Kind::Comment);
        let lines = comments.filter_map(|comment| {
            let doc = comment.text.strip_prefix("///");
            doc.or_else(|| comment.text.strip_prefix("//!"))
        });
        lines
            .filter_map(|line| line.trim().strip_prefix("```"))
            .any(|language| {
                inside = !inside;
                inside && matches!(language, "" | "rust" | "no_run" | "should_panic")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::has_examples;
    use crate::source::Source;

    #[test]
    fn an_example_is_a_fence_in_documentation_that_names_no_other_language() {
        let has = |text| has_examples(&[Source::new("a.rs", text)]);
        assert!(has("/// ```\n/// f();\n/// ```\n"));
        assert!(!has("//! ```text\n//! a -> b\n//! ```\n"));
        assert!(!has("let s = \"/// ```\";\n"));
    }
}
