//! Times the placement of many tasks in memory: `cargo run --release -p lab-placement --example place`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program that measures time and prints it"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use lab_placement::lab::ObservedNode;
use lab_placement::policy::Leader;
use lab_placement::{Lab, Outcome, PlacementRng, PlanningInput, Policy, plan};
use lab_types::{
    Availability, EngineFacts, Epoch, Health, Incarnation, NodeFacts, NodeId, NodeLiveness,
    NodeName, NodeRecord, NodeRole, ProjectName, Resources, ServiceName, ServiceRecord,
    TaskProgress, TaskSpec, TaskState, TaskStatus, UnixMillis,
};

fn main() {
    println!(
        "nodes  services  tasks   first plan  second plan  all running  placed   (best of five)"
    );
    for (nodes, services, replicas) in [
        (1_000, 1, 10_000),
        (1_000, 100, 100),
        (1_000, 10_000, 1),
        (1_000, 1_000, 100),
        (10_000, 100, 1_000),
    ] {
        run(nodes, services, replicas);
    }
}

fn run(nodes: u32, services: u32, replicas: u32) {
    let mut lab = lab(nodes, services, replicas);
    let (first, outcome) = timed(&lab);
    lab.apply_outcome(&outcome);
    let placed = outcome.report.placed.len();
    let (second, outcome) = timed(&lab);
    assert!(outcome.is_empty(), "planning again gives nothing");
    run_all(&mut lab);
    let (_, outcome) = timed(&lab);
    lab.apply_outcome(&outcome);
    let (third, outcome) = timed(&lab);
    assert!(outcome.is_empty(), "a lab where all runs needs nothing");
    println!(
        "{nodes:>5} {services:>9} {:>6} {first:>9.1} ms {second:>9.1} ms {third:>9.1} ms {placed:>8}",
        services * replicas
    );
}

/// Every task runs.
fn run_all(lab: &mut Lab) {
    for (id, assignment) in &lab.desired.assignments {
        let Some(node) = lab.observed.nodes.get_mut(id) else {
            continue;
        };
        node.accepted = assignment.fence;
        node.needs_full = false;
        for task in assignment.tasks.keys() {
            let status = TaskStatus {
                task: task.clone(),
                progress: TaskProgress {
                    attempt: 1,
                    state: TaskState::Running,
                },
                health: Health::None,
                observed_at: UnixMillis(1),
                started_at: Some(UnixMillis(1)),
                exit_code: None,
                message: None,
                ends: Vec::new(),
                exhausted: false,
                container: None,
                ports: Vec::new(),
            };
            node.statuses.insert(task.clone(), status);
        }
    }
}

/// The best of five runs: what the code takes, rather than what else the machine was doing.
fn timed(lab: &Lab) -> (f64, Outcome) {
    let policy = Policy::default();
    let input = PlanningInput {
        now: UnixMillis(1_000_000),
        policy: &policy,
        lab,
        leader: Leader {
            incarnation: Incarnation(1),
            epoch: Epoch(1),
        },
    };
    let runs = (0..5).map(|_| {
        let mut rng = PlacementRng::from_number(1);
        let start = Instant::now();
        let outcome = plan::plan(&input, &mut rng);
        (start.elapsed().as_secs_f64() * 1000.0, outcome)
    });
    runs.min_by(|a, b| a.0.total_cmp(&b.0)).expect("five runs")
}

fn lab(nodes: u32, services: u32, replicas: u32) -> Lab {
    let mut lab = Lab::default();
    for number in 0..nodes {
        let id = NodeId::new(format!("n{number:05}")).expect("a node id");
        let record = NodeRecord {
            id: id.clone(),
            name: NodeName::new(format!("host-{number}")).expect("a node name"),
            role: NodeRole::Worker,
            availability: Availability::Active,
            labels: BTreeMap::new(),
            patience: None,
            joined_at: UnixMillis(0),
            lost_since: None,
        };
        let observed = ObservedNode {
            liveness: NodeLiveness::Ready,
            known: true,
            facts: NodeFacts {
                capacity: Resources {
                    nano_cpus: 64_000_000_000,
                    memory_bytes: 1 << 40,
                },
                engine: Some(EngineFacts::default()),
                ..NodeFacts::default()
            },
            ..ObservedNode::default()
        };
        lab.desired.nodes.insert(id.clone(), record);
        lab.observed.nodes.insert(id, observed);
    }
    for number in 0..services {
        let project = ProjectName::new("bench").expect("a project name");
        let name = ServiceName::new(format!("service-{number:05}")).expect("a service name");
        let spec = TaskSpec {
            image: format!("image:{number}"),
            reservation: Resources {
                nano_cpus: 10_000_000,
                memory_bytes: 1 << 20,
            },
            ..TaskSpec::default()
        };
        let record = ServiceRecord {
            project: project.clone(),
            name: name.clone(),
            spec: spec.digest(),
            replicas,
            depends_on: BTreeMap::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            revision: 1,
            tries: 0,
            created_at: UnixMillis(0),
        };
        lab.desired.specs.insert(record.spec.clone(), spec);
        lab.desired.services.insert((project, name), record);
    }
    lab
}
