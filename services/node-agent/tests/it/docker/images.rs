//! Images built from a streamed context, and pulls that fail.

use bytes::Bytes;
use futures::StreamExt as _;
use lab_wire::agent::BuildOptions;
use node_agent::engine::Kind;
use node_agent::image::{build::build, pull::pull};
use tokio::sync::mpsc;

use super::bed::{Bed, IMAGE};

/// A context with a Dockerfile, a small file, and one of `big` bytes.
pub(crate) fn context(dockerfile: &str, big: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let big = vec![b'x'; big];
    let files = [
        ("Dockerfile.test", dockerfile.as_bytes()),
        ("page.txt", b"hello"),
        ("big.bin", &big),
    ];
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.into_inner().unwrap()
}

async fn build_of(
    bed: &Bed,
    dockerfile: &str,
) -> (Result<String, node_agent::engine::Error>, Vec<String>) {
    let pieces: Vec<_> = context(dockerfile, 10)
        .chunks(700)
        .map(Bytes::copy_from_slice)
        .map(Ok)
        .collect();
    let options = BuildOptions {
        tag: format!("tercio-test/{}:1", bed.project),
        dockerfile: "Dockerfile.test".into(),
        args: [("WHO".into(), "world".into())].into(),
        labels: [("made".into(), "here".into())].into(),
        no_cache: true,
        pull: false,
    };
    let (sender, mut receiver) = mpsc::channel(4);
    let listening = async {
        let mut lines = Vec::new();
        while let Some(batch) = receiver.recv().await {
            lines.extend(batch);
        }
        lines
    };
    let building = async {
        let pieces = futures::stream::iter(pieces);
        let built = build(&bed.engine, &options, pieces, &sender).await;
        drop(sender);
        built
    };
    tokio::join!(building, listening)
}

#[tokio::test]
async fn a_build_reports_its_lines_and_the_images_id() {
    let bed = Bed::new().await;
    let dockerfile =
        format!("FROM {IMAGE}\nARG WHO\nCOPY page.txt /page\nRUN echo hello $WHO; cat /page\n");
    let (built, lines) = build_of(&bed, &dockerfile).await;
    let id = built.unwrap();
    let image = bed
        .docker
        .inspect_image(&format!("tercio-test/{}:1", bed.project))
        .await
        .unwrap();
    let none = None::<bollard::query_parameters::RemoveImageOptions>;
    bed.docker.remove_image(&id, none, None).await.unwrap();
    assert_eq!(image.id.as_deref(), Some(id.as_str()));
    assert_eq!(image.config.unwrap().labels.unwrap()["made"], "here");
    for line in ["Step 1/5", "hello world", "Successfully built"] {
        assert!(
            lines.iter().any(|found| found.contains(line)),
            "{line} not in {lines:#?}"
        );
    }
    assert!(lines.iter().all(|line| !line.contains('\n')));
}

#[tokio::test]
async fn a_failed_step_is_named_and_what_it_printed_is_not_lost() {
    let bed = Bed::new().await;
    let dockerfile = format!("FROM {IMAGE}\nRUN echo before; echo last words >&2; exit 7\n");
    let (built, lines) = build_of(&bed, &dockerfile).await;
    let error = built.unwrap_err();
    assert_eq!(error.kind, Kind::BuildStep, "{error}");
    assert!(
        error
            .message
            .contains("failed at Step 2/3 : RUN echo before"),
        "{error}"
    );
    assert!(
        error.message.contains("returned a non-zero code: 7"),
        "{error}"
    );
    assert!(lines.contains(&"last words".to_owned()), "{lines:#?}");
}

#[tokio::test]
async fn a_missing_base_image_or_dockerfile_is_no_failed_step() {
    let bed = Bed::new().await;
    let options = BuildOptions {
        tag: "tercio-test/none:1".into(),
        dockerfile: "Nowhere".into(),
        ..BuildOptions::default()
    };
    let (sender, _receiver) = mpsc::channel(4);
    let pieces = futures::stream::iter([Ok(Bytes::from(context("", 10)))]);
    let error = build(&bed.engine, &options, pieces, &sender)
        .await
        .unwrap_err();
    assert!(error.message.contains("Nowhere"), "{error}");
}

#[tokio::test]
async fn a_context_that_breaks_off_fails_the_build() {
    let bed = Bed::new().await;
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let half = Bytes::from(context("FROM scratch\n", 10)[..512].to_vec());
    let pieces = futures::stream::iter([Ok(half), Err(broken)]).boxed();
    let options = BuildOptions {
        tag: "tercio-test/none:1".into(),
        dockerfile: "Dockerfile.test".into(),
        ..BuildOptions::default()
    };
    let (sender, _receiver) = mpsc::channel(4);
    build(&bed.engine, &options, pieces, &sender)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_pull_that_no_registry_answers_says_so() {
    let bed = Bed::new().await;
    // Port 9 of this machine: nobody listens there.
    let error = pull(&bed.engine, "127.0.0.1:9/none:1", None)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Registry, "{error}");
    assert!(
        error
            .message
            .starts_with("cannot pull image 127.0.0.1:9/none:1: "),
        "{error}"
    );
}
