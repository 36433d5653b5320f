//! Why a transaction could not be committed: the object, and the part of it that somebody else changed.
//!
//! Invariant: this is asked only once a conflict is certain, so it may take its time.

use std::fmt;

use super::record::{ObjectRecord, PropId, cell};
use super::root::Root;
use super::transaction::Seen;
use crate::{Obj, Symbol};

/// Somebody else changed what the transaction read: run the task again on a fresh snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// An object whose change was the reason.
    pub obj: Obj,
    /// What of it has changed.
    pub part: Part,
}

/// The parts of the world that conflict by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// How many object numbers there are: two tasks created objects.
    Extent,
    /// The list of players.
    Players,
    /// Whether there is such an object.
    Existence,
    /// Name, owner and flags.
    Header,
    /// Where it is.
    Location,
    /// What is in it.
    Contents,
    /// What inherits from it.
    Children,
    /// Parent, verbs and property definitions, its own or an ancestor's.
    Names,
    /// Its value of this property.
    Property(Symbol),
    /// Which properties it has.
    Properties,
}

impl fmt::Display for Part {
    /// A property's name; what is no property stands in parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Extent => "(max_object)",
            Part::Players => "(players)",
            Part::Existence => "(existence)",
            Part::Header => "(name, owner, flags)",
            Part::Location => "(location)",
            Part::Contents => "(contents)",
            Part::Children => "(children)",
            Part::Names => "(parent, verbs, properties)",
            Part::Property(name) => name.text(),
            Part::Properties => "(inherited properties)",
        })
    }
}

impl Seen {
    /// What of the object is not as the transaction saw it.
    pub(super) fn conflict(&self, now: &Root) -> Conflict {
        let part = match (&self.base, now.entry(self.obj)) {
            (Some(base), Some(current)) => self.changed_part(base, current.record().map(|r| &**r), now),
            _ => Part::Existence,
        };
        Conflict { obj: self.obj, part }
    }

    /// What of it differs from `current`; the first of what was used if that has left memory.
    fn changed_part(&self, base: &ObjectRecord, current: Option<&ObjectRecord>, now: &Root) -> Part {
        const PARTS: [(u8, Part); cell::COUNT] = [
            (cell::HEADER, Part::Header),
            (cell::LOCATION, Part::Location),
            (cell::CONTENTS, Part::Contents),
            (cell::CHILDREN, Part::Children),
            (cell::SCHEMA, Part::Names),
        ];
        let used = self.reads | self.writes;
        let changed = PARTS.into_iter().find(|(cell, _)| {
            let at = cell.trailing_zeros() as usize;
            used & cell != 0 && current.is_none_or(|current| base.stamps[at] != current.stamps[at])
        });
        if let Some((_, part)) = changed {
            return part;
        }
        let differs = |at| current.is_none_or(|current| !same_slot(base, current, at));
        let slot = (0..base.slots.len()).find(|&at| self.uses_slot(at) && differs(at));
        let name = slot.and_then(|at| property_name(self.obj, base.slots[at].id, now));
        match (slot, name) {
            (Some(_), Some(name)) => Part::Property(name),
            (Some(_), None) => Part::Properties,
            // What the object itself has is as it was, so it is what names on it lead to.
            (None, _) => Part::Names,
        }
    }
}

/// The name of a property of an object, from whichever ancestor defines it, if that is in memory.
fn property_name(obj: Obj, id: PropId, now: &Root) -> Option<Symbol> {
    let mut next = now.entry(obj);
    while let Some(entry) = next {
        let defs = entry.record().map(|record| &record.propdefs[..]);
        if let Some(def) = defs.and_then(|defs| defs.iter().find(|def| def.id == id)) {
            return Some(def.symbol);
        }
        next = now.entry(entry.parent);
    }
    None
}

/// Whether the slot at this place of the snapshot's record has not been written since.
pub(super) fn same_slot(base: &ObjectRecord, current: &ObjectRecord, at: usize) -> bool {
    let slot = &base.slots[at];
    let there = current.slots.get(at).filter(|s| s.id == slot.id);
    let there = there.or_else(|| current.slot_index(slot.id).map(|at| &current.slots[at]));
    there.is_some_and(|there| there.stamp == slot.stamp)
}
