//! One committed state of the world, whole and immutable: what a snapshot is.
//!
//! Invariant: a root is never edited after it was published; the next one shares all that did not change. What it
//! answers does not depend on which of its records are in memory.

use std::sync::Arc as StdArc;

use imbl::OrdMap;
use triomphe::Arc;

use super::entry::{ColdStore, Entry, Unreadable};
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
    pub objects: Shelf<Entry>,
    /// The anonymous objects by id; their records are always in memory.
    pub anonymous: OrdMap<u64, Arc<Entry>>,
    /// No anonymous object of this or a later commit has an id below this one, but those that are there.
    pub anonymous_ids: u64,
    /// The commit that last changed how many numbers there are.
    pub extent_stamp: Stamp,
    /// The players, in the order in which they became so.
    pub players: Arc<Vec<Obj>>,
    /// The commit that last changed the players.
    pub players_stamp: Stamp,
    /// What was settled at import.
    pub settings: Settings,
    /// No property has this number or a higher one.
    pub prop_ids: u32,
    /// Where the records are that are not in memory.
    pub cold: Option<StdArc<dyn ColdStore>>,
}

impl Root {
    /// What is known of an object without its record; `None` if there is no such object.
    #[inline]
    pub fn entry(&self, obj: Obj) -> Option<&Arc<Entry>> {
        match usize::try_from(obj.0) {
            Ok(number) => self.objects.get(number),
            Err(_) => self.anonymous.get(&obj.anonymous_id()?),
        }
    }

    /// Puts an object that there is a place for, or takes it away.
    pub(super) fn put(&mut self, obj: Obj, entry: Option<Arc<Entry>>) {
        match (usize::try_from(obj.0), obj.anonymous_id(), entry) {
            (Ok(number), ..) if number >= self.objects.len() => {}
            (Ok(number), _, entry) => self.objects.set(number, entry),
            (Err(_), Some(id), Some(entry)) => drop(self.anonymous.insert(id, entry)),
            (Err(_), Some(id), None) => drop(self.anonymous.remove(&id)),
            (Err(_), None, _) => {}
        }
    }

    /// An object; `None` if it does not exist. What has to be read from the store for it does not stay in memory.
    ///
    /// # Errors
    /// [`Unreadable`] if the store is damaged or fails.
    pub fn get(&self, obj: Obj) -> Result<Option<Arc<ObjectRecord>>, Unreadable> {
        self.entry(obj).map(|entry| self.read(obj, entry)).transpose()
    }

    /// The record of an entry of this root.
    pub(super) fn read(&self, obj: Obj, entry: &Entry) -> Result<Arc<ObjectRecord>, Unreadable> {
        if let Some(record) = entry.record() {
            return Ok(record.clone());
        }
        let stored = match &self.cold {
            Some(cold) => cold.load(obj),
            None => Err(Unreadable {
                obj,
                reason: "there is no store to read it from".into(),
            }),
        };
        // Rows of a newer version are written only after this entry was filled, so if it is empty still, what was read
        // is this version and not half of the next.
        match entry.record() {
            Some(record) => Ok(record.clone()),
            None => entry.complete(obj, stored?),
        }
    }

    /// The highest number ever in use; -1 for the empty world.
    pub fn max_object(&self) -> Obj {
        Obj(self.objects.len() as i64 - 1)
    }

    /// The numbers of all objects that exist, ascending, with what is known without their records.
    pub fn entries(&self) -> impl Iterator<Item = (Obj, &Arc<Entry>)> {
        self.objects
            .iter()
            .enumerate()
            .filter_map(|(n, entry)| Some((Obj(n as i64), entry?)))
    }

    /// Every object that exists, by ascending number. What has to be read for it does not stay in memory.
    pub fn iter(&self) -> impl Iterator<Item = Result<(Obj, Arc<ObjectRecord>), Unreadable>> {
        self.entries()
            .map(|(obj, entry)| Ok((obj, self.read(obj, entry)?)))
    }
}
