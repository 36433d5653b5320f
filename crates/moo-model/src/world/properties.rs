//! Properties: finding, reading, writing and declaring them. No permissions here; those are the machine's.
//!
//! Invariant: after each call every object has exactly one slot for each property of itself and its ancestors.

use triomphe::Arc;

use super::last_property::LastProperty;
use super::lookup::PropHit;
use super::record::{ObjectRecord, PropDef, PropId, PropPerms, Slot, cell};
use super::transaction::Transaction;
use crate::{ErrorCode, Obj, Symbol, Value};

/// A property of an object, found by name.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// The object it was asked of.
    pub obj: Obj,
    /// The object that defines it.
    pub definer: Obj,
    /// The property.
    pub id: PropId,
    /// Who controls it on this object.
    pub owner: Obj,
    /// What others may do with it on this object.
    pub perms: PropPerms,
    pub(super) place: u32,
    pub(super) slot: u32,
}

impl Transaction {
    /// Finds a property by name. `E_INVIND` if there is no such object, `E_PROPNF` if it has no such property.
    #[inline]
    pub fn find_property(&mut self, obj: Obj, name: Symbol) -> Result<Property, ErrorCode> {
        if let Some(slot) = self.last_slot(obj, name) {
            return Ok(Property {
                owner: slot.owner,
                perms: slot.perms,
                ..self.last_property.property
            });
        }
        let property = self.look_up_property(obj, name)?;
        self.last_property = LastProperty {
            obj,
            name,
            epoch: self.epoch,
            property,
            inherited: None,
        };
        Ok(property)
    }

    fn look_up_property(&mut self, obj: Obj, name: Symbol) -> Result<Property, ErrorCode> {
        let place = self.place(obj);
        let Some(record) = self.seen[place].record() else {
            self.seen[place].exists_read = true;
            return Err(ErrorCode::InvInd);
        };
        let (definer, id, slot) = match self.lookups.property(self.epoch, obj, name) {
            Some(hit) => {
                let hint = hit.slot_hint as usize;
                let (definer, id) = (hit.definer, hit.id);
                let is_there = record.slots.get(hint).is_some_and(|slot| slot.id == id);
                let slot = if is_there {
                    Some(hint)
                } else {
                    record.slot_index(id)
                };
                hit.slot_hint = slot.map_or(hit.slot_hint, |slot| slot as u32);
                (definer, id, slot.map_or_else(|| self.late_slot(obj, id), Ok)?)
            }
            None => self.resolve_property(obj, name)?,
        };
        let seen = &mut self.seen[place];
        seen.reads |= cell::SCHEMA;
        seen.exists_read = true;
        if !seen.slots_replaced {
            seen.mark_slot(slot);
        }
        let found = &seen.record().expect("the object was there a moment ago").slots[slot];
        let (owner, perms) = (found.owner, found.perms);
        Ok(Property {
            obj,
            definer,
            id,
            owner,
            perms,
            place: place as u32,
            slot: slot as u32,
        })
    }

    #[cold]
    fn resolve_property(&mut self, obj: Obj, name: Symbol) -> Result<(Obj, PropId, usize), ErrorCode> {
        let mut definer = obj;
        let id = loop {
            let record = self.read(definer, cell::SCHEMA).ok_or(ErrorCode::PropNf)?;
            if let Some(def) = record.propdefs.iter().find(|def| def.symbol == name) {
                break def.id;
            }
            definer = record.parent;
        };
        let record = self.read(obj, cell::SCHEMA);
        let slot = record.and_then(|record| record.slot_index(id));
        let slot = slot.map_or_else(|| self.late_slot(obj, id), Ok)?;
        let hit = PropHit {
            definer,
            id,
            slot_hint: slot as u32,
        };
        self.lookups.put_property(self.epoch, obj, name, hit);
        Ok((definer, id, slot))
    }

    /// The value of a property: its own, or the nearest ancestor's where it is clear.
    #[inline]
    pub fn property_value(&mut self, property: &Property) -> Value {
        let seen = &self.seen[property.place as usize];
        let own = seen
            .record()
            .and_then(|record| record.slots.get(property.slot as usize));
        match own {
            Some(slot) if slot.id == property.id && !slot.value.is_unset() => slot.value.clone(),
            _ => self.inherited_value(property),
        }
    }

