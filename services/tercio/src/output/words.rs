//! How facts are said: ages, ports, states.

use lab_types::{DurationMs, Health, PortPublish, TaskState, UnixMillis};
use lab_wire::row::TaskRow;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A duration as Docker says it: `12 seconds`, `About a minute`, `3 hours`.
///
/// Source: the `HumanDuration` of Docker's own command line, whose limits these are.
#[must_use]
pub fn duration(duration: DurationMs) -> String {
    let secs = duration.0 / 1000;
    let hours = (secs + HOUR / 2) / HOUR;
    match secs {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..MINUTE => format!("{secs} seconds"),
        _ if secs / MINUTE == 1 => "About a minute".to_owned(),
        _ if secs / MINUTE < 60 => format!("{} minutes", secs / MINUTE),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 14 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", secs / DAY / 365),
    }
}

/// How long ago: `12 seconds ago`.
#[must_use]
pub fn ago(then: UnixMillis, now: UnixMillis) -> String {
    format!("{} ago", duration(now.since(then)))
}

/// Published ports as Docker prints them: `0.0.0.0:5000->5000/tcp, 9000/udp`.
#[must_use]
pub fn ports(ports: &[PortPublish]) -> String {
    let words: Vec<String> = ports.iter().map(port).collect();
    words.join(", ")
}

fn port(port: &PortPublish) -> String {
    let inside = format!("{}/{}", port.target, port.protocol);
    let Some(published) = port.published else {
        return inside;
    };
    match port.host_ip.as_deref().unwrap_or("0.0.0.0") {
        v6 if v6.contains(':') => format!("[{v6}]:{published}->{inside}"),
        v4 => format!("{v4}:{published}->{inside}"),
    }
}

/// A task's command as Docker prints it: quoted, at most 20 characters; empty when the image decides.
#[must_use]
pub fn command(command: Option<&[String]>) -> String {
    /// Docker's own limit for the column.
    const CHARS_MAX: usize = 20;
    command.map_or_else(String::new, |argv| {
        format!("\"{}\"", super::table::shorten(&argv.join(" "), CHARS_MAX))
    })
}

/// Why nothing is known of a task, where its node is silent.
#[must_use]
pub fn out_of_reach(row: &TaskRow) -> Option<String> {
    let silent = || format!("Unknown: node {} is {}", row.node_name, row.liveness);
    row.is_out_of_reach().then(silent)
}

/// The STATUS column: `Up 5 seconds (healthy)`, `Exited (1)`, `Created, waits for …`. Of a task whose
/// node is silent, why nothing is known: `Unknown: node host2 is lost`.
#[must_use]
pub fn status(row: &TaskRow, now: UnixMillis) -> String {
    if let Some(silent) = out_of_reach(row) {
        return silent;
    }
    let because = |word: &str| match &row.message {
        Some(message) => format!("{word}: {message}"),
        None => word.to_owned(),
    };
    let exited = || match (row.exit_code, row.progress.attempt) {
        (Some(code), attempt) if attempt > 1 => format!("Exited ({code}), attempt {attempt}"),
        (Some(code), _) => format!("Exited ({code})"),
        (None, _) => because("Failed"),
    };
    match row.progress.state {
        TaskState::Assigned => "Assigned".to_owned(),
        TaskState::Accepted => because("Accepted"),
        TaskState::Preparing => because("Preparing"),
        TaskState::Ready if !row.waits_for.is_empty() => {
            format!("Created, waits for {}", row.waits_for.join(", "))
        }
        TaskState::Ready => because("Created"),
        TaskState::Starting => because("Starting"),
        TaskState::Running => running(row, now),
        TaskState::Complete | TaskState::Failed => exited(),
        TaskState::Stopped => because("Stopped"),
        TaskState::Rejected => because("Rejected"),
        TaskState::Unknown => "Unknown".to_owned(),
    }
}

