//! Where names lead: lookaside tables of one executor, so that a verb or property name is resolved once.
//!
//! Invariant: an entry filled under a schema epoch is right for every snapshot of that epoch, because each commit
//! that changes what a name means raises the epoch, and a task with such changes of its own uses a private epoch.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc as StdArc, OnceLock};

use triomphe::Arc;

use super::World;
use super::record::{PropId, VerbRecord};
use crate::{Obj, Symbol};

/// Entries of each table; a power of two.
const ENTRIES: usize = 4096;

/// How many verbs were found so far.
static SEARCHES: AtomicU64 = AtomicU64::new(0);

/// A verb and the object that defines it.
#[derive(Debug)]
pub struct VerbHit {
    /// The object that holds it.
    pub definer: Obj,
    /// Its place there, counted from 0.
    pub index: usize,
    /// The verb.
    pub verb: Arc<VerbRecord>,
    /// Which search this is the answer of: no two have the same number while the process lives.
    pub search: u64,
    /// What the machine made of its code, kept here so that a call need not look for it; its type is the machine's own.
    pub ready: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl VerbHit {
    /// A verb that was found.
    pub fn new(definer: Obj, index: usize, verb: Arc<VerbRecord>) -> VerbHit {
        VerbHit {
            definer,
            index,
            verb,
            search: SEARCHES.fetch_add(1, Ordering::Relaxed),
            ready: OnceLock::new(),
        }
    }
}

/// A property and the object that defines it.
#[derive(Clone, Copy, Debug)]
pub struct PropHit {
    /// The object that defines it.
    pub definer: Obj,
    /// The property.
    pub id: PropId,
    /// Where its slot was when last seen; a guess that is checked.
    pub slot_hint: u32,
}

struct Entry<T> {
    epoch: u64,
    obj: Obj,
    name: Symbol,
    hit: T,
}

/// The tables of one executor. A new one holds no memory: a commit takes the tables out of its transaction, and leaves
/// such a one behind.
#[derive(Default)]
pub struct Lookups {
    // Each is empty, or as long as `ENTRIES`.
    verbs: Vec<Option<Entry<Option<Arc<VerbHit>>>>>,
    properties: Vec<Option<Entry<PropHit>>>,
    /// The world of the last transaction: the next one takes this over, so that no count that all executors share goes up
    /// and down with each.
    pub(super) world: Option<StdArc<World>>,
    /// How often an answer was found.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

#[inline]
fn place(obj: Obj, name: Symbol) -> usize {
    let mixed = (obj.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ u64::from(name.index()).wrapping_mul(0x85EB_CA6B);
    (mixed ^ (mixed >> 29)) as usize % ENTRIES
}

/// The place of a name in a table, which gets its memory now if it has none yet.
fn place_in<T>(table: &mut Vec<Option<Entry<T>>>, obj: Obj, name: Symbol) -> &mut Option<Entry<T>> {
    if table.is_empty() {
        table.resize_with(ENTRIES, || None);
    }
    &mut table[place(obj, name)]
}

impl Lookups {
    /// Where the table says what a verb name leads to under this epoch; `None` if it does not.
    #[inline(always)]
    pub fn find_verb(&mut self, epoch: u64, obj: Obj, name: Symbol) -> Option<usize> {
        let at = place(obj, name);
        match self.verbs.get(at) {
            Some(Some(e)) if e.obj == obj && e.name == name && e.epoch == epoch => {
                self.hits += 1;
                Some(at)
            }
            _ => {
                self.misses += 1;
                None
            }
        }
    }

    /// What the table says at a place; `None` says that there is no such verb.
    #[inline(always)]
    pub fn verb_at(&self, at: usize) -> Option<&Arc<VerbHit>> {
        self.verbs[at].as_ref()?.hit.as_ref()
    }

    /// Keeps what a verb name led to; gives the place.
    pub fn put_verb(&mut self, epoch: u64, obj: Obj, name: Symbol, hit: Option<Arc<VerbHit>>) -> usize {
        *place_in(&mut self.verbs, obj, name) = Some(Entry {
            epoch,
            obj,
            name,
            hit,
        });
        place(obj, name)
    }

    /// What a property name led to under this epoch, with its hint open to correction.
    #[inline]
    pub fn property(&mut self, epoch: u64, obj: Obj, name: Symbol) -> Option<&mut PropHit> {
        match self.properties.get_mut(place(obj, name)) {
            Some(Some(e)) if e.obj == obj && e.name == name && e.epoch == epoch => Some(&mut e.hit),
            _ => None,
        }
    }

    /// Keeps what a property name led to.
    pub fn put_property(&mut self, epoch: u64, obj: Obj, name: Symbol, hit: PropHit) {
        *place_in(&mut self.properties, obj, name) = Some(Entry {
            epoch,
            obj,
            name,
            hit,
        });
    }
}
