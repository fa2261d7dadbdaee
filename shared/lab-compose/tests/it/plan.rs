//! Plans: what an `up` would change, and why.

mod images;

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use lab_compose::{
    BuildPolicy, CurrentProject, Orphans, PlanInput, Project, Wanted, plan, questions, render,
    warnings,
};
use lab_types::{Plan, ProjectModel, ProjectRecord, ServiceRecord, UnixMillis};

use crate::support::Files;

/// Images by reference; those without an id are absent.
type Images = BTreeMap<String, Option<String>>;

fn present(images: &[(&str, &str)]) -> Images {
    let image = |(name, id): &(&str, &str)| ((*name).to_owned(), Some((*id).to_owned()));
    images.iter().map(image).collect()
}

/// The lab after a plan was applied.
fn applied(plan: &Plan) -> CurrentProject {
    let model = &plan.model;
    let record = ProjectRecord {
        name: model.name.clone(),
        revision: plan.base_revision + 1,
        applied_at: UnixMillis(1),
        applied_by: "test".to_owned(),
        networks: model.networks.clone(),
        volumes: model.volumes.clone(),
        working_dir: model.working_dir.clone(),
        config_files: model.config_files.clone(),
    };
    CurrentProject {
        revision: record.revision,
        record: Some(record),
        services: services(model),
    }
}

fn services(
    model: &ProjectModel,
) -> BTreeMap<lab_types::ServiceName, (ServiceRecord, lab_types::TaskSpec)> {
    let service = |(name, service): (&lab_types::ServiceName, &lab_types::ServiceModel)| {
        let volumes = service
            .task
            .mounts
            .iter()
            .filter_map(|mount| match &mount.source {
                lab_types::MountSource::Volume { volume, .. } => Some(volume.clone()),
                lab_types::MountSource::Anonymous { .. }
                | lab_types::MountSource::Bind { .. }
                | lab_types::MountSource::Tmpfs { .. } => None,
            });
        let record = ServiceRecord {
            project: model.name.clone(),
            name: name.clone(),
            spec: service.task.digest(),
            replicas: service.replicas,
            depends_on: service.depends_on.clone(),
            networks: service
                .task
                .networks
                .iter()
                .map(|joined| joined.network.clone())
                .collect(),
            volumes: volumes.collect(),
            revision: 1,
            tries: 0,
            created_at: UnixMillis(1),
        };
        (name.clone(), (record, service.task.clone()))
    };
    model.services.iter().map(service).collect()
}

pub(crate) struct Lab {
    current: CurrentProject,
    images: Images,
    partly: BTreeSet<String>,
    platforms: BTreeMap<String, lab_types::Platform>,
    build: BuildPolicy,
    orphans: Orphans,
}

impl Lab {
    pub(crate) fn empty() -> Self {
        Self {
            current: CurrentProject::default(),
            images: Images::new(),
            partly: BTreeSet::new(),
            platforms: BTreeMap::new(),
            build: BuildPolicy::IfMissing,
            orphans: Orphans::Remove,
        }
    }

    /// A lab in which `project` runs.
    pub(crate) fn running(project: &Project, images: &[(&str, &str)]) -> Self {
        let mut lab = Self::empty();
        lab.images = present(images);
        lab.current = applied(&lab.plan(project));
        lab
    }

    /// The same lab after a plan was applied.
    pub(crate) fn after(self, plan: &Plan) -> Self {
        Self {
            current: applied(plan),
            ..self
        }
    }

    pub(crate) fn plan(&self, project: &Project) -> Plan {
        plan(&PlanInput {
            wanted: Wanted::Files(project),
            current: &self.current,
            images: &self.images,
            partly: &self.partly,
            platforms: &self.platforms,
            build: self.build,
            orphans: self.orphans,
        })
    }

    #[track_caller]
    fn check(&self, project: &Project, expected: &Expect) {
        expected.assert_eq(&render::plan(&self.plan(project)));
    }
}

fn project(content: &str) -> Project {
    Files::one(content).project()
}

