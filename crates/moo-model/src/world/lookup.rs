//! Where names lead: lookaside tables of one executor, so that a verb or property name is resolved once.
//!
//! Invariant: an entry filled under a schema epoch is right for every snapshot of that epoch, because each commit
//! that changes what a name means raises the epoch, and a task with such changes of its own uses a private epoch.

use std::any::Any;
use std::sync::OnceLock;

use triomphe::Arc;

use super::record::{PropId, VerbRecord};
use crate::{Obj, Symbol};

/// Entries of each table; a power of two.
const ENTRIES: usize = 4096;

/// A verb and the object that defines it.
#[derive(Debug)]
pub struct VerbHit {
    /// The object that holds it.
    pub definer: Obj,
    /// Its place there, counted from 0.
    pub index: usize,
    /// The verb.
    pub verb: Arc<VerbRecord>,
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

/// The tables of one executor.
pub struct Lookups {
    verbs: Vec<Option<Entry<Option<Arc<VerbHit>>>>>,
    properties: Vec<Option<Entry<PropHit>>>,
    /// How often an answer was found.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

impl Default for Lookups {
    fn default() -> Lookups {
        Lookups {
            verbs: (0..ENTRIES).map(|_| None).collect(),
            properties: (0..ENTRIES).map(|_| None).collect(),
            hits: 0,
            misses: 0,
        }
    }
}

#[inline]
fn place(obj: Obj, name: Symbol) -> usize {
    let mixed = (obj.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ u64::from(name.index()).wrapping_mul(0x85EB_CA6B);
    (mixed ^ (mixed >> 29)) as usize % ENTRIES
}

impl Lookups {
    /// What a verb name led to under this epoch; the inner `None` says that there is no such verb.
    #[inline]
    pub fn verb(&mut self, epoch: u64, obj: Obj, name: Symbol) -> Option<Option<Arc<VerbHit>>> {
        match &self.verbs[place(obj, name)] {
            Some(e) if e.obj == obj && e.name == name && e.epoch == epoch => {
                self.hits += 1;
                Some(e.hit.clone())
            }
            _ => {
                self.misses += 1;
                None
            }
        }
    }

    /// Keeps what a verb name led to.
    pub fn put_verb(&mut self, epoch: u64, obj: Obj, name: Symbol, hit: Option<Arc<VerbHit>>) {
        self.verbs[place(obj, name)] = Some(Entry {
            epoch,
            obj,
            name,
            hit,
        });
    }

    /// What a property name led to under this epoch, with its hint open to correction.
    #[inline]
    pub fn property(&mut self, epoch: u64, obj: Obj, name: Symbol) -> Option<&mut PropHit> {
        match &mut self.properties[place(obj, name)] {
            Some(e) if e.obj == obj && e.name == name && e.epoch == epoch => Some(&mut e.hit),
            _ => None,
        }
    }

    /// Keeps what a property name led to.
    pub fn put_property(&mut self, epoch: u64, obj: Obj, name: Symbol, hit: PropHit) {
        self.properties[place(obj, name)] = Some(Entry {
            epoch,
            obj,
            name,
            hit,
        });
    }
}
