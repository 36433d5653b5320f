//! The world in memory, and the transactions that change it.
//!
//! A snapshot is a clone of the newest [`Root`]. A task reads and edits through a [`Transaction`]; its commit checks,
//! under one lock, that everything it read is unchanged, and publishes the next root. That makes every history
//! serializable, write skew included. What changed leaves as a [`CommitRecord`], in commit order, for the log.

mod anonymous;
mod commit;
mod conflict;
mod entry;
mod last_property;
mod lookup;
mod memory;
mod properties;
mod record;
mod root;
#[cfg(any(test, feature = "testing"))]
pub mod shadow;
mod shelf;
mod transaction;
mod tree;
pub mod verb_name;
mod verbs;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc as StdArc, Mutex};

use arc_swap::{ArcSwapAny, Guard};
use memory::Memory;
use triomphe::Arc;

pub use commit::{CommitRecord, Committed, ObjectChange, Sink};
pub use conflict::{Conflict, Part};
pub use entry::{ColdStore, Entry, Unreadable};
pub use lookup::{Lookups, PropHit, VerbHit};
pub use properties::Property;
pub use record::{
    ArgSpec, Code, Flags, ObjSpec, ObjectRecord, PrepSpec, PropDef, PropId, PropPerms, Slot, Stamp,
    VerbPerms, VerbRecord, cell,
};
pub use root::{Dialect, Root, Settings};
pub use shelf::Shelf;
pub use transaction::{LOCAL_RANKS, Transaction};
pub use verbs::CommandShape;

/// The world: its newest committed state and the one place where commits happen.
pub struct World {
    root: ArcSwapAny<Arc<Root>>,
    /// Held while a commit validates, publishes and hands over its record, so that records leave in commit order.
    committing: Mutex<()>,
    /// The way to the log.
    sink: Box<dyn Sink>,
    /// How much of the world may be in memory, if not all of it.
    memory: Option<Memory>,
    next_prop_id: AtomicU32,
    next_anonymous_id: AtomicU64,
    #[cfg(feature = "unsound-commits")]
    skips_validation: std::sync::atomic::AtomicBool,
}

/// A committed state that is held for a while.
type Snapshot = Guard<Arc<Root>>;

impl World {
    /// A world that starts from a committed state, and sends what commits change to `sink`. All of it stays in memory,
    /// once it was there.
    pub fn new(root: Root, sink: Box<dyn Sink>) -> StdArc<World> {
        World::of(root, sink, None)
    }

    /// A world whose records take about `bytes_max` bytes of memory at most, and what running tasks hold beside. All of
    /// `root` must be in its store already: this world begins with nothing in memory. If `root` has no store, everything
    /// stays in memory.
    pub fn bounded(mut root: Root, sink: Box<dyn Sink>, bytes_max: u64) -> StdArc<World> {
        let memory = root.cold.as_ref().map(|_| Memory::new(bytes_max));
        if memory.is_some() {
            let emptied = |entry: Option<&Arc<Entry>>| entry.map(|entry| Arc::new(entry.emptied()));
            root.objects = root.objects.iter().map(emptied).collect();
        }
        World::of(root, sink, memory)
    }

    fn of(root: Root, sink: Box<dyn Sink>, memory: Option<Memory>) -> StdArc<World> {
        let next_anonymous_id = AtomicU64::new(root.anonymous_ids);
        StdArc::new(World {
            next_prop_id: AtomicU32::new(root.prop_ids),
            root: ArcSwapAny::new(Arc::new(root)),
            committing: Mutex::new(()),
            sink,
            next_anonymous_id,
            memory,
            #[cfg(feature = "unsound-commits")]
            skips_validation: false.into(),
        })
    }

    /// The newest committed state. It stays as it is for as long as it is held.
    pub fn snapshot(&self) -> Arc<Root> {
        self.root.load_full()
    }

    /// The same for a short time: nothing is written that other threads read, unless the state is replaced meanwhile.
    fn newest(&self) -> Snapshot {
        self.root.load()
    }

    /// From now on commits take effect whatever has become of what they read.
    #[cfg(feature = "unsound-commits")]
    pub fn commit_without_validation(&self) {
        self.skips_validation.store(true, Ordering::Relaxed);
    }

    fn next_anonymous_id(&self) -> u64 {
        self.next_anonymous_id.fetch_add(1, Ordering::Relaxed)
    }

    fn next_prop_id(&self) -> PropId {
        PropId(self.next_prop_id.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
