//! Trying again, later each time.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::config::HumanDuration;

/// How long to wait between tries: `min`, doubled each time up to `max`, each shortened by a random
/// part of it so that many clients do not come back in step. Always valid: made by
/// [`Backoff::try_new`], also when it comes from a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Backoff {
    min: Duration,
    max: Duration,
    jitter: f64,
}

/// A back-off as written in a configuration: `{ min = "100ms", max = "10s", jitter = 0.5 }`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    min: HumanDuration,
    max: HumanDuration,
    #[serde(default = "half")]
    jitter: f64,
}

const fn half() -> f64 {
    0.5
}

/// Why numbers are not a back-off.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// It would try without a pause.
    #[error("the shortest wait must be longer than zero")]
    MinIsZero,
    /// It would grow downwards.
    #[error("the shortest wait ({min:?}) is longer than the longest ({max:?})")]
    MinAboveMax {
        /// The shortest wait.
        min: Duration,
        /// The longest wait.
        max: Duration,
    },
    /// It is not a part of the wait.
    #[error("the jitter must lie between 0 and 1, and is {0}")]
    Jitter(f64),
}

impl Backoff {
    /// Checks the numbers. `jitter` is the part of each wait that is left to chance, 0 to 1.
    ///
    /// # Errors
    /// [`InvalidBackoff`] names the rule that was broken.
    pub fn try_new(min: Duration, max: Duration, jitter: f64) -> Result<Self, InvalidBackoff> {
        if min.is_zero() {
            return Err(InvalidBackoff::MinIsZero);
        }
        if min > max {
            return Err(InvalidBackoff::MinAboveMax { min, max });
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(InvalidBackoff::Jitter(jitter));
        }
        Ok(Self { min, max, jitter })
    }

    /// For constants: half of each wait is left to chance.
    ///
    /// # Panics
    /// When `min_ms` is zero or above `max_ms`; in a `const` that is an error of the compiler.
    #[must_use]
    pub const fn of_millis(min_ms: u64, max_ms: u64) -> Self {
        assert!(
            min_ms > 0 && min_ms <= max_ms,
            "invariant: 0 < min_ms <= max_ms"
        );
        Self {
            min: Duration::from_millis(min_ms),
            max: Duration::from_millis(max_ms),
            jitter: half(),
        }
    }

    /// The wait before the try after `failures` failures (1 for the first), with `chance` from 0
    /// (the whole wait) to 1 (as short as the jitter allows).
    #[must_use]
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.min.saturating_mul(1 << doublings).min(self.max);
        whole.mul_f64(1.0 - self.jitter * chance.clamp(0.0, 1.0))
    }
}

impl TryFrom<Parts> for Backoff {
    type Error = InvalidBackoff;
    fn try_from(parts: Parts) -> Result<Self, InvalidBackoff> {
        Self::try_new(parts.min.0, parts.max.0, parts.jitter)
    }
}

impl From<Backoff> for Parts {
    fn from(backoff: Backoff) -> Self {
        Self {
            min: HumanDuration(backoff.min),
            max: HumanDuration(backoff.max),
            jitter: backoff.jitter,
        }
    }
}

/// Whether another try may help; the adapter that made the error knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hope {
    /// It may pass: try again.
    Transient,
    /// It will not: give up.
    Permanent,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The work should stop.
    #[error("stopped after {tries} tries")]
    Cancelled {
        /// How many tries failed.
        tries: u32,
        /// What the last of them said, if there was one.
        #[source]
        last: Option<E>,
    },
    /// Another try would not help, or was one too many.
    #[error("given up after {tries} tries")]
    GivenUp {
        /// How many tries failed.
        tries: u32,
        /// What the last of them said.
        #[source]
        source: E,
    },
}

/// When to stop trying.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Ends the wait, and the try under way.
    pub stop: &'a CancellationToken,
    /// At most so many tries; `None` for as long as it takes.
    pub tries_max: Option<u32>,
}

