//! A project on three hosts: spread evenly, and seen whole.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use lab_testkit::hosts::{Layout, until};

use crate::lab::{Lab, PATIENCE, PROJECT};

/// The hosts' names.
fn three() -> BTreeSet<String> {
    ["host1", "host2", "host3"].map(str::to_owned).into()
}

#[test]
fn replicas_are_spread_over_all_hosts_and_every_view_shows_all_of_them() {
    let lab = Lab::with_web(&Layout::of(3), 6);
    let six = lab.even(6);

    let rows = lab
        .tercio(&["ps", "-p", PROJECT, "--format", "json"])
        .ok()
        .json();
    let rows = rows.as_array().expect("a list").clone();
    let said: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row["Name"].to_string(), row["ID"].to_string()))
        .collect();
    let is: BTreeSet<(String, String)> = six
        .iter()
        .map(|run| (format!("{:?}", run.name), format!("{:?}", run.id)))
        .collect();
    assert_eq!(said, is, "ps is what the engines say");
    let table = lab.tercio(&["ps", "-p", PROJECT]).ok().out;
    assert!(three().iter().all(|host| table.contains(host)), "{table}");

    followed_logs_come_from_every_host(&lab, 6);

    let events = lab.events();
    let started: BTreeSet<String> = events
        .iter()
        .filter(|event| event["what"] == "task_running")
        .map(|event| event["scope"]["node"].to_string())
        .collect();
    assert!(started.len() == 3, "{started:?}: {events:?}");

    lab.scale(9).ok();
    let nine = lab.even(9);
    assert!(
        six.iter().all(|run| nine.contains(run)),
        "scaling up moved something: {six:?} {nine:?}"
    );
    lab.scale(4).ok();
    let four = lab.even(4);
    assert!(
        four.iter().all(|run| six.contains(run)),
        "scaling down moved something: {six:?} {four:?}"
    );
}

/// `logs -f` shows lines that are written after it was started, of every replica.
fn followed_logs_come_from_every_host(lab: &Lab, replicas: usize) {
    let mut command = lab
        .hosts
        .tercio(&["logs", "-f", "--tail", "0", "-p", PROJECT]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("tercio runs");
    let out = child.stdout.take().expect("a pipe");
    let (sender, lines) = std::sync::mpsc::sync_channel(1024);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut speakers = BTreeSet::new();
    until("logs -f shows every replica", PATIENCE, || {
        let says = lines.try_iter().filter_map(|line: String| {
            let (who, what) = line.split_once('|')?;
            what.contains("I am").then(|| who.trim().to_owned())
        });
        speakers.extend(says);
        match speakers.len() == replicas {
            true => Ok(()),
            false => Err(format!("{speakers:?}")),
        }
    });
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    drop(lines);
    reader.join().expect("it reads to the end");
}
