//! The property that was found last: code tends to ask for the same one again, to set what it read.
//!
//! Invariant: its cell was marked as read when it was found, in this transaction.

use super::properties::Property;
use super::record::{PropId, PropPerms, Slot};
use super::transaction::{Seen, Transaction};
use crate::{Obj, Symbol, Value};

/// The property that was found last.
pub(super) struct LastProperty {
    pub obj: Obj,
    pub name: Symbol,
    pub epoch: u64,
    pub property: Property,
    /// Where its value was inherited from, and how many slots were made clear or not clear before that.
    pub inherited: Option<(u32, u32, u64)>,
}

impl LastProperty {
    /// None yet: no epoch is so high.
    pub fn none() -> LastProperty {
        let (id, perms) = (PropId(0), PropPerms(0));
        let property = Property {
            obj: Obj(-1),
            definer: Obj(-1),
            id,
            owner: Obj(-1),
            perms,
            place: 0,
            slot: 0,
        };
        LastProperty {
            obj: Obj(-1),
            name: Symbol::default(),
            epoch: u64::MAX,
            property,
            inherited: None,
        }
    }
}

impl Transaction {
    /// The object's own slot for the property, if it is the one that was found last.
    #[inline]
    pub(super) fn last_slot(&self, obj: Obj, name: Symbol) -> Option<&Slot> {
        let last = &self.last_property;
        if last.obj != obj || last.name != name || last.epoch != self.epoch {
            return None;
        }
        let record = self
            .seen
            .get(last.property.place as usize)
            .and_then(Seen::record)?;
        let slot = record.slots.get(last.property.slot as usize)?;
        (slot.id == last.property.id).then_some(slot)
    }

    /// The value of the property that was found last, where it is asked for again, is not inherited, and `reader` owns it or
    /// everybody may read it.
    #[inline]
    pub fn last_value(&self, obj: Obj, name: Symbol, reader: Obj) -> Option<&Value> {
        let slot = self.last_slot(obj, name)?;
        let may_read = slot.perms.has(PropPerms::READ) || slot.owner == reader;
        (may_read && !slot.value.is_unset()).then_some(&slot.value)
    }
}
