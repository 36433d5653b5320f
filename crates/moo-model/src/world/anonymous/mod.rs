//! Anonymous objects: made without a number, gone once nothing refers to them.
//!
//! Which of them nothing refers to is found in a committed state that nobody changes any more, while all tasks run on:
//! [`Root::unreachable`]. That is enough, because garbage stays garbage. What leads to an object in a state is a property,
//! or a task: one that waits, or what a running one began with. A running task that came by a reference otherwise read it
//! from a property; if that does not lead there any more, the task's commit fails.
//!
//! Invariant: whoever collects has asked about every task that waited or ran when the state was committed. Ids are used
//! once.

use rustc_hash::FxHashSet;

use super::entry::Unreadable;
use super::record::{ObjectRecord, PropId, Slot, cell};
use super::root::Root;
use super::transaction::{Delta, Seen, Transaction};
use crate::{ErrorCode, Obj};

impl Transaction {
    /// Makes an anonymous object. The caller has checked parent, owner and quota.
    pub fn create_anonymous(&mut self, parent: Obj, owner: Obj) -> Obj {
        let obj = Obj::anonymous(self.world().next_anonymous_id());
        self.makes_anonymous = true;
        self.create_record(obj, owner);
        if self.valid(parent) {
            let place = self.place(obj);
            self.own(place).parent = parent;
            self.change_children(parent, Delta::Unlisted);
            self.adjust_slots(obj, Obj::NOTHING, parent);
        }
        obj
    }

    /// Gives the anonymous children of an object that is about to go to its parent, as its other children are given.
    /// Parents do not know them, so all are looked at.
    pub(super) fn reparent_anonymous(&mut self, obj: Obj, parent: Obj) {
        let stored = self.base.anonymous.iter();
        let stored = stored
            .filter(|(_, entry)| entry.parent == obj)
            .map(|(&id, _)| Obj::anonymous(id));
        let is_child = |record: &ObjectRecord| record.parent == obj;
        let made = self
            .seen
            .iter()
            .filter(|seen| seen.obj.is_anonymous() && seen.record().is_some_and(is_child));
        let mut found: Vec<Obj> = stored.chain(made.map(|seen| seen.obj)).collect();
        found.sort_unstable();
        found.dedup();
        for child in found {
            if self.parent(child) == Some(obj) {
                let place = self.place(child);
                self.seen[place].writes |= cell::SCHEMA;
                self.own(place).parent = parent;
                self.change_children(parent, Delta::Unlisted);
                self.adjust_slots(child, obj, parent);
            }
        }
    }

    /// The slot of a property that an anonymous object's parents came to have after it was made: parents do not know
    /// their anonymous children, so these get such slots when they are looked for.
    #[cold]
    pub(super) fn late_slot(&mut self, obj: Obj, id: PropId) -> Result<usize, ErrorCode> {
        let parent = self.parent(obj).ok_or(ErrorCode::PropNf)?;
        if !obj.is_anonymous() {
            return Err(ErrorCode::PropNf);
        }
        self.inherit_slots(parent, obj, &[id]);
        let record = self.read(obj, cell::SCHEMA);
        record
            .and_then(|record| record.slot_index(id))
            .ok_or(ErrorCode::PropNf)
    }

    /// Whether there are anonymous objects at all.
    pub fn has_anonymous(&self) -> bool {
        self.makes_anonymous || !self.base.anonymous.is_empty()
    }
}

impl Seen {
    /// Whether a value that was written refers to an anonymous object.
    pub(super) fn writes_reference(&self) -> bool {
        let Some(own) = self.own.as_deref().filter(|_| !self.gone) else {
            return false;
        };
        if self.slots_replaced {
            return own.slots.iter().any(Slot::refers_to_anonymous);
        }
        let mut written = self.slot_writes.iter().filter_map(|&id| own.slot_index(id));
        written.any(|at| own.slots[at].refers_to_anonymous())
    }
}

impl Slot {
    /// Whether its value refers to an anonymous object.
    pub fn refers_to_anonymous(&self) -> bool {
        self.value.refers_to_anonymous()
    }
}

impl ObjectRecord {
    /// Takes note of whether any of the object's values refers to an anonymous object.
    pub fn note_references(&mut self) {
        self.refers_to_anonymous = self.slots.iter().any(Slot::refers_to_anonymous);
    }
}

impl Root {
    /// Every anonymous object to which no property of the world and none of the objects in `held` leads, by way of other
    /// anonymous objects or not.
    ///
    /// # Errors
    /// [`Unreadable`] if a property that may lead to one is in the store and cannot be read.
    pub fn unreachable(&self, held: impl IntoIterator<Item = Obj>) -> Result<Vec<Obj>, Unreadable> {
        let mut pending: Vec<Obj> = held.into_iter().filter(|obj| obj.is_anonymous()).collect();
        for (obj, entry) in self.entries().filter(|(_, entry)| entry.refers_to_anonymous) {
            references(&*self.read(obj, entry)?, &mut pending);
        }
        let mut reached = FxHashSet::default();
        while let Some(obj) = pending.pop() {
            if reached.insert(obj)
                && let Some(record) = self.get(obj)?
            {
                references(&record, &mut pending);
            }
        }
        let all = self.anonymous.keys().map(|&id| Obj::anonymous(id));
        Ok(all.filter(|obj| !reached.contains(obj)).collect())
    }
}

fn references(record: &ObjectRecord, found: &mut Vec<Obj>) {
    for slot in &record.slots {
        slot.value.each_anonymous(|obj| found.push(obj));
    }
}

#[cfg(test)]
mod tests;
