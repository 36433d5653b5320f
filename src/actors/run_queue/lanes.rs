//! Who waits for a turn, by lane: lanes take turns, and within a lane those who came first.
//!
//! Invariant: a lane has a place in the order of turns exactly while somebody of it waits.

use moo_tasks::scheduler::Lane;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// All who wait.
pub struct Lanes<T> {
    queues: FxHashMap<Lane, VecDeque<T>>,
    turns: VecDeque<Lane>,
    len: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Lanes<T> {
        Lanes {
            queues: FxHashMap::default(),
            turns: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Lanes<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// One more, after all of its lane.
    pub fn push_back(&mut self, lane: Lane, next: T) {
        let queue = self.queues.entry(lane).or_default();
        if queue.is_empty() {
            self.turns.push_back(lane);
        }
        queue.push_back(next);
        self.len += 1;
    }

    /// Puts one back that was in front.
    pub fn push_front(&mut self, lane: Lane, next: T) {
        let queue = self.queues.entry(lane).or_default();
        if queue.is_empty() {
            self.turns.push_front(lane);
        }
        queue.push_front(next);
        self.len += 1;
    }

    /// Whose turn it is, with the lane.
    pub fn pop_front(&mut self) -> Option<(Lane, T)> {
        let lane = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&lane)?;
        let next = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&lane);
        } else {
            self.turns.push_back(lane);
        }
        self.len -= 1;
        Some((lane, next))
    }

    /// Lets all go but those that `stays` holds for.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.queues.values_mut().for_each(|queue| queue.retain(&stays));
        self.queues.retain(|_, queue| !queue.is_empty());
        self.turns.retain(|lane| self.queues.contains_key(lane));
        self.len = self.queues.values().map(VecDeque::len).sum();
    }
}
