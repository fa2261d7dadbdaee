//! What the lab does not own stands in the way, and is left alone.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use lab_types::{EngineFacts, TaskSpec, UnixMillis};

use crate::action::Subject;
use crate::diff::Failure;
use crate::fixture::{Bench, job, name, network_of, redis, task, text, volume_of, web};
use crate::labels;
use crate::model::ModelContainer;

fn compose(project: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(labels::COMPOSE_PROJECT.to_owned(), project.to_owned())])
}

fn check(mut bench: Bench, expected: &Expect) {
    let before = bench.engine.clone();
    bench = bench.settle();
    expected.assert_eq(&text(&bench.decide()));
    for (id, container) in before.containers {
        assert_eq!(bench.engine.containers[&id], container);
    }
    for (network, labels) in before.networks {
        assert_eq!(bench.engine.networks[&network], labels);
    }
    for (volume, labels) in before.volumes {
        assert_eq!(bench.engine.volumes[&volume], labels);
    }
}

#[test]
fn a_container_of_another_with_the_wanted_name_is_left_alone_and_named() {
    for (labels, who) in [
        (BTreeMap::new(), "made outside the lab"),
        (compose("shop"), "of docker-compose's project shop"),
        (
            BTreeMap::from([(labels::LAB.to_owned(), "office".to_owned())]),
            "of another lab (office)",
        ),
    ] {
        let mut bench = Bench::new().with(task("t1", "web", 1, &web()), &web());
        bench
            .engine
            .put(ModelContainer::created("shop-web-1", labels, web()));
        bench = bench.settle();
        let shown = text(&bench.decide());
        let expected = format!(
            "task t1: rejected, no more: the name shop-web-1 is taken by a container {who}; remove \
             or rename that container, then start the service again\n"
        );
        assert_eq!(shown, expected);
    }
}

