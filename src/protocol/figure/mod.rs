//! The figures that a running daemon shows of itself: what there is of them, and one as it travels.
//!
//! Invariant: [`TABLE`] is the one place that says what a figure means; the status, the Prometheus text, the counters of
//! hosts and the page of the manual are made from it.

mod prometheus;
mod table;

use bincode::{Decode, Encode};
use serde::Serialize;

pub use prometheus::text;
pub use table::{Kind, Metric, TABLE, Unit};

/// Buckets of a spread: the first holds 0 and 1, each other what is greater than the last one's bound and at most twice that;
/// what is greater than all bounds is in the last.
pub const BUCKETS: usize = 28;

/// One figure of the running daemon.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Figure {
    /// What it belongs to: a group of [`TABLE`].
    pub group: String,
    /// Its name there.
    pub name: String,
    /// Which of several of this name: an actor, a queue; else empty.
    pub label: String,
    /// How many; microseconds where it is a time. Of a spread, how many values there were.
    pub value: u64,
    /// How many there may be; 0 where nothing is bounded.
    pub bound: u64,
    /// How the values spread, where each was measured.
    pub spread: Option<Spread>,
}

/// How values spread since the daemon started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Spread {
    /// All values together.
    pub sum: u64,
    /// Half of the values were greater than about this.
    pub median: u64,
    /// One in a hundred was greater than about this.
    pub p99: u64,
    /// How many values are in each of the [`BUCKETS`].
    pub buckets: Vec<u64>,
}

/// The bucket that a value is in.
pub fn bucket_of(value: u64) -> usize {
    let bits = u64::BITS - value.saturating_sub(1).leading_zeros();
    (bits as usize).min(BUCKETS - 1)
}

/// The greatest value of a bucket; `None` for the last, which has none.
pub fn bucket_bound(bucket: usize) -> Option<u64> {
    (bucket < BUCKETS - 1).then(|| 1 << bucket)
}

impl Spread {
    /// Of these values by buckets.
    pub fn of(buckets: Vec<u64>, sum: u64) -> Spread {
        Spread {
            sum,
            median: quantile(&buckets, 0.5),
            p99: quantile(&buckets, 0.99),
            buckets,
        }
    }
}

/// About the value than which so great a part of all is smaller: within a bucket, values are taken to lie evenly. 0 where
/// there are none.
pub fn quantile(buckets: &[u64], part: f64) -> u64 {
    let total: u64 = buckets.iter().sum();
    let wanted = total as f64 * part;
    let mut below = 0.0;
    for (bucket, &count) in buckets.iter().enumerate() {
        let count = count as f64;
        if count > 0.0 && below + count >= wanted {
            let least = if bucket == 0 { 0 } else { 1_u64 << (bucket - 1) };
            let greatest = bucket_bound(bucket).unwrap_or(least);
            let inside = ((wanted - below) / count).clamp(0.0, 1.0);
            return least + ((greatest - least) as f64 * inside) as u64;
        }
        below += count;
    }
    0
}

/// What the table says of a figure.
pub fn metric(group: &str, name: &str) -> Option<&'static Metric> {
    TABLE
        .iter()
        .find(|metric| metric.group == group && metric.name == name)
}

#[cfg(test)]
mod tests;