    /// The value of a property that is clear on its own object.
    fn inherited_value(&mut self, property: &Property) -> Value {
        let last = &self.last_property;
        let is_last = last.obj == property.obj && last.property.id == property.id && last.epoch == self.epoch;
        if let Some((place, slot, clearings)) = last.inherited
            && is_last
            && clearings == self.clearings
            && let Some(record) = self.seen[place as usize].record()
            && let Some(slot) = record.slots.get(slot as usize)
            && slot.id == property.id
        {
            return slot.value.clone();
        }
        let Some((place, slot)) = self.inherited_slot(property.obj, property.id) else {
            return Value::int(0);
        };
        if is_last {
            self.last_property.inherited = Some((place as u32, slot as u32, self.clearings));
        }
        let record = self.seen[place].record().expect("it was there a moment ago");
        record.slots[slot].value.clone()
    }

    /// The nearest slot, from an object upward, that is not clear: the object's place and the slot's.
    fn inherited_slot(&mut self, from: Obj, id: PropId) -> Option<(usize, usize)> {
        let mut obj = from;
        loop {
            let place = self.place(obj);
            let seen = &mut self.seen[place];
            seen.reads |= cell::SCHEMA;
            let (slot, parent) = seen.record().and_then(|r| Some((r.slot_index(id)?, r.parent)))?;
            if !seen.slots_replaced {
                seen.mark_slot(slot);
            }
            let record = seen.record().expect("it was there a moment ago");
            if !record.slots[slot].value.is_unset() {
                return Some((place, slot));
            }
            obj = parent;
        }
    }

    /// Whether the property is clear on this object.
    pub fn is_clear(&mut self, property: &Property) -> bool {
        self.slot(property).is_none_or(|slot| slot.value.is_unset())
    }

    fn slot(&self, property: &Property) -> Option<&Slot> {
        let record = self.seen[property.place as usize].record()?;
        record
            .slots
            .get(property.slot as usize)
            .filter(|slot| slot.id == property.id)
    }

    /// The property's slot for editing.
    #[inline]
    fn slot_mut(&mut self, property: &Property) -> &mut Slot {
        let place = property.place as usize;
        let seen = &mut self.seen[place];
        if !seen.slots_replaced && !seen.slot_writes.contains(&property.id) {
            seen.slot_writes.push(property.id);
        }
        let record = self.own(place);
        let at = property.slot as usize;
        let at = if record.slots.get(at).is_some_and(|slot| slot.id == property.id) {
            at
        } else {
            record
                .slot_index(property.id)
                .expect("a property that was found has a slot")
        };
        &mut record.slots[at]
    }

    /// Sets the value.
    #[inline]
    pub fn set_property_value(&mut self, property: &Property, value: Value) {
        let slot = self.slot_mut(property);
        let was_clear = slot.value.is_unset();
        slot.value = value;
        self.clearings += u64::from(was_clear);
    }

    /// Whether the property has a value that this transaction has set, and it is this very one.
    #[inline]
    pub fn has_own_value(&self, property: &Property, value: &Value) -> bool {
        let slot = self.slot(property);
        let is_own = self.seen[property.place as usize].own.is_some();
        is_own && slot.is_some_and(|slot| Value::same_words(&slot.value, value))
    }

    /// That value, for editing; the caller leaves one there.
    #[inline]
    pub fn own_value(&mut self, property: &Property) -> &mut Value {
        &mut self.slot_mut(property).value
    }

    /// Adds to the property's value, if this transaction has set it and it is an integer. Gives whether it was.
    #[inline(always)]
    pub fn add_to_own_int(&mut self, property: &Property, by: i64) -> bool {
        let is_own = self.seen[property.place as usize].own.is_some();
        let now = self.slot(property).and_then(|slot| slot.value.as_int());
        let Some(now) = now.filter(|_| is_own) else {
            return false;
        };
        self.slot_mut(property).value = Value::int(now.wrapping_add(by));
        true
    }

