//! Where images are, and where they can run.

use expect_test::expect;
use lab_compose::render;

use super::{Lab, present, project};

#[test]
fn what_a_node_lacks_is_pulled_unless_it_was_built_here_which_reaches_it_by_itself() {
    let project = project("services: {web: {build: .}, db: {image: pg}}\n");
    let mut lab = Lab::empty();
    lab.images = present(&[("demo-web", "sha256:1"), ("pg", "sha256:2")]);
    let everywhere = render::plan(&lab.plan(&project));
    assert!(!everywhere.contains("pull"), "{everywhere}");
    lab.partly = ["demo-web", "pg"].map(str::to_owned).into();
    lab.check(
        &project,
        &expect![[r#"
        [] -> #1 network:demo_default, create, missing
        [] -> #2 image:pg, pull if absent, needed by db
        [1,2] -> #3 service:db, create ×1, missing
        [1] -> #4 service:web, create ×1, missing
    "#]],
    );
    let plan = lab.plan(&project);
    let web = plan.model.services.get("web").unwrap();
    assert_eq!(web.task.image_id.as_deref(), Some("sha256:1"));
    let mut lab = lab.after(&plan);
    lab.partly = ["demo-web", "pg"].map(str::to_owned).into();
    assert!(lab.plan(&project).operations.is_empty());
}

#[test]
fn a_built_image_says_on_which_platform_it_runs_and_one_from_a_registry_does_not() {
    let project = project("services: {web: {build: .}, db: {image: pg}}\n");
    let mut lab = Lab::empty();
    lab.images = present(&[("demo-web", "sha256:1"), ("pg", "sha256:2")]);
    let arm: lab_types::Platform = "linux/arm64".parse().unwrap();
    lab.platforms = ["demo-web", "pg"]
        .map(|image| (image.to_owned(), arm.clone()))
        .into();
    let plan = lab.plan(&project);
    let platforms = |name: &str| plan.model.services[name].task.platforms.clone();
    assert_eq!((platforms("web"), platforms("db")), (vec![arm], Vec::new()));
    let platforms = std::mem::take(&mut lab.platforms);
    let mut lab = lab.after(&plan);
    lab.platforms = platforms;
    assert!(lab.plan(&project).operations.is_empty());
}
