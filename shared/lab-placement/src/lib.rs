//! What runs where. Pure.
