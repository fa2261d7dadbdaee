//! Rows for tests.

use lab_types::{
    Health, NodeId, NodeLiveness, NodeName, ProjectName, ServiceName, TaskId, TaskProgress,
    TaskState, TaskTarget,
};
use lab_wire::row::{ServiceRow, TaskRow};

/// A task of the project `shop` on the node `n1`, whose name is `host1`.
pub fn task(service: &str, slot: u32, state: TaskState) -> TaskRow {
    TaskRow {
        task: TaskId::new(format!("t-{service}-{slot}")).unwrap(),
        project: ProjectName::new("shop").unwrap(),
        service: ServiceName::new(service).unwrap(),
        slot,
        container_name: format!("shop-{service}-{slot}"),
        container: None,
        image: format!("{service}:1"),
        command: None,
        node: NodeId::new("n1").unwrap(),
        node_name: NodeName::new("host1").unwrap(),
        liveness: NodeLiveness::Ready,
        target: TaskTarget::Run,
        waits_for: Vec::new(),
        progress: TaskProgress { attempt: 1, state },
        health: Health::None,
        started_at: None,
        exit_code: None,
        message: None,
        ports: Vec::new(),
    }
}

/// A service of the project `shop` that should have so many tasks.
pub fn service(name: &str, desired: u32) -> ServiceRow {
    ServiceRow {
        project: ProjectName::new("shop").unwrap(),
        service: ServiceName::new(name).unwrap(),
        image: format!("{name}:1"),
        running: 0,
        completed: 0,
        desired,
        ports: Vec::new(),
        revision: 1,
        converged: false,
        exclusive: false,
        problems: Vec::new(),
        hopeless: Vec::new(),
    }
}

/// A task of another id on the node `n2`, whose name is `host2` and which is lost; it should stop.
pub fn given_up(service: &str, slot: u32, state: TaskState) -> TaskRow {
    TaskRow {
        task: TaskId::new(format!("t-{service}-{slot}-old")).unwrap(),
        node: NodeId::new("n2").unwrap(),
        node_name: NodeName::new("host2").unwrap(),
        liveness: NodeLiveness::Lost,
        target: TaskTarget::Stop,
        ..task(service, slot, state)
    }
}
