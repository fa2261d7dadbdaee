use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lab_types::{
    Operation, OperationKind, Plan, PlanCause, PlanHash, ProjectModel, ProjectName, TaskState,
    TaskTarget,
};
use lab_wire::row::TaskRow;

use super::goal;
use crate::project::goal::{Seen, Until, Verdict, Waited, judge};
use crate::project::samples::task;

/// A plan that removes the service `old` and has no other.
fn removal() -> Plan {
    let project = ProjectName::new("shop").unwrap();
    Plan {
        hash: PlanHash::new("ab".repeat(32)).unwrap(),
        project: project.clone(),
        base_revision: 3,
        model: ProjectModel {
            name: project,
            services: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            working_dir: "/".into(),
            config_files: Vec::new(),
        },
        operations: vec![Operation {
            number: 1,
            after: Vec::new(),
            resource: "service:old".into(),
            kind: OperationKind::RemoveService,
            cause: PlanCause::NotInFile,
        }],
    }
}

fn verdict(before: &[TaskRow], now: Vec<TaskRow>) -> Verdict {
    let goal = goal(&removal(), Until::Started, &BTreeMap::new(), before);
    let seen = Seen {
        services: Vec::new(),
        tasks: now,
    };
    let waited = Waited {
        quiet: Duration::ZERO,
        pending: BTreeMap::new(),
    };
    judge(&goal, &seen, &waited)
}

#[test]
fn the_containers_of_a_removed_service_are_waited_for() {
    let before = [task("old", 1, TaskState::Running)];
    let waits = Verdict::Wait(vec!["old.1: is being stopped".to_owned()]);
    assert_eq!(verdict(&before, before.to_vec()), waits, "not told yet");
    let mut leaving = before[0].clone();
    leaving.target = TaskTarget::Stop;
    assert_eq!(verdict(&before, vec![leaving.clone()]), waits);
    leaving.liveness = lab_types::NodeLiveness::Lost;
    assert_eq!(verdict(&before, vec![leaving]), Verdict::Done);
    assert_eq!(verdict(&before, Vec::new()), Verdict::Done);
}

#[test]
fn what_is_tried_again_does_not_count_as_it_was() {
    let mut plan = removal();
    plan.operations.clear();
    let web = lab_types::ServiceName::new("web").unwrap();
    let fixture =
        include_str!("../../../../../../shared/lab-wire/fixtures/project.apply.request.json");
    let request: lab_wire::request::ProjectApply = serde_json::from_str(fixture).unwrap();
    let mut model = request.plan.model.services.into_values().next().unwrap();
    model.replicas = 2;
    plan.model.services.insert(web.clone(), model);
    let before = [
        task("web", 1, TaskState::Running),
        task("web", 2, TaskState::Failed),
    ];
    let retried = [(web.clone(), BTreeSet::from([2]))].into();
    let goal = goal(&plan, Until::Started, &retried, &before);
    let old = &goal.services[&web].old;
    assert_eq!(*old, BTreeSet::from([before[1].task.clone()]));
}
