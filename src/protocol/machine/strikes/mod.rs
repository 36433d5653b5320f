//! How often a peer sends what cannot be read, and when it is cut off for that.
//!
//! A few damaged frames are made good by asking again; a peer that sends nothing else would only be asked for ever.
//! Invariant: a peer is cut off with its [`BAD_FRAMES_MAX`]th such frame within [`BAD_FRAMES_PERIOD`], for
//! [`BAD_PEER_CUT`], and starts with a clean slate after that.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::{BAD_FRAMES_MAX, BAD_FRAMES_PERIOD, BAD_PEER_CUT};
use crate::protocol::Moment;

/// One peer's record.
#[derive(Clone, Debug, Default)]
pub struct Strikes {
    recent: VecDeque<Moment>,
    total: u64,
    cut_until: Option<Moment>,
}

impl Strikes {
    /// A frame of the peer could not be read. True when it is to be cut off now.
    pub fn note(&mut self, now: Moment) -> bool {
        self.total += 1;
        self.recent.push_back(now);
        while self
            .recent
            .front()
            .is_some_and(|first| now.since(*first) > BAD_FRAMES_PERIOD)
        {
            self.recent.pop_front();
        }
        if self.recent.len() < BAD_FRAMES_MAX {
            return false;
        }
        self.recent.clear();
        self.cut_until = Some(now.plus(BAD_PEER_CUT));
        true
    }

    /// How long the peer stays cut off; `None` if it is not.
    pub fn cut_for(&self, now: Moment) -> Option<Duration> {
        let until = self.cut_until?;
        (now < until).then(|| until.since(now))
    }

    /// How many frames of the peer could not be read in all.
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests;
