//! Full reports of very many tasks, made to fit a message.

use lab_types::{Report, ReportBody, TaskStatus};
use lab_wire::Encoding;

/// The largest report, with some room to NATS' largest message of 1 MiB.
const REPORT_BYTES_MAX: usize = 1000 * 1024;
/// How much of a reason a large report tells: the beginning of a sentence.
const SHORT_BYTES_MAX: usize = 64;
/// How many ends of attempts of each task a large report tells, the newest.
const SHORT_ENDS_MAX: usize = 2;

/// The report, without what could be left out if it is too large otherwise: a leader that is told less of
/// the reasons knows all tasks still, and one that is told nothing believes the node to be empty-handed.
/// The thousand tasks that a node takes fit.
pub(super) fn fitting(mut report: Report) -> Report {
    let bytes = lab_wire::encode(&report, Encoding::MessagePack).len();
    if bytes > REPORT_BYTES_MAX
        && let ReportBody::Full { inventory } = &mut report.body
    {
        tracing::warn!(bytes, "the report is too large, reasons are cut short");
        inventory.tasks.values_mut().for_each(shorten);
    }
    report
}

fn shorten(status: &mut TaskStatus) {
    let newest = status.ends.len().saturating_sub(SHORT_ENDS_MAX);
    status.ends.drain(..newest);
    let ends = status.ends.iter_mut().map(|end| &mut end.message);
    for message in ends.chain(&mut status.message) {
        message.truncate(message.floor_char_boundary(SHORT_BYTES_MAX));
    }
}

#[cfg(test)]
mod tests {
    use lab_types::{
        AgentBoot, AttemptEnd, Fence, Health, Inventory, NodeId, Report, ReportBody, TaskId,
        TaskProgress, TaskState, TaskStatus, UnixMillis,
    };
    use lab_wire::Encoding;

    use super::fitting;

    const NATS_MAX: usize = 1024 * 1024;

    fn report(tasks: u32, reason: &str) -> Report {
        let progress = |attempt| TaskProgress {
            attempt,
            state: TaskState::Failed,
        };
        let end = |attempt| AttemptEnd {
            progress: progress(attempt),
            at: UnixMillis(1_700_000_000_000),
            exit_code: Some(137),
            message: reason.to_owned(),
        };
        let status = |number| {
            let task = TaskId::new(format!("{number:016}")).unwrap();
            let status = TaskStatus {
                task: task.clone(),
                progress: progress(8),
                health: Health::Unhealthy,
                observed_at: UnixMillis(1_700_000_000_000),
                started_at: Some(UnixMillis(1_700_000_000_000)),
                exit_code: Some(137),
                message: Some(reason.to_owned()),
                ends: (1..=8).map(end).collect(),
                exhausted: false,
                container: Some("c".repeat(64)),
                ports: Vec::new(),
            };
            (task, status)
        };
        let inventory = Inventory {
            tasks: (0..tasks).map(status).collect(),
            ..Inventory::default()
        };
        Report {
            node: NodeId::new("n1").unwrap(),
            boot: AgentBoot(1),
            sequence: 1,
            accepted: Fence::default(),
            body: ReportBody::Full {
                inventory: Box::new(inventory),
            },
        }
    }

    #[test]
    fn the_report_of_a_full_node_whose_tasks_all_fail_at_length_fits_a_message() {
        let bytes = |report: &Report| lab_wire::encode(report, Encoding::MessagePack).len();
        let long = report(1000, &"the engine says ü at length ".repeat(40));
        assert!(bytes(&long) > 8 * NATS_MAX, "{}", bytes(&long));
        let fits = fitting(long);
        assert!(bytes(&fits) < NATS_MAX, "{}", bytes(&fits));
        let ReportBody::Full { inventory } = &fits.body else {
            panic!("{fits:?}");
        };
        assert_eq!(inventory.tasks.len(), 1000, "no task is left out");
        let status = inventory.tasks.values().next().unwrap();
        assert_eq!(status.ends.last().unwrap().progress.attempt, 8);
        assert!(
            status
                .message
                .as_ref()
                .unwrap()
                .starts_with("the engine says")
        );
    }

    #[test]
    fn a_report_that_fits_is_told_as_it_is() {
        let usual = report(20, &"the engine says so at length ".repeat(40));
        assert_eq!(fitting(usual.clone()), usual);
    }
}
