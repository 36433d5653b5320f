//! The events that some stream still has, each once, however many streams that is.
//!
//! Invariants: an event is here exactly as long as a stream has it; its bytes are in memory at most as long as it is
//! in the newest part of a stream, and all bytes in memory stay under a bound, the oldest being left to the store.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::limits::OUTBOX_MEMORY_MAX;
use crate::protocol::Wall;
use crate::protocol::event::Cause;

/// An event's bytes and what they came from, while they are in memory.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub event: Arc<[u8]>,
    pub cause: Option<Cause>,
}

/// What is known of an event besides its bytes.
#[derive(Debug)]
struct Entry {
    /// Streams that have it.
    left: u32,
    /// Streams that have it in their newest part.
    newest: u32,
    bytes: u32,
    at: Wall,
    kept: Option<Box<Kept>>,
}

/// All events, by the number of their row.
#[derive(Debug)]
pub(super) struct Shared {
    entries: FxHashMap<u64, Entry>,
    next: u64,
    /// Events that may be in memory, oldest first; some are no more.
    in_memory: VecDeque<u64>,
    kept: usize,
    kept_bytes: usize,
    stored_bytes: u64,
    memory_max: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            entries: FxHashMap::default(),
            next: 1,
            in_memory: VecDeque::new(),
            kept: 0,
            kept_bytes: 0,
            stored_bytes: 0,
            memory_max: OUTBOX_MEMORY_MAX,
        }
    }
}

impl Shared {
    /// Takes in a new event that no stream has yet; gives its number.
    pub fn add(&mut self, kept: Kept, at: Wall) -> u64 {
        let number = self.next;
        let bytes = kept.event.len();
        self.insert(number, bytes, at, Some(Box::new(kept)));
        self.kept += 1;
        self.kept_bytes += bytes;
        self.in_memory.push_back(number);
        self.spare_memory();
        number
    }

    /// Takes in an event that is in the store only.
    pub fn add_stored(&mut self, number: u64, bytes: usize, at: Wall) {
        self.insert(number, bytes, at, None);
    }

    fn insert(&mut self, number: u64, bytes: usize, at: Wall, kept: Option<Box<Kept>>) {
        self.next = self.next.max(number + 1);
        self.stored_bytes += bytes as u64;
        let entry = Entry {
            left: 0,
            newest: 0,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            at,
            kept,
        };
        self.entries.insert(number, entry);
    }

    /// A stream has the event, maybe in its newest part.
    pub fn have(&mut self, number: u64, is_newest: bool) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.left += 1;
            entry.newest += u32::from(is_newest);
        }
    }

    /// The event is no longer in the newest part of one of its streams.
    pub fn age(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.newest = entry.newest.saturating_sub(1);
            if entry.newest == 0 {
                let kept = entry.kept.take();
                self.forgot(kept);
            }
        }
    }

    /// A stream has the event no more; gives whether none has.
    pub fn let_go(&mut self, number: u64, was_newest: bool) -> bool {
        if was_newest {
            self.age(number);
        }
        let Some(entry) = self.entries.get_mut(&number) else {
            return false;
        };
        entry.left = entry.left.saturating_sub(1);
        entry.left == 0 && self.remove(number)
    }

    /// Removes the event if no stream has it; gives whether it did.
    pub fn remove_unused(&mut self, number: u64) -> bool {
        self.entries.get(&number).is_some_and(|entry| entry.left == 0) && self.remove(number)
    }

    fn remove(&mut self, number: u64) -> bool {
        let Some(entry) = self.entries.remove(&number) else {
            return false;
        };
        self.stored_bytes -= u64::from(entry.bytes);
        self.forgot(entry.kept);
        true
    }

    fn forgot(&mut self, kept: Option<Box<Kept>>) {
        if let Some(kept) = kept {
            self.kept -= 1;
            self.kept_bytes -= kept.event.len();
        }
    }

    /// Leaves the oldest events to the store until the rest fits, and forgets what `in_memory` has in vain.
    fn spare_memory(&mut self) {
        while self.kept_bytes > self.memory_max {
            let Some(number) = self.in_memory.pop_front() else {
                break;
            };
            let kept = self.entries.get_mut(&number).and_then(|entry| entry.kept.take());
            self.forgot(kept);
        }
        if self.in_memory.len() > 2 * self.kept + 64 {
            let entries = &self.entries;
            self.in_memory
                .retain(|number| entries.get(number).is_some_and(|entry| entry.kept.is_some()));
        }
    }

    /// The event's bytes, if they are in memory.
    pub fn kept(&self, number: u64) -> Option<&Kept> {
        self.entries.get(&number)?.kept.as_deref()
    }

    /// The size of the event's bytes.
    pub fn bytes(&self, number: u64) -> usize {
        self.entries.get(&number).map_or(0, |entry| entry.bytes as usize)
    }

    /// When the event was made; the beginning of time if there is none.
    pub fn at(&self, number: u64) -> Wall {
        self.entries
            .get(&number)
            .map_or(Wall::default(), |entry| entry.at)
    }

    /// How many events there are, and their bytes.
    pub fn stored(&self) -> (u64, u64) {
        (self.entries.len() as u64, self.stored_bytes)
    }

    /// The bytes of those in memory.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes as u64
    }

    /// Numbers of all events of which no stream has any.
    pub fn unused(&self) -> Vec<u64> {
        let unused = self.entries.iter().filter(|(_, entry)| entry.left == 0);
        unused.map(|(&number, _)| number).collect()
    }

    /// Has less memory to use, for a test.
    #[cfg(test)]
    pub fn set_memory_max(&mut self, bytes: usize) {
        self.memory_max = bytes;
    }
}
