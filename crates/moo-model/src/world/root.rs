//! One committed state of the world, whole and immutable: what a snapshot is.
//!
//! Invariant: a root is never edited after it was published; the next one shares all that did not change.

use triomphe::Arc;

use super::record::{ObjectRecord, Stamp};
use super::shelf::Shelf;
use crate::Obj;

/// Which reference server's behaviour a world expects where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Dialect {
    /// LambdaMOO: worlds from textdumps of format 1 to 4.
    #[default]
    Lambda = 0,
    /// ToastStunt: worlds from textdumps of format 5 to 17.
    Toast = 1,
    /// mooR: worlds from objdef directories.
    Moor = 2,
}

impl Dialect {
    /// The dialect with this stored number.
    pub fn from_number(number: u8) -> Option<Dialect> {
        [Dialect::Lambda, Dialect::Toast, Dialect::Moor]
            .into_iter()
            .find(|d| *d as u8 == number)
    }
}

/// What is true of the world as a whole and changes at import only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// The behaviour expected.
    pub dialect: Dialect,
    /// Whether strings came from, and go back to, Latin-1 dumps.
    pub latin1: bool,
}

/// A committed state.
#[derive(Clone, Default)]
pub struct Root {
    /// The commit that made it.
    pub stamp: Stamp,
    /// Raised whenever a name may resolve to something else: the key of every lookup cache.
    pub schema_epoch: u64,
    /// Every object by number; recycled numbers are empty.
    pub objects: Shelf<ObjectRecord>,
    /// The commit that last changed how many numbers there are.
    pub extent_stamp: Stamp,
    /// The players, in the order in which they became so.
    pub players: Arc<Vec<Obj>>,
    /// The commit that last changed the players.
    pub players_stamp: Stamp,
    /// What was settled at import.
    pub settings: Settings,
}

impl Root {
    /// The object, if it exists.
    #[inline]
    pub fn get(&self, obj: Obj) -> Option<&Arc<ObjectRecord>> {
        self.objects.get(usize::try_from(obj.0).ok()?)
    }

    /// The highest number ever in use; -1 for the empty world.
    pub fn max_object(&self) -> Obj {
        Obj(self.objects.len() as i64 - 1)
    }

    /// Every object that exists, by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = (Obj, &Arc<ObjectRecord>)> {
        self.objects
            .iter()
            .enumerate()
            .filter_map(|(n, record)| Some((Obj(n as i64), record?)))
    }
}
