//! Mounts of a path of the host, in a lab of several nodes.

use crate::support::Files;

#[test]
fn a_path_of_the_host_is_told_by_place_where_the_lab_has_several_nodes() {
    let project = Files::one(
        "services:\n  web:\n    image: nginx\n    volumes:\n      - ./site:/site\n      - /var/run/docker.sock:/s\n      - data:/data\nvolumes: {data: }\n",
    )
    .project();
    assert_eq!(lab_compose::host_paths(&project, 1), []);
    let told = lab_compose::host_paths(&project, 3);
    let [one] = told.as_slice() else {
        panic!("the socket and the volume are told, too: {told:?}");
    };
    let at = one.location.as_ref().unwrap();
    assert_eq!((at.line, at.column), (5, 9));
    assert!(
        one.message.contains("mounts /srv/demo/site"),
        "{}",
        one.message
    );
    assert!(one.message.contains("3 nodes"), "{}", one.message);
}
