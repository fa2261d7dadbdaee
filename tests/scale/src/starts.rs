//! How long a Docker engine takes, drawn from measured creations and starts.

use std::time::Duration;

use rand::Rng;

/// The measured table: how many side by side, creation and start in milliseconds.
const MEASURED: &str = include_str!("../data/docker-starts.tsv");

/// Measured times, alone and eight side by side.
#[derive(Clone, Debug)]
pub struct Starts {
    alone: Vec<Times>,
    crowded: Vec<Times>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    create: Duration,
    start: Duration,
}

/// How many were side by side in the crowded half of the table; the agent's own limit is the same.
const CROWD: usize = 8;

impl Starts {
    /// The table that comes with this crate.
    ///
    /// # Panics
    /// When it holds nothing of one of the two kinds.
    #[must_use]
    pub fn measured() -> Self {
        let rows = || MEASURED.lines().filter_map(row);
        let of = |side: usize| {
            let rows = rows().filter(move |(by, _)| *by == side);
            rows.map(|(_, times)| times).collect::<Vec<_>>()
        };
        let starts = Self {
            alone: of(1),
            crowded: of(CROWD),
        };
        assert!(
            !starts.alone.is_empty() && !starts.crowded.is_empty(),
            "the table of measured starts lacks rows"
        );
        starts
    }

    /// How long a creation takes beside `others`.
    pub fn create(&self, others: usize, rng: &mut impl Rng) -> Duration {
        self.draw(others, rng).create
    }

    /// How long a start takes beside `others`.
    pub fn start(&self, others: usize, rng: &mut impl Rng) -> Duration {
        self.draw(others, rng).start
    }

    /// How long one engine needs for so many containers, eight at a time, when nobody else needs time.
    pub fn alone(&self, containers: usize, rng: &mut impl Rng) -> Duration {
        let mut under_way: Vec<Duration> = Vec::with_capacity(CROWD);
        let (mut now, mut last) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..containers {
            if under_way.len() == CROWD {
                under_way.sort_unstable();
                now = under_way.remove(0);
            }
            let others = under_way.len();
            let ends = now + self.create(others, rng) + self.start(others, rng);
            under_way.push(ends);
            last = last.max(ends);
        }
        last
    }

    /// Between one and eight the chance of a crowded time grows with the crowd.
    fn draw(&self, others: usize, rng: &mut impl Rng) -> Times {
        let crowded = rng.random_range(0..CROWD - 1) < others;
        let times = if crowded { &self.crowded } else { &self.alone };
        times[rng.random_range(0..times.len())]
    }
}

fn row(line: &str) -> Option<(usize, Times)> {
    if line.starts_with('#') {
        return None;
    }
    let mut columns = line.split('\t');
    let side = columns.next()?.parse().ok()?;
    let mut ms = || {
        Some(Duration::from_secs_f64(
            columns.next()?.parse::<f64>().ok()? / 1000.0,
        ))
    };
    let (create, start) = (ms()?, ms()?);
    Some((side, Times { create, start }))
}
