//! Runs programs on a world.
//!
//! Invariant: no store, no thread, no clock here (the profile is kept for each thread that comes); the world comes as a [`moo_model::world::Transaction`], everything
//! else through [`host::Host`].

pub mod builtin;
pub mod builtins;
pub mod code;
pub mod executable;
pub mod fork;
pub mod frame;
pub mod host;
pub mod machine;
pub mod options;
pub mod outcome;
pub mod profile;
pub mod property_access;
mod search;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod work;
