//! Machines: knows this machine, answers machine list.