    /// Makes the value the ancestor's again. The caller has made sure that this object does not define it.
    pub fn clear_property(&mut self, property: &Property) {
        self.slot_mut(property).value = Value::UNSET;
        self.clearings += 1;
    }

    /// Sets who controls the property on this object and what others may do.
    pub fn set_property_perms(&mut self, property: &Property, owner: Obj, perms: PropPerms) {
        let slot = self.slot_mut(property);
        (slot.owner, slot.perms) = (owner, perms);
    }

    /// The names of the properties defined on the object, in order; `None` if there is no such object.
    pub fn property_names(&mut self, obj: Obj) -> Option<Vec<Value>> {
        self.read(obj, cell::SCHEMA)
            .map(|r| r.propdefs.iter().map(|def| def.name.clone()).collect())
    }

    /// Whether a property of this name is defined on the object, an ancestor or a descendant.
    pub fn property_clashes(&mut self, obj: Obj, name: Symbol) -> bool {
        self.find_property(obj, name).is_ok() || self.descendants_define(obj, &[name])
    }

    fn descendants_define(&mut self, obj: Obj, names: &[Symbol]) -> bool {
        let mut pending = vec![obj];
        while let Some(next) = pending.pop() {
            let Some(record) = self.read(next, cell::SCHEMA | cell::CHILDREN) else {
                continue;
            };
            if record.propdefs.iter().any(|def| names.contains(&def.symbol)) {
                return true;
            }
            pending.extend_from_slice(&record.children.clone());
        }
        false
    }

    /// Defines a property with its value; every descendant gets a clear slot.
    pub fn define_property(
        &mut self,
        obj: Obj,
        name: &str,
        value: Value,
        owner: Obj,
        perms: PropPerms,
    ) -> Result<(), ErrorCode> {
        if !self.valid(obj) {
            return Err(ErrorCode::InvInd);
        }
        let id = self.world().next_prop_id();
        let record = self.edit(obj, cell::SCHEMA)?;
        let def = PropDef {
            id,
            symbol: Symbol::new(name),
            name: Value::str(name),
        };
        Arc::make_mut(&mut record.propdefs).push(def);
        self.put_slot(
            obj,
            Slot {
                id,
                perms,
                owner,
                value,
                stamp: 0,
            },
        );
        self.give_slots_to_descendants(obj, &[id]);
        Ok(())
    }

    /// Puts a slot, marking the object's set of slots as replaced.
    fn put_slot(&mut self, obj: Obj, slot: Slot) {
        let place = self.place(obj);
        self.seen[place].slots_replaced = true;
        self.own(place).put_slot(slot);
    }

    /// Gives every descendant a clear slot for properties that it just came to inherit.
    fn give_slots_to_descendants(&mut self, obj: Obj, ids: &[PropId]) {
        let children = self.children(obj).map(|c| c.to_vec()).unwrap_or_default();
        let mut pending: Vec<(Obj, Obj)> = children.into_iter().rev().map(|child| (obj, child)).collect();
        while let Some((parent, child)) = pending.pop() {
            self.inherit_slots(parent, child, ids);
            let below = self.children(child).map(|c| c.to_vec()).unwrap_or_default();
            pending.extend(below.into_iter().rev().map(|grandchild| (child, grandchild)));
        }
    }

    /// Gives a child clear slots for these properties: the owner is the child's where the parent's slot has `c`.
    pub(super) fn inherit_slots(&mut self, parent: Obj, child: Obj, ids: &[PropId]) {
        let Some(child_owner) = self.owner(child) else {
            return;
        };
        for &id in ids {
            let Some(source) = self.slot_by_id(parent, id) else {
                continue;
            };
            let owner = if source.perms.has(PropPerms::CHOWN) {
                child_owner
            } else {
                source.owner
            };
            self.put_slot(
                child,
                Slot {
                    id,
                    perms: source.perms,
                    owner,
                    value: Value::UNSET,
                    stamp: 0,
                },
            );
        }
    }

    fn slot_by_id(&mut self, obj: Obj, id: PropId) -> Option<Slot> {
        let place = self.place(obj);
        let seen = &mut self.seen[place];
        let index = seen.record()?.slot_index(id)?;
        if !seen.slots_replaced {
            seen.mark_slot(index);
        }
        seen.record().map(|record| record.slots[index].clone())
    }

