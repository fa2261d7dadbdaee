//! How long a task that keeps ending waits for its next start.

use lab_types::DurationMs;

/// The wait before the second restart in a row; the first one comes at once, because most crashes
/// are single ones. Docker begins at the same 100 ms.
pub const BACKOFF_FIRST: DurationMs = DurationMs(100);

/// The longest wait: Docker's own, and short enough that a person who mends the cause need not
/// start the task by hand.
pub const BACKOFF_MAX: DurationMs = DurationMs::from_secs(60);

/// A container that ran this long is taken to work: its next end counts as the first again. Docker
/// uses the same 10 s.
pub const STEADY_AFTER: DurationMs = DurationMs::from_secs(10);

/// The wait after the `ended_in_row`-th end in a row: none, 100 ms, 200 ms … 60 s.
#[must_use]
pub const fn restart_delay(ended_in_row: u32) -> DurationMs {
    if ended_in_row <= 1 {
        return DurationMs(0);
    }
    doubled(BACKOFF_FIRST, ended_in_row - 2, BACKOFF_MAX)
}

/// The first wait after a call to the engine or a registry failed; doubled up to [`RETRY_MAX`].
pub const RETRY_FIRST: DurationMs = DurationMs(500);

/// The longest wait between two tries of a call: a registry that is down is asked twice a minute.
pub const RETRY_MAX: DurationMs = DurationMs::from_secs(30);

/// The wait after the `failures`-th failure in a row of the same call: 500 ms, 1 s … 30 s.
#[must_use]
pub const fn retry_delay(failures: u32) -> DurationMs {
    doubled(RETRY_FIRST, failures.saturating_sub(1), RETRY_MAX)
}

const fn doubled(first: DurationMs, times: u32, max: DurationMs) -> DurationMs {
    // 2^20 times the first wait is above every maximum here.
    let times = if times > 20 { 20 } else { times };
    let delay = first.0 << times;
    if delay > max.0 {
        max
    } else {
        DurationMs(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::{restart_delay, retry_delay};

    #[test]
    fn the_first_restart_comes_at_once_and_later_ones_wait_twice_as_long_each_up_to_a_minute() {
        let shown: Vec<String> = [0, 1, 2, 3, 4, 9, 11, 12, 1000, u32::MAX]
            .map(|n| restart_delay(n).to_string())
            .to_vec();
        let expected = [
            "0ms", "0ms", "100ms", "200ms", "400ms", "12.8s", "51.2s", "60s", "60s", "60s",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_failed_call_is_tried_again_after_half_a_second_and_at_least_twice_a_minute() {
        let shown: Vec<String> = [1, 2, 3, 7, u32::MAX]
            .map(|n| retry_delay(n).to_string())
            .to_vec();
        assert_eq!(shown, ["500ms", "1s", "2s", "30s", "30s"]);
    }
}