#[test]
fn docker_composes_network_and_volume_of_the_same_project_are_not_taken_over() {
    let mut bench = Bench::new()
        .with(task("t1", "web", 1, &web()), &web())
        .with(
            task("t2", "job", 1, &job_in_no_network()),
            &job_in_no_network(),
        );
    bench
        .engine
        .networks
        .insert(name("shop_default"), compose("shop"));
    check(
        bench,
        &expect![[r#"
            task t1: rejected, no more: the network shop_default is there already, of docker-compose's project shop, and is left alone; take that project down with docker-compose, or mark it `external: true` to use it as it is
            task t2: running, attempt 1
        "#]],
    );
    let mut bench = Bench::new().with(task("t2", "redis", 1, &redis()), &redis());
    bench
        .engine
        .volumes
        .insert(name("shop_data"), compose("shop"));
    check(
        bench,
        &expect![[r#"
            task t2: rejected, no more: the volume shop_data is there already, of docker-compose's project shop, and is left alone; give yours another `name`, or mark it `external: true` to use it as it is
        "#]],
    );
}

fn job_in_no_network() -> TaskSpec {
    job(lab_types::RestartPolicy::Always)
}

#[test]
fn what_is_marked_external_is_used_as_it_is_and_never_made() {
    let mut bench = Bench::new().with(task("t2", "redis", 1, &redis()), &redis());
    bench.ledger.assignment.networks = [network_of("shop", true)].into();
    bench.ledger.assignment.volumes = [volume_of("shop", true)].into();
    bench
        .engine
        .networks
        .insert(name("shop_default"), BTreeMap::new());
    bench
        .engine
        .volumes
        .insert(name("shop_data"), compose("old"));
    check(
        bench,
        &expect![[r#"
            task t2: running, attempt 1
        "#]],
    );
    let mut bench = Bench::new().with(task("t2", "redis", 1, &redis()), &redis());
    bench.ledger.assignment.volumes = [volume_of("shop", true)].into();
    check(
        bench,
        &expect![[r#"
            task t2: rejected, no more: the external volume shop_data is not on this node; make it with `docker volume create shop_data`, then start the service again
        "#]],
    );
}

#[test]
fn an_external_network_that_is_not_there_is_not_made() {
    let mut bench = Bench::new().with(task("t1", "web", 1, &web()), &web());
    bench.ledger.assignment.networks = [network_of("shop", true)].into();
    check(
        bench,
        &expect![[r#"
            task t1: rejected, no more: the external network shop_default is not on this node; make it with `docker network create shop_default`, then start the service again
        "#]],
    );
    let mut bench = Bench::new();
    bench.ledger.assignment.networks = [network_of("shop", true)].into();
    bench.ledger.assignment.volumes = [volume_of("shop", true)].into();
    assert!(bench.decide().actions.is_empty());
}

#[test]
fn an_image_that_does_not_exist_or_is_not_the_built_one_is_refused_in_words() {
    let mut late = job_in_no_network();
    late.image = "late".into();
    let mut bench = Bench::new().with(task("t1", "a", 1, &late), &late);
    let failure = Failure {
        times: 1,
        message: "manifest for late not found".into(),
        retryable: false,
        next_at: UnixMillis(0),
    };
    bench
        .calls
        .failed
        .insert(Subject::Image("late".into()), failure);
    check(
        bench,
        &expect![[r#"
            task t1: rejected, no more: the image late cannot be pulled: manifest for late not found
        "#]],
    );
}

#[test]
fn a_built_image_is_fetched_once_for_all_its_tasks_and_they_say_how_far_it_has_come() {
    let built = TaskSpec {
        image_id: Some("sha256:built".into()),
        ..job_in_no_network()
    };
    let mut bench = Bench::new()
        .with(task("t1", "a", 1, &built), &built)
        .with(task("t2", "a", 2, &built), &built)
        .settle_network();
    let subject = Subject::Image("sha256:built".into());
    let check = |bench: &Bench, expected: Expect| expected.assert_eq(&text(&bench.decide()));
    bench.calls.looked_for.remove("sha256:built");
    check(
        &bench,
        expect![[r#"
        task t1: preparing: looks for the image job
        task t2: preparing: looks for the image job
    "#]],
    );
    bench.calls.looked_for.insert("sha256:built".into());
    check(
        &bench,
        expect![[r#"
        image job, fetch from another node, needed by shop-a-1
        task t1: preparing: waits for the image job from another node
        task t2: preparing: waits for the image job from another node
    "#]],
    );
    let mut fetching = crate::fixture::busy(crate::diff::Kind::Pull);
    fetching.words = Some("40 % from node host2".into());
    bench.calls.busy.insert(subject.clone(), fetching);
    check(
        &bench,
        expect![[r#"
        task t1: preparing: waits for the image job: 40 % from node host2
        task t2: preparing: waits for the image job: 40 % from node host2
    "#]],
    );
    bench.calls.busy.clear();
    let failure = |retryable| Failure {
        times: 1,
        message: "no node of the lab has it; build it again".into(),
        retryable,
        next_at: UnixMillis(u64::MAX),
    };
    bench.calls.failed.insert(subject.clone(), failure(true));
    check(
        &bench,
        expect![[r#"
        task t1: preparing: waits for the image job: no node of the lab has it; build it again
        task t2: preparing: waits for the image job: no node of the lab has it; build it again
    "#]],
    );
    bench.calls.failed.insert(subject, failure(false));
    check(
        &bench,
        expect![[r#"
        task t1: rejected, no more: the image job that was built for this service (sha256:built) cannot be had: no node of the lab has it; build it again
        task t2: rejected, no more: the image job that was built for this service (sha256:built) cannot be had: no node of the lab has it; build it again
    "#]],
    );
    bench.calls.failed.clear();
    bench.engine.elsewhere.insert("sha256:built".into());
    let bench = bench.settle();
    check(
        &bench,
        expect![[r#"
        task t1: running, attempt 1
        task t2: running, attempt 1
    "#]],
    );
}

#[test]
fn a_network_the_engine_refuses_to_make_rejects_only_the_tasks_that_need_it() {
    let mut bench = Bench::new()
        .with(task("t1", "web", 1, &web()), &web())
        .with(
            task("t2", "job", 1, &job_in_no_network()),
            &job_in_no_network(),
        );
    let failure = Failure {
        times: 1,
        message: "all predefined address pools have been fully subnetted".into(),
        retryable: false,
        next_at: UnixMillis(u64::MAX),
    };
    bench
        .calls
        .failed
        .insert(Subject::Network(name("shop_default")), failure);
    check(
        bench,
        &expect![[r#"
            task t1: rejected, no more: the network shop_default cannot be made: all predefined address pools have been fully subnetted
            task t2: running, attempt 1
        "#]],
    );
}

#[test]
fn a_name_too_long_for_the_engine_is_refused_in_words() {
    let spec = job_in_no_network();
    let service = "s".repeat(128);
    let bench = Bench::new()
        .with(task("t1", &service, 1, &spec), &spec)
        .settle();
    let shown = text(&bench.decide());
    assert!(
        shown.contains("rejected, no more: ") && shown.contains("engine object name"),
        "{shown}"
    );
}

#[test]
fn no_volume_is_made_for_a_task_that_the_node_refuses() {
    let mut bench = Bench::new().with(task("t1", "redis", 1, &redis()), &redis());
    let other = ModelContainer::created("shop-redis-1", BTreeMap::new(), redis());
    bench.engine.put(other);
    let bench = bench.settle();
    assert!(bench.engine.volumes.is_empty());
}

/// Nothing is pulled or made for a task whose container would lack what it asks for.
#[test]
fn what_the_engine_is_too_old_for_is_refused_before_anything_is_made() {
    let asking = TaskSpec {
        annotations: BTreeMap::from([("team".to_owned(), "red".to_owned())]),
        ..redis()
    };
    let bench = |api: &str| {
        let mut bench = Bench::new().with(task("t1", "redis", 1, &asking), &asking);
        bench.engine.images.clear();
        bench.engine.registry.insert("redis".to_owned());
        bench.engine.facts = Some(EngineFacts {
            version: "20.10.24".to_owned(),
            api_version: api.to_owned(),
        });
        bench
    };
    let old = bench("1.41").settle();
    assert!(old.engine.volumes.is_empty() && old.engine.images.is_empty());
    expect![[r#"
        task t1: rejected, no more: AGT0106: this node's Docker Engine 20.10.24 (API 1.41) is too old for what the service asks: `annotations` needs API 1.43 (Docker 24.0); update it, or take these attributes out
    "#]]
    .assert_eq(&text(&old.decide()));
    let new = bench("1.43").settle();
    assert_eq!(new.engine.containers.len(), 1);
}
