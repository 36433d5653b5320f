//! From objects as a textdump has them to the records of the world.

use moo_model::world::{
    Code, Dialect, ObjectRecord, PropDef, PropId, PropPerms, Root, Settings, Slot, VerbRecord,
};
use moo_model::{Obj, Symbol, Value};
use triomphe::Arc;

use super::Draft;
use super::object::{RawObject, RawProperty, RawVerb};
use super::repair::{LOCATIONS, PARENTS, members};
use crate::draft::{Warnings, place, root_of};

/// Names that the server itself answers to, so that a property of this name cannot be reached.
const RESERVED: [&str; 9] = [
    "name",
    "owner",
    "programmer",
    "wizard",
    "r",
    "w",
    "f",
    "location",
    "contents",
];

/// A property as its definer has it.
struct Definition {
    id: PropId,
    perms: PropPerms,
}

/// Makes the world of a draft that was repaired.
pub(super) fn build(mut draft: Draft, latin1: bool, warnings: &mut Warnings) -> Root {
    let mut contents = members(&draft, &LOCATIONS, warnings);
    let mut children = members(&draft, &PARENTS, warnings);
    let definitions = definitions(&draft);
    let mut slots: Vec<Vec<Slot>> = Vec::with_capacity(draft.objects.len());
    for at in 0..draft.objects.len() {
        slots.push(slots_of(&mut draft, at, &definitions, warnings));
    }
    let extent = draft.objects.len();
    let mut records = Vec::with_capacity(extent);
    for (at, object) in std::mem::take(&mut draft.objects).into_iter().enumerate() {
        records.push(object.map(|object| ObjectRecord {
            contents: Arc::new(std::mem::take(&mut contents[at])),
            children: Arc::new(std::mem::take(&mut children[at])),
            slots: std::mem::take(&mut slots[at]),
            propdefs: Arc::new(propdefs(&object, &definitions[at])),
            flags: object.flags,
            parent: object.parent,
            location: object.location,
            verbs: Arc::new(object.verbs.into_iter().zip(0..).map(verb).collect()),
            name: object.name,
            ..ObjectRecord::new(object.owner)
        }));
    }
    let settings = Settings {
        dialect: Dialect::Lambda,
        latin1,
    };
    root_of(records, draft.players, settings)
}

/// Numbers the properties, in the order of objects and definitions.
fn definitions(draft: &Draft) -> Vec<Vec<Definition>> {
    let mut next = 0;
    let of_object = |object: &Option<RawObject>| {
        let Some(object) = object else { return Vec::new() };
        let numbered = (0..object.propdefs.len()).map(|index| {
            next += 1;
            Definition {
                id: PropId(next - 1),
                perms: object.propvals.get(index).map(|p| p.perms).unwrap_or_default(),
            }
        });
        numbered.collect()
    };
    draft.objects.iter().map(of_object).collect()
}

fn propdefs(object: &RawObject, definitions: &[Definition]) -> Vec<PropDef> {
    let named = object.propdefs.iter().zip(definitions);
    named
        .map(|(name, definition)| PropDef {
            id: definition.id,
            symbol: Symbol::new(name),
            name: Value::str(name),
        })
        .collect()
}

fn verb((raw, id): (RawVerb, u32)) -> Arc<VerbRecord> {
    Arc::new(VerbRecord {
        id,
        names: raw.names,
        owner: raw.owner,
        perms: raw.perms,
        args: raw.args,
        code: Code::new(raw.source),
    })
}

/// The slots of one object: its values, bound to the properties of itself and its ancestors.
fn slots_of(
    draft: &mut Draft,
    at: usize,
    definitions: &[Vec<Definition>],
    warnings: &mut Warnings,
) -> Vec<Slot> {
    let Some(object) = &mut draft.objects[at] else {
        return Vec::new();
    };
    let owner = object.owner;
    let given = object.propvals.len();
    let mut values = std::mem::take(&mut object.propvals).into_iter();
    let mut slots = Vec::with_capacity(given);
    let mut names: Vec<Symbol> = Vec::new();
    let mut definer = Some(at);
    let mut missing = 0;
    while let Some(here) = definer {
        let Some(source) = &draft.objects[here] else { break };
        check_names(at, here, source, &mut names, warnings);
        for (index, definition) in definitions[here].iter().enumerate() {
            let raw = values.next().unwrap_or_else(|| {
                missing += 1;
                RawProperty {
                    value: Value::UNSET,
                    owner,
                    perms: definition.perms,
                }
            });
            slots.push(slot(definition.id, raw, here == at, || {
                warnings.add(format!(
                    "#{at}.{} was clear where it is defined: set to 0",
                    source.propdefs[index]
                ));
            }));
        }
        definer = place(source.parent, draft.objects.len());
    }
    let extra = values.count();
    if missing > 0 || extra > 0 {
        warnings.add(format!(
            "#{at} has {given} property values for {} properties: {missing} were made clear, {extra} dropped",
            slots.len()
        ));
    }
    slots.sort_by_key(|slot| slot.id);
    slots
}

fn slot(id: PropId, raw: RawProperty, defined_here: bool, was_clear: impl FnOnce()) -> Slot {
    let mut value = raw.value;
    if defined_here && value.is_unset() {
        was_clear();
        value = Value::int(0);
    }
    Slot {
        id,
        perms: raw.perms,
        owner: raw.owner,
        value,
        stamp: 0,
    }
}

/// Warns of names, seen from object `at`, that hide each other or that the server keeps for itself.
fn check_names(
    at: usize,
    definer: usize,
    source: &RawObject,
    names: &mut Vec<Symbol>,
    warnings: &mut Warnings,
) {
    let inherited = names.len();
    for name in &source.propdefs {
        let symbol = Symbol::new(name);
        let own = at == definer;
        if own && RESERVED.contains(&symbol.text()) {
            warnings.add(format!(
                "#{at}.{name} cannot be reached: the name is the server's own"
            ));
        }
        let hidden = if own { &names[..] } else { &names[..inherited] };
        if hidden.contains(&symbol) {
            warnings.add(format!(
                "#{at} has two properties {name}; the second is on {}",
                Obj(definer as i64)
            ));
        }
        names.push(symbol);
    }
}
