//! Who reads which container's log: a container is removed when its readers have come to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

/// The containers whose logs are read now, with the number of readers. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    counts: watch::Sender<BTreeMap<String, usize>>,
}

/// One reader, until it is dropped.
#[derive(Debug)]
pub struct Reader {
    readers: Readers,
    container: String,
}

impl Readers {
    /// A reader that is not yet at the end of the container's log.
    #[must_use]
    pub fn enter(&self, container: &str) -> Reader {
        let container = container.to_owned();
        self.counts.send_modify(|counts| {
            *counts.entry(container.clone()).or_default() += 1;
        });
        Reader {
            readers: self.clone(),
            container,
        }
    }

    /// Waits until nobody reads the container's log, but no longer than `at_most`: a reader whose
    /// user takes nothing must not hold anything up.
    pub async fn gone(&self, container: &str, at_most: Duration) {
        let mut counts = self.counts.subscribe();
        let gone = counts.wait_for(|counts| !counts.contains_key(container));
        // Late or not, the wait is over.
        let _ = tokio::time::timeout(at_most, gone).await;
    }
}

impl Reader {
    /// Whose log it reads.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.counts.send_modify(|counts| {
            if let Some(count) = counts.get_mut(&self.container) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.container);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Readers;

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_with_the_last_reader_of_that_container() {
        let readers = Readers::default();
        let (one, two, other) = (readers.enter("a"), readers.enter("a"), readers.enter("b"));
        let mut wait = std::pin::pin!(readers.gone("a", LONG));
        for reader in [one, two] {
            assert!(futures::poll!(&mut wait).is_pending());
            drop(reader);
        }
        assert!(futures::poll!(&mut wait).is_ready());
        drop(other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_come_to_the_end_holds_nothing_up_for_long() {
        let readers = Readers::default();
        let reader = readers.enter("a");
        let before = tokio::time::Instant::now();
        readers.gone("a", Duration::from_secs(2)).await;
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        drop(reader);
    }
}
