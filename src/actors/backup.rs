//! Backups: a copy of the whole data folder as of one commit, taken while the server runs. To restore one, start a server
//! with `--data` on the copy.
//!
//! Invariant: a folder with the name that was asked for is a whole backup; one that was cut off has another name.

use moo_db::{DbError, Store};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The name is taken.
    #[error("{} exists already: name a folder that does not", .0.display())]
    Exists(PathBuf),
    /// The folder cannot be made or filled.
    #[error("cannot write the backup {}: {source}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be copied.
    #[error(transparent)]
    Store(#[from] DbError),
}

/// Copies store and keys to a folder that only its owner can read.
pub fn take(store: &Store, keys: &Path, folder: &Path) -> Result<(), BackupError> {
    let problem = |source| BackupError::Folder {
        path: folder.to_owned(),
        source,
    };
    if folder.exists() {
        return Err(BackupError::Exists(folder.to_owned()));
    }
    let mut draft = folder.as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(problem)?;
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&draft)
        .map_err(problem)?;
    store.checkpoint(&draft.join("db"))?;
    fs::copy(keys, draft.join("keys")).map_err(problem)?;
    fs::rename(&draft, folder).map_err(problem)
}
