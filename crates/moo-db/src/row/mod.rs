//! The rows of the world as bytes.
//!
//! Invariant: a row begins with its version; decoding any bytes gives what was encoded or an error.

use moo_model::bytes;
use moo_model::world::{
    ArgSpec, Dialect, Flags, ObjSpec, ObjectRecord, PrepSpec, PropDef, PropId, PropPerms, Settings, Slot,
    VerbPerms, VerbRecord,
};
use moo_model::{Obj, Symbol, Value};

use crate::error::RowError;

/// The version of every kind of row.
const VERSION: u8 = 1;

/// A row being written.
pub(crate) struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> RowWriter<'a> {
    /// Starts a row in a buffer, which is emptied.
    pub fn new(out: &'a mut Vec<u8>) -> RowWriter<'a> {
        out.clear();
        out.push(VERSION);
        RowWriter { out }
    }

    /// Seven bits a byte, low ones first.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// Small numbers of either sign take few bytes.
    pub fn obj(&mut self, obj: Obj) {
        self.number(((obj.0 << 1) ^ (obj.0 >> 63)) as u64);
    }

    fn text(&mut self, text: &Value) {
        let text = text.as_str().unwrap_or("");
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// A row being read.
pub(crate) struct RowReader<'a> {
    rest: &'a [u8],
}

impl<'a> RowReader<'a> {
    /// Checks the version.
    pub fn new(row: &'a [u8]) -> Result<RowReader<'a>, RowError> {
        match row.split_first() {
            Some((&VERSION, rest)) => Ok(RowReader { rest }),
            Some((&other, _)) => Err(RowError::Version(other)),
            None => Err(RowError::Truncated),
        }
    }

    pub fn number(&mut self) -> Result<u64, RowError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(RowError::Number)
    }

    pub fn obj(&mut self) -> Result<Obj, RowError> {
        let number = self.number()?;
        Ok(Obj((number >> 1) as i64 ^ -((number & 1) as i64)))
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, RowError> {
        T::try_from(self.number()?).map_err(|_| RowError::Number)
    }

    /// A number of a property or verb. The highest one is never given, so that there always is a next.
    fn id(&mut self) -> Result<u32, RowError> {
        Some(self.small()?)
            .filter(|&id| id < u32::MAX)
            .ok_or(RowError::Number)
    }

    fn byte(&mut self) -> Result<u8, RowError> {
        let (&first, rest) = self.rest.split_first().ok_or(RowError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    fn text(&mut self) -> Result<&'a str, RowError> {
        let len = self.small()?;
        let (text, rest) = self.rest.split_at_checked(len).ok_or(RowError::Truncated)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| RowError::Text)
    }

    /// As many items as the row says, each of at least one byte.
    pub fn many<T>(
        &mut self,
        mut item: impl FnMut(&mut RowReader<'a>) -> Result<T, RowError>,
    ) -> Result<Vec<T>, RowError> {
        let count: usize = self.small()?;
        if count > self.rest.len() {
            return Err(RowError::Truncated);
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// Checks that nothing is left.
    pub fn end(self) -> Result<(), RowError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(RowError::Trailing)
        }
    }
}

/// Writes what an object has itself.
pub fn put_object(record: &ObjectRecord, out: &mut Vec<u8>) {
    let mut row = RowWriter::new(out);
    row.number(u64::from(record.flags.0));
    row.obj(record.owner);
    row.obj(record.parent);
    row.number(record.parent_rank);
    row.obj(record.location);
    row.number(record.location_rank);
    row.text(&record.name);
}

/// Reads what [`put_object`] wrote.
pub fn object(row: &[u8]) -> Result<ObjectRecord, RowError> {
    let mut row = RowReader::new(row)?;
    let flags = Flags(row.small()?);
    let owner = row.obj()?;
    let record = ObjectRecord {
        flags,
        parent: row.obj()?,
        parent_rank: row.number()?,
        location: row.obj()?,
        location_rank: row.number()?,
        name: Value::str(row.text()?),
        ..ObjectRecord::new(owner)
    };
    row.end()?;
    Ok(record)
}

/// Writes the properties that an object defines.
pub fn put_propdefs(defs: &[PropDef], out: &mut Vec<u8>) {
    let mut row = RowWriter::new(out);
    row.number(defs.len() as u64);
    for def in defs {
        row.number(u64::from(def.id.0));
        row.text(&def.name);
    }
}

/// Reads what [`put_propdefs`] wrote.
pub fn propdefs(row: &[u8]) -> Result<Vec<PropDef>, RowError> {
    let mut row = RowReader::new(row)?;
    let defs = row.many(|row| {
        let id = PropId(row.id()?);
        let name = row.text()?;
        Ok(PropDef {
            id,
            symbol: Symbol::new(name),
            name: Value::str(name),
        })
    })?;
    row.end()?;
    Ok(defs)
}

/// Writes the clear ones of these slots; gives whether there is any.
pub fn put_clear_slots(slots: &[Slot], out: &mut Vec<u8>) -> bool {
    let clear = || slots.iter().filter(|slot| slot.value.is_unset());
    let mut row = RowWriter::new(out);
    row.number(clear().count() as u64);
    let mut before = 0;
    for slot in clear() {
        // Slots are in the order of ids, so the steps between them are small.
        row.number(u64::from(slot.id.0 - before));
        before = slot.id.0;
        row.obj(slot.owner);
        row.out.push(slot.perms.0);
    }
    clear().next().is_some()
}

/// Reads what [`put_clear_slots`] wrote.
pub fn clear_slots(row: &[u8]) -> Result<Vec<Slot>, RowError> {
    let mut row = RowReader::new(row)?;
    let mut before = 0u32;
    let slots = row.many(|row| {
        before = before.checked_add(row.small()?).ok_or(RowError::Number)?;
        Ok(Slot {
            id: PropId(before),
            owner: row.obj()?,
            perms: PropPerms(row.byte()?),
            value: Value::UNSET,
            stamp: 0,
        })
    })?;
    row.end()?;
    Ok(slots)
}

/// Writes a slot that has a value.
pub fn put_slot(slot: &Slot, out: &mut Vec<u8>) {
    let mut row = RowWriter::new(out);
    row.obj(slot.owner);
    row.out.push(slot.perms.0);
    bytes::encode(&slot.value, row.out);
}

/// Reads what [`put_slot`] wrote.
pub fn slot(id: PropId, row: &[u8]) -> Result<Slot, RowError> {
    let mut row = RowReader::new(row)?;
    Ok(Slot {
        id,
        owner: row.obj()?,
        perms: PropPerms(row.byte()?),
        value: bytes::decode(row.rest)?,
        stamp: 0,
    })
}

/// A verb without its program.
#[derive(Clone, Debug)]
pub struct VerbRow {
    /// As in [`VerbRecord`], like all here.
    pub id: u32,
    /// Its names.
    pub names: Value,
    /// Its owner.
    pub owner: Obj,
    /// Its permissions.
    pub perms: VerbPerms,
    /// When it answers a command.
    pub args: ArgSpec,
}

impl From<&VerbRecord> for VerbRow {
    fn from(verb: &VerbRecord) -> VerbRow {
        VerbRow {
            id: verb.id,
            names: verb.names.clone(),
            owner: verb.owner,
            perms: verb.perms,
            args: verb.args,
        }
    }
}

/// Writes the verbs that an object defines.
pub fn put_verbdefs(verbs: impl ExactSizeIterator<Item = VerbRow>, out: &mut Vec<u8>) {
    let mut row = RowWriter::new(out);
    row.number(verbs.len() as u64);
    for verb in verbs {
        row.number(u64::from(verb.id));
        row.text(&verb.names);
        row.obj(verb.owner);
        let prep = match verb.args.prep {
            PrepSpec::None => 0,
            PrepSpec::Any => 1,
            PrepSpec::Is(index) => index + 2,
        };
        row.out
            .extend([verb.perms.0, verb.args.dobj as u8, prep, verb.args.iobj as u8]);
    }
}

/// Reads what [`put_verbdefs`] wrote.
pub fn verbdefs(row: &[u8]) -> Result<Vec<VerbRow>, RowError> {
    let mut row = RowReader::new(row)?;
    let verbs = row.many(|row| {
        Ok(VerbRow {
            id: row.id()?,
            names: Value::str(row.text()?),
            owner: row.obj()?,
            perms: VerbPerms(row.byte()?),
            args: ArgSpec {
                dobj: obj_spec(row.byte()?)?,
                prep: match row.byte()? {
                    0 => PrepSpec::None,
                    1 => PrepSpec::Any,
                    index => PrepSpec::Is(index - 2),
                },
                iobj: obj_spec(row.byte()?)?,
            },
        })
    })?;
    row.end()?;
    Ok(verbs)
}

fn obj_spec(byte: u8) -> Result<ObjSpec, RowError> {
    [ObjSpec::None, ObjSpec::Any, ObjSpec::This]
        .into_iter()
        .find(|spec| *spec as u8 == byte)
        .ok_or(RowError::Number)
}

/// Writes a program's stored text.
pub fn put_source(source: &str, out: &mut Vec<u8>) {
    RowWriter::new(out).out.extend_from_slice(source.as_bytes());
}

/// Reads what [`put_source`] wrote.
pub fn source(row: &[u8]) -> Result<Box<str>, RowError> {
    let row = RowReader::new(row)?;
    std::str::from_utf8(row.rest)
        .map(Box::from)
        .map_err(|_| RowError::Text)
}

/// Writes a single number.
pub fn put_number(number: u64, out: &mut Vec<u8>) {
    RowWriter::new(out).number(number);
}

/// Reads what [`put_number`] wrote.
pub fn number(row: &[u8]) -> Result<u64, RowError> {
    let mut row = RowReader::new(row)?;
    let number = row.number()?;
    row.end()?;
    Ok(number)
}

/// Writes a list of objects.
pub fn put_objects(objects: &[Obj], out: &mut Vec<u8>) {
    let mut row = RowWriter::new(out);
    row.number(objects.len() as u64);
    objects.iter().for_each(|&obj| row.obj(obj));
}

/// Reads what [`put_objects`] wrote.
pub fn objects(row: &[u8]) -> Result<Vec<Obj>, RowError> {
    let mut row = RowReader::new(row)?;
    let objects = row.many(RowReader::obj)?;
    row.end()?;
    Ok(objects)
}

/// Writes what was settled at import.
pub fn put_settings(settings: Settings, out: &mut Vec<u8>) {
    let row = RowWriter::new(out);
    row.out
        .extend([settings.dialect as u8, u8::from(settings.latin1)]);
}

/// Reads what [`put_settings`] wrote.
pub fn settings(row: &[u8]) -> Result<Settings, RowError> {
    let mut row = RowReader::new(row)?;
    let settings = Settings {
        dialect: Dialect::from_number(row.byte()?).ok_or(RowError::Number)?,
        latin1: row.byte()? != 0,
    };
    row.end()?;
    Ok(settings)
}

#[cfg(test)]
mod tests;
