//! Rows to a world: the whole of it, its outline, or one object.
//!
//! Invariant: contents and children are not stored; they follow from locations, parents and ranks. Anonymous objects have
//! neither, and are in memory always.

use std::collections::HashMap;
use std::sync::Arc as StdArc;

use moo_model::Obj;
use moo_model::world::{Code, ColdStore, Entry, ObjectRecord, PropId, Root, Slot, Unreadable, VerbRecord};
use rocksdb::{DB, Direction, IteratorMode, ReadOptions};
use triomphe::Arc;

use super::{Store, corrupt, table_of};
use crate::draft::{entry, place};
use crate::error::{DbError, RowError};
use crate::row::{self, VerbRow};
use crate::table::{OBJECT_NUMBERS_MAX, Table, meta, object_key, object_of, part_key, part_of};

/// Where a world is as a whole.
struct Frame {
    root: Root,
    extent: usize,
}

/// Reads the world, if the store has one.
pub(super) fn load(store: &Store) -> Result<Option<Root>, DbError> {
    let Some(Frame { root, extent }) = frame(store)? else {
        return Ok(None);
    };
    let mut records = Records::new(extent)?;
    records.read_objects(store)?;
    records.read_schemas(store)?;
    records.read_slots(store)?;
    records.mirror();
    if !root.anonymous.is_empty() {
        let all = records.0.iter_mut().flatten();
        all.for_each(ObjectRecord::note_references);
    }
    let defs = records
        .0
        .iter()
        .flatten()
        .flat_map(|record| record.propdefs.iter());
    Ok(Some(Root {
        prop_ids: defs.map(|def| def.id.0 + 1).fold(root.prop_ids, u32::max),
        objects: records.0.into_iter().map(|record| record.map(entry)).collect(),
        ..root
    }))
}

/// Reads what must be in memory of the world, if the store has one; the records stay where they are.
pub(super) fn outline(store: &Store) -> Result<Option<Root>, DbError> {
    let Some(Frame { root, extent }) = frame(store)? else {
        return Ok(None);
    };
    let mut places: Vec<Option<Place>> = numbers(extent)?;
    each_object(store, Table::Object, |obj, row| {
        let at = place(obj, extent).ok_or(RowError::Orphan)?;
        places[at] = Some(Place::of(&row::object(row)?));
        Ok(())
    })?;
    if !root.anonymous.is_empty() {
        each_part(store, Table::PropVal, |obj, id, row| {
            let at = place(obj, extent).and_then(|at| places[at].as_mut());
            at.ok_or(RowError::Orphan)?.refers |= row::slot(PropId(id), row)?.refers_to_anonymous();
            Ok(())
        })?;
    }
    let mut prop_ids = root.prop_ids;
    each_object(store, Table::PropDef, |_, row| {
        let defs = row::propdefs(row)?;
        prop_ids = defs.iter().map(|def| def.id.0 + 1).fold(prop_ids, u32::max);
        Ok(())
    })?;
    let contents = members(&places, |place| place.location);
    let children = members(&places, |place| place.parent);
    let outlined = places.iter().zip(contents).zip(children);
    let objects = outlined.map(|((place, contents), children)| {
        let place = place.as_ref()?;
        let (parent, _) = place.parent;
        Some(Arc::new(Entry::stored(parent, contents, children, place.refers)))
    });
    Ok(Some(Root {
        prop_ids,
        objects: objects.collect(),
        cold: Some(StdArc::new(Shelved { db: store.db.clone() })),
        ..root
    }))
}

fn frame(store: &Store) -> Result<Option<Frame>, DbError> {
    let Some(settings) = fact(store, meta::WORLD, row::settings)? else {
        return Ok(None);
    };
    let missing = |key| corrupt(Table::Meta, key, RowError::Orphan);
    let extent = fact(store, meta::EXTENT, row::number)?.ok_or_else(|| missing(meta::EXTENT))?;
    let stamp = fact(store, meta::CLOCK, row::number)?.ok_or_else(|| missing(meta::CLOCK))?;
    let players = fact(store, meta::PLAYERS, row::objects)?.ok_or_else(|| missing(meta::PLAYERS))?;
    let extent = usize::try_from(extent)
        .ok()
        .filter(|_| extent <= OBJECT_NUMBERS_MAX);
    let anonymous = anonymous(store)?;
    // An anonymous object may have slots of properties that are no more: those must not be taken for new ones.
    let records = anonymous.iter().filter_map(|(_, entry)| entry.record());
    let used = records.flat_map(|record| record.slots.iter().map(|slot| slot.id.0 + 1));
    Ok(Some(Frame {
        extent: extent.ok_or_else(|| corrupt(Table::Meta, meta::EXTENT, RowError::Number))?,
        root: Root {
            stamp,
            players: Arc::new(players),
            settings,
            prop_ids: used.max().unwrap_or(0),
            anonymous: anonymous.into_iter().collect(),
            anonymous_ids: fact(store, meta::ANONYMOUS, row::number)?.unwrap_or_default(),
            ..Root::default()
        },
    }))
}

