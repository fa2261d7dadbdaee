//! Lists in pages.

use super::{Page, Row, TaskFilter, nodes_page, projects_page, services_page, tasks_page};
use crate::lab::Lab;
use crate::plan::PlanReport;
use crate::testing::{Small, node, project, svc};

/// Two projects with services of more than nine slots, on three nodes.
fn lab() -> Lab {
    let mut small = Small::new(&["n1", "n2", "n3"]);
    small.up("blog", &[("web", svc("web:1").replicas(3))]);
    small.up(
        "shop",
        &[
            ("db", svc("db:1")),
            ("web", svc("web:1").replicas(12)),
            ("web-cache", svc("cache:1").replicas(2)),
        ],
    );
    small.settle();
    small.lab
}

/// All rows, read in pages of so many.
fn in_pages<T: Row>(rows: usize, list: impl Fn(Page<'_>) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let after = all.last().map(Row::place);
        let page = list(Page {
            after: after.as_deref(),
            rows,
        });
        assert!(page.len() <= rows);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn pages_of_any_size_hold_every_row_once_and_in_order() {
    let (lab, report) = (lab(), PlanReport::default());
    for rows in 1..20 {
        let tasks =
            |page: Page<'_>| tasks_page(&lab, &PlanReport::default(), TaskFilter::default(), page);
        assert_eq!(in_pages(rows, tasks), tasks(Page::ALL), "{rows}");
        let services = |page: Page<'_>| services_page(&lab, &report, None, page);
        assert_eq!(in_pages(rows, services), services(Page::ALL), "{rows}");
        let projects = |page: Page<'_>| projects_page(&lab, page);
        assert_eq!(in_pages(rows, projects), projects(Page::ALL), "{rows}");
        let nodes = |page: Page<'_>| nodes_page(&lab, page);
        assert_eq!(in_pages(rows, nodes), nodes(Page::ALL), "{rows}");
    }
    let slots: Vec<_> = tasks_page(
        &lab,
        &PlanReport::default(),
        TaskFilter::default(),
        Page::ALL,
    );
    let slots: Vec<_> = slots
        .iter()
        .map(|row| (row.service.as_str(), row.slot))
        .collect();
    let expected = [("web", 3), ("db", 1)]
        .into_iter()
        .map(|(name, count)| (1..=count).map(move |slot| (name, slot)));
    let rest = [("web", 12), ("web-cache", 2)]
        .into_iter()
        .flat_map(|(name, count)| (1..=count).map(move |slot| (name, slot)));
    let expected: Vec<_> = expected.flatten().chain(rest).collect();
    assert_eq!(slots, expected, "slots go by number");
}

#[test]
fn a_page_goes_on_behind_a_row_that_is_gone() {
    let mut lab = lab();
    let tasks =
        |lab: &Lab, page| tasks_page(lab, &PlanReport::default(), TaskFilter::default(), page);
    let before = tasks(&lab, Page::ALL);
    let last = &before[6];
    for assignment in lab.desired.assignments.values_mut() {
        assignment.tasks.remove(&last.task);
    }
    let place = last.place();
    let page = Page {
        after: Some(&place),
        rows: 4,
    };
    assert_eq!(tasks(&lab, page), before[7..11]);
}

#[test]
fn a_list_of_tasks_holds_what_was_asked_for() {
    let lab = lab();
    let (shop, here) = (project("shop"), node("n2"));
    let web = [lab_types::ServiceName::new("web").unwrap()];
    let filter = TaskFilter {
        project: Some(&shop),
        services: &web,
        node: Some(&here),
    };
    let rows = tasks_page(&lab, &PlanReport::default(), filter, Page::ALL);
    assert!(!rows.is_empty());
    let all = tasks_page(
        &lab,
        &PlanReport::default(),
        TaskFilter::default(),
        Page::ALL,
    )
    .into_iter();
    let expected: Vec<_> = all
        .filter(|row| row.project == shop && row.service == web[0] && row.node == here)
        .collect();
    assert_eq!(rows, expected);
}