const SHOP: &str = "
services:
  web: {build: ., ports: [\"80:80\"], depends_on: [api]}
  api: {image: api:1, depends_on: {db: {condition: service_healthy}}, networks: [default, back]}
  db: {image: pg, volumes: [\"data:/d\"], networks: [back], healthcheck: {test: x}}
networks: {back: }
volumes: {data: }
";

const SHOP_IMAGES: &[(&str, &str)] = &[
    ("demo-web", "sha256:1"),
    ("api:1", "sha256:2"),
    ("pg", "sha256:3"),
];

#[test]
fn an_empty_lab_gets_everything_in_order() {
    Lab::empty().check(
        &project(SHOP),
        &expect![[r#"
        [] -> #1 network:demo_back, create, missing
        [] -> #2 network:demo_default, create, missing
        [] -> #3 volume:demo_data, create, missing
        [] -> #4 image:demo-web, build, missing
        [] -> #5 image:api:1, pull if absent, needed by api
        [] -> #6 image:pg, pull if absent, needed by db
        [1,3,6] -> #7 service:db, create ×1, missing
        [1,2,5,7] -> #8 service:api, create ×1, missing
        [2,4,8] -> #9 service:web, create ×1, missing
    "#]],
    );
}

#[test]
fn a_converged_lab_gets_nothing() {
    let shop = project(SHOP);
    Lab::running(&shop, SHOP_IMAGES).check(
        &shop,
        &expect![[r#"
        nothing to do
    "#]],
    );
    let mut without_images = Lab::running(&shop, SHOP_IMAGES);
    without_images.images = present(&[("demo-web", "sha256:1")]);
    without_images.check(
        &shop,
        &expect![[r#"
        nothing to do
    "#]],
    );
}

#[test]
fn every_attribute_that_changes_is_named() {
    let one = project("services: {w: {image: a}}");
    let all = "
services:
  w:
    image: b
    command: x
    entrypoint: y
    environment: [A=1]
    labels: [l=1]
    volumes: [/v]
    ports: [80]
    networks: [n]
    healthcheck: {test: x}
    restart: always
    deploy: {replicas: 2}
    depends_on: [d]
  d: {image: a}
networks: {n: }
";
    Lab::running(&one, &[("a", "1"), ("b", "2")]).check(&project(all), &expect![[r#"
        [] -> #1 network:demo_n, create, missing
        [] -> #2 service:d, create ×1, missing
        [1,2] -> #3 service:w, replace ×2, changed: image, command, entrypoint, environment, labels, volumes, ports, networks, healthcheck, restart, deploy.replicas
        [2,3] -> #4 service:w, update depends_on, changed: depends_on
    "#]]);
}

#[test]
fn only_the_number_changes_when_only_the_number_changes() {
    let one = project("services: {w: {image: a}}");
    let lab = Lab::running(&one, &[]);
    lab.check(
        &project("services: {w: {image: a, deploy: {replicas: 3}}}"),
        &expect![[r#"
            [] -> #1 image:a, pull if absent, needed by w
            [1] -> #2 service:w, scale 1 → 3, changed: deploy.replicas
        "#]],
    );
    lab.check(
        &project("services: {w: {image: a, deploy: {replicas: 0}}}"),
        &expect![[r#"
            [] -> #1 service:w, scale 1 → 0, changed: deploy.replicas
        "#]],
    );
}

#[test]
fn a_changed_dependency_touches_no_task() {
    let before = project("services: {a: {image: a}, b: {image: b, depends_on: [a]}}");
    let after = "services: {a: {image: a}, b: {image: b, depends_on: {a: {condition: service_completed_successfully}}}}";
    Lab::running(&before, &[]).check(
        &project(after),
        &expect![[r#"
        [] -> #1 service:b, update depends_on, changed: depends_on
    "#]],
    );
}

#[test]
fn what_the_file_no_longer_has_goes_first_and_its_volumes_stay() {
    let rest = "services: {new: {image: n, ports: [\"80:81\"]}}";
    let mut lab = Lab::running(&project(SHOP), SHOP_IMAGES);
    lab.check(
        &project(rest),
        &expect![[r#"
        [] -> #1 service:web, remove, not in the file
        [1] -> #2 service:api, remove, not in the file
        [2] -> #3 service:db, remove, not in the file
        [] -> #4 image:n, pull if absent, needed by new
        [1,4] -> #5 service:new, create ×1, missing
        [2,3] -> #6 network:demo_back, remove, not in the file
    "#]],
    );
    lab.orphans = Orphans::Keep;
    lab.check(
        &project("services: {new: {image: n}}"),
        &expect![[r#"
        [] -> #1 image:n, pull if absent, needed by new
        [1] -> #2 service:new, create ×1, missing
    "#]],
    );
}

#[test]
fn orphans_that_stay_keep_the_model_they_have() {
    let shop = project(SHOP);
    let mut lab = Lab::running(&shop, SHOP_IMAGES);
    lab.orphans = Orphans::Keep;
    let plan = lab.plan(&project("services: {api: {image: api:1, depends_on: {db: {condition: service_healthy, required: false}}, networks: [back, default]}}\nnetworks: {back: }\n"));
    let before = lab.plan(&shop).model;
    assert_eq!(plan.model.services.len(), 3);
    assert_eq!(plan.model.networks, before.networks);
    assert_eq!(plan.model.volumes, before.volumes);
}

#[test]
fn services_of_a_profile_that_is_not_active_are_no_orphans() {
    let text = |profiles: &str| {
        format!(
            "services:\n  web: {{image: web:1}}\n  debug: {{image: debug:1, networks: [tools], volumes: [\"cache:/c\"]{profiles}}}\nnetworks: {{tools: }}\nvolumes: {{cache: }}\n"
        )
    };
    let both = project(&text(""));
    let lab = Lab::running(&both, &[("web:1", "sha256:1"), ("debug:1", "sha256:2")]);
    let one = project(&text(", profiles: [debug]"));
    assert_eq!(one.services.len(), 1);
    let plan = lab.plan(&one);
    assert_eq!(render::plan(&plan), "nothing to do\n");
    assert_eq!(plan.model.services.len(), 2);
}

#[test]
fn builds_are_made_when_the_image_is_missing_or_asked_for() {
    let shop = project(SHOP);
    let mut lab = Lab::running(&shop, SHOP_IMAGES);
    lab.images.insert("demo-web".to_owned(), None);
    lab.check(
        &shop,
        &expect![[r#"
        [] -> #1 image:demo-web, build, missing
    "#]],
    );
    lab.build = BuildPolicy::Always;
    lab.images = present(SHOP_IMAGES);
    lab.check(
        &shop,
        &expect![[r#"
        [] -> #1 image:demo-web, build, build requested
    "#]],
    );
    assert_eq!(
        lab.plan(&shop)
            .model
            .services
            .values()
            .next_back()
            .unwrap()
            .task
            .image_id,
        None
    );
}

#[test]
fn a_rebuilt_image_replaces_the_tasks() {
    let shop = project(SHOP);
    let mut lab = Lab::running(&shop, SHOP_IMAGES);
    lab.images
        .insert("demo-web".to_owned(), Some("sha256:9".to_owned()));
    lab.check(
        &shop,
        &expect![[r#"
        [] -> #1 service:web, replace ×1, changed: build
    "#]],
    );
}

#[test]
fn images_that_new_tasks_need_are_fetched_once() {
    let two =
        project("services: {a: {image: x}, b: {image: x}, c: {image: y, deploy: {replicas: 0}}}");
    Lab::empty().check(
        &two,
        &expect![[r#"
        [] -> #1 network:demo_default, create, missing
        [] -> #2 image:x, pull if absent, needed by a
        [1,2] -> #3 service:a, create ×1, missing
        [1,2] -> #4 service:b, create ×1, missing
        [1] -> #5 service:c, create ×0, missing
    "#]],
    );
}

#[test]
fn networks_and_volumes_that_change_are_told() {
    let file = |network: &str, volume: &str| {
        project(&format!(
            "services: {{w: {{image: a, networks: [n], volumes: [vol:/v]}}}}\nnetworks: {{n: {network}}}\nvolumes: {{vol: {volume}}}\n"
        ))
    };
    let lab = Lab::running(&file("", ""), &[]);
    lab.check(
        &file("{labels: {a: b}}", "{labels: {a: b}}"),
        &expect![[r#"
            [] -> #1 network:demo_n, update record, changed: labels
            [] -> #2 volume:demo_vol, update record, changed: labels
        "#]],
    );
    let kept = warnings(&lab.plan(&file("{labels: {a: b}}", "{labels: {a: b}}")));
    let kept: Vec<&str> = kept.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        kept,
        [
            "network demo_n is there and keeps the labels it was made with",
            "volume demo_vol is there and keeps the labels it was made with"
        ]
    );
    let renamed = lab.plan(&file("{name: other}", "{name: other}"));
    assert_eq!(warnings(&renamed), []);
    lab.check(
        &file("{name: other}", "{name: other}"),
        &expect![[r#"
        [] -> #1 network:other, create, changed: name
        [] -> #2 volume:other, create, changed: name
        [] -> #3 image:a, pull if absent, needed by w
        [1,2,3] -> #4 service:w, replace ×1, changed: volumes, networks
        [4] -> #5 network:demo_n, remove, changed: name
    "#]],
    );
    lab.check(
        &file("{external: true}", "{external: true}"),
        &expect![[r#"
            [] -> #1 network:n, update record, changed: name, external
            [] -> #2 volume:vol, update record, changed: name, external
            [] -> #3 image:a, pull if absent, needed by w
            [1,2,3] -> #4 service:w, replace ×1, changed: volumes, networks
            [4] -> #5 network:demo_n, remove, changed: name
        "#]],
    );
    lab.check(
        &file(
            "{external: true, name: demo_n}",
            "{external: true, name: demo_vol}",
        ),
        &expect![[r#"
            [] -> #1 network:demo_n, update record, changed: external
            [] -> #2 volume:demo_vol, update record, changed: external
        "#]],
    );
    let external = file("{external: true}", "{external: true}");
    Lab::empty().check(
        &external,
        &expect![[r#"
        [] -> #1 image:a, pull if absent, needed by w
        [1] -> #2 service:w, create ×1, missing
    "#]],
    );
    Lab::running(&external, &[]).check(
        &external,
        &expect![[r#"
        nothing to do
    "#]],
    );
}

#[test]
fn a_network_that_a_service_leaves_is_removed_after_it_left() {
    let before = project("services: {w: {image: a, networks: [x, y]}}\nnetworks: {x: , y: }");
    let after = project("services: {w: {image: a, networks: [x]}}\nnetworks: {x: , y: }");
    Lab::running(&before, &[]).check(
        &after,
        &expect![[r#"
        [] -> #1 image:a, pull if absent, needed by w
        [1] -> #2 service:w, replace ×1, changed: networks
        [2] -> #3 network:demo_y, remove, not in the file
    "#]],
    );
}

#[test]
fn the_hash_covers_the_revision_the_model_and_the_operations() {
    let shop = project(SHOP);
    let lab = Lab::empty();
    let first = lab.plan(&shop);
    assert_eq!(first.hash, lab.plan(&shop).hash);
    let mut later = Lab::empty();
    later.current.revision = 7;
    assert_ne!(first.hash, later.plan(&shop).hash);
    let mut images = Lab::empty();
    images.images = present(SHOP_IMAGES);
    assert_ne!(first.hash, images.plan(&shop).hash);
    let other = project(&SHOP.replace("api:1", "api:2"));
    assert_ne!(first.hash, lab.plan(&other).hash);
}

#[test]
fn services_of_another_folders_project_go_only_with_a_yes() {
    let both = project("services: {web: {image: w}, db: {image: d}}");
    let one = project("services: {web: {image: w}}");
    let mut lab = Lab::running(&both, &[("w", "sha256:1"), ("d", "sha256:2")]);
    let asked = |lab: &Lab, project: &Project| {
        let asked = questions(&lab.current, &lab.plan(project)).into_iter();
        let lines = asked.map(|one| format!("{}: {}\n", one.needs_yes, one.sentence));
        lines.collect::<String>()
    };
    assert_eq!(asked(&lab, &both), "");
    expect![[r#"
        false: The files no longer have db; the containers will be removed.
    "#]]
    .assert_eq(&asked(&lab, &one));
    if let Some(record) = &mut lab.current.record {
        record.working_dir = "/srv/other".to_owned();
    }
    assert_eq!(asked(&lab, &both), "", "nothing goes");
    expect![[r#"
        true: The project demo was made from /srv/other; db will be removed, which these files do not have.
    "#]]
    .assert_eq(&asked(&lab, &one));
    if let Some(record) = &mut lab.current.record {
        record.working_dir = String::new();
    }
    expect![[r#"
        true: The project demo was made by requests, without files; db will be removed, which these files do not have.
    "#]]
    .assert_eq(&asked(&lab, &one));
}