/// The anonymous objects, by id.
fn anonymous(store: &Store) -> Result<Vec<(u64, Arc<Entry>)>, DbError> {
    let shelved = Shelved { db: store.db.clone() };
    let mut all = Vec::new();
    // Their numbers are the lowest, which as bytes come last.
    let lowest = object_key(Obj(i64::MIN));
    let mode = IteratorMode::From(&lowest, Direction::Forward);
    for row in store.db.iterator_cf(table_of(&store.db, Table::Object), mode) {
        let (key, _) = row.map_err(|source| DbError::new("reading the store", source))?;
        let obj = object_of(&key).filter(|obj| obj.is_anonymous());
        let (obj, id) = obj
            .and_then(|obj| Some((obj, obj.anonymous_id()?)))
            .ok_or_else(|| corrupt(Table::Object, &key, RowError::Orphan))?;
        let mut record = shelved.read(obj)?;
        record.note_references();
        all.push((id, entry(record)));
    }
    Ok(all)
}

/// A place for each of so many objects, none of which is read yet.
fn numbers<T>(extent: usize) -> Result<Vec<Option<T>>, DbError> {
    let mut places = Vec::new();
    places
        .try_reserve_exact(extent)
        .map_err(|_| corrupt(Table::Meta, meta::EXTENT, RowError::Number))?;
    places.resize_with(extent, || None);
    Ok(places)
}

/// Above which objects an object is, and its rank there.
struct Place {
    parent: (Obj, u64),
    location: (Obj, u64),
    /// Whether any of its values refers to an anonymous object.
    refers: bool,
}

impl Place {
    fn of(record: &ObjectRecord) -> Place {
        Place {
            parent: (record.parent, record.parent_rank),
            location: (record.location, record.location_rank),
            refers: record.refers_to_anonymous,
        }
    }
}

/// For each object the others below it, by rank.
fn members(places: &[Option<Place>], above: impl Fn(&Place) -> (Obj, u64)) -> Vec<Vec<Obj>> {
    let mut ranked: Vec<(usize, u64, Obj)> = Vec::new();
    for (at, below) in places.iter().enumerate() {
        let Some((up, rank)) = below.as_ref().map(&above) else {
            continue;
        };
        ranked.extend(place(up, places.len()).map(|up| (up, rank, Obj(at as i64))));
    }
    ranked.sort_unstable();
    let mut members = vec![Vec::new(); places.len()];
    for (up, _, obj) in ranked {
        members[up].push(obj);
    }
    members
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
    fn new(extent: usize) -> Result<Records, DbError> {
        numbers(extent).map(Records)
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
            let take = |verb| sources.remove(&(obj, verb));
            self.get(obj)?.verbs = verbs(row::verbdefs(row)?, take);
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
            add_clear_slots(self.get(obj)?, row::clear_slots(row)?);
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
        let places: Vec<Option<Place>> = self.0.iter().map(|r| r.as_ref().map(Place::of)).collect();
        let contents = members(&places, |place| place.location);
        let children = members(&places, |place| place.parent);
        for ((record, contents), children) in self.0.iter_mut().zip(contents).zip(children) {
            if let Some(record) = record {
                record.contents = Arc::new(contents);
                record.children = Arc::new(children);
            }
        }
    }
}

fn verbs(rows: Vec<VerbRow>, mut source: impl FnMut(u32) -> Option<Box<str>>) -> Arc<Vec<Arc<VerbRecord>>> {
    let verb = |verb: VerbRow| {
        Arc::new(VerbRecord {
            id: verb.id,
            names: verb.names,
            owner: verb.owner,
            perms: verb.perms,
            args: verb.args,
            code: Code::new(source(verb.id).unwrap_or_default()),
        })
    };
    Arc::new(rows.into_iter().map(verb).collect())
}

