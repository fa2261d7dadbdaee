//! Makes one node match its assignment.
