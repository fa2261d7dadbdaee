//! Starting the lab of this machine in the background.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lab_kit::lock::StateDirLock;
use lab_types::Problem;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::file::LabFile;
use super::log;
use crate::failure::{Failure, Outcome};

/// How long a lab may take to start: under two seconds on an idle machine, more when large streams
/// are recovered or ten labs start at once.
const START_MAX: Duration = Duration::from_secs(90);

/// How often it is looked whether a lab that another command starts is ready.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a process that was killed may hold its files: the kernel closes them within milliseconds.
const LET_GO_MAX: Duration = Duration::from_secs(5);

/// How long a lab that is still starting may take to end: as long as any.
const END_MAX: Duration = Duration::from_secs(30);

/// How many lines of the log are told when a lab does not start.
const LOG_LINES: usize = 8;

/// What the lab's process tells the one that started it: one line of JSON on standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StartReport {
    /// It answers.
    Ready {
        /// How to reach it.
        lab: LabFile,
    },
    /// It does not start.
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// Starts the lab as a process of its own session and waits until it answers.
///
/// # Errors
/// What the lab says hinders it, or the last lines of its log.
pub async fn start(state_dir: &Path, interrupt: &CancellationToken) -> Outcome<LabFile> {
    let mut child = spawn(state_dir)?;
    let stdout = child.stdout.take().expect("invariant: stdout is piped");
    let mut lines = BufReader::new(stdout).lines();
    let report = async {
        let line = lines.next_line().await.ok().flatten()?;
        serde_json::from_str::<StartReport>(&line).ok()
    };
    // Cancel-safe: what the lab reports is of no use once it is asked to end.
    let reported = tokio::select! {
        biased;
        () = interrupt.cancelled() => {
            end(&mut child).await;
            return Err(Failure::Cancelled("cancelled; no lab was started".to_owned()));
        }
        reported = tokio::time::timeout(START_MAX, report) => reported,
    };
    match reported {
        Ok(Some(StartReport::Ready { lab })) => Ok(lab),
        Ok(Some(StartReport::Failed { problem })) => Err(problem.into()),
        Ok(None) => {
            let status = child.wait().await.ok();
            Err(ended(state_dir, status))
        }
        Err(_) => {
            // A lab that answers late would be nobody's.
            end(&mut child).await;
            Err(not_ready(state_dir, "it did not answer in time"))
        }
    }
}

