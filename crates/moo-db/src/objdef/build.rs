//! From the objects that files define to the records of the world.
//!
//! Invariant: ancestors are built before their descendants, so that what is inherited is already right.

use std::collections::HashSet;

use moo_model::world::{
    Code, Flags, ObjectRecord, PropDef, PropId, PropPerms, Root, Settings, Slot, VerbRecord,
};
use moo_model::{Obj, Symbol, Value};
use triomphe::Arc;

use super::definition::{Definitions, ObjectDef, OverrideDef};
use super::{OBJECT_MAX, Problems};
use crate::draft::{place, root_of};

/// Makes the world. Where there are problems, what comes out is of no use.
pub(super) fn build(definitions: Definitions, problems: &mut Problems) -> Root {
    let Definitions { dialect, objects } = definitions;
    let defined = by_number(objects, problems);
    for object in defined.iter().flatten() {
        check_references(object, &defined, problems);
    }
    let mut world = Builder {
        records: vec![None; defined.len()],
        next_prop_id: 0,
        problems,
    };
    for at in top_down(&defined, |object| object.parent, "parent", world.problems) {
        if let Some(object) = &defined[at] {
            world.records[at] = Some(world.record(object));
        }
    }
    top_down(&defined, |object| object.location, "location", world.problems);
    let mut records = world.records;
    mirror(&mut records);
    let players = defined
        .iter()
        .flatten()
        .filter(|object| object.flags.has(Flags::PLAYER));
    let players = players.map(|object| object.obj).collect();
    let settings = Settings {
        dialect,
        latin1: false,
    };
    root_of(records, players, settings)
}

fn by_number(objects: Vec<ObjectDef>, problems: &mut Problems) -> Vec<Option<ObjectDef>> {
    let extent = objects
        .iter()
        .map(|object| object.obj.0 + 1)
        .filter(|&extent| extent <= OBJECT_MAX)
        .max();
    let mut by_number: Vec<Option<ObjectDef>> = Vec::new();
    by_number.resize_with(extent.unwrap_or(0).max(0) as usize, || None);
    for object in objects {
        match place(object.obj, by_number.len()) {
            Some(at) => match &by_number[at] {
                Some(first) => {
                    let (file, line) = (&first.place.file, first.place.line);
                    let message = format!("{} is already defined in {file}:{line}", object.obj);
                    problems.add(object.place.problem(message));
                }
                None => by_number[at] = Some(object),
            },
            None => {
                let message = format!("{} is not between #0 and #{OBJECT_MAX}", object.obj);
                problems.add(object.place.problem(message));
            }
        }
    }
    by_number
}

/// Objects that are named must be defined.
fn check_references(object: &ObjectDef, defined: &[Option<ObjectDef>], problems: &mut Problems) {
    let named = [
        ("parent", object.parent),
        ("location", object.location),
        ("owner", object.owner),
    ];
    for (what, target) in named {
        let is_there = place(target, defined.len()).is_some_and(|at| defined[at].is_some());
        if target != Obj::NOTHING && !is_there {
            let message = format!(
                "the {what} of {} is {target}, which is defined nowhere",
                object.obj
            );
            problems.add(object.place.problem(message));
        }
    }
}

/// The places of all objects, each after the one above it. An object in or below a cycle is a problem and left out.
fn top_down(
    defined: &[Option<ObjectDef>],
    above: impl Fn(&ObjectDef) -> Obj,
    what: &str,
    problems: &mut Problems,
) -> Vec<usize> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); defined.len()];
    let mut order = Vec::new();
    for (at, object) in defined.iter().enumerate() {
        let Some(object) = object else { continue };
        match place(above(object), defined.len()).filter(|&at| defined[at].is_some()) {
            Some(up) => below[up].push(at),
            None => order.push(at),
        }
    }
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        order.append(&mut below[at]);
        next += 1;
    }
    let reached: HashSet<usize> = order.iter().copied().collect();
    for (at, object) in defined.iter().enumerate() {
        if let (Some(object), false) = (object, reached.contains(&at)) {
            let message = format!("{} is, by its {what}, in or below a cycle", object.obj);
            problems.add(object.place.problem(message));
        }
    }
    order
}

