//! Connections that take over others: whose stream what they are told goes into.
//!
//! While a connection takes over another one, what it is told waits in that one's stream behind what was told before it, so
//! that everything comes in order. Once that is done, what tasks that began earlier still tell the old one goes to the new.
//! Invariant: the connection that is found takes over from nobody, or is being taken over and keeps what it hears; so a
//! look-up never goes on.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::limits::REDIRECTS_MAX;

#[derive(Debug, Default)]
pub(super) struct Takers {
    /// Where what is told to a connection goes, if not to itself.
    goes_to: FxHashMap<u64, u64>,
    /// Those that were taken over, the oldest first; some are known no more.
    taken: VecDeque<u64>,
}

impl Takers {
    /// From now on what `to` is told goes to where that of `from` goes.
    pub fn begin(&mut self, from: u64, to: u64) {
        let at = self.goes_to.get(&from).copied().unwrap_or(from);
        self.goes_to.insert(to, at);
    }

    /// The stream of `from` has moved: from now on `to` hears for itself, and whatever went to `from`.
    pub fn finish(&mut self, from: u64, to: u64) {
        self.goes_to.remove(&to);
        let there = self.goes_to.values_mut().filter(|at| **at == from);
        there.for_each(|at| *at = to);
        self.goes_to.insert(from, to);
        self.taken.push_back(from);
        if self.taken.len() > REDIRECTS_MAX
            && let Some(oldest) = self.taken.pop_front()
        {
            self.goes_to.remove(&oldest);
        }
    }

    /// A connection is gone, and nothing can go there any more.
    pub fn close(&mut self, conn: u64) {
        if !self.goes_to.is_empty() {
            self.goes_to.retain(|_, at| *at != conn);
        }
    }

    /// The connections into whose streams goes what is told to these, each once.
    pub fn of(&self, mut to: Vec<u64>) -> Vec<u64> {
        if to.iter().any(|conn| self.goes_to.contains_key(conn)) {
            let place = |conn: &mut u64| *conn = self.goes_to.get(conn).copied().unwrap_or(*conn);
            to.iter_mut().for_each(place);
            let mut seen = FxHashSet::default();
            to.retain(|conn| seen.insert(*conn));
        }
        to
    }
}
