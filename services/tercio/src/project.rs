//! What commands on a project share: its files, its name, its rows, waiting for it.

pub mod converge;
pub mod discover;
pub mod goal;
pub mod load;
pub mod name;
#[cfg(test)]
pub mod samples;

use lab_types::ProjectName;
use lab_wire::request::{NodeList, ServiceList, TaskList};
use lab_wire::row::{NodeRow, ServiceRow, TaskRow};

pub use name::name;

use crate::app::Client;
use crate::failure::Outcome;

/// All tasks that a request asks for, page by page.
///
/// # Errors
/// What the lab refused.
pub async fn tasks(
    client: &Client,
    project: Option<&ProjectName>,
    mut request: TaskList,
) -> Outcome<Vec<TaskRow>> {
    let mut rows = Vec::new();
    loop {
        let page = client.call(project, &request).await?;
        rows.extend(page.tasks);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(rows),
        }
    }
}

/// All services of a project, or of the lab, page by page.
///
/// # Errors
/// What the lab refused.
pub async fn services(client: &Client, project: Option<&ProjectName>) -> Outcome<Vec<ServiceRow>> {
    let mut request = ServiceList::default();
    let mut rows = Vec::new();
    loop {
        let page = client.call(project, &request).await?;
        rows.extend(page.services);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(rows),
        }
    }
}

/// All nodes of the lab, page by page.
///
/// # Errors
/// What the lab refused.
pub async fn nodes(client: &Client) -> Outcome<Vec<NodeRow>> {
    let mut request = NodeList::default();
    let mut rows = Vec::new();
    loop {
        let page = client.call(None, &request).await?;
        rows.extend(page.nodes);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(rows),
        }
    }
}