    /// Deletes a property defined on this object, from it and all descendants. `E_PROPNF` if it is not defined here.
    pub fn delete_property(&mut self, obj: Obj, name: Symbol) -> Result<(), ErrorCode> {
        let record = self.read(obj, cell::SCHEMA).ok_or(ErrorCode::InvInd)?;
        let def = record
            .propdefs
            .iter()
            .position(|def| def.symbol == name)
            .ok_or(ErrorCode::PropNf)?;
        let id = record.propdefs[def].id;
        Arc::make_mut(&mut self.edit(obj, cell::SCHEMA)?.propdefs).remove(def);
        self.drop_slots(obj, &[id]);
        Ok(())
    }

    /// Renames a property defined on this object.
    pub fn rename_property(&mut self, obj: Obj, name: Symbol, new_name: &str) -> Result<(), ErrorCode> {
        let record = self.edit(obj, cell::SCHEMA)?;
        let defs = Arc::make_mut(&mut record.propdefs);
        let def = defs
            .iter_mut()
            .find(|def| def.symbol == name)
            .ok_or(ErrorCode::PropNf)?;
        (def.symbol, def.name) = (Symbol::new(new_name), Value::str(new_name));
        Ok(())
    }

    /// Removes the slots of these properties from an object and all its descendants.
    fn drop_slots(&mut self, obj: Obj, ids: &[PropId]) {
        let mut pending = vec![obj];
        while let Some(next) = pending.pop() {
            let place = self.place(next);
            if self.seen[place].record().is_none() {
                continue;
            }
            self.seen[place].slots_replaced = true;
            self.own(place).slots.retain(|slot| !ids.contains(&slot.id));
            pending.extend(self.children(next).iter().flat_map(|c| c.iter().copied()));
        }
        self.use_private_epoch();
    }

    /// The properties an object has from itself and its ancestors, definers nearest first.
    pub(super) fn all_property_ids(&mut self, obj: Obj) -> Vec<(Symbol, PropId)> {
        let mut found = Vec::new();
        let mut next = obj;
        while let Some(record) = self.read(next, cell::SCHEMA) {
            found.extend(record.propdefs.iter().map(|def| (def.symbol, def.id)));
            next = record.parent;
        }
        found
    }

    /// Changes which properties an object and its descendants inherit, as its parent changes from one to another.
    /// `E_INVARG`, with nothing changed, if a name would then be defined twice in one chain.
    pub(super) fn check_inheritance(&mut self, obj: Obj, new_parent: Obj) -> Result<(), ErrorCode> {
        let names: Vec<Symbol> = self
            .all_property_ids(new_parent)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        if self.descendants_define(obj, &names) {
            Err(ErrorCode::InvArg)
        } else {
            Ok(())
        }
    }

    /// Drops and adds slots so that they match the object's new parent; the parent field is already set.
    pub(super) fn adjust_slots(&mut self, obj: Obj, old_parent: Obj, new_parent: Obj) {
        let old: Vec<PropId> = self
            .all_property_ids(old_parent)
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        let new: Vec<PropId> = self
            .all_property_ids(new_parent)
            .into_iter()
            .map(|(_, id)| id)
            .collect();
        let lost: Vec<PropId> = old.iter().copied().filter(|id| !new.contains(id)).collect();
        let gained: Vec<PropId> = new.iter().copied().filter(|id| !old.contains(id)).collect();
        if !lost.is_empty() {
            self.drop_slots(obj, &lost);
        }
        if !gained.is_empty() {
            self.inherit_slots(new_parent, obj, &gained);
            self.give_slots_to_descendants(obj, &gained);
        }
    }

    /// A copy of the object's record as this transaction sees it, for tests and exports.
    pub fn record(&mut self, obj: Obj) -> Option<ObjectRecord> {
        let all = cell::HEADER | cell::LOCATION | cell::CONTENTS | cell::CHILDREN | cell::SCHEMA;
        let slots = self.read(obj, all)?.slots.len();
        let place = self.place(obj);
        (0..slots).for_each(|index| self.seen[place].mark_slot(index));
        self.seen[place].record().cloned()
    }
}
