//! Connections that others have taken over lately: tasks that began before may still tell them something.
//!
//! Invariant: whoever takes a connection over is not taken over itself, so a look-up never goes on.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::limits::REDIRECTS_MAX;

#[derive(Debug, Default)]
pub(super) struct Takers {
    by: FxHashMap<u64, u64>,
    /// Those that were taken over, the oldest first; some are known no more.
    order: VecDeque<u64>,
}

impl Takers {
    /// A connection takes over another one.
    pub fn take(&mut self, from: u64, to: u64) {
        let of_it = self.by.values_mut().filter(|taker| **taker == from);
        of_it.for_each(|taker| *taker = to);
        self.by.insert(from, to);
        self.order.push_back(from);
        if self.order.len() > REDIRECTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by.remove(&oldest);
        }
    }

    /// A connection is gone, whatever it has taken over.
    pub fn close(&mut self, conn: u64) {
        if !self.by.is_empty() {
            self.by.retain(|_, taker| *taker != conn);
        }
    }

    /// The connections that hear what is told to these, each once.
    pub fn of(&self, mut to: Vec<u64>) -> Vec<u64> {
        if to.iter().any(|conn| self.by.contains_key(conn)) {
            let taker = |conn: &mut u64| *conn = self.by.get(conn).copied().unwrap_or(*conn);
            to.iter_mut().for_each(taker);
            let mut seen = FxHashSet::default();
            to.retain(|conn| seen.insert(*conn));
        }
        to
    }
}
