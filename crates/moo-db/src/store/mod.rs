//! The store: a world and the server's own rows, in RocksDB.
//!
//! Invariant: a store holds no world, or a whole one as of some commit; each commit is one atomic batch.

mod import;
mod load;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use moo_model::ledger::Relation;
use moo_model::world::Root;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    IteratorMode, LogLevel, Options,
};

use crate::error::DbError;
use crate::log::space::{self, SHORT_BYTES};
use crate::log::{Durability, Event, Log};
use crate::table::{FORMAT, Table, meta};

/// Bytes of newest rows kept in memory before they are written to a table file, over all tables.
const MEMTABLES_BYTES: usize = 32 << 20;
/// As above, for one table.
const MEMTABLE_BYTES: usize = 16 << 20;
/// The steps in which a memtable grows: small, since most tables stay small.
const MEMTABLE_STEP_BYTES: usize = 256 << 10;
/// Bytes of table files kept in memory: objects have their own place there, so this is for the rows of one that is read.
const CACHE_BYTES: usize = 16 << 20;
/// The log is replayed at each start, so it is kept short.
const LOG_BYTES_MAX: u64 = 64 << 20;
/// The database hands the log to the disk in such steps, to even out the load.
const LOG_SYNC_STEP_BYTES: u64 = 1 << 20;
/// How many table files are open at once.
const OPEN_FILES_MAX: i32 = 128;
/// How many of its own diaries the database keeps, and how long each may get.
const DIARIES_MAX: usize = 2;
const DIARY_BYTES_MAX: usize = 1 << 20;

/// A row as the database gives it.
type KeyAndRow = (Box<[u8]>, Box<[u8]>);

/// An open store. Only one process at a time can have one open.
pub struct Store {
    db: Arc<DB>,
}

impl Store {
    /// Opens the store in this folder, or makes an empty one.
    ///
    /// # Errors
    /// [`DbError::Locked`], [`DbError::Newer`], [`DbError::NoRoom`] if nothing could be written, or whatever the folder or the database has against it.
    pub fn open(path: &Path) -> Result<Store, DbError> {
        fs::create_dir_all(path).map_err(|source| DbError::Folder {
            path: path.to_path_buf(),
            source,
        })?;
        let free = space::free(path);
        if free < SHORT_BYTES {
            return Err(DbError::NoRoom {
                path: path.to_path_buf(),
                free_mib: free >> 20,
                needed_mib: SHORT_BYTES >> 20,
            });
        }
        let options = options();
        if path.join("CURRENT").exists() {
            check_tables(&options, path)?;
        }
        let tables = Table::ALL.map(|table| ColumnFamilyDescriptor::new(table.name(), options.clone()));
        let db = DB::open_cf_descriptors(&options, path, tables).map_err(|source| opening(path, source))?;
        let store = Store { db: Arc::new(db) };
        store.check_format()?;
        Ok(store)
    }

    fn check_format(&self) -> Result<(), DbError> {
        match self.get(Table::Meta, meta::FORMAT)? {
            Some(row) if row.first().is_some_and(|&found| found > FORMAT) => Err(DbError::Newer {
                found: row[0],
                known: FORMAT,
            }),
            Some(_) => Ok(()),
            None => self
                .db
                .put_cf(self.table(Table::Meta), meta::FORMAT, [FORMAT])
                .map_err(|source| DbError::new("making the store", source)),
        }
    }

    /// The world as of the last commit that reached the store; `None` if there is none yet.
    pub fn load(&self) -> Result<Option<Root>, DbError> {
        load::load(self)
    }

    /// As [`Store::load`], with all records left in the store until they are asked for: what is in memory is about a
    /// hundred bytes for each object. Damage of other rows than that takes shows when they are read.
    pub fn outline(&self) -> Result<Option<Root>, DbError> {
        load::outline(self)
    }

    /// Puts a world into a store that has none, with the server rows that belong to it. If this fails or is cut off,
    /// the store still has no world.
    ///
    /// # Errors
    /// [`DbError::NotEmpty`] if there is a world.
    pub fn initialise(&self, root: &Root, rows: &[moo_model::ledger::Row]) -> Result<(), DbError> {
        import::initialise(self, root, rows)
    }

    /// The server's rows of one relation, by ascending key: each key and value.
    pub fn rows(&self, relation: Relation) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), DbError>> {
        self.all(Table::of(relation))
            .map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec())))
    }

    /// One of the server's rows; `None` if there is none of this key.
    pub fn row(&self, relation: Relation, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        self.get(Table::of(relation), key)
    }

    /// Starts the log, which writes every commit from now on. `root` is the world as it is in the store now; `on_event`
    /// is called on the log's thread.
    pub fn log(
        &self,
        root: &Root,
        durability: Durability,
        on_event: impl FnMut(Event) + Send + 'static,
    ) -> Log {
        Log::start(self.db.clone(), root.stamp, durability, on_event)
    }

    /// Writes a copy of the store as it is at this moment, to a folder that must not exist yet. Files that do not
    /// change any more are shared with the copy where the file system can.
    pub fn checkpoint(&self, folder: &Path) -> Result<(), DbError> {
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(folder))
            .map_err(|source| DbError::new("writing a copy of the store", source))
    }

    pub(crate) fn table(&self, table: Table) -> &ColumnFamily {
        table_of(&self.db, table)
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        self.db
            .get_cf(self.table(table), key)
            .map_err(|source| DbError::new("reading the store", source))
    }

    fn all(&self, table: Table) -> impl Iterator<Item = Result<KeyAndRow, DbError>> {
        self.db
            .iterator_cf(self.table(table), IteratorMode::Start)
            .map(|row| row.map_err(|source| DbError::new("reading the store", source)))
    }
}

/// The handle of a table, all of which are opened with the store.
pub(crate) fn table_of(db: &DB, table: Table) -> &ColumnFamily {
    db.cf_handle(table.name())
        .expect("every table is opened with the store")
}

/// Damage in a row, named by its table and key.
fn corrupt(table: Table, key: &[u8], reason: crate::error::RowError) -> DbError {
    DbError::Corrupt {
        table: table.name(),
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        reason,
    }
}

fn options() -> Options {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    let mut options = Options::default();
    options.set_block_based_table_factory(&tables);
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_db_write_buffer_size(MEMTABLES_BYTES);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_max_write_buffer_number(2);
    options.set_arena_block_size(MEMTABLE_STEP_BYTES);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_wal_bytes_per_sync(LOG_SYNC_STEP_BYTES);
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(DIARIES_MAX);
    options.set_max_log_file_size(DIARY_BYTES_MAX);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options
}

/// A table that is not known was made by a newer server.
fn check_tables(options: &Options, path: &Path) -> Result<(), DbError> {
    let found = DB::list_cf(options, path).map_err(|source| opening(path, source))?;
    let is_known = |name: &String| name == "default" || Table::ALL.iter().any(|table| table.name() == name);
    if found.iter().all(is_known) {
        Ok(())
    } else {
        Err(DbError::Newer {
            found: FORMAT + 1,
            known: FORMAT,
        })
    }
}

fn opening(path: &Path, source: rocksdb::Error) -> DbError {
    let text = source.as_ref();
    if text.contains("lock file") || text.contains("lock hold") {
        DbError::Locked {
            path: path.to_path_buf(),
        }
    } else {
        DbError::new("opening the store", source)
    }
}

#[cfg(test)]
pub(crate) mod tests;
