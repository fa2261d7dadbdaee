//! Requests and their answers through a real server.

use std::time::Duration;

use lab_bus::{
    Bus, CallError, CallOptions, Headers, Incoming, ServiceInfo, ServiceServer, Sharing,
};
use lab_testkit::{NatsServer, user, wait_until};
use lab_types::{Problem, ProjectName, RequestId, ServiceName};
use lab_wire::request::{MachineList, MachineListed, ServiceScale};
use lab_wire::request::{REQUESTS, ServedBy, ServiceChanged, ServiceList, ServiceListed};
use lab_wire::{Role, header};
use serde_json::Value;
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(5);

async fn serve(
    bus: &Bus,
    part: ServedBy,
    sharing: Sharing,
) -> (ServiceServer, mpsc::Receiver<Incoming>) {
    let info = ServiceInfo {
        name: "scheduler".into(),
        version: "0.1.0".into(),
        description: "Owns desired state.".into(),
    };
    let endpoints = REQUESTS.iter().filter(|request| request.served_by == part);
    let endpoints = endpoints.copied().collect();
    let served = ServiceServer::start(bus, info, endpoints, sharing)
        .await
        .unwrap();
    // What is asked on the same connection afterwards finds the subscriptions.
    bus.flush().await.unwrap();
    served
}

/// A scheduler that scales: its revision is the number of different request ids it has met.
fn answer_scaling(mut requests: mpsc::Receiver<Incoming>) -> tokio::task::JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut ids: Vec<String> = Vec::new();
        while let Some(incoming) = requests.recv().await {
            match incoming.info.verb {
                "scale" => match incoming.decode::<ServiceScale>() {
                    Ok(scale) => {
                        let id = incoming.request_id_of(&scale).unwrap().to_string();
                        if !ids.contains(&id) {
                            ids.push(id);
                        }
                        let revision = ids.len() as u64;
                        let changed = true;
                        incoming.reply(&ServiceChanged { revision, changed }).await;
                    }
                    Err(problem) => incoming.refuse(&problem).await,
                },
                _ => {
                    let problem = Problem::new("SCH0001", "no such\nthing").help("look\nagain");
                    incoming.refuse(&problem).await;
                }
            }
        }
        ids
    })
}

fn scale(request_id: Option<&str>) -> ServiceScale {
    ServiceScale {
        service: ServiceName::new("web").unwrap(),
        replicas: 3,
        request_id: request_id.map(|id| RequestId::new(id).unwrap()),
    }
}

fn shop() -> ProjectName {
    ProjectName::new("shop").unwrap()
}

#[tokio::test]
async fn json_is_answered_in_json_and_messagepack_in_messagepack() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    answer_scaling(requests);
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let subject = "tercio.v1.req.ada.shop.service.scale";
    let json = br#" {"service": "web", "replicas": 3, "request_id": "r1"}"#.as_slice();
    let reply = ada
        .call_raw(subject, Headers::new(), json.into(), SOON)
        .await
        .unwrap();
    assert_eq!(reply.header(header::CONTENT_TYPE), Some("application/json"));
    let value: Value = serde_json::from_slice(&reply.payload).unwrap();
    assert_eq!(value, serde_json::json!({ "revision": 1, "changed": true }));

    let request = scale(Some("r2"));
    let options = CallOptions::default();
    let answer = ada
        .call(&user("ada"), Some(&shop()), &request, options)
        .await
        .unwrap();
    let (revision, changed) = (2, true);
    assert_eq!(answer, ServiceChanged { revision, changed });
}

#[tokio::test]
async fn garbage_and_misspelt_requests_get_a_problem_that_says_what_was_expected() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    answer_scaling(requests);
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let subject = "tercio.v1.req.ada.shop.service.scale";
    let bodies: [(&[u8], &str); 6] = [
        (b"\xff\xfe\x00garbage", "MessagePack"),
        (b"scale web to 3", "MessagePack"),
        (b"{\"service\": \"web\", ", "JSON"),
        (b"{\"service\":\"web\",\"replica\":3}", "replica"),
        (b"{\"service\":\"web\",\"replicas\":-1}", "-1"),
        (b"", "service"),
    ];
    for (body, names) in bodies {
        let asked = ada
            .call_raw(subject, Headers::new(), body.into(), SOON)
            .await;
        let Err(CallError::Refused(problem)) = asked else {
            panic!("{asked:?}");
        };
        assert_eq!(problem.code.0, "BUS0001");
        assert!(problem.message.contains(names), "{body:?}: {problem}");
        assert!(problem.message.contains("service.scale"), "{problem}");
        assert!(problem.help.is_some());
    }
    let bad_id = vec![(header::REQUEST_ID.to_owned(), "a.b".to_owned())];
    let asked = ada
        .call_raw(subject, bad_id, "{}".into(), SOON)
        .await
        .unwrap_err();
    assert!(asked.to_string().contains(header::REQUEST_ID), "{asked}");
}