/// Fills contents and children, by ascending number.
fn mirror(records: &mut [Option<ObjectRecord>]) {
    for at in 0..records.len() {
        let Some(record) = &records[at] else { continue };
        let (location, parent) = (record.location, record.parent);
        let obj = Obj(at as i64);
        if let Some(up) = place(location, records.len()).and_then(|up| records[up].as_mut()) {
            Arc::make_mut(&mut up.contents).push(obj);
        }
        if let Some(up) = place(parent, records.len()).and_then(|up| records[up].as_mut()) {
            Arc::make_mut(&mut up.children).push(obj);
        }
    }
}

struct Builder<'a> {
    records: Vec<Option<ObjectRecord>>,
    next_prop_id: u32,
    problems: &'a mut Problems,
}

impl Builder<'_> {
    fn get(&self, obj: Obj) -> Option<&ObjectRecord> {
        self.records[place(obj, self.records.len())?].as_ref()
    }

    /// The property of this name on the object or the nearest ancestor that defines it.
    fn find(&self, mut obj: Obj, name: Symbol) -> Option<PropId> {
        while let Some(record) = self.get(obj) {
            if let Some(def) = record.propdefs.iter().find(|def| def.symbol == name) {
                return Some(def.id);
            }
            obj = record.parent;
        }
        None
    }

    /// The record of an object whose parent's record is there.
    fn record(&mut self, object: &ObjectDef) -> ObjectRecord {
        let mut record = ObjectRecord {
            name: object.name.clone(),
            flags: object.flags,
            parent: object.parent,
            location: object.location,
            slots: self.inherited(object),
            ..ObjectRecord::new(object.owner)
        };
        for property in &object.properties {
            let symbol = Symbol::new(&property.name);
            let is_own = record.propdefs.iter().any(|def| def.symbol == symbol);
            if is_own || self.find(object.parent, symbol).is_some() {
                let message = format!("{}.{} is defined twice, here or above", object.obj, property.name);
                self.problems.add(property.place.problem(message));
                continue;
            }
            let id = PropId(self.next_prop_id);
            self.next_prop_id += 1;
            Arc::make_mut(&mut record.propdefs).push(PropDef {
                id,
                symbol,
                name: Value::str(&property.name),
            });
            record.put_slot(Slot {
                id,
                perms: property.perms,
                owner: property.owner,
                value: property.value.clone(),
                stamp: 0,
            });
        }
        for change in &object.overrides {
            self.apply(object, change, &mut record);
        }
        record.verbs = Arc::new(verbs(object));
        record
    }

    /// A clear slot for each of the parent's, with the owner that inheritance gives.
    fn inherited(&self, object: &ObjectDef) -> Vec<Slot> {
        let Some(parent) = self.get(object.parent) else {
            return Vec::new();
        };
        let inherit = |slot: &Slot| Slot {
            owner: if slot.perms.has(PropPerms::CHOWN) {
                object.owner
            } else {
                slot.owner
            },
            value: Value::UNSET,
            ..slot.clone()
        };
        parent.slots.iter().map(inherit).collect()
    }

    fn apply(&mut self, object: &ObjectDef, change: &OverrideDef, record: &mut ObjectRecord) {
        let found = self.find(object.parent, Symbol::new(&change.name));
        let Some(at) = found.and_then(|id| record.slot_index(id)) else {
            let message = format!("{} inherits no property {}", object.obj, change.name);
            self.problems.add(change.place.problem(message));
            return;
        };
        let slot = &mut record.slots[at];
        if let Some((owner, perms)) = change.perms {
            (slot.owner, slot.perms) = (owner, perms);
        }
        if let Some(value) = &change.value {
            slot.value = value.clone();
        }
    }
}

fn verbs(object: &ObjectDef) -> Vec<Arc<VerbRecord>> {
    let verbs = object.verbs.iter().zip(0..);
    verbs
        .map(|(verb, id)| {
            Arc::new(VerbRecord {
                id,
                names: Value::str(&verb.names),
                owner: verb.owner,
                perms: verb.perms,
                args: verb.args,
                code: Code::new(verb.source.as_str()),
            })
        })
        .collect()
}
