//! One version of an object as roots hold it: its record, in memory or only in the store, and what is asked of it often
//! enough to stay in memory always.
//!
//! Invariants: a record is put into an entry at most once, and never taken out: to give its memory back, a root is made
//! with an empty entry of the same version. Only the newest root has empty entries: whoever replaces one there fills it
//! first. So no root ever asks the store for a version that is not the newest any more.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use triomphe::Arc;

use super::record::{ObjectRecord, Stamp, cell};
use crate::Obj;

/// Why an object cannot be had from the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{obj} cannot be read: {reason}")]
pub struct Unreadable {
    /// The object.
    pub obj: Obj,
    /// What the store says.
    pub reason: String,
}

/// Where records are that are not in memory.
pub trait ColdStore: Send + Sync {
    /// An object as its newest written version says, without contents and children. Called outside of all locks; it may
    /// take as long as a disk takes.
    fn load(&self, obj: Obj) -> Result<ObjectRecord, Unreadable>;
}

/// A record, and about how much memory it takes; 0 where that is not counted.
struct Kept {
    record: Arc<ObjectRecord>,
    bytes: u64,
}

/// One version of one object.
pub struct Entry {
    /// The commit that made this version; no other version of the object has the same.
    pub(super) written: Stamp,
    pub(super) parent: Obj,
    /// When the cell of names was last written.
    pub(super) schema_stamp: Stamp,
    contents: Option<Arc<Vec<Obj>>>,
    children: Option<Arc<Vec<Obj>>>,
    /// Whether any of the object's values may refer to an anonymous object.
    pub(super) refers_to_anonymous: bool,
    kept: OnceLock<Kept>,
    /// How often the search for memory has come by since the record was last used.
    idle: AtomicU8,
}

fn unless_empty(set: &Arc<Vec<Obj>>) -> Option<Arc<Vec<Obj>>> {
    (!set.is_empty()).then(|| set.clone())
}

impl Entry {
    /// A version whose record is in memory.
    pub fn new(record: Arc<ObjectRecord>, written: Stamp, bytes: u64) -> Entry {
        Entry {
            written,
            parent: record.parent,
            schema_stamp: record.stamps[cell::SCHEMA.trailing_zeros() as usize],
            contents: unless_empty(&record.contents),
            children: unless_empty(&record.children),
            refers_to_anonymous: record.refers_to_anonymous,
            kept: OnceLock::from(Kept { record, bytes }),
            idle: AtomicU8::new(0),
        }
    }

    /// A version as the store has it when a server starts, whose record is there only.
    pub fn stored(parent: Obj, contents: Vec<Obj>, children: Vec<Obj>, refers_to_anonymous: bool) -> Entry {
        Entry {
            written: 0,
            parent,
            schema_stamp: 0,
            contents: unless_empty(&Arc::new(contents)),
            children: unless_empty(&Arc::new(children)),
            refers_to_anonymous,
            kept: OnceLock::new(),
            idle: AtomicU8::new(0),
        }
    }

    /// The same version, whose record is in the store only.
    pub(super) fn emptied(&self) -> Entry {
        Entry {
            written: self.written,
            parent: self.parent,
            schema_stamp: self.schema_stamp,
            contents: self.contents.clone(),
            children: self.children.clone(),
            refers_to_anonymous: self.refers_to_anonymous,
            kept: OnceLock::new(),
            idle: AtomicU8::new(0),
        }
    }

    /// The record, if it is in memory.
    #[inline]
    pub fn record(&self) -> Option<&Arc<ObjectRecord>> {
        self.kept.get().map(|kept| &kept.record)
    }

    /// How much memory the record takes; `None` if it takes none.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.kept.get().map(|kept| kept.bytes)
    }

    /// Keeps the record; false if one is kept already.
    pub(super) fn keep(&self, record: Arc<ObjectRecord>, bytes: u64) -> bool {
        self.kept.set(Kept { record, bytes }).is_ok()
    }

    /// What is in the object, in order of arrival.
    pub fn contents(&self) -> &[Obj] {
        self.contents.as_ref().map_or(&[], |set| &set[..])
    }

    /// What inherits from it, in order of attachment.
    pub fn children(&self) -> &[Obj] {
        self.children.as_ref().map_or(&[], |set| &set[..])
    }

    /// Notes that the record is used.
    #[inline]
    pub(super) fn touch(&self) {
        if self.idle.load(Ordering::Relaxed) != 0 {
            self.idle.store(0, Ordering::Relaxed);
        }
    }

    /// How often this was asked since the record was last used.
    pub(super) fn pass_by(&self) -> u8 {
        let idle = self.idle.load(Ordering::Relaxed);
        self.idle.store(idle.saturating_add(1), Ordering::Relaxed);
        idle
    }

    /// A record that came from the store, with what is not stored. Stamps of single cells are not: each part is taken to
    /// be as new as the version, so that at worst a task is run again.
    pub(super) fn complete(
        &self,
        obj: Obj,
        mut record: ObjectRecord,
    ) -> Result<Arc<ObjectRecord>, Unreadable> {
        if record.parent != self.parent {
            return Err(Unreadable {
                obj,
                reason: format!(
                    "the store has {} for its parent, which is {}; restore a backup",
                    record.parent, self.parent
                ),
            });
        }
        record.contents = self.contents.clone().unwrap_or_default();
        record.children = self.children.clone().unwrap_or_default();
        record.refers_to_anonymous = self.refers_to_anonymous;
        record.stamps = [self.written; cell::COUNT];
        record.stamps[cell::SCHEMA.trailing_zeros() as usize] = self.schema_stamp;
        record.slots.iter_mut().for_each(|slot| slot.stamp = self.written);
        Ok(Arc::new(record))
    }
}