fn running(row: &TaskRow, now: UnixMillis) -> String {
    let up = match row.started_at {
        Some(then) => format!("Up {}", duration(now.since(then))),
        None => "Up".to_owned(),
    };
    match row.health {
        Health::None | Health::Unknown => up,
        Health::Starting => format!("{up} (health: starting)"),
        Health::Healthy => format!("{up} (healthy)"),
        Health::Unhealthy => format!("{up} (unhealthy)"),
    }
}

/// The word Docker's `State` has for a task: `created`, `running`, `exited`; `unknown` where its node is
/// silent.
#[must_use]
pub const fn docker_state(row: &TaskRow) -> &'static str {
    match row.is_out_of_reach() {
        true => "unknown",
        false => last_docker_state(row.progress.state),
    }
}

/// The same as it was when the node was last heard.
#[must_use]
pub const fn last_docker_state(state: TaskState) -> &'static str {
    match state {
        TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting => "created",
        TaskState::Running => "running",
        TaskState::Complete | TaskState::Stopped | TaskState::Failed => "exited",
        TaskState::Rejected => "dead",
        TaskState::Unknown => "unknown",
    }
}

/// The word Docker's `Health` has; empty without a health check.
#[must_use]
pub const fn docker_health(health: Health) -> &'static str {
    match health {
        Health::None | Health::Unknown => "",
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    }
}

/// Bytes as Docker says them: `3.83GiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = u128::from(bytes) * 100;
    let mut unit = 0;
    while scaled >= 102_400 && unit + 1 < UNITS.len() {
        scaled /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes}B"),
        _ => format!("{}.{:02}{}", scaled / 100, scaled % 100, UNITS[unit]),
    }
}

/// `1 task`, `3 tasks`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use lab_types::{DurationMs, PortProtocol, PortPublish};

    use super::{bytes, command, count, duration, ports};

    #[test]
    fn durations_are_said_as_docker_says_them() {
        let said = |secs| duration(DurationMs::from_secs(secs));
        assert_eq!(duration(DurationMs(999)), "Less than a second");
        assert_eq!(said(1), "1 second");
        assert_eq!(said(59), "59 seconds");
        assert_eq!(said(60), "About a minute");
        assert_eq!(said(119), "About a minute");
        assert_eq!(said(120), "2 minutes");
        assert_eq!(said(3600), "About an hour");
        assert_eq!(said(5400), "2 hours");
        assert_eq!(said(3600 * 47), "47 hours");
        assert_eq!(said(3600 * 48), "2 days");
        assert_eq!(said(3600 * 24 * 14), "2 weeks");
        assert_eq!(said(3600 * 24 * 60), "2 months");
        assert_eq!(said(3600 * 24 * 365 * 2), "2 years");
    }

    #[test]
    fn ports_are_said_as_docker_says_them() {
        let port = |host_ip: Option<&str>, published, protocol| PortPublish {
            host_ip: host_ip.map(str::to_owned),
            published,
            target: 80,
            protocol,
        };
        let said = ports(&[
            port(None, Some(8080), PortProtocol::Tcp),
            port(Some("::"), Some(8080), PortProtocol::Tcp),
            port(Some("127.0.0.1"), Some(53), PortProtocol::Udp),
            port(None, None, PortProtocol::Tcp),
        ]);
        assert_eq!(
            said,
            "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:53->80/udp, 80/tcp"
        );
    }

    #[test]
    fn a_command_is_quoted_and_cut() {
        let argv = ["python", "app.py", "--with-many-words"].map(str::to_owned);
        assert_eq!(command(Some(&argv[..2])), "\"python app.py\"");
        assert_eq!(command(Some(&argv)), "\"python app.py --wit…\"");
        assert_eq!(command(None), "");
    }

    #[test]
    fn sizes_and_counts_are_said_in_words() {
        assert_eq!(
            [0, 1023, 1536, 4_112_580_608].map(bytes),
            ["0B", "1023B", "1.50KiB", "3.83GiB"]
        );
        assert_eq!(count(1, "task"), "1 task");
        assert_eq!(count(0, "task"), "0 tasks");
    }
}
