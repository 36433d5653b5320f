//! One server a folder: a lock on a file in it, which the kernel gives back however its holder ends.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is in use by another server{}; stop that one, or choose another folder with --data", .folder.display(), process(.pid))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The holder's process, if it wrote that down.
        pid: Option<u32>,
    },
    /// The lock file cannot be made.
    #[error("cannot use the folder {}: {source}", .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// A held lock. Dropping it, or the end of the process, gives it back.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes `folder/LOCK` or says who has it. Never waits.
    pub fn take(folder: &Path) -> Result<FolderLock, LockError> {
        let unusable = |source: io::Error| LockError::Unusable {
            folder: folder.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("LOCK"))
            .map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let pid = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held {
                    folder: folder.to_owned(),
                    pid,
                });
            }
            Err(errno) => return Err(unusable(errno.into())),
        }
        // The number only makes the message of the next one better.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(unusable)?;
        Ok(FolderLock { _file: file })
    }
}
