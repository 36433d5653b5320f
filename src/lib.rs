//! Moothall: an actor-model server for live-programmable shared worlds.

pub mod config;
pub mod telemetry;
