//! The two clocks, as plain numbers that are handed in.
//!
//! Invariant: nothing in `protocol` reads a clock. Ages and deadlines use [`Moment`]; expiry uses [`Wall`].

use std::time::Duration;

use bincode::{Decode, Encode};

/// A point on the monotonic clock: microseconds since an origin of the process's own. Never sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment this long after; the last moment there is, if it would lie beyond.
    pub fn plus(self, span: Duration) -> Moment {
        Moment(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// How long ago `earlier` was; zero if it is yet to come.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A point on the calendar: milliseconds since the start of 1970, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
pub struct Wall(pub u64);

impl Wall {
    /// The start of a second since 1970.
    pub const fn from_secs(secs: u64) -> Wall {
        Wall(secs.saturating_mul(1000))
    }

    /// Whole seconds since 1970.
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time this long after; the last there is, if it would lie beyond.
    pub fn plus(self, span: Duration) -> Wall {
        Wall(
            self.0
                .saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}
