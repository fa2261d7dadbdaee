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
