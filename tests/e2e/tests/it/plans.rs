//! Plans: what they say is what is done, and they change nothing by themselves.

use crate::changes::sleeper;
use crate::docker;
use crate::lab::Lab;

#[test]
fn a_plan_changes_nothing_and_is_applied_exactly_or_refused() {
    let mut lab = Lab::new();
    let project = lab.project("planned");
    let file = lab.file("compose.yml", &sleeper(1, "one"));
    let kept = lab.file("kept.plan", "");
    let kept = kept.to_str().expect("the tests' paths are UTF-8");
    let changes = ["plan", "-q", "--detailed-exitcode"];

    let said = lab.compose(&file, &project, &changes);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.err.contains("No lab runs"), "{}", said.all());
    assert!(!lab.state_dir().exists(), "a plan started a lab");

    lab.tercio(&["lab", "start"]).ok();
    let untouched = || {
        (
            lab.status()["lab_status"]["head"].clone(),
            docker::names(&project),
        )
    };
    let before = untouched();
    assert_ne!(before.0, serde_json::Value::Null);
    let said = lab.compose(&file, &project, &["plan", "--out", kept]).ok();
    assert!(
        said.out.contains("service:web, create ×1"),
        "{}",
        said.all()
    );
    assert_eq!(untouched(), before, "a plan changed something");

    lab.tercio(&["apply", kept]).ok();
    lab.running(&project, 1);
    let said = lab.compose(&file, &project, &changes);
    assert_eq!(said.code, 0, "nothing is left to do: {}", said.all());

    let file = lab.file("compose.yml", &sleeper(2, "one"));
    lab.compose(&file, &project, &["plan", "--out", kept]).ok();
    lab.tercio(&["service", "scale", "-p", &project, "web=3"])
        .ok();
    lab.tercio(&["apply", kept])
        .refused(&["SCH0002", "plan again"]);
    lab.running(&project, 3);
    let forged = std::fs::read_to_string(kept).expect("the plan");
    lab.file(
        "kept.plan",
        &forged.replace("\"replicas\": 2", "\"replicas\": 1"),
    );
    lab.tercio(&["apply", kept])
        .refused(&["CLI0052", "changed after it was made"]);
    lab.running(&project, 3);
}

#[test]
fn a_project_goes_back_to_what_it_was_and_its_history_says_so() {
    let mut lab = Lab::new();
    let project = lab.project("history");
    let file = lab.file("compose.yml", &sleeper(1, "one"));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.tercio(&["service", "scale", "-p", &project, "web=2"])
        .ok();
    let file = lab.file("compose.yml", &sleeper(1, "two"));
    lab.compose(&file, &project, &["up", "-d"]).ok();
    lab.running(&project, 1);

    let of_project = ["-p", &project];
    let history = |more: &[&str]| {
        let all = [&["project", "history"], &of_project[..], more].concat();
        lab.tercio(&all).ok()
    };
    let told = history(&["--format", "json"]).json();
    let revisions = told["revisions"].as_array().expect("a list");
    let numbers: Vec<_> = revisions
        .iter()
        .map(|row| row["revision"].as_u64())
        .collect();
    assert_eq!(numbers, [Some(3), Some(2), Some(1)], "{told}");
    assert!(history(&[]).out.contains("web scaled 1 → 2"));

    let diff = lab
        .tercio(&["project", "diff", "-p", &project, "1", "3"])
        .ok();
    assert!(diff.out.contains("~ service web") && diff.out.contains("command"));
    let plan = lab
        .tercio(&["project", "rollback", "-p", &project, "--plan", "2"])
        .ok();
    assert!(
        plan.out.contains("service:web, replace ×2"),
        "{}",
        plan.all()
    );
    assert_eq!(docker::running(&project).len(), 1, "a plan changes nothing");

    lab.tercio(&["project", "rollback", "-p", &project, "2"])
        .ok();
    lab.running(&project, 2);
    let logs = lab.tercio(&["-p", &project, "logs", "web"]).ok().out;
    assert!(logs.contains("one") && !logs.contains("two"), "{logs}");
    lab.tercio(&["project", "rollback", "-p", &project]).ok();
    lab.running(&project, 1);
    let again = lab.compose(&file, &project, &["plan", "-q", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "back at what the files say: {}", again.all());
    lab.tercio(&["project", "rollback", "-p", &project, "9"])
        .refused(&["SCH0023", "it is at revision 5"]);
    let listed = lab.tercio(&["ls", "--format", "json"]).ok().json();
    assert_eq!(listed[0]["Name"], project.as_str());
    assert_eq!(listed[0]["Status"], "running(1)");
}
