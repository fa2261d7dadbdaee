//! Ending the lab of this machine; its containers stay as they are.

use std::path::Path;
use std::time::Duration;

use lab_kit::lock::StateDirLock;
use rustix::process::{Pid, Signal, kill_process};

use super::setup::nats_dir;
use crate::failure::{Failure, Outcome};

/// How long a lab may take to end: its parts have eight seconds, NATS ten, and some is spare.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it has. Another process's end does not wake us.
const STOP_POLL: Duration = Duration::from_millis(50);

/// What became of a lab that should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It has ended.
    Now(u32),
    /// None ran.
    NoneRan,
}

/// Ends the lab and waits until it is gone.
///
/// # Errors
/// It is run by others, may not be signalled, or does not end.
pub async fn stop(state_dir: &Path) -> Outcome<Stopped> {
    let Some(pid) = StateDirLock::holder(state_dir) else {
        return match StateDirLock::holder(&nats_dir(state_dir)) {
            None => Ok(Stopped::NoneRan),
            Some(pid) => Err(Failure::new(
                "CLI0023",
                format!(
                    "the parts of this lab were started one by one; nats-server's is pid {pid}"
                ),
                "end each `tercio serve` where it was started",
            )),
        };
    };
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let raw = raw.ok_or_else(|| refused(pid, "that is no process id"))?;
    kill_process(raw, Signal::TERM).map_err(|error| refused(pid, &error.to_string()))?;
    let gone = async {
        while StateDirLock::holder(state_dir) == Some(pid) {
            tokio::time::sleep(STOP_POLL).await;
        }
    };
    match tokio::time::timeout(STOP_MAX, gone).await {
        Ok(()) => Ok(Stopped::Now(pid)),
        Err(_) => Err(Failure::new(
            "CLI0023",
            format!("the lab (pid {pid}) was asked to end and has not within {STOP_MAX:?}"),
            format!("see lab.log in the state directory, or end it with `kill -9 {pid}`"),
        )),
    }
}

fn refused(pid: u32, why: &str) -> Failure {
    Failure::new(
        "CLI0023",
        format!("the lab (pid {pid}) cannot be asked to end: {why}"),
        "run the command as the user who started the lab",
    )
}

#[cfg(test)]
mod tests {
    use lab_kit::lock::StateDirLock;

    use super::{Stopped, nats_dir, stop};
    use crate::failure::Failure;

    #[tokio::test]
    async fn where_no_lab_runs_there_is_nothing_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(stop(folder.path()).await.unwrap(), Stopped::NoneRan);
    }

    #[tokio::test]
    async fn parts_started_one_by_one_are_not_stopped_from_here() {
        let folder = tempfile::tempdir().unwrap();
        let _nats = StateDirLock::acquire(&nats_dir(folder.path())).unwrap();
        match stop(folder.path()).await {
            Err(Failure::Problem(problem)) => assert_eq!(problem.code.0, "CLI0023"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_holder_is_asked_to_end_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        // util-linux's flock(1) takes the same kernel lock; SIGTERM ends the shell and frees it.
        let mut other = std::process::Command::new("flock")
            .args(["--no-fork", lock.to_str().unwrap()])
            .args(["sh", "-c", "echo $$ > \"$0\"; echo held; exec cat"])
            .arg(&lock)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = std::io::BufReader::new(other.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        assert_eq!(stop(folder.path()).await.unwrap(), Stopped::Now(other.id()));
        other.wait().unwrap();
    }
}
