//! What requests are answered, and what they write.

mod history;
mod nodes;
mod ports;
mod settings;
mod volumes;

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use lab_types::{Availability, Condition, ConfirmationId, NodeName, NodeRole, Problem, TaskSpec};

use super::{Change, REPLICAS_MAX};
use crate::key::Key;
use crate::record::{Answer, Record};
use crate::testing::{Fate, Small, node, project, service, svc, told};

/// The problem as a person sees it.
fn said(problem: &Problem) -> String {
    let mut text = format!("{problem}\n");
    if let Some(help) = &problem.help {
        text.push_str(&format!("  {help}\n"));
    }
    for finding in &problem.diagnostics {
        text.push_str(&format!("- {}: {}\n", finding.code, finding.message));
    }
    text
}

fn refused(small: &mut Small, change: &Change, expected: &Expect) {
    let before = small.lab.clone();
    let problem = small.change(change).unwrap_err();
    assert_eq!(small.lab, before, "a refusal changes nothing");
    expected.assert_eq(&said(&problem));
}

/// What a change writes, a line a record.
fn written(small: &mut Small, change: &Change) -> String {
    let delta = small.decide(change).unwrap();
    let mut text = String::new();
    for (key, record) in &delta.puts {
        let line = match record {
            Record::Spec(spec) => format!("spec of {}", spec.image),
            Record::Project(record) => {
                format!(
                    "{key} revision {} by {}",
                    record.revision, record.applied_by
                )
            }
            Record::Service(record) => {
                format!("{key} revision {} ×{}", record.revision, record.replicas)
            }
            Record::Revision(record) => {
                format!("{key} over {} services", record.before.services.len())
            }
            Record::Node(record) => format!("{key} {}", record.role),
            Record::Assignment(_) | Record::Outcome(_) | Record::Answer(_) | Record::Outbox(_) => {
                key.to_string()
            }
        };
        text.push_str(&format!("put {line}\n"));
    }
    for key in &delta.removes {
        text.push_str(&format!("remove {key}\n"));
    }
    text.push_str(&told(&delta.events));
    small.lab.apply(&delta.puts, &delta.removes);
    text
}

