//! Moothall: an actor-model server for live-programmable shared worlds.

pub mod actors;
pub mod config;
pub mod fault;
pub mod gateway;
pub mod hosts;
pub mod jobs;
pub mod limits;
pub mod memory;
pub mod protocol;
pub mod telemetry;
pub mod workers;
