//! What can go wrong with a store, in words for the person who runs the server.

use std::io;
use std::path::PathBuf;

use moo_model::bytes::DecodeError;
use moo_model::world::Unreadable;

/// Why a store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Another process has the store open.
    #[error("{path} is in use by another server: stop that one first, or choose another data folder", path = path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// The folder cannot be made or read.
    #[error("{path}: {source}", path = path.display())]
    Folder {
        /// The store's folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store was written by a later version of this program.
    #[error(
        "the store was made by a newer version of this server (format {found}, known up to {known}): update the server"
    )]
    Newer {
        /// The format found.
        found: u8,
        /// The newest format that is known.
        known: u8,
    },
    /// The store holds a world already.
    #[error("there is a world in the store already: choose an empty data folder")]
    NotEmpty,
    /// A row is not what was written.
    #[error("the store is damaged: row {key} of {table}: {reason}; restore a backup")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key in hexadecimal digits.
        key: String,
        /// What is wrong with it.
        reason: RowError,
    },
    /// An object of the world that is to be stored cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// There is too little room to start with.
    #[error(
        "the disk of {path} has {free_mib} MiB free, and at least {needed_mib} are needed: make room and start again",
        path = path.display()
    )]
    NoRoom {
        /// The store's folder.
        path: PathBuf,
        /// How much is free.
        free_mib: u64,
        /// How much must be.
        needed_mib: u64,
    },
    /// There is no room left.
    #[error("the disk is full: make room in the data folder")]
    DiskFull,
    /// The database failed.
    #[error("{doing} failed: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database says.
        source: rocksdb::Error,
    },
}

impl DbError {
    pub(crate) fn new(doing: &'static str, source: rocksdb::Error) -> DbError {
        if source.as_ref().contains("No space left on device") {
            DbError::DiskFull
        } else {
            DbError::Database { doing, source }
        }
    }
}

/// What is wrong with a stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// Bytes follow its end.
    #[error("bytes follow its end")]
    Trailing,
    /// Its version is not known.
    #[error("its version is {0}, which is not known")]
    Version(u8),
    /// A number in it is out of range.
    #[error("a number is out of range")]
    Number,
    /// Text in it is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// The value in it is damaged.
    #[error(transparent)]
    Value(#[from] DecodeError),
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// The object that it belongs to is not there.
    #[error("it belongs to nothing")]
    Orphan,
}
