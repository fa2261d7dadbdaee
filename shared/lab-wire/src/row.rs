//! The rows that lists answer with.

pub use lab_types::row::{
    Hopeless, MachineRow, NodeRow, ProjectRow, RevisionChange, RevisionRow, ServiceChange,
    ServiceRow, SlotProblem, Slots, TaskRow,
};
