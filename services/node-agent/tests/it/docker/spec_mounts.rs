//! Mounts with their options, as they show inside.

use std::collections::BTreeMap;

use lab_converge::ActionKind;
use lab_types::{
    BindOptions, Mount, MountSource, MountsBelow, Propagation, TaskSpec, VolumeFilling, VolumeName,
    VolumeOptions,
};

use super::bed::{Bed, shell};

fn with(mounts: Vec<(MountSource, &str)>) -> TaskSpec {
    let mounts = mounts.into_iter().map(|(source, target)| Mount {
        source,
        target: target.to_owned(),
        read_only: false,
    });
    TaskSpec {
        mounts: mounts.collect(),
        ..shell("exec sleep 600")
    }
}

fn bind(path: &str, create_host_path: bool, options: BindOptions) -> MountSource {
    MountSource::Bind {
        path: path.to_owned(),
        create_host_path,
        options,
    }
}

#[tokio::test]
async fn a_folder_in_memory_has_its_size_and_its_permissions() {
    let bed = Bed::new().await;
    let tmpfs = MountSource::Tmpfs {
        size_bytes: Some(1 << 20),
        mode: Some(0o751),
    };
    let running = bed
        .create_and_start("web", &with(vec![(tmpfs, "/cache")]))
        .await;
    let seen = bed
        .says(&running, "stat -c %a /cache; df -k /cache | tail -1")
        .await;
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[0], "751");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(words[..2], ["tmpfs", "1024"], "{seen}");
}

#[tokio::test]
async fn an_empty_volume_gets_what_the_image_has_unless_the_spec_says_otherwise() {
    let bed = Bed::new().await;
    for (key, filling, expected) in [
        ("filled", VolumeFilling::FromImage, "busybox"),
        ("empty", VolumeFilling::Empty, ""),
    ] {
        let engine_name = bed.name(key);
        let (name, labels) = (engine_name.clone(), bed.project_labels());
        bed.execute(ActionKind::CreateVolume { name, labels })
            .await
            .unwrap();
        let volume = |options| MountSource::Volume {
            volume: VolumeName::new(key).unwrap(),
            engine_name: engine_name.clone(),
            options,
        };
        let options = VolumeOptions {
            filling,
            ..VolumeOptions::default()
        };
        // The image's `/bin` is the only folder of it that holds something. It is filled when a container
        // is made, and this one could not run without it.
        let create = bed.create(key, &with(vec![(volume(options), "/bin")]));
        bed.execute(ActionKind::CreateContainer(Box::new(create)))
            .await
            .unwrap();
        let look = with(vec![(volume(VolumeOptions::default()), "/look")]);
        let running = bed.create_and_start(&format!("{key}-look"), &look).await;
        let seen = bed.says(&running, "ls /look | grep '^busybox$'").await;
        assert_eq!(seen, expected, "{key}");
    }
}

#[tokio::test]
async fn an_unnamed_volume_has_the_labels_of_the_spec() {
    let bed = Bed::new().await;
    let anonymous = MountSource::Anonymous {
        filling: VolumeFilling::Empty,
        labels: BTreeMap::from([("keep".to_owned(), "no".to_owned())]),
    };
    let running = bed
        .create_and_start("web", &with(vec![(anonymous, "/x")]))
        .await;
    let mounts = bed.inspect(&running.id.0).await.mounts.unwrap();
    let name = mounts[0].name.clone().unwrap();
    let volume = bed.docker.inspect_volume(&name).await.unwrap();
    assert_eq!(volume.labels["keep"], "no");
}

/// The machine's root has mounts below it, `/proc` for one.
#[tokio::test]
async fn mounts_below_a_path_show_unless_the_spec_hides_them() {
    let bed = Bed::new().await;
    let hidden = BindOptions {
        below: MountsBelow::Hidden,
        ..BindOptions::default()
    };
    let spec = with(vec![
        (bind("/", false, BindOptions::default()), "/all"),
        (bind("/", false, hidden), "/flat"),
    ]);
    let running = bed.create_and_start("web", &spec).await;
    let line = "ls /all/proc | grep -c '^1$'; ls /flat/proc | grep -c '^1$'";
    assert_eq!(bed.says(&running, line).await, "1\n0");
}

#[tokio::test]
async fn later_mounts_go_where_the_spec_says_in_both_notations() {
    let bed = Bed::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for (key, create_host_path) in [("mounts", false), ("binds", true)] {
        let options = BindOptions {
            propagation: Some(Propagation::Private),
            ..BindOptions::default()
        };
        let spec = with(vec![(bind(path, create_host_path, options), "/x")]);
        let running = bed.create_and_start(key, &spec).await;
        let mounts = bed.inspect(&running.id.0).await.mounts.unwrap();
        assert_eq!(mounts[0].propagation.as_deref(), Some("private"), "{key}");
    }
}
