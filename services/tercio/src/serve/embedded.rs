//! The embedded lab: all parts in this process, nats-server as its child.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_bus::{CallOptions, ServerProcess};
use lab_kit::lock::StateDirLock;
use lab_kit::shutdown::Shutdown;
use lab_kit::telemetry;
use lab_types::Problem;
use lab_wire::request::LabStatusGet;
use tokio::sync::watch;

use super::config::Config;
use super::parts::{Parts, Role, Site, find_nats, held, lock_nats, on_signals, supervised};
use crate::app::{App, Client};
use crate::context::Context;
use crate::failure::{Failure, Outcome, Tell as _};
use crate::lab::file::LabFile;
use crate::lab::log;
use crate::lab::setup::{Reach, Setup, move_away, prepare};
use crate::lab::start::StartReport;

/// How long the parts may take until a leader answers and this node reports: two seconds when idle.
const READY_MAX: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile. Nobody can tell us before we can be told.
const READY_POLL: Duration = Duration::from_millis(50);

/// Runs the lab until it is asked to end.
///
/// # Errors
/// What hinders it, or which part failed.
pub async fn run(app: &App, state_dir: &Path, config: Config, detached: bool) -> Outcome {
    if detached {
        // A session of its own, so that the terminal's Ctrl-C and its end do not reach it. It fails
        // only for the leader of a process group, which a detached child never is.
        let _ = rustix::process::setsid();
    }
    let mut lab = Lab {
        app,
        state_dir,
        detached,
        reported: false,
    };
    let ended = lab.run(config).await;
    match ended {
        Err(Failure::Problem(problem)) if detached && !lab.reported => {
            tracing::error!(error = %problem, "the lab does not start");
            let report = StartReport::Failed { problem: *problem };
            app.screen.print_json(&report)?;
            Err(Failure::Said)
        }
        ended => ended,
    }
}

struct Lab<'a> {
    app: &'a App,
    state_dir: &'a Path,
    detached: bool,
    reported: bool,
}

impl Lab<'_> {
    async fn run(&mut self, config: Config) -> Outcome {
        telemetry::init(&config.log).tell()?;
        let shutdown = on_signals()?;
        let _lock =
            StateDirLock::acquire(self.state_dir).map_err(|error| held(self.state_dir, &error))?;
        let _nats_lock = lock_nats(self.state_dir)?;
        let binary = find_nats(&config).await?;
        let mut setup = prepare(self.state_dir, &Reach::Local).await?;
        if setup.lab.external {
            return Err(Failure::new(
                "CLI0020",
                format!("the lab of {} is run by others", self.state_dir.display()),
                "choose another directory with --state-dir",
            ));
        }
        free_the_port(self.state_dir, &mut setup)?;
        let site = Site {
            manages: true,
            ..Site::of(self.state_dir, &setup)
        };
        let mut lab = setup.lab.clone();
        lab.nats_version = Some(binary.version.to_string());
        let server = supervised(binary, setup);
        let nats_pid = server.pid.subscribe();
        let parts = Parts::new(&shutdown);
        parts
            .start_nats(server)
            .await
            .map_err(|error| error.problem())?;
        for role in Role::SERVICES {
            parts.start(role, &site, &config);
        }
        if self.detached {
            let stop = parts.tasks().stop_token().clone();
            let kept = log::keep_small(log::file(self.state_dir), stop);
            parts.tasks().spawn("lab log", kept);
        }
        let ready = self.ready(&mut lab, &shutdown, &parts, nats_pid).await;
        let ended = parts.run(&shutdown).await;
        lab.forget_processes();
        let forgotten = lab.write(self.state_dir);
        // What hindered the start is the reason of all that follows.
        ready.and(ended).and(forgotten)
    }

    /// Waits until the lab answers, then says so.
    async fn ready(
        &mut self,
        lab: &mut LabFile,
        shutdown: &Shutdown,
        parts: &Parts,
        mut nats_pid: watch::Receiver<Option<u32>>,
    ) -> Outcome {
        // Cancel-safe: asking again from the start loses nothing.
        let answer = tokio::select! {
            biased;
            () = shutdown.requested.cancelled() => return Ok(()),
            failure = parts.failure() => Err(failure),
            answered = answers(lab) => answered,
        };
        if answer.is_err() {
            parts.tasks().stop_token().cancel();
        }
        answer?;
        lab.pid = Some(std::process::id());
        lab.nats_pid = *nats_pid.borrow_and_update();
        lab.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        lab.started_at = Some(lab_kit::clock::now());
        lab.write(self.state_dir)?;
        let kept = keep_file(lab.clone(), self.state_dir.to_owned(), nats_pid);
        let stop = parts.tasks().stop_token().clone();
        parts.tasks().spawn("lab file", async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = kept => {}
            }
        });
        tracing::info!(url = lab.nats_url, "the lab is ready");
        self.reported = true;
        match self.detached {
            true => self
                .app
                .screen
                .print_json(&StartReport::Ready { lab: lab.clone() }),
            false => self
                .app
                .screen
                .print(&format!("the lab runs at {}\n", lab.nats_url)),
        }
    }
}

/// Chooses another port when something that is not this lab's has taken ours.
fn free_the_port(state_dir: &Path, setup: &mut Setup) -> Outcome {
    let port = setup.nats.port.unwrap_or(0);
    let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    // One that an earlier life of this lab started is stopped before the new one starts.
    if is_free || ServerProcess::is_left_running(&setup.nats) {
        return Ok(());
    }
    tracing::warn!(
        port,
        "the lab's port is taken by another program, choosing another"
    );
    move_away(state_dir, setup)
}

/// Asks until a leader answers and this node reports.
async fn answers(lab: &LabFile) -> Outcome {
    let context = Context {
        nats_url: lab.nats_url.clone(),
        creds: lab.creds.clone(),
        user: Some(lab.user.clone()),
        local: true,
    };
    let client = Client::connect(&context).await?;
    let options = CallOptions {
        timeout: READY_MAX,
        attempt: Duration::from_secs(1),
        request_id: None,
    };
    let asked = async {
        loop {
            let said = client
                .call_with(None, &LabStatusGet {}, options.clone())
                .await;
            if said.is_ok_and(|status| status.counts.nodes_ready > 0) {
                return;
            }
            tokio::time::sleep(READY_POLL).await;
        }
    };
    let answered = tokio::time::timeout(READY_MAX, asked).await;
    client.bus.drain().await;
    answered.map_err(|_| {
        Problem::new(
            "CLI0022",
            "the lab's parts started, and no leader with a ready node answers",
        )
        .help("its log tells more; `tercio lab stop` ends what runs")
        .into()
    })
}

/// Writes nats-server's process id anew whenever it is started again.
async fn keep_file(
    mut lab: LabFile,
    state_dir: PathBuf,
    mut nats_pid: watch::Receiver<Option<u32>>,
) {
    while nats_pid.changed().await.is_ok() {
        lab.nats_pid = *nats_pid.borrow_and_update();
        if let Err(Failure::Problem(problem)) = lab.write(&state_dir) {
            tracing::warn!(error = %problem, "the lab's file cannot be written");
        }
    }
}
