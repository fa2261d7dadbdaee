//! An error with its causes on one line.

use std::error::Error;
use std::fmt;

/// Prints an error and, after a colon each, its causes; see [`chain`].
pub struct Chain<'a>(&'a (dyn Error + 'static));

/// `error = %chain(&error)`: the one form in which errors are logged.
///
/// A cause that its error already repeats at its end is left out: some libraries print the cause
/// both ways.
#[must_use]
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let (text, rest) = texts.split_first().unwrap();
        let source = (!rest.is_empty()).then(|| Box::new(layers(rest)));
        Layer { text, source }
    }

    #[test]
    fn causes_follow_after_a_colon() {
        let error = layers(&["cannot commit", "no reply", "timed out"]);
        assert_eq!(
            chain(&error).to_string(),
            "cannot commit: no reply: timed out"
        );
    }

    #[test]
    fn a_cause_that_was_already_printed_is_not_printed_again() {
        let error = layers(&["cannot commit", "no reply: timed out", "timed out"]);
        assert_eq!(
            chain(&error).to_string(),
            "cannot commit: no reply: timed out"
        );
    }
}
