//! Who may say and hear what, subject by subject, as the server enforces it.

use std::time::Duration;

use lab_bus::{Bus, CallError, ConnectError, ConnectOptions, Headers, LabIdentity, Trouble};
use lab_testkit::{NatsServer, node_id, user, wait_until};
use lab_wire::request::REQUESTS;
use lab_wire::{Access, Role};

/// Many times what anything here takes.
const SOON: Duration = Duration::from_secs(5);
/// What nobody may publish: the server's refusal of it marks the end of what came before.
const MARKER: &str = "nobody.may.say.this";

fn roles() -> Vec<Role> {
    vec![
        Role::Scheduler,
        Role::Planner,
        Role::Provisioner,
        Role::Node(node_id("n1")),
        Role::Admin(user("ada")),
        Role::Viewer(user("vera")),
    ]
}

/// Says and hears the subjects and returns those the server refused. The server treats a connection's
/// messages in order, so when it refuses the marker it has judged all before it.
async fn refused(bus: &Bus, publish: &[String], subscribe: &[String]) -> Vec<Trouble> {
    let mut troubles = bus.troubles();
    let mut kept = Vec::new();
    for subject in subscribe {
        kept.push(bus.subscribe(subject.clone()).await.unwrap());
    }
    for subject in publish {
        let body = bytes::Bytes::from_static(b"{}");
        bus.publish_bytes(subject.clone(), Headers::new(), body)
            .await
            .unwrap();
    }
    bus.publish(MARKER, &()).await.unwrap();
    let mut refused = Vec::new();
    loop {
        let trouble = tokio::time::timeout(SOON, troubles.recv()).await;
        let trouble = trouble.expect("the marker is refused").unwrap();
        if matches!(&trouble, Trouble::PublishDenied { subject } if subject == MARKER) {
            return refused;
        }
        refused.push(trouble);
    }
}

/// Few enough at once that no refusal is dropped before it is read.
const AT_ONCE: usize = 40;

async fn refused_subjects(bus: &Bus, publish: &[String], subscribe: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for publish in publish.chunks(AT_ONCE) {
        all.extend(refused(bus, publish, &[]).await);
    }
    for subscribe in subscribe.chunks(AT_ONCE) {
        all.extend(refused(bus, &[], subscribe).await);
    }
    let subject = |trouble| match trouble {
        Trouble::PublishDenied { subject } | Trouble::SubscribeDenied { subject } => subject,
        other => panic!("{other:?}"),
    };
    all.into_iter().map(subject).collect()
}

/// One subject that a pattern covers.
fn concrete(pattern: &str) -> String {
    let tokens = pattern.split('.').map(|token| match token {
        "*" => "any",
        ">" => "deep.er",
        other => other,
    });
    tokens.collect::<Vec<_>>().join(".")
}

/// Whether a pattern covers a subject or another pattern.
fn covers(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(token)) if token != ">" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn every_row_of_the_table_is_allowed_and_every_other_row_is_refused() {
    let server = NatsServer::start().await;
    let rows: Vec<_> = roles().iter().map(Role::permissions).collect();
    for role in roles() {
        let bus = server.connect_as(&role).await;
        let own = role.permissions();
        let publish: Vec<_> = own.publish.iter().map(|p| concrete(p)).collect();
        let none = refused_subjects(&bus, &publish, &own.subscribe).await;
        assert_eq!(none, Vec::<String>::new(), "{role:?} may do this");

        let others = rows.iter().flat_map(|row| &row.publish);
        let mut publish: Vec<_> = others
            .map(|pattern| concrete(pattern))
            .filter(|subject| !own.publish.iter().any(|pattern| covers(pattern, subject)))
            .collect();
        publish.sort();
        publish.dedup();
        let others = rows.iter().flat_map(|row| &row.subscribe);
        let mut subscribe: Vec<_> = others
            .filter(|subject| !own.subscribe.iter().any(|pattern| covers(pattern, subject)))
            .cloned()
            .collect();
        subscribe.sort();
        subscribe.dedup();
        let refused = refused_subjects(&bus, &publish, &subscribe).await;
        publish.extend(subscribe);
        assert_eq!(refused, publish, "{role:?} may do none of this");
        assert!(publish.len() > 10, "{role:?}: {publish:?}");
    }
}

