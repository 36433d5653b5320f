//! What actix leaves out, measured and put right: supervision that survives a panic, bounds that hold, addresses that
//! outlive a restart, and an alarm for an arbiter that is stuck.
//!
//! Nothing here knows a MOO. Invariant: code outside this folder never sends to a bare address.

pub mod child_link;
pub mod descriptors;
pub mod exit;
pub mod folder_lock;
pub mod gate;
pub mod private_folder;
pub mod restart;
pub mod secret_file;
pub mod slot;
pub mod stall;
pub mod supervisor;

use std::hash::{BuildHasher, RandomState};

/// A random number for spreading pauses; no secret may depend on it.
pub fn chance() -> u64 {
    RandomState::new().hash_one(0u8)
}
