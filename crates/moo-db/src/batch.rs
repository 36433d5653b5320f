//! What changed, as rows to put and to delete.
//!
//! Invariant: changes come in the order of commits, so an object's rows in the store always say what the record before
//! its change said, and only the difference is written.

use moo_model::Obj;
use moo_model::ledger::Row;
use moo_model::world::{ObjectChange, ObjectRecord, Slot, VerbRecord, cell};
use rocksdb::{ColumnFamily, DB, WriteBatch};
use triomphe::Arc;

use crate::row;
use crate::store::table_of;
use crate::table::{Table, meta, object_key, part_key};

/// Rows that take effect together.
pub(crate) struct Batch<'db> {
    tables: [&'db ColumnFamily; Table::ALL.len()],
    rows: WriteBatch,
    /// The row being made.
    scratch: Vec<u8>,
}

impl<'db> Batch<'db> {
    pub fn new(db: &'db DB) -> Batch<'db> {
        Batch {
            tables: Table::ALL.map(|table| table_of(db, table)),
            rows: WriteBatch::default(),
            scratch: Vec::new(),
        }
    }

    /// How many bytes the rows take so far.
    pub fn len(&self) -> usize {
        self.rows.size_in_bytes()
    }

    pub fn into_rows(self) -> WriteBatch {
        self.rows
    }

    /// Gives the rows away and starts anew.
    pub fn take(&mut self) -> WriteBatch {
        std::mem::take(&mut self.rows)
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One of the world's facts.
    pub fn fact(&mut self, name: &[u8], make: impl FnOnce(&mut Vec<u8>)) {
        make(&mut self.scratch);
        self.put(Table::Meta, name);
    }

    /// One of the server's own rows.
    pub fn row(&mut self, row: &Row) {
        let table = self.tables[Table::of(row.relation) as usize];
        match &row.value {
            Some(value) => self.rows.put_cf(table, &row.key, value),
            None => self.rows.delete_cf(table, &row.key),
        }
    }

    /// What a commit changed in one object.
    pub fn change(&mut self, change: &ObjectChange) {
        let (Some(before), Some(now)) = (&change.before, &change.record) else {
            return self.object(change.obj, change.before.as_ref(), change.record.as_ref());
        };
        let obj = change.obj;
        if change.cells & (cell::HEADER | cell::LOCATION | cell::SCHEMA) != 0 {
            self.header(obj, Some(before), now);
        }
        if change.cells & cell::SCHEMA != 0 {
            self.schema(obj, Some(before), now);
        }
        if change.all_slots {
            self.slots(obj, Some(before), now);
            return;
        }
        let mut clear_changed = false;
        for &id in &change.slots {
            let Some(at) = now.slot_index(id) else { continue };
            clear_changed |= now.slots[at].value.is_unset();
            self.slot(obj, &now.slots[at]);
        }
        if clear_changed {
            self.clear_slots(obj, now);
        }
    }

    /// An object as a whole, compared with what is stored of it; it is removed if there is no record now.
    pub fn object(&mut self, obj: Obj, before: Option<&Arc<ObjectRecord>>, now: Option<&Arc<ObjectRecord>>) {
        match (before, now) {
            (before, Some(now)) => {
                self.header(obj, before, now);
                self.schema(obj, before, now);
                self.slots(obj, before, now);
            }
            (Some(before), None) => self.remove(obj, before),
            (None, None) => {}
        }
    }

    fn remove(&mut self, obj: Obj, before: &ObjectRecord) {
        for table in [Table::Object, Table::PropDef, Table::PropClear, Table::VerbDef] {
            self.delete(table, &object_key(obj));
        }
        for verb in before.verbs.iter() {
            self.delete(Table::VerbProg, &part_key(obj, verb.id));
        }
        for slot in before.slots.iter().filter(|slot| !slot.value.is_unset()) {
            self.delete(Table::PropVal, &part_key(obj, slot.id.0));
        }
    }

    fn header(&mut self, obj: Obj, before: Option<&Arc<ObjectRecord>>, now: &ObjectRecord) {
        let same = |before: &Arc<ObjectRecord>| {
            let place = |r: &ObjectRecord| (r.parent, r.parent_rank, r.location, r.location_rank);
            (before.flags, before.owner) == (now.flags, now.owner)
                && place(before) == place(now)
                && before.name.as_str() == now.name.as_str()
        };
        if !before.is_some_and(same) {
            row::put_object(now, &mut self.scratch);
            self.put(Table::Object, &object_key(obj));
        }
    }

    fn schema(&mut self, obj: Obj, before: Option<&Arc<ObjectRecord>>, now: &ObjectRecord) {
        let empty = ObjectRecord::new(now.owner);
        let before = before.map_or(&empty, |before| before);
        let none = |before_len: usize, now_len: usize| before_len + now_len == 0;
        if !Arc::ptr_eq(&before.propdefs, &now.propdefs) && !none(before.propdefs.len(), now.propdefs.len()) {
            if now.propdefs.is_empty() {
                self.delete(Table::PropDef, &object_key(obj));
            } else {
                row::put_propdefs(&now.propdefs, &mut self.scratch);
                self.put(Table::PropDef, &object_key(obj));
            }
        }
        if !Arc::ptr_eq(&before.verbs, &now.verbs) && !none(before.verbs.len(), now.verbs.len()) {
            self.verbs(obj, &before.verbs, &now.verbs);
        }
    }

    fn verbs(&mut self, obj: Obj, before: &[Arc<VerbRecord>], now: &[Arc<VerbRecord>]) {
        if now.is_empty() {
            self.delete(Table::VerbDef, &object_key(obj));
        } else {
            row::put_verbdefs(
                now.iter().map(|verb| row::VerbRow::from(&**verb)),
                &mut self.scratch,
            );
            self.put(Table::VerbDef, &object_key(obj));
        }
        for verb in now {
            let old = before.iter().find(|old| old.id == verb.id);
            if !old.is_some_and(|old| Arc::ptr_eq(&old.code, &verb.code)) {
                row::put_source(&verb.code.source, &mut self.scratch);
                self.put(Table::VerbProg, &part_key(obj, verb.id));
            }
        }
        let gone = before
            .iter()
            .filter(|old| now.iter().all(|verb| verb.id != old.id));
        for verb in gone {
            self.delete(Table::VerbProg, &part_key(obj, verb.id));
        }
    }

    fn slots(&mut self, obj: Obj, before: Option<&Arc<ObjectRecord>>, now: &ObjectRecord) {
        let before = before.map_or(&[][..], |before| &before.slots);
        for slot in before.iter().filter(|slot| !slot.value.is_unset()) {
            let is_stored = now
                .slot_index(slot.id)
                .is_some_and(|at| !now.slots[at].value.is_unset());
            if !is_stored {
                self.delete(Table::PropVal, &part_key(obj, slot.id.0));
            }
        }
        for slot in now.slots.iter().filter(|slot| !slot.value.is_unset()) {
            let old = before.binary_search_by_key(&slot.id, |old| old.id);
            if !old.is_ok_and(|at| is_same(&before[at], slot)) {
                self.slot(obj, slot);
            }
        }
        self.clear_slots(obj, now);
    }

    /// A slot's value; none for one that is clear.
    fn slot(&mut self, obj: Obj, slot: &Slot) {
        let key = part_key(obj, slot.id.0);
        if slot.value.is_unset() {
            self.delete(Table::PropVal, &key);
        } else {
            row::put_slot(slot, &mut self.scratch);
            self.put(Table::PropVal, &key);
        }
    }

    fn clear_slots(&mut self, obj: Obj, now: &ObjectRecord) {
        if row::put_clear_slots(&now.slots, &mut self.scratch) {
            self.put(Table::PropClear, &object_key(obj));
        } else {
            self.delete(Table::PropClear, &object_key(obj));
        }
    }

    /// Notes how far the log is.
    pub fn clock(&mut self, stamp: u64) {
        self.fact(meta::CLOCK, |row| row::put_number(stamp, row));
    }

    /// Puts the row that was made.
    fn put(&mut self, table: Table, key: &[u8]) {
        self.rows.put_cf(self.tables[table as usize], key, &self.scratch);
    }

    fn delete(&mut self, table: Table, key: &[u8]) {
        self.rows.delete_cf(self.tables[table as usize], key);
    }
}

fn is_same(a: &Slot, b: &Slot) -> bool {
    moo_model::Value::same_words(&a.value, &b.value) && (a.owner, a.perms) == (b.owner, b.perms)
}