#[tokio::test]
async fn a_refusal_travels_in_headers_and_body_and_its_words_stay_one_line() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    answer_scaling(requests);
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let options = CallOptions::default();
    let asked = vera
        .call(&user("vera"), None, &ServiceList::default(), options)
        .await;
    let Err(CallError::Refused(problem)) = asked else {
        panic!("{asked:?}");
    };
    let expected = Problem::new("SCH0001", "no such\nthing").help("look\nagain");
    assert_eq!(*problem, expected);
    // A stock client that reads only headers finds code and sentence there.
    let mut inbox = vera.subscribe("_INBOX.user.vera.mine").await.unwrap();
    let raw = async_nats::ConnectOptions::with_credentials_file(creds(&server, "vera")).await;
    let raw = raw.unwrap().connect(server.url()).await.unwrap();
    let subject = "tercio.v1.req.vera._.service.list";
    raw.publish_with_reply(subject, "_INBOX.user.vera.mine", "".into())
        .await
        .unwrap();
    raw.flush().await.unwrap();
    let reply = tokio::time::timeout(SOON, inbox.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reply.header(header::ERROR_CODE), Some("SCH0001"));
    assert_eq!(reply.header(header::ERROR), Some("no such"));
    assert_eq!(reply.header(header::ERROR_HELP), Some("look"));
}

/// A credentials file as any NATS client reads it.
fn creds(server: &NatsServer, name: &str) -> std::path::PathBuf {
    let path = server.dir().join(format!("{name}.creds"));
    let credentials = server.credentials(&Role::Viewer(user(name)));
    credentials.write(&path).unwrap();
    path
}

