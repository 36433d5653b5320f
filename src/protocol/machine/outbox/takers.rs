//! Connections that take over others: whose stream what they are told goes into.
//!
//! While a connection takes over another one, what it is told waits in that one's stream behind what was told before it, so
//! that everything comes in order. Once that is done, what tasks that began earlier still tell the old one goes to the new.
//! Invariant: the connection whose stream is found takes over from nobody, or is being taken over and keeps what it hears;
//! so a look-up never goes on.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::limits::REDIRECTS_MAX;

#[derive(Debug, Default)]
pub(super) struct Takers {
    /// Where what is told to a connection goes, if not to itself.
    goes_to: FxHashMap<u64, u64>,
    /// Who takes over a connection.
    taker: FxHashMap<u64, u64>,
    /// Those that were taken over, the oldest first; some are known no more.
    taken: VecDeque<u64>,
}

impl Takers {
    /// From now on what `to` is told goes to where that of `from` goes.
    pub fn begin(&mut self, from: u64, to: u64) {
        self.goes_to.insert(to, self.place(from));
        self.taker.insert(from, to);
    }

    /// Who takes over a connection.
    pub fn taker(&self, from: u64) -> Option<u64> {
        self.taker.get(&from).copied()
    }

    /// Whether a connection takes over another one.
    pub fn is_taker(&self, conn: u64) -> bool {
        self.taker.values().any(|&taker| taker == conn)
    }

    /// The stream of `from` has moved to its taker, which hears for itself from now on, and whatever went to `from`.
    pub fn finish(&mut self, from: u64) {
        if let Some(to) = self.taker.remove(&from) {
            self.goes_to.remove(&to);
            self.redirect(from, to);
        }
    }

    /// A connection is replaced by another one, without a stream to move: that hears whatever went there, and takes over
    /// what it was to take over.
    pub fn replace(&mut self, from: u64, to: u64) {
        if let Some(taker) = self.taker.values_mut().find(|taker| **taker == from) {
            *taker = to;
            self.goes_to.insert(to, self.place(from));
        } else {
            self.redirect(from, to);
        }
    }

    fn redirect(&mut self, from: u64, to: u64) {
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
        self.taker.remove(&conn);
        if !self.goes_to.is_empty() {
            self.goes_to.retain(|_, at| *at != conn);
        }
    }

    /// The connections into whose streams goes what is told to these, each once.
    pub fn of(&self, mut to: Vec<u64>) -> Vec<u64> {
        if to.iter().any(|conn| self.goes_to.contains_key(conn)) {
            to.iter_mut().for_each(|conn| *conn = self.place(*conn));
            let mut seen = FxHashSet::default();
            to.retain(|conn| seen.insert(*conn));
        }
        to
    }

    fn place(&self, conn: u64) -> u64 {
        self.goes_to.get(&conn).copied().unwrap_or(conn)
    }
}