/// Calls `work` until it succeeds, fails for good, or the limits end it.
///
/// # Errors
/// [`Error::GivenUp`] with the last failure, or [`Error::Cancelled`].
///
/// # Cancel safety
/// The try under way is dropped when the stop is requested, so `work` must bear that.
pub async fn retry<T, E, F>(
    backoff: Backoff,
    limits: Limits<'_>,
    hope: impl Fn(&E) -> Hope,
    mut work: impl FnMut() -> F,
) -> Result<T, Error<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 0;
    let mut last = None;
    loop {
        let result = tokio::select! {
            biased;
            () = limits.stop.cancelled() => return Err(Error::Cancelled { tries, last }),
            result = work() => result,
        };
        let source = match result {
            Ok(value) => return Ok(value),
            Err(source) => source,
        };
        tries += 1;
        let one_too_many = limits.tries_max.is_some_and(|max| tries >= max);
        if one_too_many || hope(&source) == Hope::Permanent {
            return Err(Error::GivenUp { tries, source });
        }
        last = Some(source);
        tokio::select! {
            biased;
            () = limits.stop.cancelled() => return Err(Error::Cancelled { tries, last }),
            // Cancel-safe: the wait has no effect.
            () = tokio::time::sleep(backoff.wait(tries, rand::random())) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::{Backoff, Error, Hope, InvalidBackoff, Limits, retry};

    const SLOW: Backoff = Backoff::of_millis(100, 1000);

    fn limits(stop: &CancellationToken, tries_max: Option<u32>) -> Limits<'_> {
        Limits { stop, tries_max }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_only_shortens() {
        let whole = [1, 2, 3, 4, 5, 40, u32::MAX].map(|n| SLOW.wait(n, 0.0).as_millis());
        assert_eq!(whole, [100, 200, 400, 800, 1000, 1000, 1000]);
        assert_eq!(SLOW.wait(1, 1.0).as_millis(), 50);
    }

    #[test]
    fn numbers_that_cannot_work_are_refused_by_name() {
        let (zero, one) = (Duration::ZERO, Duration::from_secs(1));
        assert_eq!(
            Backoff::try_new(zero, one, 0.5),
            Err(InvalidBackoff::MinIsZero)
        );
        let downwards = Backoff::try_new(one * 2, one, 0.5);
        assert!(matches!(downwards, Err(InvalidBackoff::MinAboveMax { .. })));
        for jitter in [-0.1, 1.1, f64::NAN] {
            let refused = Backoff::try_new(one, one, jitter);
            assert!(matches!(refused, Err(InvalidBackoff::Jitter(_))));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_tries_until_it_succeeds_and_waits_in_between() {
        let stop = CancellationToken::new();
        let started = tokio::time::Instant::now();
        let mut left = 3;
        let result = retry(
            SLOW,
            limits(&stop, None),
            |_: &&str| Hope::Transient,
            || {
                left -= 1;
                std::future::ready(if left > 0 { Err("not yet") } else { Ok(left) })
            },
        )
        .await;
        assert_eq!(result.unwrap(), 0);
        let waited = started.elapsed().as_millis();
        assert!((150..=302).contains(&waited), "{waited} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_failure_and_the_last_allowed_try_give_up() {
        let stop = CancellationToken::new();
        for (hope, tries_max, expected) in
            [(Hope::Permanent, None, 1), (Hope::Transient, Some(4), 4)]
        {
            let result = retry::<(), _, _>(
                SLOW,
                limits(&stop, tries_max),
                |_| hope,
                || std::future::ready(Err(std::fmt::Error)),
            )
            .await;
            let given_up = matches!(result, Err(Error::GivenUp { tries, .. }) if tries == expected);
            assert!(given_up, "{result:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_and_the_try_under_way() {
        let stop = CancellationToken::new();
        stop.cancel();
        let result = retry::<(), std::fmt::Error, _>(
            SLOW,
            limits(&stop, None),
            |_| Hope::Transient,
            std::future::pending,
        )
        .await;
        assert!(matches!(result, Err(Error::Cancelled { tries: 0, .. })));
    }
}
