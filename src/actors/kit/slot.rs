//! `Slot<A>`: the place where an actor is found, whichever restart of it is alive.
//!
//! Only a supervisor fills a slot. Whoever sends keeps the slot (or a gate over it), never the address inside.

use actix::{Actor, Addr};
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// A shared place for the address of one supervised actor. Clones are the same place.
pub struct Slot<A: Actor> {
    place: Arc<RwLock<Option<Addr<A>>>>,
}

impl<A: Actor> Clone for Slot<A> {
    fn clone(&self) -> Self {
        Slot {
            place: Arc::clone(&self.place),
        }
    }
}

impl<A: Actor> Default for Slot<A> {
    fn default() -> Self {
        Slot {
            place: Arc::new(RwLock::new(None)),
        }
    }
}

/// A slot as its supervisor knows it, which keeps no actor alive: one that nobody can send to any more ends once it has
/// nothing left to do by itself.
pub(super) struct WeakSlot<A: Actor> {
    place: Weak<RwLock<Option<Addr<A>>>>,
}

impl<A: Actor> WeakSlot<A> {
    /// The slot, while somebody has it.
    pub(super) fn upgrade(&self) -> Option<Slot<A>> {
        let place = self.place.upgrade()?;
        Some(Slot { place })
    }
}

impl<A: Actor> Slot<A> {
    /// The same place, as long as somebody else has it.
    pub(super) fn downgrade(&self) -> WeakSlot<A> {
        WeakSlot {
            place: Arc::downgrade(&self.place),
        }
    }

    /// Puts the address of a newly started actor in place of the last one.
    pub(super) fn fill(&self, address: Addr<A>) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// Calls `then` with the living actor's address, if there is one. The address must not be kept.
    pub(super) fn with<T>(&self, then: impl FnOnce(&Addr<A>) -> T) -> Option<T> {
        let place = self.place.read().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().filter(|address| address.connected()).map(then)
    }

    /// Whether an actor is there to be sent to.
    pub fn is_filled(&self) -> bool {
        self.with(|_| ()).is_some()
    }
}