/// Waits while another command's lab starts on this state directory, and while one that was killed lets
/// go of it. Returns when it is ready, or when nobody holds the directory.
///
/// # Errors
/// It does not get ready in time, or the wait was cancelled.
pub async fn settled(state_dir: &Path, interrupt: &CancellationToken) -> Outcome {
    let settled = async {
        while let Some(pid) = StateDirLock::holder(state_dir) {
            if LabFile::read(state_dir)?.is_some_and(|lab| lab.is_ready(pid)) {
                // A process in another namespace of ids looks the same: it never lets go.
                let _ = tokio::time::timeout(LET_GO_MAX, let_go(state_dir, pid)).await;
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    // Cancel-safe: it only looks.
    tokio::select! {
        biased;
        () = interrupt.cancelled() => Err(Failure::Cancelled("cancelled; nothing was changed".to_owned())),
        settled = tokio::time::timeout(START_MAX, settled) => {
            settled.unwrap_or_else(|_| Err(not_ready(state_dir, "another command starts it, and it is not ready in time")))
        }
    }
}

/// Waits until a process that has ended, but whose files are not closed yet, holds the directory no more.
async fn let_go(state_dir: &Path, pid: u32) {
    while has_ended(pid) && StateDirLock::holder(state_dir) == Some(pid) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether a process runs no program any more: it loses that first, its open files later.
fn has_ended(pid: u32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe"))
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Asks a lab that is still starting to end, and waits for it.
async fn end(child: &mut Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::TERM);
    }
    if tokio::time::timeout(END_MAX, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

fn spawn(state_dir: &Path) -> Outcome<Child> {
    let log_path = log::file(state_dir);
    let refuse = |what: &str, error: std::io::Error| {
        Failure::new(
            "CLI0022",
            format!("the lab cannot be started: {what}: {error}"),
            "check the state directory's owner, and that its disk has free space",
        )
    };
    lab_kit::file::create_private_dir(state_dir)
        .map_err(|error| Failure::from(Problem::from(&error)))?;
    log::put_aside(&log_path, log::BYTES_MAX)
        .map_err(|error| refuse(&log_path.display().to_string(), error))?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(|error| refuse(&log_path.display().to_string(), error))?;
    let program = std::env::current_exe().map_err(|error| refuse("its own program", error))?;
    Command::new(&program)
        .args(["serve", "--embedded", "--detached", "--state-dir"])
        .arg(state_dir)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|error| refuse(&program.display().to_string(), error))
}

fn ended(state_dir: &Path, status: Option<ExitStatus>) -> Failure {
    let how = match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("its process ended with exit code {code}"),
            (None, Some(signal)) => format!("its process was killed by signal {signal}"),
            (None, None) => "its process ended".to_owned(),
        },
        None => "its process ended".to_owned(),
    };
    not_ready(state_dir, &how)
}

fn not_ready(state_dir: &Path, how: &str) -> Failure {
    let log = log::file(state_dir);
    let last = last_lines(&log, LOG_LINES);
    let message = match last.is_empty() {
        true => format!("the lab did not start: {how}"),
        false => format!("the lab did not start: {how}; its log ends:\n{last}"),
    };
    let help = format!("the whole log is {}", log.display());
    Failure::new("CLI0022", message, help)
}

/// The last lines of a file, as far as there is one.
fn last_lines(path: &Path, lines_max: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(lines_max);
    lines[from..].join("\n")
}

#[cfg(test)]
mod tests {
    use lab_kit::lock::StateDirLock;
    use lab_types::{Problem, UnixMillis, UserName};
    use tokio_util::sync::CancellationToken;

    use super::{LabFile, StartReport, has_ended, last_lines, settled};

    #[test]
    fn a_process_that_was_killed_has_ended_before_it_is_reaped() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(!has_ended(child.id()));
        child.kill().unwrap();
        // Its end of the pipe is closed after its program is gone.
        let mut rest = Vec::new();
        let mut said = child.stdout.take().unwrap();
        std::io::Read::read_to_end(&mut said, &mut rest).unwrap();
        assert!(has_ended(child.id()), "killed, not reaped");
        child.wait().unwrap();
    }

    #[test]
    fn a_problem_comes_back_whole_from_the_line_a_lab_writes() {
        let problem = Problem::new("NAT0002", "nats-server is too old").help("fetch another");
        let report = StartReport::Failed {
            problem: problem.clone(),
        };
        let line = serde_json::to_string(&report).unwrap();
        assert!(!line.contains('\n'));
        match serde_json::from_str::<StartReport>(&line).unwrap() {
            StartReport::Failed { problem: read } => assert_eq!(read, problem),
            StartReport::Ready { .. } => panic!("{line}"),
        }
    }

    #[tokio::test]
    async fn a_lab_that_was_killed_is_waited_for_until_its_files_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mut killed = std::process::Command::new("true").spawn().unwrap();
        while !has_ended(killed.id()) {
            tokio::task::yield_now().await;
        }
        let mut lab = LabFile::new(
            "nats://local",
            "admin.creds",
            UserName::new("admin").unwrap(),
        );
        lab.pid = Some(killed.id());
        lab.started_at = Some(UnixMillis(1));
        lab.write(folder.path()).unwrap();
        let open_files = StateDirLock::acquire(folder.path()).unwrap();
        let holder = killed.id().to_string();
        std::fs::write(folder.path().join("lock"), holder).unwrap();

        let interrupt = CancellationToken::new();
        let mut waits = Box::pin(settled(folder.path(), &interrupt));
        tokio::select! {
            biased;
            _ = &mut waits => panic!("it is still held"),
            () = tokio::task::yield_now() => {}
        }
        drop(open_files);
        waits.await.unwrap();
        assert_eq!(StateDirLock::holder(folder.path()), None);
        killed.wait().unwrap();
    }

    #[test]
    fn the_end_of_a_log_is_told_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("lab.log");
        assert_eq!(last_lines(&log, 2), "");
        std::fs::write(&log, "a\nb\nc\n").unwrap();
        assert_eq!(last_lines(&log, 2), "b\nc");
    }
}
