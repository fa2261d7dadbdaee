//! Compose files and environment to a model and a plan. Pure.
