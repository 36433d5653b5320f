//! The two trees that objects form, by parent and by location, and their coming and going. No permissions here.
//!
//! Invariant: an object is in the contents of its location and among the children of its parent, exactly once, and
//! neither tree has a cycle.

use triomphe::Arc;

use super::record::{ObjectRecord, cell};
use super::transaction::{Delta, Transaction};
use crate::{ErrorCode, Obj};

impl Transaction {
    /// Makes an object with the next free number. The caller has checked parent, owner and quota.
    pub fn create(&mut self, parent: Obj, owner: Option<Obj>) -> Obj {
        let obj = Obj(self.extent() as i64);
        self.own_extent = Some(obj.0 as usize + 1);
        self.create_numbered(obj, parent, owner.unwrap_or(obj));
        obj
    }

    /// Makes an object with a number that is not in use.
    pub(super) fn create_numbered(&mut self, obj: Obj, parent: Obj, owner: Obj) {
        self.create_record(obj, owner);
        if self.valid(parent) {
            self.attach(obj, parent);
            self.adjust_slots(obj, Obj::NOTHING, parent);
        }
    }

    /// Makes the record of a new object, which has no parent yet.
    pub(super) fn create_record(&mut self, obj: Obj, owner: Obj) {
        let place = self.place(obj);
        let seen = &mut self.seen[place];
        seen.own = Some(Arc::new(ObjectRecord::new(owner)));
        seen.gone = false;
        seen.exists_read = true;
        seen.writes = cell::HEADER | cell::LOCATION | cell::CONTENTS | cell::CHILDREN | cell::SCHEMA;
        seen.slots_replaced = true;
        // What its names lead to is nobody else's business yet, and another's object may come to have this number.
        self.use_private_epoch();
    }

    /// Removes an object that has no contents and no location any more; its children go to its parent.
    pub fn destroy(&mut self, obj: Obj) -> Result<(), ErrorCode> {
        let parent = self.parent(obj).ok_or(ErrorCode::InvArg)?;
        for child in self.children(obj).map(|c| c.to_vec()).unwrap_or_default() {
            self.change_parent(child, parent)?;
        }
        if !obj.is_anonymous() {
            self.reparent_anonymous(obj, parent);
        }
        if self.flags(obj).has(super::record::Flags::PLAYER) {
            self.set_player(obj, false)?;
        }
        if !obj.is_anonymous() {
            self.detach(obj);
        }
        let place = self.place(obj);
        self.seen[place].gone = true;
        self.use_private_epoch();
        Ok(())
    }

    fn attach(&mut self, obj: Obj, parent: Obj) {
        let rank = self.next_rank();
        let place = self.place(obj);
        let record = self.own(place);
        (record.parent, record.parent_rank) = (parent, rank);
        self.change_children(parent, Delta::Add(obj));
    }

    fn detach(&mut self, obj: Obj) {
        if let Some(parent) = self.parent(obj) {
            self.change_children(parent, Delta::Remove(obj));
        }
    }

    pub(super) fn change_children(&mut self, parent: Obj, delta: Delta) {
        let place = self.place(parent);
        self.seen[place].exists_read = true;
        if self.seen[place].record().is_some() {
            self.seen[place].children_deltas.push(delta);
            apply(&mut self.own(place).children, delta);
        }
    }

    fn change_contents(&mut self, location: Obj, delta: Delta) {
        let place = self.place(location);
        self.seen[place].exists_read = true;
        if self.seen[place].record().is_some() {
            self.seen[place].contents_deltas.push(delta);
            apply(&mut self.own(place).contents, delta);
        }
    }

    /// Gives an object another parent, or none. `E_RECMOVE` if that is itself or a descendant, `E_INVARG` if a property
    /// would then be defined twice in one chain.
    pub fn change_parent(&mut self, obj: Obj, parent: Obj) -> Result<(), ErrorCode> {
        let old = self.parent(obj).ok_or(ErrorCode::InvArg)?;
        if self.is_a(parent, obj) {
            return Err(ErrorCode::RecMove);
        }
        self.check_inheritance(obj, parent)?;
        self.edit(obj, cell::SCHEMA)?;
        self.detach(obj);
        if self.valid(parent) {
            self.attach(obj, parent);
        } else {
            self.edit(obj, cell::SCHEMA)?.parent = Obj::NOTHING;
        }
        self.adjust_slots(obj, old, parent);
        self.use_private_epoch();
        Ok(())
    }

