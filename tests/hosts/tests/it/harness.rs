//! The harness itself: what its faults do, and that nothing of a lab stays behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use lab_testkit::hosts::{HostLab, Layout, Unit, Wire, binaries, sweep, until};

use crate::lab::{Lab, PATIENCE};

/// What the machine shows of a lab: processes, mounts, links, namespaces, rules, control groups,
/// files.
fn traces(lab: &str) -> Vec<String> {
    let number = lab.trim_start_matches("tt");
    // A word that only this lab's things have in them: `tt8`, `tt8-1`, `tt8v1`, its folder.
    let is_its = |line: &str| {
        line.contains(&format!("/tercio-hosts/{number}/"))
            || line
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(|word| word == lab || word.starts_with(&format!("{lab}v")))
    };
    let shows = [
        "ps -eo pid,args",
        "cat /proc/mounts",
        "ip -o link",
        "ip netns list",
        "iptables-save",
        "nft list tables",
        "losetup -l",
        "find /sys/fs/cgroup -type d",
        "ls -d /var/lib/tercio-hosts/*",
    ];
    let of = |show: &&str| {
        let output = Command::new("sh").args(["-c", show]).output();
        let output = output.expect("a shell runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let show = (*show).to_owned();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines
            .into_iter()
            .filter(|line| is_its(line) || line.ends_with(&format!("/tercio-hosts/{number}")))
            .map(move |line| format!("{show}: {line}"))
            .collect::<Vec<_>>()
    };
    shows.iter().flat_map(of).collect()
}

#[test]
fn a_lab_leaves_nothing_behind_also_after_a_panic_and_its_neighbour_goes_on() {
    let neighbour = HostLab::start(&Layout::of(1));
    let mut name = String::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let lab = HostLab::start(&Layout::of(1));
        name = lab.id().to_string();
        assert!(traces(&name).len() > 8, "{:?}", traces(&name));
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_ne!(neighbour.id().to_string(), name);
    assert_eq!(traces(&name), Vec::<String>::new());
    neighbour.await_ready();
    let name = neighbour.id().to_string();
    drop(neighbour);
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn what_a_killed_owner_left_is_swept_and_a_living_owners_lab_is_not() {
    let living = HostLab::boot(&Layout::of(1));
    let told = living.dir().join("told");
    let mut command = Command::new(binaries().join("tercio-hosts"));
    command.args(["lab", "--hosts", "1", "--", "sh", "-c"]);
    // It ends with its standard input, which is the test's.
    command.arg("echo $TERCIO_STATE_DIR > $0; read line");
    let mut owner = command
        .arg(&told)
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let state = until(
        "the other lab is up",
        PATIENCE,
        || match std::fs::read_to_string(&told) {
            Ok(text) if text.ends_with('\n') => Ok(text),
            other => Err(format!("{other:?}")),
        },
    );
    let dir = Path::new(state.trim()).parent().expect("a lab's folder");
    let number = dir.file_name().expect("a number").to_string_lossy();
    let name = format!("tt{number}");
    owner.kill().expect("it runs");
    owner.wait().expect("it ends");
    assert!(
        traces(&name).len() > 8,
        "its hosts outlive it: {:?}",
        traces(&name)
    );

    assert!(sweep() >= 1);
    assert_eq!(traces(&name), Vec::<String>::new());
    living.await_ready();
}

#[test]
fn faults_do_what_their_names_say() {
    let lab = Lab::start(&Layout::of(2));
    let (first, second) = (lab.host(1), lab.host(2));
    let reaches = |port: &str| {
        let address = first.address().to_string();
        let words = ["timeout", "1", "bash", "-c"];
        let script = format!("</dev/tcp/{address}/{port}");
        second.attempt(&[words.as_slice(), &[script.as_str()]].concat())
    };

    reaches("4222").expect("NATS is reached");
    lab.hosts.cut(Wire::ToNats(2));
    reaches("4222").expect_err("NATS is cut off");
    let refused = reaches("22").expect_err("nothing listens there");
    assert!(
        refused.contains("refused"),
        "the host itself is reached: {refused}"
    );
    lab.awaits("host2", "lost");
    lab.hosts.mend(Wire::ToNats(2));
    lab.awaits("host2", "ready");

    lab.hosts.cut(Wire::Between(1, 2));
    let silent = reaches("22").expect_err("all is cut off");
    assert!(!silent.contains("refused"), "{silent}");
    lab.hosts.mend(Wire::Between(1, 2));

    second.pause(Unit::Agent);
    lab.awaits("host2", "lost");
    second.resume(Unit::Agent);
    lab.awaits("host2", "ready");

    second.fill_disk(0);
    let full = second.attempt(&["dd", "if=/dev/zero", "of=/var/big", "bs=1M", "count=8"]);
    assert!(
        full.clone().is_err_and(|why| why.contains("No space")),
        "{full:?}"
    );
    second.free_disk();
    second.run(&["dd", "if=/dev/zero", "of=/var/big", "bs=1M", "count=8"]);

    a_shifted_clock_is_seen_by_its_process_alone(&lab);
}

fn a_shifted_clock_is_seen_by_its_process_alone(lab: &Lab) {
    let second = lab.host(2);
    let year = |text: &str| text.get(..4).and_then(|year| year.parse::<i32>().ok());
    let last_year = || {
        let log = second.log(Unit::Agent);
        log.lines().rev().find_map(year)
    };
    let today = year(&second.run(&["date", "+%Y"])).expect("a year");
    assert_eq!(last_year(), Some(today));
    const TEN_YEARS: i64 = 10 * 366 * 86_400;
    second.shift_clock(Unit::Agent, TEN_YEARS);
    until(
        "the agent lives in another year",
        PATIENCE,
        || match last_year() {
            Some(year) if year >= today + 10 => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    let unchanged = year(&second.run(&["date", "+%Y"]));
    assert_eq!(unchanged, Some(today), "the host's clock is this machine's");
    lab.awaits("host2", "ready");
}
