//! The lab's own Compose file: our planner accepts it.

use crate::lab::{Lab, checkout};

#[test]
fn our_own_compose_file_is_accepted_by_our_own_planner() {
    let lab = Lab::new();
    let file = checkout().join("docker-compose.yml");
    let said = lab
        .compose(&file, "tercio", &["config", "--format", "json"])
        .ok();
    let services = said.json()["services"].as_object().expect("services").len();
    assert!(services >= 5, "{}", said.out);
}
