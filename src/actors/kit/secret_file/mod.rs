//! Files that hold secrets: keys of tokens and of CURVE.
//!
//! Invariant: one is written whole or not at all, for its owner alone, outlives a power cut once it was written, and is
//! not read if anybody else could have.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a secret cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Others than its owner may read or write it.
    #[error(
        "the key file {path} is open to others (mode {mode:o}): run `chmod 600 {path}`, and make new keys if somebody may have read it",
        path = .path.display()
    )]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The system does not give or take it.
    #[error("cannot use the key file {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a secret; `None` if there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, SecretError> {
    let problem = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(error)),
    };
    let mode = file.metadata().map_err(problem)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(SecretError::Loose { path, mode });
    }
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes).map_err(problem)?;
    Ok(Some(bytes))
}

/// Writes a secret in place of what was there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), SecretError> {
    let written = || {
        let draft = beside(path, ".new");
        // A draft that a crash has left may have any permissions.
        fs::remove_file(&draft).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        let mut options = OpenOptions::new();
        let mut out = options.write(true).create_new(true).mode(0o600).open(&draft)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::rename(&draft, path)?;
        // The new name is kept by the folder, which is written by itself.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    written().map_err(|source| SecretError::File {
        path: path.to_owned(),
        source,
    })
}

/// The path of a file that belongs to another one: its whole name with more at the end, so that no two files share it.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let more = rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty());
        // Only a signal that comes while the machine has just been started can interrupt it.
        filled += more.unwrap_or(0);
    }
    bytes
}

#[cfg(test)]
mod tests;
