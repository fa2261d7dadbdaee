//! Standard output and standard error.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// What is known of the two outputs. Results go to standard output, everything said on the way to
/// standard error, so that a script reads results only.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether standard input and standard error are a person's terminal: questions can be asked.
    pub interactive: bool,
    /// Whether standard error is a terminal: lines can be rewritten.
    pub live: bool,
    /// Whether standard output takes colours.
    pub colours: bool,
    /// Columns and rows of the terminal behind standard error.
    pub size: (usize, usize),
}

/// What a terminal has had at least since there are terminals.
const SIZE_DEFAULT: (usize, usize) = (80, 24);

impl Screen {
    /// Looks at this process's outputs; `NO_COLOR` and `TERM=dumb` are respected.
    #[must_use]
    pub fn look(variable: impl Fn(&str) -> Option<String>) -> Self {
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let plain = dumb || variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let stderr = std::io::stderr().is_terminal();
        Self {
            interactive: stderr && std::io::stdin().is_terminal(),
            live: stderr && !dumb,
            colours: !plain && std::io::stdout().is_terminal(),
            size: rustix::termios::tcgetwinsize(std::io::stderr())
                .ok()
                .filter(|size| size.ws_col > 0 && size.ws_row > 0)
                .map_or(SIZE_DEFAULT, |size| {
                    (size.ws_col.into(), size.ws_row.into())
                }),
        }
    }

    /// Writes a result to standard output.
    ///
    /// # Errors
    /// [`Failure::Said`] when nobody reads it any more.
    pub fn print(&self, text: &str) -> Outcome {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|_| Failure::Said)
    }

    /// Writes a value as one line of JSON to standard output.
    ///
    /// # Errors
    /// As [`Screen::print`].
    pub fn print_json<T: Serialize>(&self, value: &T) -> Outcome {
        let text = serde_json::to_string(value).expect("invariant: what is printed fits JSON");
        self.print(&format!("{text}\n"))
    }

    /// Writes a value as indented JSON to standard output.
    ///
    /// # Errors
    /// As [`Screen::print`].
    pub fn print_pretty<T: Serialize>(&self, value: &T) -> Outcome {
        let text = serde_json::to_string_pretty(value);
        let text = text.expect("invariant: what is printed fits JSON");
        self.print(&format!("{text}\n"))
    }

    /// Writes to standard error, as far as that is open.
    pub fn say(&self, text: &str) {
        // Nobody is left to be told that nobody listens.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Asks a question that is answered by yes or no; anything but `y` or `yes` is no.
    ///
    /// # Cancel safety
    /// Safe, but the answer that is being typed is lost.
    pub async fn confirms(&self, question: &str) -> bool {
        self.say(&format!("{question} [y/N] "));
        // A read that nobody waits for any more ends with the process.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        match line.await {
            Ok(Ok(line)) => is_yes(&line),
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(["y\n", "Yes\n", " YES "].iter().all(|line| is_yes(line)));
        assert!(
            !["", "\n", "n\n", "yep\n", "y y\n"]
                .iter()
                .any(|line| is_yes(line))
        );
    }
}
