//! Typed messages of one connection, which take effect in the order in which they came.
//!
//! Invariant: of each connection one is under way, and the next one is given when its first slice has ended; how many may wait
//! is for the one who counts them to say.

use crate::actors::executor::Assignment;
use moo_tasks::connections::ConnId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// What is under way, and what waits for it.
#[derive(Default)]
pub(super) struct Turns {
    /// Whose each task under way is.
    under_way: HashMap<i64, ConnId>,
    /// What comes after it.
    waiting: HashMap<ConnId, VecDeque<Assignment>>,
}

impl Turns {
    /// Gives the assignment back if it is its turn.
    pub fn begin(&mut self, conn: ConnId, assignment: Assignment) -> Option<Assignment> {
        match self.waiting.entry(conn) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push_back(assignment);
                None
            }
            Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                self.under_way.insert(assignment.job.id, conn);
                Some(assignment)
            }
        }
    }

    /// A task has ended, of whatever kind: gives the one whose turn it is after it.
    pub fn end(&mut self, task: i64) -> Option<Assignment> {
        let conn = self.under_way.remove(&task)?;
        let next = self.waiting.get_mut(&conn).and_then(VecDeque::pop_front);
        match &next {
            Some(next) => {
                self.under_way.insert(next.job.id, conn);
            }
            None => {
                self.waiting.remove(&conn);
            }
        }
        next
    }
}
