//! The world on disk: textdumps and world folders come in and go out, and RocksDB keeps the log of commits.
//!
//! Invariant: what is read is either wholly there or an error; nothing here changes a world that is running.

mod batch;
mod draft;
pub mod error;
pub mod log;
pub mod objdef;
pub mod row;
mod store;
mod table;
pub mod textdump;

pub use error::DbError;
pub use log::{Durability, Event, Log, LogEnded, NotTaken};
pub use store::Store;
