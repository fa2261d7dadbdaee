//! A plan in one line, or as a list with causes.

use std::collections::{BTreeMap, BTreeSet};

use lab_types::{OperationKind, Plan, ServiceName};

use crate::output::words::count;

/// The plan in one line with its end: `Plan for shop: build 1 image, create 2 services`.
#[must_use]
pub(in crate::command) fn line(plan: &Plan) -> String {
    if plan.operations.is_empty() {
        return format!("Plan for {}: nothing to change\n", plan.project);
    }
    let number = |is: fn(&OperationKind) -> bool| {
        plan.operations
            .iter()
            .filter(|operation| is(&operation.kind))
            .count()
    };
    let parts: [(usize, &str, &str); 8] = [
        (
            number(|k| matches!(k, OperationKind::BuildImage)),
            "build",
            "image",
        ),
        (
            number(|k| matches!(k, OperationKind::PullImage)),
            "pull",
            "image",
        ),
        (
            number(|k| matches!(k, OperationKind::CreateNetwork)),
            "create",
            "network",
        ),
        (
            number(|k| matches!(k, OperationKind::CreateVolume)),
            "create",
            "volume",
        ),
        (
            number(|k| matches!(k, OperationKind::CreateService { .. })),
            "create",
            "service",
        ),
        (
            number(|k| {
                matches!(
                    k,
                    OperationKind::UpdateService { .. } | OperationKind::UpdateDependencies
                )
            }),
            "update",
            "service",
        ),
        (
            number(|k| matches!(k, OperationKind::ScaleService { .. })),
            "scale",
            "service",
        ),
        (
            number(|k| {
                matches!(
                    k,
                    OperationKind::RemoveService | OperationKind::RemoveNetwork
                )
            }),
            "remove",
            "object",
        ),
    ];
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, verb, noun)| format!("{verb} {}", count(number, noun)))
        .collect();
    format!("Plan for {}: {}\n", plan.project, parts.join(", "))
}

/// What is to be said of a plan that was applied, beyond its [`line`], which a plan that changes nothing
/// has not been told by yet: it may try again what had failed for good.
#[must_use]
pub(in crate::command) fn applied(
    plan: &Plan,
    retried: &BTreeMap<ServiceName, BTreeSet<u32>>,
) -> String {
    let slots = |(name, slots): (&ServiceName, &BTreeSet<u32>)| -> Vec<String> {
        slots.iter().map(|slot| format!("{name}.{slot}")).collect()
    };
    let slots: Vec<String> = retried.iter().flat_map(slots).collect();
    let slots = slots.join(", ");
    match (plan.operations.is_empty(), retried.is_empty()) {
        (true, true) => line(plan),
        (true, false) => format!(
            "Plan for {}: nothing to change; what had failed for good is tried again: {slots}\n",
            plan.project
        ),
        (false, true) => String::new(),
        (false, false) => format!("What had failed for good is tried again: {slots}\n"),
    }
}

/// The whole plan, one operation a line with its cause.
#[must_use]
pub(in crate::command) fn whole(plan: &Plan) -> String {
    if plan.operations.is_empty() {
        return format!("nothing to do: {} is as its files say\n", plan.project);
    }
    let head = format!(
        "plan {} for {}, made against revision {}\n",
        &plan.hash.as_str()[..12],
        plan.project,
        plan.base_revision
    );
    head + &lab_compose::render::plan(plan)
}

/// What stands behind `KIND:` in a resource, where it is of that kind.
pub(in crate::command) fn resources<'a>(
    plan: &'a Plan,
    kind: &'a OperationKind,
    prefix: &'a str,
) -> impl Iterator<Item = &'a str> {
    let of_kind = plan.operations.iter().filter(move |one| one.kind == *kind);
    of_kind.filter_map(move |one| one.resource.strip_prefix(prefix))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;
    use lab_types::{
        Operation, OperationKind, Plan, PlanCause, PlanHash, ProjectModel, ProjectName, ServiceName,
    };

    use super::{applied, line, resources, whole};

    fn plan(operations: Vec<(&str, OperationKind)>) -> Plan {
        let project = ProjectName::new("shop").unwrap();
        let operations = operations
            .into_iter()
            .zip(1..)
            .map(|((resource, kind), number)| Operation {
                number,
                after: Vec::new(),
                resource: resource.to_owned(),
                kind,
                cause: PlanCause::Missing,
            });
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
            operations: operations.collect(),
        }
    }

    #[test]
    fn a_plan_is_summed_up_in_one_line_and_listed_with_causes() {
        let plan = plan(vec![
            ("image:shop-web", OperationKind::BuildImage),
            ("network:shop_default", OperationKind::CreateNetwork),
            ("service:web", OperationKind::CreateService { replicas: 1 }),
            ("service:db", OperationKind::CreateService { replicas: 1 }),
            ("service:old", OperationKind::RemoveService),
        ]);
        expect![[r"
            Plan for shop: build 1 image, create 1 network, create 2 services, remove 1 object
            plan abababababab for shop, made against revision 3
            [] -> #1 image:shop-web, build, missing
            [] -> #2 network:shop_default, create, missing
            [] -> #3 service:web, create ×1, missing
            [] -> #4 service:db, create ×1, missing
            [] -> #5 service:old, remove, missing
        "]]
        .assert_eq(&format!("{}{}", line(&plan), whole(&plan)));
        let networks = resources(&plan, &OperationKind::CreateNetwork, "network:");
        assert_eq!(networks.collect::<Vec<_>>(), ["shop_default"]);
    }

    #[test]
    fn an_empty_plan_says_that_there_is_nothing_to_do() {
        let empty = plan(Vec::new());
        assert_eq!(line(&empty), "Plan for shop: nothing to change\n");
        assert!(whole(&empty).starts_with("nothing to do"));
        assert_eq!(applied(&empty, &BTreeMap::new()), line(&empty));
    }

    #[test]
    fn what_is_tried_again_is_told_whether_the_plan_changes_something_or_not() {
        let name = |name| ServiceName::new(name).unwrap();
        let retried = [(name("db"), [1].into()), (name("web"), [2, 3].into())].into();
        assert_eq!(
            applied(&plan(Vec::new()), &retried),
            "Plan for shop: nothing to change; what had failed for good is tried again: db.1, web.2, web.3\n"
        );
        let change = plan(vec![(
            "service:db",
            OperationKind::CreateService { replicas: 1 },
        )]);
        assert_eq!(applied(&change, &BTreeMap::new()), "");
        assert_eq!(
            applied(&change, &retried),
            "What had failed for good is tried again: db.1, web.2, web.3\n"
        );
    }
}
