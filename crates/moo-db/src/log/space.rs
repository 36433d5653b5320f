//! Whether the disk has room for the log.
//!
//! RocksDB does not recover from a write that failed half-way for want of room: its log refuses every later one. So the
//! log stops while there still is some, enough for what the database itself writes later: memtables and compactions.

use std::path::Path;

use rustix::fs::statvfs;

/// Nothing is written when less than this is free.
pub const RESERVE_BYTES: u64 = 64 << 20;
/// Once it stopped, the log goes on when so much is free, so that it does not stop again at once.
const AMPLE_BYTES: u64 = RESERVE_BYTES + (16 << 20);

/// Whether there is room to write.
pub(super) fn is_enough(path: &Path) -> bool {
    is_free(path, RESERVE_BYTES)
}

/// Whether there is room to begin writing again.
pub(super) fn is_ample(path: &Path) -> bool {
    is_free(path, AMPLE_BYTES)
}

/// A file system that does not tell how much is free is taken to have enough: the write will show.
fn is_free(path: &Path, bytes: u64) -> bool {
    statvfs(path).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= bytes)
}
