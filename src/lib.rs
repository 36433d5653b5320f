//! Moothall: an actor-model server for live-programmable shared worlds.

pub mod config;
pub mod limits;
pub mod telemetry;
pub mod hosts;
