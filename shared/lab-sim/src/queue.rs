//! What will happen, in the order of virtual time.

use std::collections::BTreeMap;

/// Virtual time since the start of the world, in microseconds.
pub(crate) type Micros = u64;

/// One millisecond.
pub(crate) const MS: Micros = 1_000;

/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

/// Events by time; those of one moment in the order in which they were put in.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    events: BTreeMap<(Micros, u64), E>,
    put: u64,
}

impl<E> Queue<E> {
    pub(crate) const fn new() -> Self {
        Self {
            events: BTreeMap::new(),
            put: 0,
        }
    }

    pub(crate) fn put(&mut self, at: Micros, event: E) {
        self.put += 1;
        self.events.insert((at, self.put), event);
    }

    pub(crate) fn next(&mut self) -> Option<(Micros, E)> {
        let ((at, _), event) = self.events.pop_first()?;
        Some((at, event))
    }
}
