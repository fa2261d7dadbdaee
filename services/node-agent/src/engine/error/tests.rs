use std::path::Path;

use bollard::errors::Error as Engine;
use lab_types::Problem;

use super::{Error, Kind};

fn refused(status_code: u16, message: &str) -> Error {
    let message = message.to_owned();
    let error = Engine::DockerResponseServerError {
        status_code,
        message,
    };
    Error::of(
        "start container shop-web-1",
        Path::new("/run/d.sock"),
        error,
    )
}

#[test]
fn the_engines_sentences_become_kinds_a_person_can_act_on() {
    let cases = [
        (404, "No such image: redis:alpine", Kind::ImageMissing),
        (
            409,
            "Conflict. The container name \"/web\" is already in use by container \"ab\". You have \
             to remove (or rename) that container to be able to reuse that name.",
            Kind::NameTaken,
        ),
        (
            500,
            "driver failed programming external connectivity on endpoint web (1f): Bind for \
             0.0.0.0:5000 failed: port is already allocated",
            Kind::PortTaken,
        ),
        (
            500,
            "driver failed programming external connectivity on endpoint web (1f): Error starting \
             userland proxy: listen tcp4 0.0.0.0:5000: bind: address already in use",
            Kind::PortTaken,
        ),
        (404, "network shop_default not found", Kind::NotFound),
        (409, "volume is in use - [ab]", Kind::InUse),
        (
            400,
            "OCI runtime create failed: exec: \"nope\": executable file not found in $PATH",
            Kind::BadSpec,
        ),
        (
            500,
            "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host",
            Kind::Registry,
        ),
        (
            500,
            "write /var/lib/x: no space left on device",
            Kind::DiskFull,
        ),
        (500, "something new", Kind::Other),
    ];
    for (status, message, kind) in cases {
        assert_eq!(refused(status, message).kind, kind, "{message}");
    }
}

#[test]
fn a_taken_port_is_named_with_its_protocol() {
    for (message, port) in [
        (
            "x: Bind for 0.0.0.0:5000 failed: port is already allocated",
            "5000/tcp",
        ),
        (
            "x: listen tcp4 127.0.0.1:80: bind: address already in use",
            "80/tcp",
        ),
        (
            "x: listen udp [::]:53: bind: address already in use",
            "53/udp",
        ),
    ] {
        let problem = Problem::from(&refused(500, message));
        let wanted = format!(
            "cannot start container shop-web-1: port {port} of this node is already in use"
        );
        assert_eq!(problem.message, wanted);
        assert_eq!(problem.code.0, "AGT0012");
    }
}

#[test]
fn a_missing_socket_says_how_to_start_the_engine() {
    let error = Engine::SocketNotFoundError("/run/d.sock".into());
    let error = Error::of("list containers", Path::new("/run/d.sock"), error);
    let problem = Problem::from(&error);
    assert_eq!(problem.code.0, "AGT0001");
    assert_eq!(problem.message, "no Docker engine answers at /run/d.sock");
    assert!(problem.help.unwrap().contains("systemctl start docker"));
}
