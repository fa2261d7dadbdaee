//! Configuration, telemetry, shutdown, supervised tasks.
