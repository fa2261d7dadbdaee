//! Whether the ledger on disk is the ledger in memory.

use lab_types::{DurationMs, Fence, Problem, UnixMillis};

use crate::codes::NOT_WRITTEN;

/// How long after a failed write the next is tried: a full disk is not freed within less.
const RETRY: DurationMs = DurationMs::from_secs(1);

#[derive(Clone, Debug)]
pub(super) struct Disk {
    /// The fence in the ledger on disk: all that others are told.
    accepted: Fence,
    /// Whether memory has more than disk.
    dirty: bool,
    /// The fence in the ledger that is being written.
    writing: Option<Fence>,
    retry_at: Option<UnixMillis>,
}

impl Disk {
    /// Disk as it is at the start: it has all but the new boot's number.
    pub(super) const fn new(accepted: Fence) -> Self {
        Self {
            accepted,
            dirty: true,
            writing: None,
            retry_at: None,
        }
    }

    pub(super) fn changed_if(&mut self, changed: bool) {
        self.dirty |= changed;
    }

    /// Whether a write is to begin now.
    pub(super) fn begin_write(&mut self, accepted: Fence, now: UnixMillis) -> bool {
        let is_due = self.retry_at.is_none_or(|at| at <= now);
        let begin = self.dirty && self.writing.is_none() && is_due;
        if begin {
            self.dirty = false;
            self.writing = Some(accepted);
            self.retry_at = None;
        }
        begin
    }

    pub(super) fn written(
        &mut self,
        result: Result<(), String>,
        now: UnixMillis,
    ) -> Option<Problem> {
        let written = self.writing.take()?;
        match result {
            Ok(()) => {
                self.accepted = written;
                None
            }
            Err(why) => {
                self.dirty = true;
                self.retry_at = Some(now.plus(RETRY));
                let message = format!("the agent's ledger cannot be written: {why}");
                let help = "containers go on running; nothing is changed until there is room in the \
                            agent's state directory and it can be written";
                Some(Problem::new(NOT_WRITTEN, message).help(help))
            }
        }
    }

    /// Whether disk has what memory has.
    pub(super) const fn is_settled(&self) -> bool {
        !self.dirty && self.writing.is_none()
    }

    pub(super) const fn accepted(&self) -> Fence {
        self.accepted
    }

    pub(super) fn retry_at(&self) -> Option<UnixMillis> {
        self.retry_at.filter(|_| self.dirty)
    }
}
