//! One object of a textdump, as the file gives it.

use std::io::BufRead;

use moo_model::world::{ArgSpec, Flags, ObjSpec, PrepSpec, PropPerms, VerbPerms};
use moo_model::{Obj, Value};

use super::ReadError;
use super::lines::Lines;

/// The number of prepositions that a verb may name.
const PREPOSITIONS: i64 = 15;

pub(super) struct RawObject {
    pub name: Value,
    pub flags: Flags,
    pub owner: Obj,
    pub location: Obj,
    pub first_content: Obj,
    pub next_content: Obj,
    pub parent: Obj,
    pub first_child: Obj,
    pub next_sibling: Obj,
    pub verbs: Vec<RawVerb>,
    pub propdefs: Vec<String>,
    /// One for each property of the object and then of each ancestor, nearest first.
    pub propvals: Vec<RawProperty>,
}

pub(super) struct RawVerb {
    pub names: Value,
    pub owner: Obj,
    pub perms: VerbPerms,
    pub args: ArgSpec,
    /// The stored text.
    pub source: String,
}

pub(super) struct RawProperty {
    pub value: Value,
    pub owner: Obj,
    pub perms: PropPerms,
}

/// Reads the object that must have this number; `None` if it was recycled.
pub(super) fn read<R: BufRead>(lines: &mut Lines<'_, R>, obj: Obj) -> Result<Option<RawObject>, ReadError> {
    let expected = format!("`{obj}` or `{obj} recycled`");
    let line = lines.next(&expected)?;
    let text = std::str::from_utf8(line).unwrap_or("").trim_end();
    let rest = text.strip_prefix('#').map(str::trim_start).unwrap_or("");
    let (number, state) = rest.split_once(' ').unwrap_or((rest, ""));
    match (number.parse() == Ok(obj.0), state) {
        (true, "recycled") => return Ok(None),
        (true, "") => {}
        _ => return Err(lines.unexpected(&expected)),
    }
    let name = lines.text_value("the name of an object")?;
    lines.next("the old handles string of an object")?;
    let flags = lines.number("the flags of an object")?;
    Ok(Some(RawObject {
        name,
        flags: Flags(flags as u16),
        owner: lines.obj("the owner of an object")?,
        location: lines.obj("the location of an object")?,
        first_content: lines.obj("the first object of the contents")?,
        next_content: lines.obj("the next object in the same location")?,
        parent: lines.obj("the parent of an object")?,
        first_child: lines.obj("the first child of an object")?,
        next_sibling: lines.obj("the next sibling of an object")?,
        verbs: many(lines, "the number of verbs", verb)?,
        propdefs: many(lines, "the number of property definitions", |lines| {
            lines.text("the name of a property")
        })?,
        propvals: many(lines, "the number of property values", property)?,
    }))
}

/// A count, and then so many items.
fn many<R: BufRead, T>(
    lines: &mut Lines<'_, R>,
    expected: &str,
    item: impl Fn(&mut Lines<'_, R>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let count = lines.count(expected)?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(item(lines)?);
    }
    Ok(items)
}

fn verb<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<RawVerb, ReadError> {
    let names = lines.text_value("the names of a verb")?;
    let owner = lines.obj("the owner of a verb")?;
    let bits = lines.number("the permissions of a verb")?;
    let dobj = object_spec(lines, bits >> 4);
    let iobj = object_spec(lines, bits >> 6);
    let prep = match lines.number("the preposition of a verb")? {
        -2 => PrepSpec::Any,
        -1 => PrepSpec::None,
        index if (0..PREPOSITIONS).contains(&index) => PrepSpec::Is(index as u8),
        index => {
            lines.warn(&format!("there is no preposition {index}: taken as none"));
            PrepSpec::None
        }
    };
    Ok(RawVerb {
        names,
        owner,
        perms: VerbPerms((bits & 0xF) as u8),
        args: ArgSpec { dobj, prep, iobj },
        source: String::new(),
    })
}

fn object_spec<R: BufRead>(lines: &mut Lines<'_, R>, bits: i64) -> ObjSpec {
    match bits & 3 {
        0 => ObjSpec::None,
        1 => ObjSpec::Any,
        2 => ObjSpec::This,
        _ => {
            lines.warn("a verb has an impossible argument specification: taken as none");
            ObjSpec::None
        }
    }
}

fn property<R: BufRead>(lines: &mut Lines<'_, R>) -> Result<RawProperty, ReadError> {
    Ok(RawProperty {
        value: lines.value()?,
        owner: lines.obj("the owner of a property")?,
        perms: PropPerms((lines.number("the permissions of a property")? & 7) as u8),
    })
}
