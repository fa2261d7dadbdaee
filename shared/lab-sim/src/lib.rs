//! A simulated world: virtual time, a lossy bus, engines, schedulers and agents as values.