    /// Whether an object is another or inherits from it.
    pub fn is_a(&mut self, obj: Obj, ancestor: Obj) -> bool {
        let mut next = obj;
        while self.valid(next) {
            if next == ancestor {
                return true;
            }
            next = self.parent(next).unwrap_or(Obj::NOTHING);
        }
        false
    }

    /// Whether `inner` is `outer` or lies, however deep, in it.
    pub fn is_inside(&mut self, inner: Obj, outer: Obj) -> bool {
        let mut next = inner;
        while self.valid(next) {
            if next == outer {
                return true;
            }
            next = self.location(next).unwrap_or(Obj::NOTHING);
        }
        false
    }

    /// Moves an object; it becomes the last of its new location's contents. The caller has made sure that this does
    /// not put it into itself.
    pub fn relocate(&mut self, obj: Obj, location: Obj) -> Result<(), ErrorCode> {
        let old = self.location(obj).ok_or(ErrorCode::InvArg)?;
        self.change_contents(old, Delta::Remove(obj));
        let rank = self.next_rank();
        let record = self.edit(obj, cell::LOCATION)?;
        (record.location, record.location_rank) = (location, rank);
        self.change_contents(location, Delta::Add(obj));
        Ok(())
    }

    /// Forgets recycled numbers above the highest object.
    pub fn reset_max_object(&mut self) {
        let mut extent = self.extent();
        while extent > 0 && !self.valid(Obj(extent as i64 - 1)) {
            extent -= 1;
        }
        self.own_extent = Some(extent);
    }

    /// Gives an object the lowest free number, if that is lower, and mends every field that refers to it:
    /// parents, children, locations, contents, owners and players. Values and programs keep the old number.
    pub fn renumber(&mut self, obj: Obj) -> Result<Obj, ErrorCode> {
        if !self.valid(obj) {
            return Err(ErrorCode::InvArg);
        }
        let Some(new) = (0..obj.0).map(Obj).find(|&n| !self.valid(n)) else {
            return Ok(obj);
        };
        let extent = self.extent();
        let record = self.record(obj).ok_or(ErrorCode::InvArg)?;
        let place = self.place(new);
        self.seen[place].own = Some(Arc::new(record));
        self.mark_replaced(new);
        let place = self.place(obj);
        self.seen[place].gone = true;
        let anonymous: Vec<Obj> = self.base.anonymous.keys().map(|&id| Obj::anonymous(id)).collect();
        for each in (0..extent as i64).map(Obj).chain(anonymous) {
            self.replace_references(each, obj, new);
        }
        if let Some(at) = self.players().iter().position(|&player| player == obj) {
            let mut players = self.players();
            players[at] = new;
            self.own_players = Some(players);
        }
        self.use_private_epoch();
        Ok(new)
    }

    fn mark_replaced(&mut self, obj: Obj) {
        let place = self.place(obj);
        let seen = &mut self.seen[place];
        seen.exists_read = true;
        seen.gone = false;
        seen.reads = u8::MAX >> 3;
        seen.writes = u8::MAX >> 3;
        seen.slots_replaced = true;
    }

    fn replace_references(&mut self, obj: Obj, old: Obj, new: Obj) {
        let Some(record) = self.record(obj) else { return };
        let mut next = record.clone();
        let swap = |field: &mut Obj| {
            let found = *field == old;
            if found {
                *field = new;
            }
            found
        };
        let mut changed = swap(&mut next.owner) | swap(&mut next.parent) | swap(&mut next.location);
        for set in [&mut next.contents, &mut next.children] {
            if set.contains(&old) {
                Arc::make_mut(set)
                    .iter_mut()
                    .for_each(|item| changed |= swap(item));
            }
        }
        next.slots
            .iter_mut()
            .for_each(|slot| changed |= swap(&mut slot.owner));
        if next.verbs.iter().any(|verb| verb.owner == old) {
            changed = true;
            Arc::make_mut(&mut next.verbs)
                .iter_mut()
                .filter(|verb| verb.owner == old)
                .for_each(|verb| Arc::make_mut(verb).owner = new);
        }
        if changed {
            let place = self.place(obj);
            self.seen[place].own = Some(Arc::new(next));
            self.mark_replaced(obj);
        }
    }
}

/// Applies a change to an ordered set of objects.
pub(super) fn apply(set: &mut Arc<Vec<Obj>>, delta: Delta) {
    match delta {
        Delta::Add(obj) => Arc::make_mut(set).push(obj),
        Delta::Remove(obj) => Arc::make_mut(set).retain(|&item| item != obj),
        Delta::Unlisted => {}
    }
}
