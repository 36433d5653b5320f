//! Rows to a world.
//!
//! Invariant: contents and children are not stored; they follow from locations, parents and ranks.

use std::collections::HashMap;

use moo_model::Obj;
use moo_model::world::{Code, ObjectRecord, PropId, Root, Slot, VerbRecord};
use triomphe::Arc;

use super::{Store, corrupt};
use crate::draft::place;
use crate::error::{DbError, RowError};
use crate::row::{self, VerbRow};
use crate::table::{OBJECT_NUMBERS_MAX, Table, meta, object_of, part_of};

/// Where an object's members are ranked, and under what.
type Above = fn(&ObjectRecord) -> (Obj, u64);

/// Reads the world, if the store has one.
pub(super) fn load(store: &Store) -> Result<Option<Root>, DbError> {
    let Some(settings) = fact(store, meta::WORLD, row::settings)? else {
        return Ok(None);
    };
    let missing = |key| corrupt(Table::Meta, key, RowError::Orphan);
    let extent = fact(store, meta::EXTENT, row::number)?.ok_or_else(|| missing(meta::EXTENT))?;
    let stamp = fact(store, meta::CLOCK, row::number)?.ok_or_else(|| missing(meta::CLOCK))?;
    let players = fact(store, meta::PLAYERS, row::objects)?.ok_or_else(|| missing(meta::PLAYERS))?;
    let mut records =
        Records::new(extent).ok_or_else(|| corrupt(Table::Meta, meta::EXTENT, RowError::Number))?;
    records.read_objects(store)?;
    records.read_schemas(store)?;
    records.read_slots(store)?;
    records.mirror();
    Ok(Some(Root {
        stamp,
        objects: records.0.into_iter().map(|record| record.map(Arc::new)).collect(),
        players: Arc::new(players),
        settings,
        ..Root::default()
    }))
}

fn fact<T>(
    store: &Store,
    name: &[u8],
    read: impl Fn(&[u8]) -> Result<T, RowError>,
) -> Result<Option<T>, DbError> {
    let row = store.get(Table::Meta, name)?;
    row.map(|row| read(&row).map_err(|reason| corrupt(Table::Meta, name, reason)))
        .transpose()
}

struct Records(Vec<Option<ObjectRecord>>);

impl Records {
    /// So many objects, none of which is read yet; `None` for more than there can be.
    fn new(extent: u64) -> Option<Records> {
        let extent = usize::try_from(extent)
            .ok()
            .filter(|_| extent <= OBJECT_NUMBERS_MAX)?;
        let mut records = Vec::new();
        records.try_reserve_exact(extent).ok()?;
        records.resize(extent, None);
        Some(Records(records))
    }

    fn get(&mut self, obj: Obj) -> Result<&mut ObjectRecord, RowError> {
        let at = place(obj, self.0.len()).ok_or(RowError::Orphan)?;
        self.0[at].as_mut().ok_or(RowError::Orphan)
    }

    fn read_objects(&mut self, store: &Store) -> Result<(), DbError> {
        each_object(store, Table::Object, |obj, row| {
            let at = place(obj, self.0.len()).ok_or(RowError::Orphan)?;
            self.0[at] = Some(row::object(row)?);
            Ok(())
        })
    }

    fn read_schemas(&mut self, store: &Store) -> Result<(), DbError> {
        each_object(store, Table::PropDef, |obj, row| {
            self.get(obj)?.propdefs = Arc::new(row::propdefs(row)?);
            Ok(())
        })?;
        let mut sources = HashMap::new();
        each_part(store, Table::VerbProg, |obj, verb, row| {
            sources.insert((obj, verb), row::source(row)?);
            Ok(())
        })?;
        each_object(store, Table::VerbDef, |obj, row| {
            let verb = |verb: VerbRow| {
                Arc::new(VerbRecord {
                    id: verb.id,
                    names: verb.names,
                    owner: verb.owner,
                    perms: verb.perms,
                    args: verb.args,
                    code: Code::new(sources.remove(&(obj, verb.id)).unwrap_or_default()),
                })
            };
            self.get(obj)?.verbs = Arc::new(row::verbdefs(row)?.into_iter().map(verb).collect());
            Ok(())
        })
    }

    fn read_slots(&mut self, store: &Store) -> Result<(), DbError> {
        each_part(store, Table::PropVal, |obj, id, row| {
            // Rows come by object and then by property, so the slots stay sorted.
            self.get(obj)?.slots.push(row::slot(PropId(id), row)?);
            Ok(())
        })?;
        each_object(store, Table::PropClear, |obj, row| {
            let record = self.get(obj)?;
            let has_value = |slot: &Slot| record.slot_index(slot.id).is_some();
            let mut clear = row::clear_slots(row)?;
            clear.retain(|slot| !has_value(slot));
            record.slots.append(&mut clear);
            record.slots.sort_by_key(|slot| slot.id);
            Ok(())
        })?;
        self.0
            .iter_mut()
            .flatten()
            .for_each(|record| record.slots.shrink_to_fit());
        Ok(())
    }

    /// Fills contents and children, in the order of ranks.
    fn mirror(&mut self) {
        let contents = self.members(|record| (record.location, record.location_rank));
        let children = self.members(|record| (record.parent, record.parent_rank));
        for ((record, contents), children) in self.0.iter_mut().zip(contents).zip(children) {
            if let Some(record) = record {
                record.contents = Arc::new(contents);
                record.children = Arc::new(children);
            }
        }
    }

    fn members(&self, above: Above) -> Vec<Vec<Obj>> {
        let mut ranked: Vec<(usize, u64, Obj)> = Vec::new();
        for (at, record) in self.0.iter().enumerate() {
            let Some((up, rank)) = record.as_ref().map(above) else {
                continue;
            };
            ranked.extend(place(up, self.0.len()).map(|up| (up, rank, Obj(at as i64))));
        }
        ranked.sort_unstable();
        let mut members = vec![Vec::new(); self.0.len()];
        for (up, _, obj) in ranked {
            members[up].push(obj);
        }
        members
    }
}

fn each_object(
    store: &Store,
    table: Table,
    mut take: impl FnMut(Obj, &[u8]) -> Result<(), RowError>,
) -> Result<(), DbError> {
    for row in store.all(table) {
        let (key, row) = row?;
        object_of(&key)
            .ok_or(RowError::Orphan)
            .and_then(|obj| take(obj, &row))
            .map_err(|reason| corrupt(table, &key, reason))?;
    }
    Ok(())
}

fn each_part(
    store: &Store,
    table: Table,
    mut take: impl FnMut(Obj, u32, &[u8]) -> Result<(), RowError>,
) -> Result<(), DbError> {
    for row in store.all(table) {
        let (key, row) = row?;
        part_of(&key)
            .ok_or(RowError::Orphan)
            .and_then(|(obj, part)| take(obj, part, &row))
            .map_err(|reason| corrupt(table, &key, reason))?;
    }
    Ok(())
}
