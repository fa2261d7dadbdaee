//! What happened, as one number and, on request, as text.

use std::fmt::{self, Write};

use crate::queue::Micros;

/// The history of a world: a hash of every event, and its lines when they are wanted.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        // FNV-1a's offset basis.
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            lines: keep.then(Vec::new),
        }
    }

    /// Adds one line.
    pub(crate) fn line(&mut self, at: Micros, what: fmt::Arguments<'_>) {
        let (secs, micros) = (at / 1_000_000, at % 1_000_000);
        // Writing to a hash cannot fail.
        let _ = writeln!(self, "{secs:>3}.{micros:06} {what}");
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{secs:>3}.{micros:06} {what}"));
        }
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash ^= u64::from(byte);
            self.hash = self.hash.wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
