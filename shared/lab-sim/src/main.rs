//! Runs seeds of the simulation by hand: `lab-sim --seed 7 --trace`, `lab-sim --seeds 1000`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command for people"
)]

use std::process::ExitCode;

use lab_sim::{Bug, Options, Outcome, run};

const USAGE: &str =
    "usage: lab-sim [--seed N [--trace]] [--seeds COUNT [--from N]] [--calm] [--bug BUG]
BUG: no-fence, no-compare-and-swap, push-before-acknowledgement, agent-forgets-generation,
     report-believed-out-of-order, agent-ignores-lease, exclusive-replaced-at-once, overbooks";

struct Flags {
    from: u64,
    count: u64,
    options: Options,
}

fn main() -> ExitCode {
    let flags = match read(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let (mut broken, mut replaced, mut excused) = (0, 0, 0);
    for seed in flags.from..flags.from.saturating_add(flags.count) {
        let outcome = run(seed, flags.options);
        tell(&outcome, flags.count == 1);
        broken += u64::from(outcome.broken.is_some());
        replaced += u64::from(outcome.replaced);
        excused += u64::from(outcome.excused);
    }
    println!(
        "{replaced} exclusive tasks of lost nodes replaced, {excused} of them ran on where nobody could stop them"
    );
    println!("{} of {} seeds broke a promise", broken, flags.count);
    if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read(mut args: impl Iterator<Item = String>) -> Result<Flags, String> {
    let mut flags = Flags {
        from: 0,
        count: 1,
        options: Options::default(),
    };
    while let Some(flag) = args.next() {
        let mut number = || -> Result<u64, String> {
            let value = args.next().ok_or(format!("{flag} needs a number"))?;
            value
                .parse()
                .map_err(|_| format!("{flag} needs a number, not {value:?}"))
        };
        match flag.as_str() {
            "--seed" | "--from" => flags.from = number()?,
            "--seeds" => flags.count = number()?,
            "--trace" => flags.options.trace = true,
            "--calm" => flags.options.calm = true,
            "--bug" => flags.options.bug = Some(bug(&args.next().unwrap_or_default())?),
            other => return Err(format!("unknown flag {other:?}")),
        }
    }
    Ok(flags)
}

fn bug(name: &str) -> Result<Bug, String> {
    match name {
        "no-fence" => Ok(Bug::NoFence),
        "no-compare-and-swap" => Ok(Bug::NoCompareAndSwap),
        "push-before-acknowledgement" => Ok(Bug::PushBeforeAcknowledgement),
        "agent-forgets-generation" => Ok(Bug::AgentForgetsGeneration),
        "report-believed-out-of-order" => Ok(Bug::ReportBelievedOutOfOrder),
        "agent-ignores-lease" => Ok(Bug::AgentIgnoresLease),
        "exclusive-replaced-at-once" => Ok(Bug::ExclusiveReplacedAtOnce),
        "overbooks" => Ok(Bug::Overbooks),
        other => Err(format!("unknown bug {other:?}")),
    }
}

fn tell(outcome: &Outcome, in_full: bool) {
    outcome.trace.iter().for_each(|line| println!("{line}"));
    if in_full {
        println!("faults: {:?}", outcome.faults);
        println!(
            "{} events, {} passes, {} changes acknowledged, converged {:.1} s after the last fault, \
             trace {:016x}",
            outcome.events,
            outcome.commits,
            outcome.acknowledged,
            std::time::Duration::from_micros(outcome.converged_after.unwrap_or(0)).as_secs_f64(),
            outcome.trace_hash
        );
    }
    if let Some(broken) = &outcome.broken {
        println!("seed {}: {broken}", outcome.seed);
    }
}
