//! What a node must do to match its assignment. Pure.