/// Written out, so that a mistake in the table itself is found.
#[tokio::test]
async fn an_agent_cannot_write_state_see_another_nodes_assignment_or_speak_for_another_node() {
    let server = NatsServer::start().await;
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let publish = [
        // Desired state, its fence and the lease.
        "$KV.tercio_state.assignment.n1",
        "$KV.tercio_state.head.scheduler",
        "$KV.tercio_lease.scheduler",
        // Reading the state, by any way there is.
        "$JS.API.STREAM.MSG.GET.KV_tercio_state",
        "$JS.API.DIRECT.GET.KV_tercio_state",
        "$JS.API.DIRECT.GET.KV_tercio_state.$KV.tercio_state.assignment.n2",
        "$JS.API.CONSUMER.CREATE.KV_tercio_state",
        "$JS.API.CONSUMER.CREATE.KV_tercio_state.x.$KV.tercio_state.assignment.n1",
        "$JS.API.STREAM.SNAPSHOT.KV_tercio_state",
        "$JS.API.STREAM.DELETE.KV_tercio_state",
        "$JS.API.STREAM.PURGE.TERCIO_EVENTS",
        "$JS.API.INFO",
        // Another node's voice, and the leader's.
        "tercio.v1.node.n2.beat",
        "tercio.v1.node.n2.report",
        "tercio.v1.node.n2.sync",
        "tercio.v1.ev.agent.n2.task.t1.failed",
        // Not even its own: NATS acknowledges an event wherever its sender says.
        "tercio.v1.ev.agent.n1.task.t1.failed",
        "tercio.v1.ev.scheduler.scheduler.node.n2.lost",
        "tercio.v1.str.n2.ada.s1.down",
        "tercio.v1.str.n1.ada.s1.up",
        // A transfer between others, and the other end of one's own.
        "tercio.v1.xfer.n2.n3.s1.down",
        "tercio.v1.xfer.n2.n3.s1.up",
        "tercio.v1.xfer.n2.n1.s1.down",
        "tercio.v1.xfer.n1.n2.s1.up",
        "tercio.v1.node.n2.image",
        "tercio.v1.cmd.n2.open",
        "tercio.v1.cmd.n2.assign",
        "tercio.v1.cmd.n1.assign",
        "tercio.v1.ctl.scheduler.probe",
        "tercio.v1.req.ada._.node.list",
        "tercio.v1.req.n1._.node.list",
        // An answer that nobody asked for.
        "_INBOX.svc.scheduler.x.y",
    ]
    .map(str::to_owned);
    let subscribe = [
        "tercio.v1.cmd.n2.>",
        "tercio.v1.cmd.*.assign",
        "tercio.v1.cmd.>",
        "tercio.v1.>",
        ">",
        "$KV.tercio_state.>",
        "tercio.v1.node.n2.>",
        "tercio.v1.node.n1.>",
        "tercio.v1.ev.>",
        "tercio.v1.xfer.>",
        "tercio.v1.xfer.*.*.*.down",
        "tercio.v1.xfer.n2.n3.s1.down",
        "tercio.v1.xfer.n2.n3.s1.up",
        "tercio.v1.xfer.n2.n1.s1.up",
        "tercio.v1.xfer.n1.n2.s1.down",
        "tercio.v1.req.*.*.service.scale",
        "tercio.v1.ctl.scheduler.probe",
        "tercio.v1.str.n2.*.*.up",
        "_INBOX.>",
        "_INBOX.node.n2.>",
        "_INBOX.svc.scheduler.>",
        "$SRV.PING",
    ]
    .map(str::to_owned);
    let refused = refused_subjects(&n1, &publish, &subscribe).await;
    assert_eq!(refused, [publish.to_vec(), subscribe.to_vec()].concat());
}

