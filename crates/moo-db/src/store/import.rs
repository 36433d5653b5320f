//! A whole world into an empty store.
//!
//! Invariant: the row that says that there is a world is written after all others, and what an import that was cut
//! off left behind is removed first.

use moo_model::ledger::Row;
use moo_model::world::Root;
use rocksdb::{IteratorMode, WriteOptions};

use super::Store;
use crate::batch::Batch;
use crate::error::DbError;
use crate::row;
use crate::table::{FORMAT, Table, meta};

/// A batch is written when it has grown to so many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// Above every key of any table: keys of objects and names are shorter, and do not begin with so many high bits.
const LAST_KEY: [u8; 64] = [0xFF; 64];

pub(super) fn initialise(store: &Store, root: &Root, rows: &[Row]) -> Result<(), DbError> {
    if store.get(Table::Meta, meta::WORLD)?.is_some() {
        return Err(DbError::NotEmpty);
    }
    clear(store)?;
    let mut batch = Batch::new(&store.db);
    for item in root.iter() {
        let (obj, record) = item?;
        batch.object(obj, None, Some(&record));
        if batch.len() >= BATCH_BYTES {
            write(store, std::mem::replace(&mut batch, Batch::new(&store.db)), false)?;
        }
    }
    rows.iter().for_each(|row| batch.row(row));
    batch.fact(meta::FORMAT, |row| {
        row.clear();
        row.push(FORMAT);
    });
    batch.fact(meta::CLOCK, |row| row::put_number(root.stamp, row));
    batch.fact(meta::EXTENT, |row| {
        row::put_number(root.objects.len() as u64, row)
    });
    batch.fact(meta::PLAYERS, |row| row::put_objects(&root.players, row));
    batch.fact(meta::WORLD, |row| row::put_settings(root.settings, row));
    write(store, batch, true)
}

/// Removes all rows.
fn clear(store: &Store) -> Result<(), DbError> {
    for table in Table::ALL {
        let handle = store.table(table);
        if store.db.iterator_cf(handle, IteratorMode::Start).next().is_some() {
            store
                .db
                .delete_range_cf(handle, &[][..], &LAST_KEY[..])
                .map_err(|source| DbError::new("clearing the store", source))?;
        }
    }
    Ok(())
}

fn write(store: &Store, batch: Batch<'_>, sync: bool) -> Result<(), DbError> {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    store
        .db
        .write_opt(batch.into_rows(), &options)
        .map_err(|source| DbError::new("importing the world", source))
}
