//! Whether the disk has room for the log.
//!
//! RocksDB does not recover from a write that failed half-way for want of room: its log refuses every later one. So the
//! log stops while there still is some, enough for what the database itself writes later: memtables and compactions.
//! And it says that room is short before it has to stop, so that what was accepted until then can still be written.

use std::path::Path;

use rustix::fs::statvfs;

/// Nothing is written when less than this is free.
pub const RESERVE_BYTES: u64 = 64 << 20;
/// Nothing new should be accepted when less than this is free: what is under way fits into the difference.
pub const SHORT_BYTES: u64 = RESERVE_BYTES + (16 << 20);
/// Once room was short, it is so until this much is free, so that it does not become short again at once.
pub(super) const AMPLE_BYTES: u64 = SHORT_BYTES + (8 << 20);

/// How much is free. A file system that does not tell is taken to have enough: the write will show.
pub(crate) fn free(path: &Path) -> u64 {
    statvfs(path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}
