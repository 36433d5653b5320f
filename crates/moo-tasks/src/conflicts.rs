//! Where tasks are in each other's way: which parts of which objects kept attempts from their commit, and how often.
//!
//! Invariant: at most [`ROWS_MAX`] parts are counted, and those that matter stay: one that comes anew takes the place of the
//! one with the fewest conflicts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use moo_model::Obj;
use moo_model::world::{Conflict, Part};
use moo_vm::host::ConflictRow;

/// Parts that are counted at once.
pub const ROWS_MAX: usize = 1_024;

/// The counts. A conflict costs a whole attempt, so that a lock does not matter beside it.
#[derive(Default)]
pub struct Conflicts {
    rows: Mutex<HashMap<(Obj, Part), u64>>,
}

impl Conflicts {
    /// An attempt has failed.
    pub fn note(&self, conflict: Conflict) {
        let mut rows = self.lock();
        let key = (conflict.obj, conflict.part);
        if rows.len() >= ROWS_MAX && !rows.contains_key(&key) {
            let least = rows.iter().min_by_key(|(_, count)| **count).map(|(key, _)| *key);
            least.and_then(|least| rows.remove(&least));
        }
        *rows.entry(key).or_default() += 1;
    }

    /// All counts, the greatest first.
    pub fn rows(&self) -> Vec<ConflictRow> {
        let rows = self.lock();
        let mut told: Vec<_> = rows
            .iter()
            .map(|((obj, part), count)| ConflictRow {
                obj: *obj,
                part: part.to_string(),
                count: *count,
            })
            .collect();
        drop(rows);
        told.sort_by(|a, b| (b.count, a.obj.0, &a.part).cmp(&(a.count, b.obj.0, &b.part)));
        told
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Obj, Part), u64>> {
        // Each change is one call of the map.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_ones_stay_when_there_are_too_many() {
        let conflicts = Conflicts::default();
        let of = |number| Conflict {
            obj: Obj(number),
            part: Part::Header,
        };
        for number in 0..ROWS_MAX as i64 {
            conflicts.note(of(number));
        }
        conflicts.note(of(5));
        for number in 0..100 {
            conflicts.note(of(10_000 + number));
        }
        let rows = conflicts.rows();
        assert_eq!(rows.len(), ROWS_MAX);
        assert_eq!((rows[0].obj, rows[0].count), (Obj(5), 2));
    }
}
