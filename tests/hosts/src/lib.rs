//! Holds only tests; see `tests/it`.