/// Adds slots that are clear, but for those that have a value: that counts.
fn add_clear_slots(record: &mut ObjectRecord, mut clear: Vec<Slot>) {
    clear.retain(|slot| record.slot_index(slot.id).is_none());
    record.slots.append(&mut clear);
    record.slots.sort_by_key(|slot| slot.id);
}

/// Gives every row of a table that has one for each numbered object.
fn each_object(
    store: &Store,
    table: Table,
    mut take: impl FnMut(Obj, &[u8]) -> Result<(), RowError>,
) -> Result<(), DbError> {
    for row in store.all(table) {
        let (key, row) = row?;
        match object_of(&key) {
            Some(obj) if obj.is_anonymous() => break,
            Some(obj) => take(obj, &row),
            None => Err(RowError::Orphan),
        }
        .map_err(|reason| corrupt(table, &key, reason))?;
    }
    Ok(())
}

/// Gives every row of a table that has some for each numbered object.
fn each_part(
    store: &Store,
    table: Table,
    mut take: impl FnMut(Obj, u32, &[u8]) -> Result<(), RowError>,
) -> Result<(), DbError> {
    for row in store.all(table) {
        let (key, row) = row?;
        match part_of(&key) {
            Some((obj, _)) if obj.is_anonymous() => break,
            Some((obj, part)) => take(obj, part, &row),
            None => Err(RowError::Orphan),
        }
        .map_err(|reason| corrupt(table, &key, reason))?;
    }
    Ok(())
}

/// The records that are in the store, one at a time.
struct Shelved {
    db: StdArc<DB>,
}

impl ColdStore for Shelved {
    fn load(&self, obj: Obj) -> Result<ObjectRecord, Unreadable> {
        self.read(obj).map_err(|error| Unreadable {
            obj,
            reason: error.to_string(),
        })
    }
}

impl Shelved {
    fn read(&self, obj: Obj) -> Result<ObjectRecord, DbError> {
        let object = self.row(Table::Object, obj, row::object)?;
        let mut record = object.ok_or_else(|| corrupt(Table::Object, &object_key(obj), RowError::Missing))?;
        if let Some(defs) = self.row(Table::PropDef, obj, row::propdefs)? {
            record.propdefs = Arc::new(defs);
        }
        if let Some(defs) = self.row(Table::VerbDef, obj, row::verbdefs)? {
            let mut sources = HashMap::new();
            self.parts(Table::VerbProg, obj, |verb, row| {
                sources.insert(verb, row::source(row)?);
                Ok(())
            })?;
            record.verbs = verbs(defs, |verb| sources.remove(&verb));
        }
        self.parts(Table::PropVal, obj, |id, row| {
            record.slots.push(row::slot(PropId(id), row)?);
            Ok(())
        })?;
        if let Some(clear) = self.row(Table::PropClear, obj, row::clear_slots)? {
            add_clear_slots(&mut record, clear);
        }
        record.slots.shrink_to_fit();
        Ok(record)
    }

    fn row<T>(
        &self,
        table: Table,
        obj: Obj,
        read: impl Fn(&[u8]) -> Result<T, RowError>,
    ) -> Result<Option<T>, DbError> {
        let key = object_key(obj);
        let row = self
            .db
            .get_pinned_cf(table_of(&self.db, table), key)
            .map_err(|source| DbError::new("reading the store", source))?;
        row.map(|row| read(&row).map_err(|reason| corrupt(table, &key, reason)))
            .transpose()
    }

    /// The rows of one object, by property or verb.
    fn parts(
        &self,
        table: Table,
        obj: Obj,
        mut take: impl FnMut(u32, &[u8]) -> Result<(), RowError>,
    ) -> Result<(), DbError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(object_key(Obj(obj.0 + 1)));
        let first = part_key(obj, 0);
        let mode = IteratorMode::From(&first, Direction::Forward);
        for row in self.db.iterator_cf_opt(table_of(&self.db, table), options, mode) {
            let (key, row) = row.map_err(|source| DbError::new("reading the store", source))?;
            part_of(&key)
                .ok_or(RowError::Orphan)
                .and_then(|(_, part)| take(part, &row))
                .map_err(|reason| corrupt(table, &key, reason))?;
        }
        Ok(())
    }
}