#[test]
fn an_apply_writes_what_differs_and_tells_it() {
    let mut small = Small::new(&["n1"]);
    let first = small.apply_of("shop", &[("web", svc("web:1")), ("db", svc("db:1"))]);
    expect![[r#"
        put spec of db:1
        put desired.service.shop.db revision 1 ×1
        put spec of web:1
        put desired.service.shop.web revision 1 ×1
        put desired.project.shop revision 1 by alice
        put desired.revision.shop.1 over 2 services
        service created: service shop/db was created with 1 task
        service created: service shop/web was created with 1 task
        project applied: project shop was applied as revision 1
    "#]]
    .assert_eq(&written(&mut small, &first));
    let second = small.apply_of(
        "shop",
        &[("web", svc("web:1").replicas(2)), ("cache", svc("db:1"))],
    );
    expect![[r#"
        put spec of db:1
        put desired.service.shop.cache revision 1 ×1
        put desired.service.shop.web revision 2 ×2
        put desired.project.shop revision 2 by alice
        put desired.revision.shop.2 over 3 services
        remove desired.service.shop.db
        service created: service shop/cache was created with 1 task
        service scaled: service shop/web was scaled from 1 to 2 tasks
        service removed: service shop/db was removed
        project applied: project shop was applied as revision 2
    "#]]
    .assert_eq(&written(&mut small, &second));
}

#[test]
fn an_unchanged_model_changes_nothing() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("web", svc("web:1"))]);
    let again = small.apply_of("shop", &[("web", svc("web:1"))]);
    let delta = small.decide(&again).unwrap();
    assert!(delta.is_empty() && delta.events.is_empty());
    assert_eq!(
        delta.answer,
        Answer::ProjectApplied {
            project: project("shop"),
            revision: 1,
            changed: false,
            retried: BTreeMap::new(),
        }
    );
}

#[test]
fn a_plan_against_another_revision_is_refused() {
    let mut small = Small::new(&["n1"]);
    let stale = small.apply_of("shop", &[("web", svc("web:1"))]);
    small.change(&stale).unwrap();
    refused(
        &mut small,
        &stale,
        &expect![[r#"
            SCH0002: the plan for project shop was made against revision 0, but the project is at revision 1
              somebody changed it meanwhile: plan again
        "#]],
    );
}

#[test]
fn everything_that_is_wrong_with_a_model_is_said_at_once() {
    let mut small = Small::new(&["n1"]);
    let services = [
        ("a", svc("a:1").after("b", Condition::ServiceStarted)),
        ("b", svc("b:1").after("c", Condition::ServiceHealthy)),
        ("c", svc("").after("b", Condition::ServiceStarted)),
        (
            "d",
            svc("d:1")
                .after("nobody", Condition::ServiceStarted)
                .replicas(REPLICAS_MAX + 1),
        ),
        ("e", svc("e:1").volume("shop_data")),
    ];
    let mut change = small.apply_of("shop", &services);
    if let Change::ApplyProject { model, .. } = &mut change {
        model.name = project("other");
        model.volumes.clear();
    }
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0001: project shop breaks 6 rules, so nothing was changed
              see the single findings
            - SCH0006: the request is for project shop, but its model names project other
            - SCH0006: service shop/c names no image
            - SCH0008: service shop/d shall have 10001 tasks; 10000 are the most
            - SCH0006: service shop/d waits for nobody (service_started), which the project does not have
            - SCH0006: service shop/e uses volume data (shop_data), which the project does not declare so
            - SCH0007: services of project shop wait for each other in a circle: b → c → b
        "#]],
    );
}

#[test]
fn a_name_on_the_engine_belongs_to_one_project() {
    let mut small = Small::new(&["n1"]);
    small.up("a", &[("db", svc("db:1").volume("a_b_c"))]);
    let mut change = small.apply_of("a_b", &[("db", svc("db:1").volume("a_b_c"))]);
    refused(
        &mut small,
        &change,
        &expect![[r#"
            SCH0012: volume a_b_c of project a_b belongs to project a already
              give it another `name:`, or mark it `external: true` to share that volume
        "#]],
    );
    if let Change::ApplyProject { model, .. } = &mut change {
        for volume in model.volumes.values_mut() {
            volume.external = true;
        }
    }
    small.change(&change).unwrap();
}

#[test]
fn a_service_from_a_script_brings_its_project_with_a_default_network() {
    let mut small = Small::new(&["n1"]);
    let create = Change::CreateService {
        project: project("script"),
        name: service("web"),
        task: Box::new(TaskSpec {
            image: "web:1".into(),
            ..TaskSpec::default()
        }),
        replicas: 2,
    };
    expect![[r#"
        put spec of web:1
        put desired.service.script.web revision 1 ×2
        put desired.project.script revision 1 by alice
        put desired.revision.script.1 over 1 services
        service created: service script/web was created with 2 tasks
    "#]]
    .assert_eq(&written(&mut small, &create));
    small.settle();
    expect![[r#"
        n1 at 1.1.1
          script/web 1 (web:1) run
          script/web 2 (web:1) run
          networks: script_default
    "#]]
    .assert_eq(&small.shown());
    refused(
        &mut small,
        &create,
        &expect![[r#"
            SCH0005: service script/web exists already
              scale it, or remove it first
        "#]],
    );
}

#[test]
fn what_does_not_exist_is_named_with_what_does() {
    let mut small = Small::new(&["n1"]);
    let scale = |project: &str, name: &str| Change::ScaleService {
        project: crate::testing::project(project),
        name: service(name),
        replicas: 2,
    };
    refused(
        &mut small,
        &scale("shop", "web"),
        &expect![[r#"
            SCH0003: there is no project shop
              the lab has no project; `tercio up` makes one
        "#]],
    );
    small.up("shop", &[("web", svc("web:1")), ("db", svc("db:1"))]);
    refused(
        &mut small,
        &scale("shop", "wbe"),
        &expect![[r#"
            SCH0004: there is no service wbe in project shop
              project shop has: db, web
        "#]],
    );
}

#[test]
fn a_service_that_others_wait_for_is_not_removed() {
    let mut small = Small::new(&["n1"]);
    let web = svc("web:1").after("db", Condition::ServiceStarted);
    small.up("shop", &[("web", web), ("db", svc("db:1"))]);
    let remove = |name: &str| Change::RemoveService {
        project: project("shop"),
        name: service(name),
    };
    refused(
        &mut small,
        &remove("db"),
        &expect![[r#"
            SCH0013: service shop/db cannot be removed, because web depends on it
              remove those first, or scale it to 0
        "#]],
    );
    expect![[r#"
        put desired.project.shop revision 2 by alice
        put desired.revision.shop.2 over 1 services
        remove desired.service.shop.web
        service removed: service shop/web was removed
    "#]]
    .assert_eq(&written(&mut small, &remove("web")));
}

#[test]
fn a_removed_project_keeps_its_revision_and_its_volumes_until_those_are_removed_with_consent() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.settle();
    let down = |consent: Option<&str>| Change::RemoveProject {
        project: project("shop"),
        remove_volumes: consent.map(|text| ConfirmationId::new(text).unwrap()),
        shown: None,
    };
    expect![[r#"
        put desired.project.shop revision 2 by alice
        put desired.revision.shop.2 over 1 services
        remove desired.service.shop.db
        service removed: service shop/db was removed
        project removed: project shop was taken down
    "#]]
    .assert_eq(&written(&mut small, &down(None)));
    assert!(small.decide(&down(None)).unwrap().is_empty());
    small.settle();
    expect![[r#"
        put assignment.n1
        put desired.project.shop revision 3 by alice
        put desired.revision.shop.3 over 0 services
        project removed: project shop was taken down and its volume removed
    "#]]
    .assert_eq(&written(&mut small, &down(Some("yes"))));
    assert!(small.decide(&down(Some("yes"))).unwrap().is_empty());
    // A plan made before all that does not fit any more.
    let mut change = small.apply_of("shop", &[("db", svc("db:1"))]);
    if let Change::ApplyProject { base_revision, .. } = &mut change {
        assert_eq!(*base_revision, 3);
        *base_revision = 1;
    }
    assert!(small.change(&change).is_err());
}

#[test]
fn another_projects_volume_is_never_handed_over() {
    let mut small = Small::new(&["n1"]);
    small.up("shop", &[("db", svc("db:1").volume("shop_data"))]);
    small.up("blog", &[("db", svc("db:1").volume("blog_data"))]);
    small.settle();
    let down = Change::RemoveProject {
        project: project("blog"),
        remove_volumes: Some(ConfirmationId::new("yes").unwrap()),
        shown: None,
    };
    small.change(&down).unwrap();
    small.settle();
    expect![[r#"
        n1 at 1.1.3
          shop/db 1 (db:1) run
          networks: shop_default
          volumes: shop_data
    "#]]
    .assert_eq(&small.shown());
}

#[test]
fn a_node_registers_once_and_keeps_its_availability() {
    let mut small = Small::new(&[]);
    let register = |role| Change::RegisterNode {
        id: node("n1"),
        name: NodeName::new("laptop").unwrap(),
        role,
        labels: BTreeMap::new(),
    };
    expect![[r#"
        put node.n1 manager
        node joined: node laptop joined the lab as a manager
    "#]]
    .assert_eq(&written(&mut small, &register(NodeRole::Manager)));
    assert!(
        small
            .decide(&register(NodeRole::Manager))
            .unwrap()
            .is_empty()
    );
    small
        .lab
        .desired
        .nodes
        .get_mut(&node("n1"))
        .unwrap()
        .availability = Availability::Drain;
    let delta = small.decide(&register(NodeRole::Worker)).unwrap();
    let Some((Key::Node(_), Record::Node(record))) = delta.puts.first() else {
        panic!("{delta:?}");
    };
    assert_eq!(record.availability, Availability::Drain);
}

#[test]
fn the_same_fact_of_the_same_request_has_the_same_event_id() {
    let small = Small::new(&["n1"]);
    let change = small.apply_of("shop", &[("a", svc("a:1")), ("b", svc("b:1"))]);
    let context = super::ChangeContext {
        now: small.now,
        user: crate::testing::user("alice"),
        request: lab_types::RequestId::new("r").unwrap(),
        leader: small.leader,
    };
    let later = super::ChangeContext {
        now: small.now.plus(lab_types::DurationMs(5)),
        ..context.clone()
    };
    let ids = |context| {
        let delta = super::apply(&small.lab, &change, context).unwrap();
        let ids: Vec<_> = delta.events.into_iter().map(|event| event.id).collect();
        ids
    };
    assert_eq!(ids(&context), ids(&later));
    let distinct: std::collections::BTreeSet<_> = ids(&context).into_iter().collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn applying_again_tries_what_failed_for_good_once_more_and_leaves_what_completed() {
    let mut small = Small::new(&["n1"]);
    small.fates.insert("web".into(), Fate::Rejected);
    small.fates.insert("job".into(), Fate::Completes);
    let services = [("job", svc("job:1")), ("web", svc("web:1"))];
    small.up("shop", &services);
    small.settle();
    small.fates.clear();
    let again = small.apply_of("shop", &services);
    let retried = match small.decide(&again).unwrap().answer {
        Answer::ProjectApplied { retried, .. } => retried,
        other => panic!("{other:?}"),
    };
    assert_eq!(retried, [(service("web"), [1].into())].into());
    expect![[r#"
        put desired.service.shop.web revision 2 ×1
        put desired.project.shop revision 2 by alice
        put desired.revision.shop.2 over 0 services
        project applied: project shop was applied as revision 2
    "#]]
    .assert_eq(&written(&mut small, &again));
    expect![[r#"
        n1 at 1.1.1
          shop/job 1 (job:1) run
          shop/web 1 (web:1) run
          networks: shop_default
    "#]]
    .assert_eq(&small.shown());
    small.settle();
    expect![[r#"
        n1 at 1.1.3
          shop/job 1 (job:1) run
          shop/web 1 (web:1) run
          networks: shop_default
    "#]]
    .assert_eq(&small.shown());
    let unchanged = small.apply_of("shop", &services);
    assert!(small.decide(&unchanged).unwrap().is_empty());
}

#[test]
fn a_service_without_a_network_joins_the_default_one_whatever_its_name_on_the_engine() {
    let mut small = Small::new(&["n1"]);
    let mut up = small.apply_of("shop", &[("web", svc("web:1"))]);
    let named = lab_types::EngineName::new("front").unwrap();
    if let Change::ApplyProject { model, .. } = &mut up {
        model
            .networks
            .values_mut()
            .for_each(|spec| spec.engine_name = named.clone());
        let services = model.services.values_mut();
        let networks = services.flat_map(|service| &mut service.task.networks);
        networks.for_each(|joined| joined.engine_name = named.clone());
    }
    small.change(&up).unwrap();
    let create = Change::CreateService {
        project: project("shop"),
        name: service("extra"),
        task: Box::new(svc("extra:1").0.task),
        replicas: 1,
    };
    small.change(&create).unwrap();
    let extra = &small.lab.desired.services[&(project("shop"), service("extra"))];
    let spec = &small.lab.desired.specs[&extra.spec];
    assert_eq!(spec.networks[0].engine_name, named);
}
