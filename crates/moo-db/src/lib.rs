//! The world on disk: textdumps and world folders come in and go out, and RocksDB keeps the log of commits.
//!
//! Invariant: what is read is either wholly there or an error; nothing here changes a world that is running.

mod draft;
pub mod objdef;
pub mod textdump;
