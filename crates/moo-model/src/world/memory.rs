//! How much memory records may take, and which of them leave it.
//!
//! A hand goes round the objects. A record that was not used since the hand last came by leaves; a small one is passed
//! over once more, since it gives little and costs as much to read again. What is not in the store yet stays.
//!
//! Invariant: what is counted are the records of the newest root. Older roots, and tasks with what they have read, hold
//! theirs until they end.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use triomphe::Arc;

use super::World;
use super::entry::{Entry, Unreadable};
use super::record::{ObjectRecord, Stamp};
use super::root::Root;
use crate::value::{INLINE_TEXT_MAX, View};
use crate::{Obj, Value};

/// How many objects the hand passes at a time, with the lock of commits held.
const PLACES_PER_SWEEP: usize = 512;
/// A record of so many bytes is large.
const LARGE_BYTES: u64 = 4096;
/// How often the hand passes an unused record before it leaves: a large one, and a small one.
const PATIENCE: (u8, u8) = (1, 2);
/// How many items of a list are weighed; the others are taken to be like them.
const ITEMS_WEIGHED: usize = 32;
/// How deep lists in lists are weighed.
const DEPTH_WEIGHED: u32 = 4;
/// What an allocation costs beside its bytes.
const NODE_BYTES: u64 = 32;

/// The bound, and what is counted against it.
pub(super) struct Memory {
    bytes_max: i64,
    resident: AtomicI64,
    hand: AtomicUsize,
}

impl Memory {
    /// For a root whose records are all in the store only.
    pub fn new(bytes_max: u64) -> Memory {
        Memory {
            bytes_max: i64::try_from(bytes_max).unwrap_or(i64::MAX),
            resident: AtomicI64::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    pub fn resident(&self) -> u64 {
        u64::try_from(self.resident.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Counts bytes that came, or went where they are negative.
    pub fn count(&self, bytes: i64) {
        self.resident.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_above(&self, bytes: i64) -> bool {
        self.resident.load(Ordering::Relaxed) > bytes
    }

    /// Empties entries of a root until enough are, or the hand has gone far enough for this time; tells whether any was.
    fn sweep(&self, root: &mut Root, written: Stamp) -> bool {
        let places = root.objects.len();
        let goal = self.bytes_max - self.bytes_max / 16;
        let mut any = false;
        for _ in 0..PLACES_PER_SWEEP.min(places) {
            if !self.is_above(goal) {
                break;
            }
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % places;
            let Some(entry) = root.objects.get(at) else {
                continue;
            };
            let Some(bytes) = entry.bytes().filter(|_| entry.written <= written) else {
                continue;
            };
            let patience = if bytes >= LARGE_BYTES {
                PATIENCE.0
            } else {
                PATIENCE.1
            };
            if entry.pass_by() >= patience {
                let emptied = Arc::new(entry.emptied());
                root.objects.set(at, Some(emptied));
                self.count(-(bytes as i64));
                any = true;
            }
        }
        any
    }
}

impl World {
    /// The record of an entry of a root, from the store if it is not in memory, where it stays then.
    pub(super) fn fetch(
        &self,
        root: &Root,
        obj: Obj,
        entry: &Entry,
    ) -> Result<Arc<ObjectRecord>, Unreadable> {
        let record = root.read(obj, entry)?;
        let bytes = self.weigh(&record);
        if entry.keep(record.clone(), bytes) {
            self.count(bytes as i64);
            self.trim();
        }
        Ok(record)
    }

    /// What a record is counted as.
    pub(super) fn weigh(&self, record: &ObjectRecord) -> u64 {
        self.memory.as_ref().map_or(0, |_| weight(record))
    }

    pub(super) fn count(&self, bytes: i64) {
        if let Some(memory) = &self.memory {
            memory.count(bytes);
        }
    }

    /// Has records leave memory, if there are more than there may be. What one call does is bounded; every call that
    /// brings a record in is followed by one of this. If a commit is under way it has to wait for the next.
    pub(super) fn trim(&self) {
        let Some(memory) = &self.memory else { return };
        if !memory.is_above(memory.bytes_max) {
            return;
        }
        let Ok(guard) = self.committing.try_lock() else {
            return;
        };
        let mut next = Root::clone(&self.root.load());
        // A root of the same commit: what it answers is the same.
        if memory.sweep(&mut next, self.sink.written()) {
            let replaced = self.root.swap(Arc::new(next));
            drop(guard);
            drop(replaced);
        }
    }

    /// About how many bytes the records in memory take; 0 where they may take any number.
    pub fn resident_bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, Memory::resident)
    }
}

/// About how much memory a record takes.
pub(super) fn weight(record: &ObjectRecord) -> u64 {
    let verbs = record.verbs.iter().map(|verb| {
        size_of_val(&**verb) as u64
            + value_weight(&verb.names, 1)
            + verb.code.source.len() as u64
            + 3 * NODE_BYTES
    });
    let defs = record
        .propdefs
        .iter()
        .map(|def| size_of_val(def) as u64 + value_weight(&def.name, 1));
    let slots = record
        .slots
        .iter()
        .map(|slot| size_of_val(slot) as u64 + value_weight(&slot.value, DEPTH_WEIGHED));
    let fixed = size_of::<ObjectRecord>() as u64 + 8 * NODE_BYTES;
    let sets = (record.contents.len() + record.children.len()) * size_of::<Obj>();
    fixed
        + sets as u64
        + value_weight(&record.name, 1)
        + verbs.sum::<u64>()
        + defs.sum::<u64>()
        + slots.sum::<u64>()
}

/// What a value takes beside its own two words.
fn value_weight(value: &Value, depth: u32) -> u64 {
    match value.view() {
        View::Str(text) if text.len() > INLINE_TEXT_MAX => text.len() as u64 + 2 * NODE_BYTES,
        View::List(items) if !items.is_empty() => {
            let own = size_of_val(items) as u64 + 2 * NODE_BYTES;
            if depth == 0 {
                return own;
            }
            let step = items.len().div_ceil(ITEMS_WEIGHED);
            let weighed = items
                .iter()
                .step_by(step)
                .map(|item| value_weight(item, depth - 1));
            own + weighed.sum::<u64>() * step as u64
        }
        View::Map(map) if !map.is_empty() => {
            let entry = 2 * size_of::<Value>() as u64;
            let own = map.len() as u64 * entry + 2 * NODE_BYTES;
            if depth == 0 {
                return own;
            }
            let step = map.len().div_ceil(ITEMS_WEIGHED);
            let weighed = map.iter().step_by(step);
            let weighed = weighed.map(|(key, item)| value_weight(key, 0) + value_weight(item, depth - 1));
            own + weighed.sum::<u64>() * step as u64
        }
        _ => 0,
    }
}
