//! The world in memory, and the transactions that change it.
//!
//! A snapshot is a clone of the newest [`Root`]. A task reads and edits through a [`Transaction`]; its commit checks,
//! under one lock, that everything it read is unchanged, and publishes the next root. That makes every history
//! serializable, write skew included. What changed leaves as a [`CommitRecord`], in commit order, for the log.

mod commit;
mod conflict;
mod lookup;
mod properties;
mod record;
mod root;
mod shelf;
mod transaction;
mod tree;
pub mod verb_name;
mod verbs;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc as StdArc, Mutex};

use arc_swap::ArcSwapAny;
use triomphe::Arc;

pub use commit::{CommitRecord, Committed, ObjectChange, Sink};
pub use conflict::{Conflict, Part};
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
    next_prop_id: AtomicU32,
    #[cfg(feature = "unsound-commits")]
    skips_validation: std::sync::atomic::AtomicBool,
}

impl World {
    /// A world that starts from a committed state, and sends what commits change to `sink`.
    pub fn new(root: Root, sink: Box<dyn Sink>) -> StdArc<World> {
        let used = root
            .iter()
            .flat_map(|(_, record)| record.propdefs.iter().map(|def| def.id.0 + 1).max())
            .max();
        StdArc::new(World {
            root: ArcSwapAny::new(Arc::new(root)),
            committing: Mutex::new(()),
            sink,
            next_prop_id: AtomicU32::new(used.unwrap_or(0)),
            #[cfg(feature = "unsound-commits")]
            skips_validation: false.into(),
        })
    }

    /// The newest committed state. It stays as it is for as long as it is held.
    pub fn snapshot(&self) -> Arc<Root> {
        self.root.load_full()
    }

    /// From now on commits take effect whatever has become of what they read.
    #[cfg(feature = "unsound-commits")]
    pub fn commit_without_validation(&self) {
        self.skips_validation.store(true, Ordering::Relaxed);
    }

    fn next_prop_id(&self) -> PropId {
        PropId(self.next_prop_id.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