#[tokio::test]
async fn a_viewer_can_change_nothing_and_speak_for_nobody() {
    let server = NatsServer::start().await;
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let of = |user: &str, access: Option<Access>| {
        REQUESTS
            .iter()
            .filter(|request| access.is_none_or(|access| request.access == access))
            .map(|r| format!("tercio.v1.req.{user}.shop.{}.{}", r.noun, r.verb))
            .collect::<Vec<_>>()
    };
    let reads = of("vera", Some(Access::Read));
    assert_eq!(
        refused_subjects(&vera, &reads, &[]).await,
        Vec::<String>::new()
    );
    let mut publish = of("vera", Some(Access::Change));
    assert!(publish.len() >= 7, "{publish:?}");
    publish.extend(of("ada", None));
    publish.extend(
        [
            "tercio.v1.req.vera._.lab.destroy",
            "tercio.v1.str.n1.ada.s1.up",
            "tercio.v1.str.n1.vera.s1.down",
            "tercio.v1.ev.scheduler.scheduler.service.x.removed",
            "tercio.v1.node.n1.beat",
            "tercio.v1.cmd.n1.open",
            "$KV.tercio_state.desired.service.shop.web",
            "$KV.tercio_lease.scheduler",
            // NATS answers these by itself, to any place it is told.
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.TERCIO_EVENTS",
            "$JS.API.DIRECT.GET.TERCIO_EVENTS",
            "$JS.API.DIRECT.GET.TERCIO_EVENTS.tercio.v1.ev.x",
            "$JS.API.CONSUMER.CREATE.TERCIO_EVENTS.c.tercio.v1.ev.>",
            "$JS.API.CONSUMER.INFO.TERCIO_EVENTS.c",
            "$JS.API.CONSUMER.MSG.NEXT.TERCIO_EVENTS.c",
            "$JS.API.CONSUMER.DELETE.TERCIO_EVENTS.c",
            "$JS.API.STREAM.DELETE.TERCIO_EVENTS",
            "$JS.API.STREAM.PURGE.TERCIO_EVENTS",
            "$JS.API.STREAM.UPDATE.TERCIO_EVENTS",
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.STREAM.MSG.DELETE.TERCIO_EVENTS",
            "$JS.API.STREAM.MSG.GET.KV_tercio_state",
            "$JS.API.CONSUMER.CREATE.KV_tercio_state.x.y",
            "$SYS.REQ.CLAIMS.UPDATE",
        ]
        .map(str::to_owned),
    );
    let subscribe = [
        "tercio.v1.req.>",
        "tercio.v1.req.*.*.service.list",
        "tercio.v1.node.>",
        "tercio.v1.cmd.>",
        "tercio.v1.str.*.ada.*.down",
        "_INBOX.user.ada.>",
        "$KV.>",
    ]
    .map(str::to_owned);
    let refused = refused_subjects(&vera, &publish, &subscribe).await;
    publish.extend(subscribe);
    assert_eq!(refused, publish);
}

#[tokio::test]
async fn nobody_may_delete_or_purge_a_stream() {
    let server = NatsServer::start().await;
    for role in roles() {
        let bus = server.connect_as(&role).await;
        let mut publish = Vec::new();
        for stream in ["KV_tercio_state", "KV_tercio_lease", "TERCIO_EVENTS"] {
            for verb in ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE"] {
                publish.push(format!("$JS.API.{verb}.{stream}"));
            }
        }
        assert_eq!(
            refused_subjects(&bus, &publish, &[]).await,
            publish,
            "{role:?}"
        );
    }
}

#[tokio::test]
async fn an_agent_answers_a_command_it_was_given_and_only_that() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let n1 = server.connect_as(&Role::Node(node_id("n1"))).await;
    let mut commands = n1.subscribe("tercio.v1.cmd.n1.>").await.unwrap();
    // The server has seen the subscription when it has refused what was said after it.
    assert_eq!(refused(&n1, &[], &[]).await, []);
    let asked = tokio::spawn(async move {
        let (subject, body) = ("tercio.v1.cmd.n1.check", "{}".into());
        scheduler
            .call_raw(subject, Headers::new(), body, SOON)
            .await
    });
    let command = commands.next().await.unwrap();
    let inbox = command.reply.unwrap();
    n1.publish(inbox.clone(), &"done").await.unwrap();
    let reply = asked.await.unwrap().unwrap();
    assert_eq!(lab_wire::decode::<String>(&reply.payload).unwrap(), "done");
    // One answer was allowed, not two.
    assert_eq!(
        refused_subjects(&n1, std::slice::from_ref(&inbox), &[]).await,
        [inbox]
    );
}

#[tokio::test]
async fn a_refused_request_says_so_at_once_and_names_the_subject() {
    let server = NatsServer::start().await;
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let subject = "tercio.v1.req.vera.shop.service.scale";
    let asked = vera.call_raw(subject, Headers::new(), "{}".into(), SOON);
    match tokio::time::timeout(SOON / 2, asked).await.unwrap() {
        Err(CallError::PermissionDenied { subject: named }) => assert_eq!(named, subject),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn credentials_of_another_lab_or_past_their_time_are_refused() {
    let server = NatsServer::start().await;
    let other = LabIdentity::create(&server.dir().join("other")).unwrap();
    let role = Role::Admin(user("ada"));
    let stranger = other.issue(&role, None);
    let options = ConnectOptions::new(vec![server.url()], stranger, "stranger");
    let refused = Bus::connect(options).await.unwrap_err();
    assert!(
        matches!(refused, ConnectError::Unauthorized { .. }),
        "{refused}"
    );

    let brief = server.identity().issue(&role, Some(Duration::from_secs(2)));
    let options = || ConnectOptions::new(vec![server.url()], brief.clone(), "brief");
    let bus = Bus::connect(options()).await.unwrap();
    wait_until(
        SOON * 2,
        "the credentials are past their time",
        async || {
            matches!(
                Bus::connect(options()).await,
                Err(ConnectError::Unauthorized { .. })
            )
            .then_some(())
        },
    )
    .await;
    wait_until(SOON, "the old connection is dropped", async || {
        (!bus.is_connected()).then_some(())
    })
    .await;
}
