//! The rows that lists answer with.

pub use lab_types::row::{
    Hopeless, MachineRow, NodeRow, ProjectRow, ServiceRow, SlotProblem, Slots, TaskRow,
};