#[tokio::test]
async fn a_change_is_repeated_with_the_same_id_until_a_leader_is_there_and_carried_out_once() {
    let server = NatsServer::start().await;
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let calling = tokio::spawn(async move {
        let options = CallOptions {
            attempt: Duration::from_millis(400),
            ..CallOptions::default()
        };
        ada.call(&user("ada"), Some(&shop()), &scale(None), options)
            .await
    });
    let scheduler = server.connect_as(&Role::Scheduler).await;
    // A leader that takes requests and dies before it answers, then one that is busy, then one that
    // answers.
    let (served, mut requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    let mut ids = Vec::new();
    for turn in 0..3 {
        let incoming = tokio::time::timeout(SOON, requests.recv())
            .await
            .unwrap()
            .unwrap();
        ids.push(incoming.request_id.clone().unwrap());
        match turn {
            0 => drop(incoming),
            1 => incoming.try_again("not yet").await,
            _ => {
                let (revision, changed) = (1, true);
                incoming.reply(&ServiceChanged { revision, changed }).await;
            }
        }
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(calling.await.unwrap().unwrap().revision, 1);
    served.stop().await;
}

#[tokio::test]
async fn without_anybody_to_answer_a_call_says_so_when_its_time_is_up() {
    let server = NatsServer::start().await;
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let options = || CallOptions {
        timeout: Duration::from_secs(1),
        attempt: Duration::from_millis(300),
        ..CallOptions::default()
    };
    let list = ServiceList::default();
    let asked = ada
        .call(&user("ada"), None, &list, options())
        .await
        .unwrap_err();
    assert!(matches!(asked, CallError::NoResponders { .. }), "{asked}");
    assert_eq!(asked.problem().code.0, "BUS0004");

    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, _kept) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    let started = std::time::Instant::now();
    let asked = ada
        .call(&user("ada"), None, &list, options())
        .await
        .unwrap_err();
    assert!(matches!(asked, CallError::TimedOut { .. }), "{asked}");
    assert!(started.elapsed() < SOON);

    // Somebody else's name in the subject is refused, and not repeated.
    let started = std::time::Instant::now();
    let asked = ada
        .call(&user("vera"), None, &list, options())
        .await
        .unwrap_err();
    assert!(
        matches!(asked, CallError::PermissionDenied { .. }),
        "{asked}"
    );
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn replicas_share_the_requests_and_a_stopped_service_is_gone_at_once() {
    let server = NatsServer::start().await;
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let bus = server.connect_as(&Role::Provisioner).await;
        let served = serve(&bus, ServedBy::Provisioner, Sharing::Replicas).await;
        replicas.push((bus, served));
    }
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let mut counted = Vec::new();
    let mut stops = Vec::new();
    for (_bus, (served, mut requests)) in replicas {
        stops.push(served);
        counted.push(tokio::spawn(async move {
            let mut count = 0;
            while let Some(incoming) = requests.recv().await {
                count += 1;
                incoming.reply(&MachineListed { machines: vec![] }).await;
            }
            count
        }));
    }
    for _ in 0..60 {
        let options = CallOptions::default();
        let listed = ada
            .call(&user("ada"), None, &MachineList::default(), options)
            .await;
        assert_eq!(listed.unwrap().machines, []);
    }
    for stop in stops {
        stop.stop().await;
    }
    let mut counts = Vec::new();
    for count in counted {
        counts.push(count.await.unwrap());
    }
    assert_eq!(
        counts.iter().sum::<u32>(),
        60,
        "each is answered by one: {counts:?}"
    );
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let subject = "tercio.v1.req.ada._.machine.list";
    let asked = ada.call_raw(subject, Headers::new(), "".into(), SOON).await;
    assert!(
        matches!(asked, Err(CallError::NoResponders { .. })),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_answer_too_large_for_one_message_becomes_a_problem() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, mut requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    tokio::spawn(async move {
        while let Some(incoming) = requests.recv().await {
            let next = Some("x".repeat(2 << 20));
            incoming
                .reply(&ServiceListed {
                    services: vec![],
                    next,
                })
                .await;
        }
    });
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let options = CallOptions::default();
    let asked = ada
        .call(&user("ada"), None, &ServiceList::default(), options)
        .await;
    let Err(CallError::Refused(problem)) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(problem.code.0, "BUS0009");
}

#[tokio::test]
async fn a_full_queue_asks_the_sender_to_come_again_instead_of_losing_requests() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, mut requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    let ada = server.connect_as(&Role::Admin(user("ada"))).await;
    let calls: Vec<_> = (0..400)
        .map(|_| {
            let ada = ada.clone();
            tokio::spawn(async move {
                let list = ServiceList::default();
                ada.call(&user("ada"), None, &list, CallOptions::default())
                    .await
            })
        })
        .collect();
    // The queue is full before anything is taken out of it.
    wait_until(SOON, "the queue is full", async || {
        (requests.len() == requests.max_capacity()).then_some(())
    })
    .await;
    tokio::spawn(async move {
        while let Some(incoming) = requests.recv().await {
            let (services, next) = (vec![], None);
            incoming.reply(&ServiceListed { services, next }).await;
        }
    });
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn stock_tools_find_a_service_and_read_its_endpoints_and_statistics() {
    let server = NatsServer::start().await;
    let scheduler = server.connect_as(&Role::Scheduler).await;
    let (_served, requests) = serve(&scheduler, ServedBy::Scheduler, Sharing::LeaderOnly).await;
    answer_scaling(requests);
    let vera = server.connect_as(&Role::Viewer(user("vera"))).await;
    let ask = async |subject: &str| -> Value {
        let reply = vera
            .call_raw(subject, Headers::new(), "".into(), SOON)
            .await
            .unwrap();
        serde_json::from_slice(&reply.payload).unwrap()
    };
    let ping = ask("$SRV.PING").await;
    assert_eq!(ping["type"], "io.nats.micro.v1.ping_response");
    assert_eq!(
        (&ping["name"], &ping["version"]),
        (&"scheduler".into(), &"0.1.0".into())
    );
    let id = ping["id"].as_str().unwrap();
    assert_eq!(ask("$SRV.PING.scheduler").await, ping);
    assert_eq!(ask(&format!("$SRV.PING.scheduler.{id}")).await, ping);

    let info = ask("$SRV.INFO.scheduler").await;
    assert_eq!(info["type"], "io.nats.micro.v1.info_response");
    let served = REQUESTS
        .iter()
        .filter(|r| r.served_by == ServedBy::Scheduler);
    assert_eq!(info["endpoints"].as_array().unwrap().len(), served.count());
    let scale = &info["endpoints"].as_array().unwrap().iter();
    let scale = scale
        .clone()
        .find(|endpoint| endpoint["name"] == "service-scale")
        .unwrap();
    assert_eq!(scale["subject"], "tercio.v1.req.*.*.service.scale");

    let options = CallOptions::default();
    vera.call(&user("vera"), None, &ServiceList::default(), options)
        .await
        .unwrap_err();
    let stats = ask("$SRV.STATS.scheduler").await;
    assert_eq!(stats["type"], "io.nats.micro.v1.stats_response");
    let list = stats["endpoints"].as_array().unwrap().iter();
    let list = list
        .clone()
        .find(|endpoint| endpoint["name"] == "service-list")
        .unwrap();
    assert_eq!(
        (&list["num_requests"], &list["num_errors"]),
        (&1.into(), &1.into())
    );
    assert!(
        list["last_error"].as_str().unwrap().starts_with("SCH0001"),
        "{list}"
    );
    assert!(list["processing_time"].as_u64().unwrap() > 0);
}
