//! A project that builds its image, on hosts without a registry.

use std::collections::BTreeSet;

use lab_testkit::hosts::{Layout, until};
use serde_json::Value;

use crate::lab::{IMAGE, Lab, PATIENCE, PROJECT};

#[test]
fn an_image_that_one_host_builds_reaches_each_other_host_once() {
    let lab = Lab::start(&Layout::of(3));
    let folder = lab.hosts.dir().join("built");
    std::fs::create_dir(&folder).expect("the lab's folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("the lab's folder");
    };
    write("hello", "hello from the context\n");
    write("Dockerfile", &format!("FROM {IMAGE}\nCOPY hello /hello\n"));
    write(
        "compose.yml",
        "services:\n  web:\n    build: .\n    command: [sh, -c, 'cat /hello; exec sleep 1000']\n    \
         deploy: {replicas: 6}\n",
    );
    let file = folder.join("compose.yml").to_string_lossy().into_owned();
    let up = || {
        lab.tercio(&["up", "--file", &file, "-p", PROJECT, "-d"])
            .ok()
    };
    up();
    let six = lab.even(6);
    let words = ["image", "inspect", "--format", "{{.Id}}"];
    let of_web: BTreeSet<String> = six
        .iter()
        .map(|run| {
            let number = run.host.trim_start_matches("host").parse().expect("a host");
            let engine = lab.host(number).engine();
            engine.docker(&["inspect", "--format", "{{.Image}}", &run.id])
        })
        .collect();
    assert_eq!(of_web.len(), 1, "one image everywhere: {of_web:?}");
    let id = of_web.first().expect("one").trim().to_owned();
    for host in lab.hosts.hosts() {
        let has = host.engine().docker(&[words.as_slice(), &[&id]].concat());
        assert_eq!(has.trim(), id, "{}", host.name());
    }
    let transfers = until("both transfers are told", PATIENCE, || {
        let all = lab.events().into_iter();
        let transfers: Vec<Value> = all
            .filter(|event| event["what"] == "image_transferred")
            .collect();
        match transfers.len() >= 2 {
            true => Ok(transfers),
            false => Err(format!("{transfers:?}")),
        }
    });
    let nodes: BTreeSet<String> = transfers
        .iter()
        .map(|event| event["scope"]["node"].to_string())
        .collect();
    assert_eq!((transfers.len(), nodes.len()), (2, 2), "{transfers:?}");

    let again = up().all();
    assert!(again.contains("nothing to change"), "{again}");
    assert_eq!(lab.even(6), six, "nothing was made anew");
    let logs = lab.tercio(&["logs", "-p", PROJECT]).ok().out;
    assert_eq!(logs.matches("hello from the context").count(), 6, "{logs}");
}
