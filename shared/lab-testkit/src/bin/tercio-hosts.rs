//! A lab of several hosts for people and scripts: `cargo xtask lab` and `ops/testbed sweep`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command for people: it speaks on the terminal"
)]

use std::process::{ExitCode, ExitStatus};

use lab_testkit::hosts::{Host, HostLab, Image, Layout, binaries, sweep};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
tercio-hosts lab [--hosts N] [--schedulers N] [--spread] [-- COMMAND…]
                      a lab of N hosts, and a shell or COMMAND in its context; all of the control plane is on
                      the first host, or with --spread the planner on the second, the provisioner on the last
tercio-hosts sweep    removes what labs have left whose owner has died
";

/// The exit code for a command line that was not understood. Source: sysexits.h.
const EX_USAGE: u8 = 64;

/// The image that every host of a lab has from the start.
const IMAGE: &str = "busybox:lab";

fn main() -> ExitCode {
    // What fails here fails for a reason that is told in the message; where in the code is of no use.
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        eprintln!("error: {}", text.unwrap_or("unknown"));
    }));
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"sweep", [])) => {
            println!("{} labs removed whose owners had died", sweep());
            ExitCode::SUCCESS
        }
        Some((&"lab", rest)) => match Wish::parse(rest) {
            Some(wish) => lab(&wish),
            None => usage(),
        },
        Some(_) | None => usage(),
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(EX_USAGE)
}

/// What is asked for.
struct Wish<'a> {
    layout: Layout,
    command: Vec<&'a str>,
}

impl<'a> Wish<'a> {
    fn parse(words: &[&'a str]) -> Option<Self> {
        let mut layout = Layout::of(3);
        let (mut schedulers, mut spread) = (1, false);
        let mut words = words;
        loop {
            words = match words {
                [] => break,
                ["--", command @ ..] => {
                    return Some(Self::new(layout, (schedulers, spread), command.to_vec()));
                }
                ["--hosts", number, rest @ ..] => {
                    let hosts = number
                        .parse()
                        .ok()
                        .filter(|hosts| (1..=9).contains(hosts))?;
                    layout = Layout::of(hosts);
                    rest
                }
                ["--schedulers", number, rest @ ..] => {
                    schedulers = number.parse().ok()?;
                    rest
                }
                ["--spread", rest @ ..] => {
                    spread = true;
                    rest
                }
                _ => return None,
            };
        }
        Some(Self::new(layout, (schedulers, spread), Vec::new()))
    }

    fn new(layout: Layout, (schedulers, spread): (u8, bool), command: Vec<&'a str>) -> Self {
        let layout = (2..=schedulers).fold(layout, Layout::scheduler_on);
        let layout = if spread { layout.spread() } else { layout };
        Self { layout, command }
    }
}

fn lab(wish: &Wish<'_>) -> ExitCode {
    eprintln!("==> starting the hosts");
    let lab = HostLab::start(&wish.layout);
    lab.load(&Image::busybox(&lab, IMAGE));
    if wish.command.is_empty() {
        print!("{}", how_to(&lab));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("invariant: a runtime of one thread");
    let status = runtime.block_on(to_its_end(context(&lab, &wish.command)));
    eprintln!("==> removing the lab");
    drop(lab);
    match status {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(1))
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it. A signal must not end this process before the lab is removed: Ctrl-C goes to the whole
/// terminal, so the command has it already; the others are for it too.
async fn to_its_end(mut command: Command) -> std::io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut child = command.spawn()?;
    loop {
        // Cancel-safe: waiting for a child or a signal can be given up at any point.
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => child.start_kill()?,
            _ = hangup.recv() => child.start_kill()?,
        }
    }
}

/// The command, or the person's shell, with the lab's context set.
fn context(lab: &HostLab, command: &[&str]) -> Command {
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
    let mut context = match command.split_first() {
        Some((program, words)) => {
            let mut context = Command::new(program);
            context.args(words);
            context
        }
        None => Command::new(shell),
    };
    let path = std::env::var("PATH").unwrap_or_default();
    context.envs(lab.environment()).env_remove("TERCIO_USER");
    context.env("PATH", format!("{}:{path}", binaries().display()));
    context.env("TERCIO_LAB_IMAGE", IMAGE);
    for host in lab.hosts() {
        let name = host.name().to_uppercase();
        context.env(format!("TERCIO_{name}_ADDRESS"), host.address().to_string());
        context.env(format!("TERCIO_{name}_DOCKER"), socket(host));
        context.env(format!("TERCIO_{name}_ENTER"), host.shell_command());
    }
    context
}

fn socket(host: &Host) -> String {
    format!("unix://{}", host.engine().socket().display())
}

fn how_to(lab: &HostLab) -> String {
    let mut text = format!("\nThe lab {} is up: {}\n\n", lab.id(), lab.nats_url());
    for host in lab.hosts() {
        let units: Vec<&str> = host.units().iter().map(|unit| unit.name()).collect();
        text.push_str(&format!(
            "{name}  {address}\n    a shell in it   {enter}\n    its engine      docker -H {socket} ps\n    \
             it runs         {units}   (systemctl, /var/log/tercio)\n",
            name = host.name(),
            address = host.address(),
            enter = host.shell_command(),
            socket = socket(host),
            units = units.join(" "),
        ));
    }
    text.push_str(&format!(
        "\nEvery host has the image {IMAGE}. `tercio node ls` shows the nodes. The lab goes when this shell ends.\n\n"
    ));
    text
}
