//! What the daemon counts as it works: slices and what they used, how late things are.
//!
//! Invariant: to count costs a few nanoseconds and takes no lock; whoever reads sees each number by itself as it was at some
//! moment, and may see two that belong together a count apart.

use crate::limits::LAG_WINDOW;
use crate::protocol::figure::{BUCKETS, Spread, bucket_of, quantile};
use moo_tasks::attempt::{End, Failure, Report};
use moo_vm::host::LagRow;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A count that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// All so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How values spread, in buckets that double.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Histogram {
    /// One more value.
    pub fn record(&self, value: u64) {
        self.buckets[bucket_of(value)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// One more time, in microseconds.
    pub fn record_time(&self, time: Duration) {
        self.record(micros(time));
    }

    fn counts(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed))
    }

    /// All values so far.
    pub fn spread(&self) -> Spread {
        Spread::of(self.counts().to_vec(), self.sum.load(Relaxed))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The words for how a slice ended, in the order of [`Meters::ended`].
pub const ENDS: [&str; 9] = [
    "done",
    "waits",
    "error",
    "ticks",
    "seconds",
    "killed",
    "contended",
    "unreadable",
    "no_verb",
];

fn place_of(end: &End) -> usize {
    let word = match end {
        End::Done(_) => "done",
        End::Waits(_) => "waits",
        End::Failed(Failure::Uncaught { .. }) => "error",
        End::Failed(Failure::Ticks) => "ticks",
        End::Failed(Failure::Seconds) => "seconds",
        End::Failed(Failure::Killed) => "killed",
        End::Failed(Failure::Contended) => "contended",
        End::Failed(Failure::Unreadable(_)) => "unreadable",
        End::Failed(Failure::NoCommand | Failure::NoVerb) => "no_verb",
    };
    ENDS.iter().position(|known| *known == word).unwrap_or_default()
}

/// Everything that is counted.
pub struct Meters {
    started: Instant,
    /// Slices by how they ended.
    pub ended: [Counter; ENDS.len()],
    /// Attempts that were run again.
    pub retried: Counter,
    /// Ticks of slices.
    pub ticks: Histogram,
    /// Microseconds of CPU that programs used.
    pub cpu: Counter,
    /// From ready to running.
    pub wait: Histogram,
    /// From running to committed.
    pub run: Histogram,
    /// Commits that were written together.
    pub batch: Histogram,
    /// From committed to written.
    pub write: Histogram,
    /// How late the main arbiter's clock rings.
    pub turn: Histogram,
    watched: Watched,
    past: Mutex<Past>,
}

/// The commit that is watched until it is written: one at a time, which is the first of each batch.
#[derive(Default)]
struct Watched {
    /// 0 while none is.
    stamp: AtomicU64,
    /// Microseconds from the start to its commit.
    at: AtomicU64,
    /// The last commit that was written.
    written: AtomicU64,
}

/// The steps of `lag()` as they were counted a while ago.
#[derive(Default)]
struct Past {
    /// The last count and the one before.
    counts: [[[u64; BUCKETS]; 3]; 2],
    taken: Duration,
}

impl Default for Meters {
    fn default() -> Meters {
        Meters {
            started: Instant::now(),
            ended: Default::default(),
            retried: Counter::default(),
            ticks: Histogram::default(),
            cpu: Counter::default(),
            wait: Histogram::default(),
            run: Histogram::default(),
            batch: Histogram::default(),
            write: Histogram::default(),
            turn: Histogram::default(),
            watched: Watched::default(),
            past: Mutex::default(),
        }
    }
}

impl Meters {
    /// A slice has run for so long, and this came of it.
    pub fn slice(&self, report: &Report, ran: Duration) {
        self.ended[place_of(&report.end)].add(1);
        if report.attempts > 1 {
            self.retried.add(u64::from(report.attempts - 1));
        }
        self.ticks.record(report.used.ticks);
        self.cpu.add((report.used.seconds * 1e6) as u64);
        self.run.record_time(ran);
    }

    /// A commit takes effect. Called under the lock of commits.
    pub fn committing(&self, stamp: u64) {
        if self.watched.stamp.load(Relaxed) == 0 {
            self.watched.at.store(micros(self.started.elapsed()), Relaxed);
            self.watched.stamp.store(stamp, Release);
        }
    }

    /// All commits up to this one are written. Called by the log alone, with rising numbers.
    pub fn written(&self, stamp: u64) {
        let before = self.watched.written.swap(stamp, Relaxed);
        if before > 0 {
            self.batch.record(stamp.saturating_sub(before));
        }
        let watched = self.watched.stamp.load(Acquire);
        if watched != 0 && watched <= stamp {
            let now = micros(self.started.elapsed());
            self.write
                .record(now.saturating_sub(self.watched.at.load(Relaxed)));
            self.watched.stamp.store(0, Release);
        }
    }

    /// Time goes by: from time to time what was counted is kept as the past that [`Meters::lag`] leaves out.
    pub fn tick(&self) {
        let now = self.started.elapsed();
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if now - past.taken >= LAG_WINDOW {
            past.counts = [self.steps().map(|(_, counts)| counts), past.counts[0]];
            past.taken = now;
        }
    }

    /// How late the server was lately, step by step: since one or two times [`LAG_WINDOW`] ago.
    pub fn lag(&self) -> Vec<LagRow> {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner).counts[1];
        let lately = self.steps().into_iter().zip(past).map(|((step, now), past)| {
            let counts: [u64; BUCKETS] = std::array::from_fn(|bucket| now[bucket] - past[bucket]);
            let seconds = |part| quantile(&counts, part) as f64 / 1e6;
            LagRow {
                step,
                median: seconds(0.5),
                p99: seconds(0.99),
            }
        });
        lately.collect()
    }

    fn steps(&self) -> [(&'static str, [u64; BUCKETS]); 3] {
        [
            ("start", self.wait.counts()),
            ("write", self.write.counts()),
            ("turn", self.turn.counts()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_commit_of_each_batch_is_timed_until_it_is_written() {
        let meters = Meters::default();
        meters.written(9);
        for stamp in 10..=13 {
            meters.committing(stamp);
        }
        meters.written(12);
        meters.committing(14);
        meters.written(13);
        assert_eq!(
            meters.write.counts().iter().sum::<u64>(),
            1,
            "14 is still waited for"
        );
        meters.written(14);
        assert_eq!(meters.write.counts().iter().sum::<u64>(), 2);
        assert_eq!(meters.batch.spread().sum, 3 + 1 + 1);
    }

    #[test]
    fn lag_forgets_what_is_long_past() {
        let meters = Meters::default();
        meters.wait.record(1_000_000);
        assert!(meters.lag()[0].p99 > 0.5);
        for _ in 0..2 {
            meters.past.lock().expect("nobody panics").taken = Duration::ZERO;
            let past = meters.past.lock().expect("nobody panics").counts[0];
            meters.past.lock().expect("nobody panics").counts = [meters.steps().map(|step| step.1), past];
        }
        assert_eq!(meters.lag()[0].p99, 0.0);
        meters.wait.record(2_000);
        assert!((0.001..0.003).contains(&meters.lag()[0].median));
    }
}
