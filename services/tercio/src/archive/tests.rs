use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{Error, pack};

/// The tar's entries: name, and what is in it.
fn unpack(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = String::new();
        std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
        if let Some(target) = entry.link_name().unwrap() {
            content = format!("-> {}", target.display());
        }
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        (name, content)
    });
    entries.collect()
}

fn write(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn names(root: &Path, dockerfile: &str) -> Vec<String> {
    let mut bytes = Vec::new();
    pack(root, dockerfile, &mut bytes).unwrap();
    unpack(&bytes).into_keys().collect()
}

#[test]
fn a_context_is_packed_with_its_folders_links_and_modes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "Dockerfile", "FROM scratch\n");
    write(root, "bin/run", "#!/bin/sh\n");
    std::fs::set_permissions(root.join("bin/run"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("run", root.join("bin/link")).unwrap();
    symlink("/nowhere", root.join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("sock")).unwrap();
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    write(root, &long, "far down");
    let mut bytes = Vec::new();
    let summary = pack(root, "Dockerfile", &mut bytes).unwrap();
    let entries = unpack(&bytes);
    assert_eq!(entries["bin/run"], "#!/bin/sh\n");
    assert_eq!(entries["bin/link"], "-> run");
    assert_eq!(entries["dangling"], "-> /nowhere");
    assert_eq!(entries[&long], "far down");
    assert!(entries.contains_key("bin/"), "{:?}", entries.keys());
    assert_eq!(summary.skipped, ["sock"]);
    assert_eq!(summary.bytes, 13 + 10 + 8);
    let modes: BTreeMap<String, u32> = tar::Archive::new(&bytes[..])
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            (name, entry.header().mode().unwrap())
        })
        .collect();
    assert_eq!(modes["bin/run"], 0o755);
}

#[test]
fn ignored_files_stay_out_and_the_dockerfile_and_the_rules_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in [
        "Dockerfile",
        "a.txt",
        "keep/b.txt",
        "keep/c.md",
        "other/d.txt",
    ] {
        write(root, name, "x");
    }
    write(root, ".dockerignore", "*\n!keep/*.txt\n");
    assert_eq!(
        names(root, "Dockerfile"),
        [".dockerignore", "Dockerfile", "keep/b.txt"]
    );
}

#[test]
fn a_dockerfiles_own_ignore_file_goes_before_the_contexts() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "docker/web.Dockerfile", "FROM scratch\n");
    write(root, "a.txt", "x");
    write(root, "b.txt", "x");
    write(root, ".dockerignore", "a.txt");
    write(root, "docker/web.Dockerfile.dockerignore", "b.txt");
    let packed = names(root, "./docker/web.Dockerfile");
    assert!(packed.contains(&"a.txt".to_owned()), "{packed:?}");
    assert!(!packed.contains(&"b.txt".to_owned()), "{packed:?}");
}

#[test]
fn an_unreadable_folder_that_is_ignored_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "Dockerfile", "FROM scratch\n");
    write(root, "data/pg/x", "x");
    write(root, ".dockerignore", "data");
    std::fs::set_permissions(root.join("data"), PermissionsExt::from_mode(0o000)).unwrap();
    let packed = names(root, "Dockerfile");
    std::fs::set_permissions(root.join("data"), PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(packed, [".dockerignore", "Dockerfile"]);
}

#[test]
fn the_same_context_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Dockerfile", "z", "a", "m/n"] {
        write(folder.path(), name, name);
    }
    let bytes = || {
        let mut bytes = Vec::new();
        pack(folder.path(), "Dockerfile", &mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn what_cannot_be_packed_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let refused =
        |context: &Path, dockerfile: &str| pack(context, dockerfile, std::io::sink()).unwrap_err();
    assert!(matches!(
        refused(&root.join("none"), "Dockerfile"),
        Error::NoFolder(_)
    ));
    assert!(matches!(
        refused(root, "Dockerfile"),
        Error::NoDockerfile { .. }
    ));
    assert!(matches!(
        refused(root, "../Dockerfile"),
        Error::DockerfileOutside(_)
    ));
    assert!(matches!(
        refused(root, "/etc/passwd"),
        Error::DockerfileOutside(_)
    ));
    write(root, "Dockerfile", "FROM scratch\n");
    write(root, ".dockerignore", "ok\n[a\n");
    let ignore = refused(root, "Dockerfile").to_string();
    assert!(ignore.contains("line 2"), "{ignore}");
}

#[test]
fn a_name_that_is_no_text_hinders_only_where_it_would_be_sent() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "Dockerfile", "FROM scratch");
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.bin");
    std::fs::write(root.join(name), "x").unwrap();
    let refused = pack(root, "Dockerfile", Vec::new()).unwrap_err();
    assert!(matches!(refused, Error::NotUtf8(_)), "{refused}");
    write(root, ".dockerignore", "caf*\n!**/keep");
    assert_eq!(names(root, "Dockerfile"), [".dockerignore", "Dockerfile"]);
}
