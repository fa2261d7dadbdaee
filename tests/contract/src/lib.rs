//! Tests of `lab-bus` against a real nats-server; see `tests/it`.
